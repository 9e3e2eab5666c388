/**
 * XEP-0357: Push Notifications. A client that cannot be reached, because it is offline, has lost its connection or sleeps, is woken by its
 * vendor's service when somebody writes. Each service hears of it at a bounded rate, and no more once it refuses.
 */

import type { LoadedAccount } from '../../server/account.js'
import type { Host, Module } from '../../server/module.js'
import type { Element } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { between } from '../between.js'
import { ownAccount } from '../own-account.js'
import { clientInactive } from '../services.js'
import { isCopy, isUrgent, type Privacy, publishRequest, pushNs } from './notification.js'
import { type KeptRegistration, keyOf, type PushRegistration, readEnable, running } from './registration.js'

const kind = 'push'

type Registrations = Map<string, PushRegistration>

export const push: Module = {
  name: 'push',
  xeps: [{ number: 357, version: '0.4.1', test: 'dialogue/push.test.ts', features: [pushNs] }],
  hosts: ['user'],
  options: {
    push_max_devices: {
      type: 'integer',
      default: 10,
      doc: 'Push services that one account may have enabled: one for each of its devices.',
      check: between(1, 1000),
    },
    push_notification_with_body: {
      type: 'boolean',
      default: false,
      doc: 'Tell push services (XEP-0357) what was written: the services of vendors of clients see it then, and those of their platforms.',
    },
    push_notification_with_sender: { type: 'boolean', default: false, doc: 'Tell push services who wrote.' },
    push_max_errors: {
      type: 'integer',
      default: 16,
      doc: 'Passing errors in a row after which a push service is not notified any more; others count at once.',
      check: (value) => (typeof value === 'number' && value >= 1 ? undefined : 'be 1 or more'),
    },
    push_min_interval: {
      type: 'integer',
      default: 5,
      doc: 'Seconds between two notifications for one client; what comes meanwhile is told together.',
      check: (value) => (typeof value === 'number' && value >= 0 ? undefined : 'be 0 or more'),
    },
  },
  setup(host) {
    const notifier = new Notifier(host)
    return [
      host.feature(pushNs, 'account'),
      { kind: 'account', name: kind, load: (bareJid) => load(host, bareJid) },
      host.iq('account', 'set', pushNs, 'enable', (iq, from, to) => enable(host, iq, from, to)),
      host.iq('account', 'set', pushNs, 'disable', (iq, from, to) => disable(host, iq, from, to)),
      host.on('inbound', 'message', 'observe', (message, _from, to) => {
        const account = host.account(to.bare().toString())
        // What is for one client that is there is none of the others' business: a room is one client's.
        const only = host.sessions.get(to.toString())
        if (account !== undefined && isUrgent(message) && !isCopy(message))
          notifier.arrived(account, message, only?.jid.toString())
        return undefined
      }),
      {
        kind: 'session',
        // What was sent just before the connection was lost has reached nobody.
        waits: (session, unacknowledged) => {
          const account = host.account(session.jid.bare().toString())
          const urgent = unacknowledged.filter((message) => isUrgent(message) && !isCopy(message))
          if (account !== undefined)
            for (const message of urgent) notifier.arrived(account, message, session.jid.toString())
        },
      },
    ]
  },
}

async function load(host: Host, bareJid: string): Promise<Registrations> {
  const found: Registrations = new Map()
  for (const key of await host.store.dataKeys(bareJid, kind)) {
    const text = await host.store.data(bareJid, kind, key)
    if (text !== undefined) found.set(key, running(JSON.parse(text) as KeptRegistration))
  }
  return found
}

const registrationsOf = (account: LoadedAccount): Registrations => account.data.get(kind) as Registrations

/** The account that the request is to. */
function accountOf(host: Host, from: Jid, to: Jid): LoadedAccount {
  ownAccount(from, to)
  const account = host.account(to.bare().toString())
  if (account === undefined) throw new StanzaError('service-unavailable')
  return account
}

