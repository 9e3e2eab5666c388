/**
 * Several addresses of one machine (RFC 8305, «happy eyeballs»): the families take turns, each next address is tried a
 * moment after the one before, or at once when that failed, and the first that accepts is taken.
 */
import { isIPv6 } from 'node:net'
import type { Clock, Timer } from '../util/clock.js'

/** RFC 8305 §5: the recommended delay between attempts. */
export const attemptDelayMs = 250

/** IPv6 first, then the families in turn (RFC 8305 §4), each in the order that it had. */
export function inTurns<T extends { readonly address: string }>(targets: readonly T[]): T[] {
  const six = targets.filter(({ address }) => isIPv6(address))
  const four = targets.filter(({ address }) => !isIPv6(address))
  const turns: T[] = []
  for (let at = 0; at < Math.max(six.length, four.length); at++)
    turns.push(...six.slice(at, at + 1), ...four.slice(at, at + 1))
  return turns
}

/** Of the attempts that lose the race, those that still succeed are given to `late`. Rejects with the last error. */
export function firstAnswer<T, C>(
  targets: readonly T[],
  connect: (target: T) => Promise<C>,
  late: (connected: C) => void,
  clock: Clock,
): Promise<{ readonly target: T; readonly connected: C }> {
  return new Promise((resolve, reject) => {
    let [next, pending, over] = [0, 0, false]
    let timer: Timer | undefined
    const begin = (): void => {
      timer?.cancel()
      const target = targets[next++]
      if (target === undefined || over) return
      pending++
      if (next < targets.length) timer = clock.after(attemptDelayMs, begin)
      connect(target).then(
        (connected) => {
          pending--
          timer?.cancel()
          if (over) late(connected)
          else resolve({ target, connected })
          over = true
        },
        (error: unknown) => {
          pending--
          if (over) return
          if (next < targets.length) begin()
          else if (pending === 0) reject(error)
        },
      )
    }
    begin()
  })
}
