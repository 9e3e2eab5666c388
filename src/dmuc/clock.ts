/**
 * A hybrid logical clock (dmuc.md §3): stamps that follow the wall clock, never fall, and are later than every stamp seen.
 * What a peer claims moves ours by five minutes at most, so that one wrong clock cannot drag the others along.
 */
import type { Stamp } from '../room/types.js'

export const maxLeadMs = 5 * 60_000

/** What nine digits hold: a stamp that a peer could not read would be lost to it. */
const maxCounter = 999_999_999

export const noStamp: Stamp = { ms: 0, counter: 0 }

export const compareStamps = (a: Stamp, b: Stamp): number => a.ms - b.ms || a.counter - b.counter

/** The stamp of a local event at wall time `now`, given the last stamp made or seen. */
export const tick = (last: Stamp, now: number): Stamp => {
  if (now > last.ms) return { ms: now, counter: 0 }
  return last.counter < maxCounter ? { ms: last.ms, counter: last.counter + 1 } : { ms: last.ms + 1, counter: 0 }
}

/** Our clock after a peer's stamp was seen: not before it, unless it lies too far ahead of our own time. */
export function witness(last: Stamp, seen: Stamp, now: number): Stamp {
  if (seen.ms > now + maxLeadMs) return last
  return compareStamps(seen, last) > 0 ? seen : last
}

export const writeStamp = (stamp: Stamp): string => `${stamp.ms}.${stamp.counter}`

/** Undefined for anything but two plain decimal numbers below 2^53. */
export function readStamp(text: string | undefined): Stamp | undefined {
  const found = /^(\d{1,15})\.(\d{1,9})$/.exec(text ?? '')
  return found === null ? undefined : { ms: Number(found[1]), counter: Number(found[2]) }
}
