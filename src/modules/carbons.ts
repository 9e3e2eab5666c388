/** XEP-0280: Message Carbons: what one client of an account sends or gets, the others see too. */
import type { Host, Module, Registration } from '../server/module.js'
import type { Session } from '../server/session.js'
import { child, childText, copy, type Element, elements, xml } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { result } from '../xmpp/stanza.js'
import { ownAccount } from './own-account.js'
import { type CarbonsService, carbonsService, type MessageService, messageService } from './services.js'

const carbonsNs = 'urn:xmpp:carbons:2'
/** All of §6.1, also what it only recommends. */
const rulesNs = 'urn:xmpp:carbons:rules:0'
const forward = 'urn:xmpp:forward:0'
const hints = 'urn:xmpp:hints'
/** Payloads of instant messaging that count without a body (§6.1). */
const imPayloads: ReadonlySet<string> = new Set([
  'urn:xmpp:receipts',
  'http://jabber.org/protocol/chatstates',
  'urn:xmpp:chat-markers:0',
  ns.conference,
])

/** In `Session.data`: when the client enabled carbons, if they are. */
const enabled = 'carbons.enabled'

export const carbons: Module = {
  name: 'carbons',
  xeps: [{ number: 280, version: '1.0.1', test: 'dialogue/message.test.ts', features: [carbonsNs, rulesNs] }],
  hosts: ['user'],
  setup(host) {
    const service: CarbonsService = {
      sawCopy: ({ data }, stanza, from, at) => {
        const since = data.get(enabled) as number | undefined
        return since !== undefined && since <= at && isEligible(stanza) && !isRoomPrivateMessage(stanza, from)
      },
    }
    host.offer(carbonsService, service)
    return registrations(host)
  },
}

const registrations = (host: Host): readonly Registration[] => [
  host.feature(carbonsNs),
  host.feature(rulesNs),
  host.iq('account', 'set', carbonsNs, 'enable', (iq, from, to) => {
    ownAccount(from, to)
    host.sessions.get(from.toString())?.data.set(enabled, host.clock.now())
    return result(iq)
  }),
  host.iq('account', 'set', carbonsNs, 'disable', (iq, from, to) => {
    ownAccount(from, to)
    host.sessions.get(from.toString())?.data.delete(enabled)
    return result(iq)
  }),
  {
    kind: 'inline',
    ns: carbonsNs,
    enable({ data }, { name }) {
      if (name === 'enable') data.set(enabled, host.clock.now())
      return undefined
    },
  },
  // Real copies never pass here: what looks like one was forged (§11), and no client should have to notice.
  host.on('inbound', 'message', 'validate', (stanza) => isCopy(stanza) || undefined),
  host.on('inbound', 'message', 'observe', (stanza, from, to) => {
    const isCopied = isEligible(stanza) && !isRoomPrivateMessage(stanza, from)
    if (isCopied || isErrorOfSent(host, stanza, from, to)) copyReceived(host, stanza, to)
    return undefined
  }),
  host.on('outbound', 'message', 'observe', (stanza, from, to) => {
    if (isEligible(stanza)) {
      remember(host, stanza, from, to)
      copyTo(host, from, stanza, 'sent', (session) => !session.jid.equals(from))
    }
    return undefined
  }),
]

/** In `Session.data`: messages that were copied when the client sent them, the newest last. */
const sent = 'carbons.sent'
/** Of one client; an error that comes later than so many others is not copied. */
const mostSent = 100

/** No JID contains a newline: the key is unambiguous. */
const sentKey = (to: Jid, { attrs }: Element): string => `${to}\n${attrs.id}`

function remember(host: Host, stanza: Element, from: Jid, to: Jid): void {
  const session = host.sessions.get(from.toString())
  if (session === undefined || stanza.attrs.id === undefined || host.sessions.of(from.bare().toString()).length < 2)
    return
  const known = (session.data.get(sent) as Set<string> | undefined) ?? new Set<string>()
  session.data.set(sent, known.add(sentKey(to, stanza)))
  const [oldest] = known
  if (known.size > mostSent && oldest !== undefined) known.delete(oldest)
}

/** The answer to a message that the others have seen a copy of: they see that it failed, too. */
function isErrorOfSent(host: Host, stanza: Element, from: Jid, to: Jid): boolean {
  if (stanza.attrs.type !== 'error' || !to.isFull) return false
  const known = host.sessions.get(to.toString())?.data.get(sent) as Set<string> | undefined
  return known?.delete(sentKey(from, stanza)) ?? false
}

function copyReceived(host: Host, stanza: Element, to: Jid): void {
  if (!host.sessions.of(to.bare().toString()).some(({ data }) => data.has(enabled))) return
  const got = host.service<MessageService>(messageService)?.recipients(stanza, to) ?? []
  copyTo(host, to, stanza, 'received', (session) => !got.includes(session))
}

function copyTo(
  host: Host,
  owner: Jid,
  stanza: Element,
  direction: 'sent' | 'received',
  which: (session: Session) => boolean,
): void {
  const from = owner.bare().toString()
  for (const session of host.sessions.of(from)) {
    if (!session.data.has(enabled) || !which(session)) continue
    const original = copy(stanza)
    original.attrs.xmlns = ns.client
    const wrapped = xml(direction, { xmlns: carbonsNs }, xml('forwarded', { xmlns: forward }, original))
    session.outbox.send(xml('message', { type: stanza.attrs.type, from, to: session.jid.toString() }, wrapped))
  }
}

const isCopy = (stanza: Element): boolean =>
  child(stanza, 'sent', carbonsNs) !== undefined || child(stanza, 'received', carbonsNs) !== undefined

/** §6.1 */
function isEligible(stanza: Element): boolean {
  const { type } = stanza.attrs
  if (type === 'groupchat' || type === 'error' || type === 'headline') return false
  if (child(stanza, 'private', carbonsNs) !== undefined || child(stanza, 'no-copy', hints) !== undefined) return false
  if (type === 'chat' || childText(stanza, 'body') !== undefined) return true
  return elements(stanza).some(({ attrs }) => imPayloads.has(attrs.xmlns)) || isInvitation(stanza)
}

/** A room gives its private messages to all clients that are in it. */
const isRoomPrivateMessage = (stanza: Element, from: Jid): boolean =>
  from.isFull && child(stanza, 'x', ns.mucUser) !== undefined && !isInvitation(stanza)

const isInvitation = (stanza: Element): boolean => child(stanza, 'x', ns.mucUser)?.getChild('invite') !== undefined
