/** The server as a client's stream sees it: binding (RFC 6120 §7), stamping and addressing (§8.1), the way in. */
import type { Account, Store } from '../store/store.js'
import type { Unacknowledged } from '../stream/management.js'
import type { Clock } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { Random } from '../util/random.js'
import type { Element } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { errorReply, payload, toStanzaError } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Counts } from './counts.js'
import type { ClientGateway, ConnectionFacts } from './gateway.js'
import type { Handled } from './handled.js'
import type { LocalHost } from './host.js'
import type { HostRegistry } from './hosts.js'
import { LocalLogins } from './logins.js'
import type { Stranger } from './module.js'
import { delayed, readSent } from './resent-text.js'
import type { Outbox, Session } from './session.js'
import type { SessionRegistry } from './session-registry.js'
import { checkStanza } from './stanza-checks.js'
import type { StanzaRouter } from './stanza-router.js'

export interface ClientGatewayParts {
  readonly hosts: () => HostRegistry
  readonly sessions: SessionRegistry
  readonly router: StanzaRouter
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly counts: Counts
  /** At a time; the next is refused with `resource-constraint` (RFC 6120 §7.6.2.1). */
  readonly sessionsPerAccount: number
}

/** In `Session.data`: the id of the client's installation. */
const agentKey = 'user-agent'

export class LocalClientGateway implements ClientGateway {
  readonly #parts: ClientGatewayParts
  readonly logins: LocalLogins
  readonly #returning = new Set<Promise<void>>()

  constructor(parts: ClientGatewayParts) {
    this.#parts = parts
    const { store, log } = parts
    this.logins = new LocalLogins({ store, host: (domain) => this.#userHost(domain), log })
  }

  hasHost(domain: string): boolean {
    return this.#userHost(domain) !== undefined
  }

  account(bareJid: string): Promise<Account | undefined> {
    return this.#parts.store.account(bareJid)
  }

  streamFeatures(domain: string): readonly Element[] {
    return this.#userHost(domain)?.registrations.streamFeatures({ jid: undefined }) ?? []
  }

  strangerFeatures(domain: string): readonly Element[] {
    return this.#userHost(domain)?.registrations.strangerFeatures ?? []
  }

  answerStranger(domain: string, iq: Element, stranger: Stranger): Promise<Element> | undefined {
    const handler = this.#userHost(domain)?.registrations.stranger(payload(iq)?.getNS())
    if (handler === undefined) return undefined
    const run = async (): Promise<Element> => {
      checkStanza(iq)
      return handler(iq, stranger)
    }
    return run()
      .catch((thrown: unknown) => {
        if (!(thrown instanceof StanzaError))
          this.#parts.log.error({ err: thrown }, 'A request before login could not be answered')
        const refusal = toStanzaError(thrown)
        this.#parts.counts.refused('stanza', refusal.condition)
        return errorReply(iq, refusal) as Element
      })
      .then((answer) => {
        answer.attrs.from = domain
        answer.attrs.to = undefined
        return answer
      })
  }

  bind(account: Jid, resource: string | undefined, outbox: Outbox, facts: ConnectionFacts): Session {
    const { sessions, clock } = this.#parts
    const host = this.#userHost(account.domain)
    if (host === undefined) throw new StanzaError('not-allowed', { text: `${account.domain} is no virtual host here` })
    const jid = this.#fullJid(account, resource)
    if (facts.agent !== undefined) this.#endEarlier(account, facts.agent)
    const older = sessions.get(jid.toString())
    if (older !== undefined) {
      this.unbind(older)
      older.outbox.close('conflict', 'Another client took over this resource')
    }
    if (sessions.of(account.bare().toString()).length >= this.#parts.sessionsPerAccount) {
      this.#parts.counts.refused('c2s', 'too-many-sessions')
      throw new StanzaError('resource-constraint', { text: 'Too many clients of this account' })
    }
    const session: Session = {
      jid,
      outbox,
      remoteAddress: facts.remoteAddress,
      secure: facts.secure,
      boundAt: clock.now(),
      presence: undefined,
      priority: 0,
      interested: false,
      data: new Map(facts.agent === undefined ? [] : [[agentKey, facts.agent]]),
    }
    sessions.add(session)
    host.bound(session)
    return session
  }

  inlineFeatures(domain: string): readonly string[] {
    return this.#userHost(domain)?.registrations.inlineFeatures ?? []
  }

  takeElement(session: Session, element: Element): boolean {
    return this.#userHost(session.jid.domain)?.registrations.takeElement(session, element) ?? false
  }

  enableInline(session: Session, requests: readonly Element[]): readonly Element[] {
    const { registrations } = this.#userHost(session.jid.domain) ?? {}
    return requests.flatMap((request) => registrations?.enableInline(session, request) ?? [])
  }

  /** XEP-0386 §4.2: the same installation of a client is there once. */
  #endEarlier(account: Jid, agent: string): void {
    for (const session of this.#parts.sessions.of(account.bare().toString())) {
      if (session.data.get(agentKey) !== agent) continue
      this.unbind(session)
      session.outbox.close('conflict', 'The same client has begun another session')
    }
  }

  receive(session: Session, stanza: Element): Handled {
    this.#parts.counts.stanza('c2s', stanza.name)
    this.#stamp(session, stanza)
    return this.#parts.router.guard(
      stanza,
      () => this.#send(session, stanza),
      (error) => refuse(session, error),
    )
  }

