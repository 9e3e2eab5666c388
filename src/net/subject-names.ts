/**
 * The domains that a certificate names for XMPP (RFC 6120 §13.7.1.2): dNSName, SRVName for `_xmpp-server` (RFC 4985) and
 * xmppAddr. Node prints no otherName, so the subjectAltName extension is read here, from DER (X.690) that OpenSSL took.
 */
import { asn1, type Node, nodesIn, only } from './der.js'

export interface SubjectNames {
  /** In lower case; a first label `*` stands for any one label. */
  readonly dns: readonly string[]
  /** Domains in SRVName and xmppAddr entries, in lower case; they count as they stand. */
  readonly xmpp: readonly string[]
  /** JIDs of people, in xmppAddr entries, as they stand. */
  readonly jids: readonly string[]
}

const tags = { ...asn1, extensions: 0xa3, otherName: 0xa0, dnsName: 0x82 } as const
const oids = { subjectAltName: '551d11', srvName: '2b06010505070807', xmppAddr: '2b06010505070805' } as const
const none: SubjectNames = { dns: [], xmpp: [], jids: [] }

/** `certificate` is in DER. What is malformed names nothing; never throws. */
export function subjectNames(certificate: Buffer): SubjectNames {
  try {
    return namesIn(certificate)
  } catch {
    return none
  }
}

function namesIn(certificate: Buffer): SubjectNames {
  const body = only(nodesIn(only(nodesIn(certificate), tags.sequence)), tags.sequence)
  const list = nodesIn(body).find(({ tag }) => tag === tags.extensions)
  if (list === undefined) return none
  const dns: string[] = []
  const xmpp: string[] = []
  const jids: string[] = []
  for (const extension of nodesIn(only(nodesIn(list.content), tags.sequence))) {
    const parts = nodesIn(extension.content)
    if (hex(parts[0]) !== oids.subjectAltName) continue
    for (const { tag, content } of nodesIn(only(nodesIn(only(parts, tags.octets)), tags.sequence))) {
      const name = tag === tags.otherName ? xmppName(content) : undefined
      const jid = tag === tags.otherName ? personIn(content) : undefined
      if (jid !== undefined) jids.push(jid)
      if (name !== undefined) xmpp.push(name)
      // Anything else is no domain, and must not be mistaken for one.
      else if (tag === tags.dnsName && /^[\w.*-]+$/.test(content.toString('latin1')))
        dns.push(content.toString('latin1').toLowerCase())
    }
  }
  return { dns, xmpp, jids }
}

/** The domain of an otherName, `[0]` around its text; undefined where it is about something else. */
function xmppName(otherName: Buffer): string | undefined {
  const [type, value] = nodesIn(otherName)
  const text = value && nodesIn(value.content)[0]?.content.toString('utf8').toLowerCase()
  if (text === undefined || /[\0/@\s]/.test(text)) return undefined
  if (hex(type) === oids.xmppAddr) return text
  return hex(type) === oids.srvName && text.startsWith('_xmpp-server.') ? text.slice('_xmpp-server.'.length) : undefined
}

/** The address in an xmppAddr that has a localpart; undefined where it is about something else. */
function personIn(otherName: Buffer): string | undefined {
  const [type, value] = nodesIn(otherName)
  const text = value && nodesIn(value.content)[0]?.content.toString('utf8')
  return hex(type) === oids.xmppAddr && text?.includes('@') === true ? text : undefined
}

const hex = (node: Node | undefined): string | undefined =>
  node?.tag === tags.oid ? node.content.toString('hex') : undefined