async function enable(host: Host, iq: Element, from: Jid, to: Jid): Promise<Element> {
  const account = accountOf(host, from, to)
  const registration = readEnable(payload(iq) as Element, from)
  const key = keyOf(registration.service, registration.node)
  const registrations = registrationsOf(account)
  const most = Number(host.options.push_max_devices)
  if (!registrations.has(key) && registrations.size >= most)
    throw new StanzaError('resource-constraint', { text: `At most ${most} push services may be enabled` })
  const value = JSON.stringify(registration)
  await account.write([{ type: 'data.put', owner: account.jid, kind, key, value }], () => {
    registrations.get(key)?.resting?.cancel()
    registrations.set(key, running(registration))
  })
  return result(iq)
}

async function disable(host: Host, iq: Element, from: Jid, to: Jid): Promise<Element> {
  const account = accountOf(host, from, to)
  const { jid, node } = (payload(iq) as Element).attrs as Readonly<Record<string, string | undefined>>
  if (!jid) throw new StanzaError('bad-request', { text: 'Which push service?' })
  const ended = [...registrationsOf(account)].filter(
    ([, each]) => each.service === jid.toLowerCase() || each.service === jid,
  )
  await forget(
    account,
    ended.filter(([, each]) => node === undefined || each.node === node).map(([key]) => key),
  )
  return result(iq)
}

async function forget(account: LoadedAccount, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  const registrations = registrationsOf(account)
  const batch = keys.map((key) => ({ type: 'data.put', owner: account.jid, kind, key, value: undefined }) as const)
  await account.write(batch, () => {
    for (const key of keys) {
      registrations.get(key)?.resting?.cancel()
      registrations.delete(key)
    }
  })
}

class Notifier {
  readonly #host: Host
  readonly #privacy: Privacy

  constructor(host: Host) {
    const { push_notification_with_body: withBody, push_notification_with_sender: withSender } = host.options
    this.#host = host
    this.#privacy = { withBody: withBody === true, withSender: withSender === true }
  }

  /** Wakes the clients that do not hear of it; `only` this one, a full JID, where it is for no other. */
  arrived(account: LoadedAccount, message: Element, only?: string): void {
    for (const [key, registration] of registrationsOf(account)) {
      if (only !== undefined && registration.client !== only) continue
      if (this.#isAwake(registration)) {
        registration.count = 0
        continue
      }
      registration.count += 1
      if (registration.resting === undefined) this.#notify(account, key, registration, message)
      else registration.pending = message
    }
  }

  #isAwake({ client }: PushRegistration): boolean {
    const session = this.#host.sessions.get(client)
    return session !== undefined && session.outbox.connected !== false && session.data.get(clientInactive) !== true
  }

  #notify(account: LoadedAccount, key: string, registration: PushRegistration, message: Element): void {
    const { clock, domain, options, router } = this.#host
    registration.pending = undefined
    registration.resting = clock.after(Number(options.push_min_interval) * 1000, () => {
      registration.resting = undefined
      const { pending } = registration
      if (pending !== undefined && !this.#isAwake(registration)) this.#notify(account, key, registration, pending)
    })
    router.ask(publishRequest(domain, registration, message, this.#privacy), (answer) => {
      if (answer instanceof StanzaError) this.#refused(account.jid, key, registration, answer)
      else registration.errors = 0
    })
  }

  /** §7.1: what will not work again is not tried again. */
  #refused(bareJid: string, key: string, registration: PushRegistration, error: StanzaError): void {
    const { log, options } = this.#host
    registration.errors += 1
    if (error.type === 'wait' && registration.errors < Number(options.push_max_errors)) return
    log.info({ jid: bareJid, service: registration.service, error: error.condition }, 'A push service was disabled')
    const forgotten = this.#host.withAccount(bareJid, (account) =>
      registrationsOf(account).get(key) === registration ? forget(account, [key]) : undefined,
    )
    void forgotten?.catch((thrown: unknown) => log.error({ err: thrown, jid: bareJid }, 'It could not be forgotten'))
  }
}
