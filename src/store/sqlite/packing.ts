/**
 * Requests as they travel to a store thread: all in one flat array. V8 pays for each array that it writes, more than for what is in
 * it: a row in a request in a list cost three times as much.
 */

/** What is asked of a thread: fields, some of which are rows of fields. */
export type Request = readonly unknown[]

/** For each request the number of its fields; for each field 0 and itself, or the length of the row and one, and what is in it. */
export function pack(requests: readonly Request[]): unknown[] {
  const packed: unknown[] = []
  for (const request of requests) {
    packed.push(request.length)
    for (const field of request)
      if (Array.isArray(field)) {
        packed.push(field.length + 1)
        for (const each of field) packed.push(each)
      } else packed.push(0, field)
  }
  return packed
}

/** The inverse of `pack`; onto the end of `requests`. */
export function unpack<T extends Request>(packed: readonly unknown[], requests: T[]): void {
  let at = 0
  while (at < packed.length) {
    const request: unknown[] = []
    for (let fields = packed[at++] as number; fields > 0; fields -= 1) {
      const rowEnd = at + (packed[at++] as number)
      if (rowEnd < at) request.push(packed[at++])
      else {
        request.push(packed.slice(at, rowEnd))
        at = rowEnd
      }
    }
    requests.push(request as unknown as T)
  }
}
