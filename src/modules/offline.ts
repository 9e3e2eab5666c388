/**
 * XEP-0160: Offline Messages. What nobody was there to take is durable before it is acknowledged, and is deleted only
 * after it was handed to a client; each carries the time of its arrival (XEP-0203).
 */
import type { LoadedAccount } from '../server/account.js'
import type { Host, Module } from '../server/module.js'
import type { Session } from '../server/session.js'
import { child, copy, type Element, elements, xml } from '../xml/element.js'
import { serialize } from '../xml/writer.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { between } from './between.js'
import { type OfflineService, offlineService, type UserArchiveService, userArchiveService } from './services.js'
import { readStored } from './stored-xml.js'

const chatStates = 'http://jabber.org/protocol/chatstates'
const hints = 'urn:xmpp:hints'
const accountData = 'offline'
/** In `Session.data`: has been given the account's offline messages. */
const given = 'offline.given'

interface Waiting {
  count: number
}

export const offline: Module = {
  name: 'offline',
  xeps: [
    { number: 160, version: '1.0.1', test: 'dialogue/offline.test.ts', features: ['msgoffline'] },
    { number: 203, version: '2.0', test: 'dialogue/offline.test.ts' },
    { number: 334, version: '1.0.0', test: 'dialogue/conversation.test.ts' },
  ],
  hosts: ['user'],
  options: {
    max_offline_messages: {
      type: 'integer',
      default: 1000,
      doc: 'Offline messages kept for one account; what comes after is refused.',
      check: (value) => (typeof value === 'number' && value >= 0 ? undefined : 'be 0 or more'),
    },
    max_offline_message_size: {
      type: 'integer',
      default: 32 * 1024,
      doc: 'Characters of an offline message; a longer one is refused, as all of an account are handed over at once, whoever sent them.',
      check: between(1000, 1024 * 1024),
    },
  },
  setup(host) {
    const service: OfflineService = { keep: (message, account, at) => keep(host, message, account, at) }
    host.offer(offlineService, service)
    return [
      host.feature('msgoffline'),
      {
        kind: 'account',
        name: accountData,
        load: async (bareJid): Promise<Waiting> => ({ count: await host.store.offlineCount(bareJid) }),
      },
      host.on('inbound', 'message', 'handle', (stanza, _from, to) => {
        const account = host.account(to.bare().toString())
        return account && keep(host, stanza, account, host.clock.now())
      }),
      { kind: 'session', presence: (session) => welcome(host, session) },
    ]
  },
}

function keep(host: Host, stanza: Element, account: LoadedAccount, at: number): true | undefined | Promise<void> {
  if (isFleeting(stanza)) return true
  if (child(stanza, 'no-store', hints) !== undefined) return undefined
  const waiting = waitingOf(account)
  if (waiting.count >= (host.options.max_offline_messages as number))
    throw new StanzaError('service-unavailable', { text: 'Too many messages wait for this user' })
  const text = serialize(delayed(stanza, host.domain, at))
  if (text.length > Number(host.options.max_offline_message_size))
    throw new StanzaError('service-unavailable', { text: 'This user is away, and the message is too long to be kept' })
  return account.write([{ type: 'offline.add', owner: account.jid, at, stanza: text }], () => {
    waiting.count += 1
  })
}

/** To the first client with a priority that is not negative; what comes for the account meanwhile waits. */
function welcome(host: Host, session: Session): void {
  const account = host.account(session.jid.bare().toString())
  if (session.presence === undefined || session.priority < 0 || session.data.has(given) || account === undefined) return
  session.data.set(given, true)
  if (waitingOf(account).count === 0) return
  account.hold(handOver(host, account, session)).catch((error: unknown) => {
    host.log.error({ err: error, jid: account.jid }, 'Offline messages could not be handed over; they are kept')
    session.data.delete(given)
  })
}

async function handOver(host: Host, account: LoadedAccount, session: Session): Promise<void> {
  const messages = await host.store.offline(account.jid)
  const archive = host.service<UserArchiveService>(userArchiveService)
  const reads = archive?.isReader(session) ?? false
  // An archive expires from its oldest message on: the first that it holds has all others behind it.
  let held = false
  let upTo = 0
  for (const { order, stanza } of messages) {
    const message = readStored(stanza)
    const id = reads ? archiveId(message, account.jid) : undefined
    if (id !== undefined && !held) held = (await archive?.holds(account.jid, id)) ?? false
    if (host.sessions.get(session.jid.toString()) !== session) break
    // The client finds it where it has begun to read.
    if (id === undefined || !held) session.outbox.send(message)
    upTo = order
  }
  if (upTo === 0) return
  await host.store.commit([{ type: 'offline.delete', owner: account.jid, upTo }])
  waitingOf(account).count = messages.filter(({ order }) => order > upTo).length
}

const archiveId = (message: Element, owner: string): string | undefined =>
  elements(message).find(({ name, attrs }) => name === 'stanza-id' && attrs.xmlns === ns.stanzaId && attrs.by === owner)
    ?.attrs.id

const waitingOf = (account: LoadedAccount): Waiting => account.data.get(accountData) as Waiting

/** Nothing that means anything later: chat states (XEP-0160 §3), an empty message; unless the sender says otherwise (XEP-0334 §4.4). */
const isFleeting = (stanza: Element): boolean =>
  child(stanza, 'store', hints) === undefined &&
  elements(stanza).every((node) => node.getNS() === chatStates || node.name === 'thread' || node.getNS() === hints)

/** XEP-0203 §3: by whom and when it was kept. */
function delayed(stanza: Element, by: string, at: number): Element {
  const delay = xml('delay', { xmlns: ns.delay, from: by, stamp: new Date(at).toISOString() })
  const children = stanza.children.filter((node) => typeof node === 'string' || !isDelayBy(node, by))
  return xml(
    stanza.name,
    stanza.attrs,
    ...children.map((node) => (typeof node === 'string' ? node : copy(node))),
    delay,
  )
}

/** Only we say what we did: a delay in our name was forged. */
const isDelayBy = (node: Element, by: string): boolean =>
  node.name === 'delay' && node.getNS() === ns.delay && node.attrs.from === by