  waits(session: Session, unacknowledged: readonly Unacknowledged[]): void {
    const messages = unacknowledged.filter(({ text }) => text.startsWith('<message')).map(({ text }) => readSent(text))
    this.#userHost(session.jid.domain)?.waits(session, messages)
  }

  unbind(session: Session, unacknowledged: readonly Unacknowledged[] = []): void {
    const host = this.#userHost(session.jid.domain)
    if (this.#parts.sessions.remove(session)) host?.closed(session)
    for (const each of unacknowledged)
      try {
        this.#undelivered(session, delayed(each, session.jid.domain), host)
      } catch (error) {
        // One that cannot be read keeps back no other one.
        this.#parts.log.error(
          { err: error, jid: session.jid.toString() },
          'A stanza that was sent could not be read again',
        )
      }
  }

  /** All that unbound sessions left is where it belongs, or has failed to get there. */
  async idle(): Promise<void> {
    while (this.#returning.size > 0) await Promise.all(this.#returning)
  }

  /** XEP-0198 §4: as a stanza to a resource that is not there, but that a message finds another way if there is one. */
  #undelivered(session: Session, stanza: Element, host: LocalHost | undefined): void {
    const { router } = this.#parts
    const { type } = stanza.attrs
    const isRequest = stanza.name === 'iq' && (type === 'get' || type === 'set')
    if (!isRequest && stanza.name !== 'message') return
    const returned = router.guard(stanza, () => {
      if (isRequest || host === undefined) throw new StanzaError('service-unavailable')
      return host.undelivered(session, stanza)
    })
    if (returned === undefined) return
    this.#returning.add(returned)
    void returned.finally(() => this.#returning.delete(returned))
  }

  #send(session: Session, stanza: Element): Handled {
    checkStanza(stanza)
    const host = this.#userHost(session.jid.domain)
    if (host === undefined) throw new StanzaError('service-unavailable')
    const to = stanza.attrs.to === undefined ? session.jid.bare() : Jid.tryParse(stanza.attrs.to)
    if (to === undefined) throw new StanzaError('jid-malformed', { text: 'The address in "to" is no JID' })
    // Presence without `to` is broadcast, everything else concerns the client's own account (RFC 6120 §10.3).
    if (stanza.attrs.to !== undefined || stanza.name !== 'presence') stanza.attrs.to = to.toString()
    return host.send(stanza, session.jid, to)
  }

  #userHost(domain: string): LocalHost | undefined {
    const host = this.#parts.hosts().get(domain)
    return host?.definition.type === 'user' ? host : undefined
  }

  #fullJid(account: Jid, resource: string | undefined): Jid {
    const wanted = resource === undefined || resource === '' ? this.#parts.random.token() : resource
    try {
      return account.withResource(wanted)
    } catch (cause) {
      throw new StanzaError('bad-request', { text: 'This is not a valid resource', cause })
    }
  }

  /** RFC 6120 §8.1.2.1: what the client says must be its full or its bare JID; what goes on is the full one. */
  #stamp(session: Session, stanza: Element): void {
    const { from } = stanza.attrs
    if (from !== undefined) {
      const claimed = Jid.tryParse(from)?.toString()
      if (claimed !== session.jid.toString() && claimed !== session.jid.bare().toString())
        throw new StreamError('invalid-from', 'The address in "from" is not that of this client')
    }
    stanza.attrs.from = session.jid.toString()
  }
}

/**
 * What is refused at the door goes straight back. Without `to` the account was meant, so it answers; an address that is no
 * JID is echoed as it came (RFC 6120 §8.3.3.8).
 */
function refuse(session: Session, error: Element): void {
  error.attrs.from ??= session.jid.bare().toString()
  session.outbox.send(error)
}
