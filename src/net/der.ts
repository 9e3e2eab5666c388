/** DER (X.690), as much of it as certificates need that OpenSSL took already; what is malformed throws. */

export interface Node {
  readonly tag: number
  readonly content: Buffer
}

export const asn1 = { sequence: 0x30, oid: 0x06, octets: 0x04 } as const

/** The content of the first of this tag. */
export function only(nodes: readonly Node[], tag: number): Buffer {
  const found = nodes.find((node) => node.tag === tag)
  if (found === undefined) throw new Error('an element is missing')
  return found.content
}

export function nodesIn(data: Buffer): Node[] {
  const nodes: Node[] = []
  for (let at = 0; at < data.length; ) {
    const tag = data.readUInt8(at)
    const short = data.readUInt8(at + 1)
    const more = short < 0x80 ? 0 : short & 0x7f
    const length = more === 0 ? short : data.readUIntBE(at + 2, more)
    const from = at + 2 + more
    if (from + length > data.length) throw new Error('an element ends too late')
    nodes.push({ tag, content: data.subarray(from, from + length) })
    at = from + length
  }
  return nodes
}
