/** A version vector's entry as a pure value (dmuc.md §3): the contiguous maximum and the intervals above it. */
import type { VectorEntry } from './store.js'

/** The entry with everything up to `seq`. */
export function raiseFloor(entry: VectorEntry, seq: number): VectorEntry {
  let contiguous = Math.max(entry.contiguous, seq)
  const above: (readonly [number, number])[] = []
  for (const [first, last] of entry.above) {
    if (first <= contiguous + 1) contiguous = Math.max(contiguous, last)
    else above.push([first, last])
  }
  return { ...entry, contiguous, above }
}

/** The entry with one more event, which must not be in it yet unless it lies below a floor. */
export function addToVector(entry: VectorEntry, seq: number): VectorEntry {
  if (seq <= entry.contiguous) return entry
  const intervals = [...entry.above, [seq, seq] as const].sort((a, b) => a[0] - b[0])
  const merged: [number, number][] = entry.contiguous > 0 ? [[1, entry.contiguous]] : []
  for (const [first, last] of intervals) {
    const previous = merged.at(-1)
    if (previous !== undefined && previous[1] === first - 1) previous[1] = last
    else merged.push([first, last])
  }
  const lowest = merged[0]
  if (lowest === undefined || lowest[0] !== 1) return { ...entry, contiguous: 0, above: merged }
  return { ...entry, contiguous: lowest[1], above: merged.slice(1) }
}
