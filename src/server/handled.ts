/** Combining `Handled`s without making a promise where nothing waits. */
import type { Handled } from './module.js'

/** Done when both are done; rejects as the first that rejects. */
export function and(first: Handled, second: Handled): Handled {
  if (first === undefined) return second
  if (second === undefined) return first
  return Promise.all([first, second]).then(() => undefined)
}
