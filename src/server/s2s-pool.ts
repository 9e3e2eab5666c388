/**
 * The way to other servers: a link for each pair of domains, the connections that links share, and the questions that
 * dialback asks. The listener for incoming streams reports here too, as what is heard from a domain wakes the links to it.
 */

import type { ServerTarget } from '../net/resolver.js'
import { type DialbackAnswer, DialbackKeys, type DomainPair, pairKey } from '../stream/dialback.js'
import type { Closeable } from '../util/lifecycle.js'
import { type Element, xml } from '../xml/element.js'
import { serialize } from '../xml/writer.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { errorReply } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Remote } from './router.js'
import type { Carrier } from './s2s-carrier.js'
import { ServerConnections } from './s2s-connections.js'
import type { Failure } from './s2s-failure.js'
import { type LinkContext, ServerLink } from './s2s-link.js'
import { describeLink, type IncomingLinks, type LinkInfo, type LinkWatcher, type WayToPeers } from './s2s-links.js'
import { type S2sDeps, type S2sOptions, type S2sSettings, settingsOf } from './s2s-options.js'
import { exclusion } from './s2s-policy.js'
import { Pulse } from './s2s-pulse.js'
import { asSent, type Waiting } from './s2s-queue.js'
import type { ReturnPath } from './s2s-return.js'
import { type Question, Verifications } from './s2s-verification.js'
import { SendBudget } from './send-budget.js'

/** When so many domains were heard of is remembered. */
const rememberedDomains = 5000

export class S2sPool implements Remote, WayToPeers, Closeable {
  readonly keys: DialbackKeys
  readonly settings: S2sSettings
  /** What waits for all other servers together. */
  readonly budget: SendBudget
  readonly #deps: S2sDeps
  readonly #links = new Map<string, ServerLink>()
  /** Number of links at which the idle ones are looked for. */
  #sweepAt: number
  readonly #connections: ServerConnections
  /** Streams of others that take stanzas (XEP-0288), by pair. */
  readonly #returns = new Map<string, ReturnPath>()
  readonly #verifications: Verifications
  readonly #pulse: Pulse
  readonly #watchers = new Set<LinkWatcher>()
  readonly #linkContext: LinkContext
  #incoming: IncomingLinks = { links: () => [], disconnect: () => 0 }
  #named = 0
  #closing: Promise<void> | undefined

