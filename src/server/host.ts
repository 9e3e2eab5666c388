/**
 * A running host: a virtual host with accounts, or a component. It installs what its modules return, hands stanzas to
 * their handlers (RFC 6120 §10, RFC 6121 §8), and withdraws everything when it stops.
 */
import { type Element, xml } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import { payload } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { AccountRegistry, type LoadedAccount } from './account.js'
import { and } from './handled.js'
import type { Handled, Host, HostType, IqHandler, Module, Registration, StanzaHandler } from './module.js'
import { Registrations, type Way } from './registrations.js'
import type { Router } from './router.js'
import type { Session } from './session.js'

/** What a host is made of; `options` by module name, complete with defaults. */
export interface HostDefinition {
  readonly domain: string
  readonly type: HostType
  readonly name: string
  readonly modules: readonly Module[]
  readonly options: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Bare JIDs. */
  readonly admins: ReadonlySet<string>
}

/** What all hosts share. */
export interface HostEnvironment
  extends Pick<
    Host,
    'sessions' | 'store' | 'clock' | 'random' | 'log' | 'counts' | 'isLocal' | 'httpBase' | 'accounts'
  > {
  readonly router: Router & { dispatch(stanza: Element, from: Jid, to: Jid): Handled }
  readonly definitions: readonly HostDefinition[]
  /** Stanzas of one account that may wait while it is read or written. */
  readonly waitingPerAccount: number
}

export class LocalHost {
  readonly definition: HostDefinition
  readonly accounts: AccountRegistry
  readonly registrations: Registrations
  readonly #env: HostEnvironment
  readonly #services = new Map<string, unknown>()

  constructor(definition: HostDefinition, env: HostEnvironment) {
    this.definition = definition
    this.#env = env
    this.registrations = new Registrations(definition.domain)
    this.accounts = new AccountRegistry(
      env.store,
      () => this.registrations.accountLoaders,
      (bareJid) => env.sessions.of(bareJid).length > 0,
      env.waitingPerAccount,
    )
  }

