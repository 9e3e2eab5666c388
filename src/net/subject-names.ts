/**
 * The domains that a certificate names for XMPP (RFC 6120 §13.7.1.2): dNSName, SRVName for `_xmpp-server` (RFC 4985) and
 * xmppAddr. Node prints no otherName, so the subjectAltName extension is read here, from DER (X.690) that OpenSSL took.
 */

export interface SubjectNames {
  /** In lower case; a first label `*` stands for any one label. */
  readonly dns: readonly string[]
  /** Domains in SRVName and xmppAddr entries, in lower case; they count as they stand. */
  readonly xmpp: readonly string[]
}

interface Node {
  readonly tag: number
  readonly content: Buffer
}

const tags = { sequence: 0x30, oid: 0x06, octets: 0x04, extensions: 0xa3, otherName: 0xa0, dnsName: 0x82 } as const
const oids = { subjectAltName: '551d11', srvName: '2b06010505070807', xmppAddr: '2b06010505070805' } as const
const none: SubjectNames = { dns: [], xmpp: [] }

/** `certificate` is in DER. What is malformed names nothing; never throws. */
export function subjectNames(certificate: Buffer): SubjectNames {
  try {
    return namesIn(certificate)
  } catch {
    return none
  }
}

function namesIn(certificate: Buffer): SubjectNames {
  const body = first(nodesIn(first(nodesIn(certificate), tags.sequence)), tags.sequence)
  const list = nodesIn(body).find(({ tag }) => tag === tags.extensions)
  if (list === undefined) return none
  const dns: string[] = []
  const xmpp: string[] = []
  for (const extension of nodesIn(first(nodesIn(list.content), tags.sequence))) {
    const parts = nodesIn(extension.content)
    if (hex(parts[0]) !== oids.subjectAltName) continue
    for (const { tag, content } of nodesIn(first(nodesIn(first(parts, tags.octets)), tags.sequence))) {
      const name = tag === tags.otherName ? xmppName(content) : undefined
      if (name !== undefined) xmpp.push(name)
      // Anything else is no domain, and must not be mistaken for one.
      else if (tag === tags.dnsName && /^[\w.*-]+$/.test(content.toString('latin1')))
        dns.push(content.toString('latin1').toLowerCase())
    }
  }
  return { dns, xmpp }
}

/** The domain of an otherName, `[0]` around its text; undefined where it is about something else. */
function xmppName(otherName: Buffer): string | undefined {
  const [type, value] = nodesIn(otherName)
  const text = value && nodesIn(value.content)[0]?.content.toString('utf8').toLowerCase()
  if (text === undefined || /[\0/@\s]/.test(text)) return undefined
  if (hex(type) === oids.xmppAddr) return text
  return hex(type) === oids.srvName && text.startsWith('_xmpp-server.') ? text.slice('_xmpp-server.'.length) : undefined
}

const hex = (node: Node | undefined): string | undefined =>
  node?.tag === tags.oid ? node.content.toString('hex') : undefined

function first(nodes: readonly Node[], tag: number): Buffer {
  const found = nodes.find((node) => node.tag === tag)
  if (found === undefined) throw new Error('an element is missing')
  return found.content
}

function nodesIn(data: Buffer): Node[] {
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
