/**
 * One write per socket and turn of the event loop, however many stanzas it holds: the cost is per write, not per byte.
 * All transports that have something queued share one `setImmediate`; when the loop is busy the flush waits a little,
 * which joins more stanzas per write.
 */
export interface Flushable {
  flush(): void
}

/** How long a flush may wait while the loop is busy: as long as the last one took, so that who has thousands of sockets joins more. */
const windowMs = { least: 2, most: 25 } as const
/** The share of time in which the loop worked, from which on it counts as busy. */
const busyShare = 0.8
/** How often that share is taken. */
const sampleMs = 50
/** How long one turn of the event loop may be taken up by writing. */
const sliceMs = 5

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
  if (busy && leftMs >= 1) setTimeout(flushAll, leftMs)
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
    // The clock is read for every sixteenth: it costs a tenth of a small write.
    do items[next++]?.flush()
    while (next < items.length && (next % 16 > 0 || performance.now() < until))
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