  /** Sets up the modules in their order; throws at the first that cannot be set up. */
  async start(): Promise<void> {
    for (const module of this.definition.modules) {
      if (!module.hosts.includes(this.definition.type))
        throw new Error(
          `Module "${module.name}" is not made for ${this.definition.domain}, a host of type ${this.definition.type}`,
        )
      this.registrations.install(module.name, await module.setup(this.#viewFor(module)))
    }
  }

  /** Withdraws everything, in reverse. */
  async close(): Promise<void> {
    for (const { module, run } of this.registrations.withdraw()) {
      try {
        await run()
      } catch (error) {
        this.#env.log.error({ err: error, host: this.definition.domain, module }, 'A module failed to stop')
      }
    }
    this.#services.clear()
  }

  /** What a module of this host offers under a name; its type is the contract of that name. */
  service<T>(name: string): T | undefined {
    return this.#services.get(name) as T | undefined
  }

  /** A stanza to this host or to an address at it. Throws or rejects what it is refused with. */
  receive(stanza: Element, from: Jid, to: Jid): Handled {
    if (to.local === '') return this.#toHost(stanza, from, to)
    if (this.definition.type !== 'user') return this.#toComponent(stanza, from, to)
    const kept = this.registrations.way('inbound', stanza.name).keepers.length > 0
    return this.accounts.within(to.bare().toString(), (account) => this.#toAccount(stanza, from, to, account), { kept })
  }

  /** A stanza from a client of this host; goes on to the router if no handler takes it. */
  send(stanza: Element, from: Jid, to: Jid): Handled {
    const way = this.registrations.way('outbound', stanza.name)
    const dispatch = (kept: Element): Handled => this.#env.router.dispatch(kept, from, to)
    const kept = way.keepers.length > 0
    return this.accounts.within(from.bare().toString(), () => walk(way, stanza, from, to, dispatch), { kept })
  }

  /** May a stanza from `from` go straight to a client of this account? Nothing of it waits, and nobody shields it. */
  isOpen(bareJid: string, from: Jid): boolean {
    const account = this.accounts.get(bareJid)
    if (!this.accounts.isIdle(bareJid)) return false
    return account === undefined || !this.registrations.shields.some(({ against }) => against(account, from))
  }

  bound(session: Session): void {
    this.#afterwards(session, (failed) => this.registrations.bound(session, failed))
  }

  waits(session: Session, unacknowledged: readonly Element[]): void {
    this.#afterwards(session, (failed) => this.registrations.waits(session, unacknowledged, failed))
  }

  closed(session: Session): void {
    this.#afterwards(session, (failed) => this.registrations.closed(session, failed))
  }

  /** A message that a client of this host was sent and may not have got, now that the client is gone. */
  undelivered(session: Session, message: Element): Handled {
    return this.accounts.within(session.jid.bare().toString(), (account) => {
      if (!account.exists) throw new StanzaError('service-unavailable')
      for (const hook of this.registrations.sessionHooks)
        if (hook.undelivered !== undefined) return hook.undelivered(session, message)
      throw new StanzaError('service-unavailable')
    })
  }

  #toHost(stanza: Element, from: Jid, to: Jid): Handled {
    const { type } = stanza.attrs
    if (stanza.name === 'iq' && (type === 'get' || type === 'set')) {
      const handler = this.#iqHandler('host', stanza)
      if (handler !== undefined) return this.#answer(handler, stanza, from, to)
    }
    if (this.definition.type !== 'user') return this.#toComponent(stanza, from, to)
    return refuseUnhandled(stanza)
  }

  #toComponent(stanza: Element, from: Jid, to: Jid): Handled {
    const component = this.registrations.component
    return component === undefined ? refuseUnhandled(stanza) : component(stanza, from, to)
  }

  #toAccount(stanza: Element, from: Jid, to: Jid, account: LoadedAccount): Handled {
    if (!account.exists) return this.#toNobody(stanza, from, to)
    const way = this.registrations.way('inbound', stanza.name)
    return walk(way, stanza, from, to, (kept) => this.#deliver(kept, from, to))
  }

  /** RFC 6121 §8.5.1. Probes and headlines are dealt with as a stranger's are (§4.3.2, §8.5.2.2.1), so that nobody learns who is there. */
  #toNobody(stanza: Element, from: Jid, to: Jid): Handled {
    if (stanza.name === 'message' && stanza.attrs.type === 'headline') return undefined
    if (stanza.name !== 'presence' || stanza.attrs.type !== 'probe') return refuseUnhandled(stanza)
    const addresses = { from: to.bare().toString(), to: from.bare().toString() }
    return this.#env.router.route(xml('presence', { type: 'unsubscribed', ...addresses }))
  }

