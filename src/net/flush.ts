/**
 * One write per socket and turn of the event loop, however many stanzas it holds: the cost is per write, not per byte.
 * All transports that have something queued share one `setImmediate`; when the loop is busy the flush waits a little,
 * which joins more stanzas per write.
 */
export interface Flushable {
  /** Characters that wait, about. */
  readonly backlog: number
  flush(): void
}

/** How long a flush may wait while the loop is busy: as long as the last one took, so that who has thousands of sockets joins more. */
const windowMs = { least: 2, most: 100 } as const
/** The share of time in which the loop worked, from which on it counts as busy. */
const busyShare = 0.8
/** How often that share is taken. */
const sampleMs = 50
/** How long one turn of the event loop may be taken up by writing. */
const sliceMs = 4
/** The clock is read for so many only, since it costs a tenth of a small write; so much text counts as one of them. */
const atOnce = 16
const pieceLength = 8192

let waiting: Flushable[] = []
let flushing = false
let utilization = performance.eventLoopUtilization()
let sampledAt = performance.now()
let busy = false
let flushedAt = 0
let tookMs = 0

/** `item` is flushed once, soon; it asks again for its next flush. */
export function flushSoon(item: Flushable): void {
  waiting.push(item)
  if (waiting.length === 1 && !flushing) setImmediate(turn)
}

function turn(): void {
  const now = performance.now()
  if (now - sampledAt > sampleMs) {
    const latest = performance.eventLoopUtilization()
    busy = performance.eventLoopUtilization(latest, utilization).utilization > busyShare
    utilization = latest
    sampledAt = now
  }
  const window = Math.min(windowMs.most, Math.max(windowMs.least, tookMs))
  const leftMs = window - (now - flushedAt)
  // Not by the timer itself: that would be in the same turn as the next slice.
  if (busy && leftMs >= 1) setTimeout(setImmediate, leftMs, flushAll)
  else flushAll()
}

function flushAll(): void {
  flushing = true
  const items = waiting
  waiting = []
  flushFrom(0, items, performance.now())
}

function flushFrom(first: number, items: readonly Flushable[], startedAt: number): void {
  const until = performance.now() + sliceMs
  let next = first
  try {
    do {
      for (let done = 0; done < atOnce && next < items.length; ) {
        const item = items[next++]!
        done += 1 + item.backlog / pieceLength
        item.flush()
      }
    } while (next < items.length && performance.now() < until)
  } finally {
    if (next < items.length) setImmediate(flushFrom, next, items, startedAt)
    else flushed(startedAt)
  }
}

function flushed(startedAt: number): void {
  flushing = false
  flushedAt = performance.now()
  tookMs = flushedAt - startedAt
  if (waiting.length > 0) setImmediate(turn)
}
