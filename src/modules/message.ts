/** RFC 6121 §8.5: which clients of an account get a message, by its type, its address and their priority. */
import type { Handled, Host, Module } from '../server/module.js'
import type { Session } from '../server/session.js'
import type { Element } from '../xml/element.js'
import { readDelay } from '../xmpp/delay.js'
import { Jid } from '../xmpp/jid.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import {
  type CarbonsService,
  carbonsService,
  type MessageService,
  messageService,
  type OfflineService,
  offlineService,
} from './services.js'

type MessageType = 'chat' | 'error' | 'groupchat' | 'headline' | 'normal'

const retractNamespace = 'urn:xmpp:message-retract:1'
const conversation = 'dialogue/conversation.test.ts'

export const message: Module = {
  name: 'message',
  rfc: { clauses: 'RFC 6121 §§5, 8.5', test: 'dialogue/delivery-table.test.ts' },
  // What clients say to each other, and what a server has to do about it: to copy, to archive and to keep it as what it is.
  xeps: [
    { number: 85, version: '2.1', test: conversation },
    { number: 184, version: '1.4.0', test: conversation },
    { number: 249, version: '1.2', test: conversation },
    { number: 308, version: '1.2.1', test: conversation },
    { number: 333, version: '1.0.0', test: conversation },
    { number: 424, version: '0.4.2', test: conversation, features: [retractNamespace] },
    { number: 444, version: '0.2.1', test: conversation },
    { number: 461, version: '0.2.1', test: conversation },
  ],
  hosts: ['user'],
  setup(host) {
    const service: MessageService = { recipients: (stanza, to) => recipientsOf(host, stanza, to) }
    host.offer(messageService, service)
    return [
      // XEP-0424 §2: they are archived like what they take back.
      host.feature(retractNamespace),
      host.feature(retractNamespace, 'account'),
      host.on('inbound', 'message', 'handle', (stanza, _from, to) => deliver(host, stanza, to)),
      { kind: 'session', undelivered: (session, stanza) => redeliver(host, stanza, session.jid) },
    ]
  },
}

/** RFC 6121 §5.2.2: what is not known counts as `normal`. */
export function typeOf(stanza: Element): MessageType {
  const { type } = stanza.attrs
  return type === 'chat' || type === 'error' || type === 'groupchat' || type === 'headline' ? type : 'normal'
}

/** Undefined where nobody is there to take it: others (offline storage) may, or it is refused. */
function deliver(host: Host, stanza: Element, to: Jid): true | undefined {
  const recipients = recipientsOf(host, stanza, to)
  for (const recipient of recipients) recipient.outbox.send(stanza)
  if (recipients.length > 0) return true
  const type = typeOf(stanza)
  if (type === 'error' || type === 'headline') return true
  if (type === 'groupchat' || (to.isFull && type === 'normal')) throw new StanzaError('service-unavailable')
  return undefined
}

/**
 * XEP-0198 §4: what a client that is gone did not acknowledge goes to the others, but for those that saw a copy, or is kept. A room
 * hears anyway that its occupant has left, and has the message.
 */
function redeliver(host: Host, stanza: Element, to: Jid): Handled {
  const type = typeOf(stanza)
  if (type !== 'chat' && type !== 'normal') return undefined
  // What the account told its own client, above all copies of what another client has seen (XEP-0280).
  if (stanza.attrs.from === to.bare().toString()) return undefined
  const copies = host.service<CarbonsService>(carbonsService)
  const at = readDelay(stanza)?.stampMs ?? host.clock.now()
  const sender = Jid.tryParse(stanza.attrs.from) ?? to
  const others = willing(host, to)
  if (others.some((session) => copies?.sawCopy(session, stanza, sender, at))) return undefined
  if (others.length > 0) {
    for (const session of mostAvailable(host, to)) session.outbox.send(stanza)
    return undefined
  }
  const account = host.account(to.bare().toString())
  const kept = account && host.service<OfflineService>(offlineService)?.keep(stanza, account, at)
  if (kept === undefined) throw new StanzaError('service-unavailable')
  return kept === true ? undefined : kept
}

function recipientsOf(host: Host, stanza: Element, to: Jid): readonly Session[] {
  const session = to.isFull ? host.sessions.get(to.toString()) : undefined
  if (session !== undefined) return [session]
  const type = typeOf(stanza)
  if (type === 'chat' || (type === 'normal' && to.isBare)) return mostAvailable(host, to)
  return type === 'headline' && to.isBare ? willing(host, to) : []
}

/** Available, and not with a negative priority (§8.5.2.1.1). */
const willing = (host: Host, to: Jid): Session[] =>
  host.sessions.of(to.bare().toString()).filter(({ presence, priority }) => presence !== undefined && priority >= 0)

/** Those of the highest priority; several if they share it. */
function mostAvailable(host: Host, to: Jid): Session[] {
  const sessions = willing(host, to)
  if (sessions.length < 2) return sessions
  const highest = Math.max(...sessions.map(({ priority }) => priority))
  return sessions.filter(({ priority }) => priority === highest)
}