  /** What no handler took: to the addressed client, or an IQ that the server answers for the account. */
  #deliver(stanza: Element, from: Jid, to: Jid): Handled {
    const session = to.isBare ? undefined : this.#env.sessions.get(to.toString())
    if (session !== undefined) return session.outbox.send(stanza)
    const { type } = stanza.attrs
    if (stanza.name === 'iq' && to.isBare && (type === 'get' || type === 'set')) {
      const handler = this.#iqHandler('account', stanza)
      if (handler !== undefined) return this.#answer(handler, stanza, from, to)
    }
    refuseUnhandled(stanza)
  }

  #iqHandler(at: 'host' | 'account', iq: Element): IqHandler | undefined {
    const asked = payload(iq)
    return asked && this.registrations.iq(at, iq.attrs.type, asked)
  }

  #answer(handler: IqHandler, iq: Element, from: Jid, to: Jid): Handled {
    const reply = handler(iq, from, to)
    if (reply === undefined) return undefined
    if (reply instanceof Promise) return reply.then((later) => later && this.#env.router.route(later))
    return this.#env.router.route(reply)
  }

  /** In the order of the account's stanzas, whatever waits; what fails is logged. */
  #afterwards(session: Session, run: (failed: (error: unknown) => void) => void): void {
    const failed = (error: unknown): void =>
      this.#env.log.error({ err: error, jid: session.jid.toString() }, 'A module failed to follow a session')
    try {
      this.accounts.within(session.jid.bare().toString(), () => run(failed), { mandatory: true })?.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #viewFor(module: Module): Host {
    const { domain, type, name, options, admins } = this.definition
    const { definitions, waitingPerAccount: _, ...shared } = this.#env
    const registrations = this.registrations
    const log = this.#env.log.child({ host: domain, module: module.name })
    return {
      ...shared,
      domain,
      type,
      name,
      admins,
      log,
      options: Object.freeze({ ...defaultsOf(module), ...options[module.name] }),
      service: (key) => this.service(key),
      siblings: () => definitions.filter((other) => other.domain !== domain),
      offer: (key, service) => {
        if (this.#services.has(key)) throw new Error(`Two modules on ${domain} offer the service "${key}"`)
        this.#services.set(key, service)
      },
      registered: registrations,
      account: (bareJid) => this.accounts.get(bareJid),
      withAccount: (bareJid, task) => this.accounts.within(bareJid, task),
      presenceChanged: (session, stanza) =>
        registrations.presence(session, stanza, (error) =>
          log.error({ err: error, jid: session.jid.toString() }, 'A module failed to follow a presence'),
        ),
      feature: (ns, at = 'host'): Registration => ({ kind: 'feature', ns, at }),
      identity: (category, kind, label): Registration => ({
        kind: 'identity',
        identity: label === undefined ? { category, type: kind } : { category, type: kind, name: label },
      }),
      iq: (at, iqType, ns, element, handler): Registration => ({
        kind: 'iq',
        at,
        type: iqType,
        ns,
        name: element,
        handler,
      }),
      on: (direction, stanza, stage, handler): Registration => ({
        kind: 'stanza',
        direction,
        name: stanza,
        stage,
        handler,
      }),
    }
  }
}

const defaultsOf = (module: Module): Record<string, unknown> =>
  Object.fromEntries(Object.entries(module.options ?? {}).map(([key, option]) => [key, option.default]))

/** The stages in order; `deliver` where no handler took the stanza; observers only hear of what was let in. */
function walk(way: Way, stanza: Element, from: Jid, to: Jid, deliver: (stanza: Element) => Handled): Handled {
  const stopped = firstTaker(way.gates, stanza, from, to)
  if (stopped !== undefined) return stopped === true ? undefined : stopped
  return keepFrom(0, way, stanza, from, to, deliver)
}

/** Each keeper calls for the next. */
function keepFrom(
  index: number,
  way: Way,
  stanza: Element,
  from: Jid,
  to: Jid,
  deliver: (stanza: Element) => Handled,
): Handled {
  const keeper = way.keepers[index]
  if (keeper === undefined) return handled(way, stanza, from, to, deliver)
  return keeper(stanza, from, to, (kept) => keepFrom(index + 1, way, kept, from, to, deliver))
}

function handled(way: Way, stanza: Element, from: Jid, to: Jid, deliver: (stanza: Element) => Handled): Handled {
  const verdict = firstTaker(way.handlers, stanza, from, to)
  let done = verdict === undefined ? deliver(stanza) : verdict === true ? undefined : verdict
  for (const observer of way.observers) {
    const seen = observer(stanza, from, to)
    if (seen instanceof Promise) done = and(done, seen)
  }
  return done
}

/** What the first handler said that dealt with the stanza. */
function firstTaker(
  handlers: readonly StanzaHandler[],
  stanza: Element,
  from: Jid,
  to: Jid,
): true | Promise<void> | undefined {
  for (const handler of handlers) {
    const verdict = handler(stanza, from, to)
    if (verdict !== undefined && verdict !== false) return verdict
  }
  return undefined
}

/** RFC 6121 §8.5.1: requests and messages are refused, everything else is silently dropped. */
function refuseUnhandled(stanza: Element): void {
  const { type } = stanza.attrs
  const answerable =
    stanza.name === 'iq' ? type === 'get' || type === 'set' : stanza.name === 'message' && type !== 'error'
  if (answerable) throw new StanzaError('service-unavailable')
}
