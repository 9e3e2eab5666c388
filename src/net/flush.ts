/**
 * One write per socket and turn of the event loop, however many stanzas it holds: the cost is per write, not per byte.
 * All transports that have something queued share one `setImmediate`; when the loop is busy the flush waits a little,
 * which joins more stanzas per write.
 */
export interface Flushable {
  flush(): void
}

/** How long a flush may wait while the loop is busy. */
const windowMs = 2
/** The share of time in which the loop worked, from which on it counts as busy. */
const busyShare = 0.5
/** How often that share is taken. */
const sampleMs = 50

let waiting: Flushable[] = []
let utilization = performance.eventLoopUtilization()
let sampledAt = performance.now()
let busy = false
let flushedAt = 0

/** `item` is flushed once, soon; it asks again for its next flush. */
export function flushSoon(item: Flushable): void {
  waiting.push(item)
  if (waiting.length === 1) setImmediate(turn)
}

function turn(): void {
  const now = performance.now()
  if (now - sampledAt > sampleMs) {
    const latest = performance.eventLoopUtilization()
    busy = performance.eventLoopUtilization(latest, utilization).utilization > busyShare
    utilization = latest
    sampledAt = now
  }
  const leftMs = windowMs - (now - flushedAt)
  if (busy && leftMs >= 1) setTimeout(flushAll, leftMs)
  else flushAll()
}

function flushAll(): void {
  flushedAt = performance.now()
  const items = waiting
  waiting = []
  for (const item of items) item.flush()
}
