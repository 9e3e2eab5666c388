/**
 * Ids in the archives of users (XEP-0359) begin with the time of their arrival. So they are found by it, through the order that an
 * archive has anyhow: an index of ids would cost as much with each message as the message.
 */

/** Digits of a time in ms, which are enough for some 3,000 years. */
const timeLength = 9

/** `token`: what makes the id unguessable. */
export const archiveId = (archivedAt: number, token: string): string =>
  archivedAt.toString(36).padStart(timeLength, '0') + token

/** The time in such an id, in ms; undefined for what is none. */
export function timeOfArchiveId(id: string): number | undefined {
  const time = id.slice(0, timeLength)
  return /^[0-9a-z]{9}$/.test(time) ? Number.parseInt(time, 36) : undefined
}