  constructor(options: S2sOptions, deps: S2sDeps) {
    this.settings = settingsOf(options)
    this.keys = new DialbackKeys(options.dialbackSecret ?? deps.random.bytes(32))
    this.#deps = deps
    const { settings } = this
    const { clock, random } = deps
    this.#sweepAt = settings.links >> 1
    this.budget = new SendBudget(clock, settings.budget)
    this.#pulse = new Pulse({
      clock,
      waits: settings.waits,
      remembered: rememberedDomains,
      connected: () => this.#connections,
      ping: (carrier) => this.#ping(carrier),
    })
    this.#linkContext = {
      settings,
      clock,
      random,
      carrierFor: (pair, except) => this.#carrierFor(pair, except),
      bounce: (waiting, failure) => {
        if (failure.condition === 'resource-constraint') deps.refused?.('queue-full')
        this.#bounce(waiting, failure)
      },
      up: (link) => this.#up(link),
      down: (link, failure, again) => this.#down(link, failure, again),
    }
    this.#connections = new ServerConnections({
      settings,
      deps,
      keys: this.keys,
      budget: this.budget,
      nameConnection: () => this.nameConnection(),
      authorized: (connection, pair, answer) => this.#links.get(pairKey(pair))?.authorized(connection, answer),
      verified: (connection, pair, id, answer) => this.#verifications.answered(connection, pair, id, answer),
      unacknowledged: (waiting, failure) => this.sendAgain(waiting, failure),
      heard: (pair) => this.heard(pair, false),
      ended: (connection) => this.#pulse.stop(connection),
    })
    this.#verifications = new Verifications({
      clock,
      timeoutMs: settings.waits.establishMs,
      connectionFor: (pair, except) => this.#connections.connectionFor(pair, except),
    })
  }

  send(stanza: Element): void {
    this.sendText(stanza.attrs.from, stanza.attrs.to, serialize(stanza), stanza)
  }

  sendText(from: string, to: string, text: string, stanza: Element): void {
    const local = Jid.tryParse(from)?.domain
    const remote = Jid.tryParse(to)?.domain
    if (local === undefined || remote === undefined || !this.#deps.gateway.hasHost(local)) {
      this.#deps.log.error(
        { from, to, stanza: stanza.name },
        'A stanza to another server has no valid addresses; dropped',
      )
      return
    }
    const waiting = { text, from, to, stanza }
    const excluded = exclusion(this.settings.policy, remote)
    if (excluded !== undefined) {
      const reason = `${remote} is not spoken to: ${excluded.reason}`
      this.#bounce(waiting, { condition: 'policy-violation', reason })
      return
    }
    const link = this.#link({ local, remote })
    if (link !== undefined) link.send(waiting)
    else
      this.#bounce(waiting, { condition: 'resource-constraint', reason: 'there are too many other servers at a time' })
  }

  /** Asks the authoritative server; never rejects. */
  verify(question: Question): Promise<DialbackAnswer> {
    return this.#verifications.ask(question)
  }

  /** For the log: one name for all that is said of one connection, in either direction. */
  nameConnection(): string {
    this.#named += 1
    return `s2s-${this.#named}`
  }

  /** Something came from that domain; `authenticated` where it just proved itself on a new stream. */
  heard({ local, remote }: DomainPair, authenticated: boolean): void {
    this.#pulse.hear(remote)
    if (!authenticated) return
    this.hurry(remote)
    this.#tell((watcher) => watcher.heard?.(remote, local))
  }

  hurry(remote: string): void {
    for (const link of this.#links.values()) if (link.pair.remote === remote) link.wake()
  }

  suspect(remote: string, silentMs: number): void {
    for (const { pair, connection } of this.#links.values())
      if (pair.remote === remote && connection !== undefined) this.#pulse.suspect(connection, silentMs)
  }

  /** Returns the function that ends it. */
  watch(watcher: LinkWatcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Both directions, by domain. */
  links(): LinkInfo[] {
    const outgoing = [...this.#links.values()].map((link) => describeLink(link, this.settings.policy))
    const key = ({ remote, local, direction }: LinkInfo): string => `${remote} ${local} ${direction}`
    return [...outgoing, ...this.#incoming.links()].sort((a, b) => (key(a) < key(b) ? -1 : 1))
  }

  /** Where the streams of the other direction are known. */
  showIncoming(incoming: IncomingLinks): void {
    this.#incoming = incoming
  }

  /** After the policy changed: closes the streams of domains that are not spoken to any more. */
  enforce(): void {
    const remotes = new Set(this.links().map(({ remote }) => remote))
    for (const remote of remotes) if (exclusion(this.settings.policy, remote) !== undefined) this.disconnect(remote)
  }

  /** Where it would connect to, in this order. Rejects with a ResolveError. */
  addresses(remote: string): Promise<readonly ServerTarget[]> {
    return this.#deps.resolver.resolve(remote)
  }

  /** Closes every stream with that domain, in order. Links that have something to send come back. Returns how many. */
  disconnect(remote: string): number {
    const there = this.#connections.to(remote)
    for (const connection of there) connection.close()
    return there.length + this.#incoming.disconnect(remote)
  }

  /**
   * Returns what is queued to its senders and closes all streams in order; those that do not answer are cut after
   * `deadlineMs`. Idempotent.
   */
  close(deadlineMs = 5000): Promise<void> {
    this.#closing ??= this.#close(deadlineMs)
    return this.#closing
  }

  async #close(deadlineMs: number): Promise<void> {
    for (const link of this.#links.values()) link.close()
    this.#verifications.close()
    await this.#connections.close(deadlineMs)
  }

  #link(pair: DomainPair): ServerLink | undefined {
    const of = pairKey(pair)
    const known = this.#links.get(of)
    if (known !== undefined) return known
    const { links } = this.settings
    if (this.#links.size >= this.#sweepAt) {
      for (const [key, link] of this.#links) if (link.isIdle) this.#links.delete(key)
      this.#sweepAt = Math.max(links >> 1, Math.min(links, 2 * this.#links.size))
    }
    if (this.#links.size >= links) {
      this.#deps.refused?.('too-many-links')
      return undefined
    }
    const link = new ServerLink(pair, this.#linkContext)
    if (this.#closing !== undefined) link.close()
    this.#links.set(of, link)
    return link
  }

  /** A stream that the peer opened is as good as one of ours, unless what we wrote to that may still be on its way. */
  #carrierFor(pair: DomainPair, except: ReadonlySet<Carrier>): Carrier {
    const back = this.#returns.get(pairKey(pair))
    const own = this.#connections.to(pair.remote).some((connection) => connection.isAuthorized(pair))
    if (back !== undefined && back.state === 'ready' && !except.has(back) && !own) return back
    return this.#connections.connectionFor(pair, except)
  }

  /** Stanzas of that pair may go back on the stream by which it came in. */
  offerReturn({ local, remote }: DomainPair, back: ReturnPath): void {
    this.#returns.set(pairKey({ local, remote }), back)
  }

  /** What a broken stream may have lost. Once: a stanza may be the reason why the peer broke it. */
  sendAgain(written: readonly Waiting[], failure: Failure): void {
    for (const waiting of written) {
      const local = Jid.tryParse(waiting.from)?.domain ?? ''
      const remote = Jid.tryParse(waiting.to)?.domain ?? ''
      const link = waiting.again === true ? undefined : this.#link({ local, remote })
      if (link === undefined) this.#bounce(waiting, failure)
      else link.send({ ...waiting, again: true })
    }
  }

  #bounce(waiting: Waiting, { condition, reason }: Failure): void {
    const reply = errorReply(asSent(waiting), new StanzaError(condition, { text: reason }))
    if (reply === undefined) {
      const { to, stanza } = waiting
      this.#deps.log.info({ to, stanza: stanza.name, reason }, 'Dropped an answer that cannot be delivered')
      return
    }
    // Not within the sender's own call: it may be in the middle of something.
    queueMicrotask(() => void this.#deps.gateway.receive(reply))
  }

  #up(link: ServerLink): void {
    const { local, remote } = link.pair
    const { connection } = link
    this.#pulse.hear(remote)
    if (connection !== undefined) this.#pulse.watch(connection)
    this.#deps.log.info({ local, remote }, 'A link to a server is up')
    this.#tell((watcher) => watcher.up?.(remote, local))
  }

  #down(link: ServerLink, { condition, reason }: Failure, again: boolean): void {
    const { local, remote } = link.pair
    const level = again ? 'debug' : 'warn'
    this.#deps.log[level]({ local, remote, condition, reason }, `No link from ${local} to ${remote}: ${reason}`)
    this.#tell((watcher) => watcher.down?.(remote, local, reason))
  }

  #tell(call: (watcher: LinkWatcher) => void): void {
    for (const watcher of this.#watchers)
      queueMicrotask(() => {
        try {
          call(watcher)
        } catch (error) {
          this.#deps.log.error({ err: error }, 'A watcher of the links to other servers failed')
        }
      })
  }

  #ping(connection: Carrier): boolean {
    for (const link of this.#links.values()) {
      const { local, remote } = link.pair
      if (link.state !== 'up' || link.connection !== connection || remote !== connection.pair.remote) continue
      const id = this.#deps.random.token()
      const iq = xml('iq', { type: 'get', from: local, to: remote, id }, xml('ping', { xmlns: ns.ping }))
      return connection.write(serialize(iq))
    }
    return false
  }

  /** Nothing goes back on it any more. */
  withdrawReturn(back: ReturnPath): void {
    this.#pulse.stop(back)
    for (const [key, known] of this.#returns) if (known === back) this.#returns.delete(key)
  }
}
