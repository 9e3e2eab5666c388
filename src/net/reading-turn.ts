/**
 * How much of what peers send is dealt with in one turn of the event loop. A thousand sockets may have something to read at once; what there
 * is no time for stays unread for a turn, so that timers, writes and answers of the disk come in between.
 */
const sliceMs = 3
/** Of those that wait, so many go on in one turn, while there is time. */
const atOnce = 8

let began: number | undefined
let waiting: (() => void)[] = []
let next = 0

/** Has this turn room for more? */
export function hasTimeToRead(): boolean {
  const now = performance.now()
  if (began !== undefined) return now - began < sliceMs
  began = now
  setImmediate(() => {
    began = undefined
  })
  return true
}

/** Resolves at once, or in one of the next turns. */
export function timeToRead(): Promise<void> {
  return hasTimeToRead() ? Promise.resolve() : new Promise(readLater)
}

/** `goOn` is called in one of the next turns, first come, first served. */
export function readLater(goOn: () => void): void {
  waiting.push(goOn)
  if (waiting.length === 1) setImmediate(turn)
}

function turn(): void {
  const end = Math.min(next + atOnce, waiting.length)
  while (next < end) waiting[next++]?.()
  if (next < waiting.length) setImmediate(turn)
  else {
    waiting = []
    next = 0
  }
}
