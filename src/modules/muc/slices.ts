/** What goes to thousands, in pieces that take two or three milliseconds each. */
import type { Delivery } from '../../room/index.js'

/** So many recipients at a time: one takes 1 to 3 µs. */
const sliceLength = 1000

/** All deliveries to all recipients, in the same order, in lists of at most `most` recipients each. */
export function inSlices(deliveries: readonly Delivery[], most = sliceLength): readonly (readonly Delivery[])[] {
  if (deliveries.reduce((sum, { to }) => sum + to.length, 0) <= most) return [deliveries]
  const slices: Delivery[][] = []
  let left = 0
  for (const delivery of deliveries)
    for (let at = 0; at < delivery.to.length; ) {
      if (left === 0) {
        slices.push([])
        left = most
      }
      const to = delivery.to.slice(at, at + left)
      slices.at(-1)!.push({ ...delivery, to })
      at += to.length
      left -= to.length
    }
  return slices
}
