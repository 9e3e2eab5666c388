/** What dealing with a stanza comes to, and combining it without making a promise where nothing waits. */

/** Done at once, or when the promise settles: what XEP-0198 may acknowledge. A rejection becomes the error reply. */
export type Handled = void | Promise<void>

/** Done when both are done; rejects as the first that rejects. */
export function and(first: Handled, second: Handled): Handled {
  if (first === undefined) return second
  if (second === undefined) return first
  return Promise.all([first, second]).then(() => undefined)
}
