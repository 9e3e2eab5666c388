/**
 * Ids in the archives of users (XEP-0359) begin with the time of their arrival. So they are found by it, through the order that an
 * archive has anyhow: an index of ids would cost as much with each message as the message.
 */

/** Digits of a time in ms, which are enough for some 3,000 years. */
const timeLength = 9

/** The last time and how it reads: many ids are of one millisecond, and V8 takes longer to write one than for all else of an id. */
let last = { ms: 0, text: '0'.repeat(timeLength) }

/** `token`: what makes the id unguessable. */
export function archiveId(archivedAt: number, token: string): string {
  if (archivedAt !== last.ms) last = { ms: archivedAt, text: archivedAt.toString(36).padStart(timeLength, '0') }
  return last.text + token
}

/** The time in such an id, in ms; undefined for what is none. */
export function timeOfArchiveId(id: string): number | undefined {
  const time = id.slice(0, timeLength)
  return /^[0-9a-z]{9}$/.test(time) ? Number.parseInt(time, 36) : undefined
}
