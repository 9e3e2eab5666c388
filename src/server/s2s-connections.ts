/** The connections that we made to other servers, and which of them several pairs of domains share (XEP-0220 §2.6). */
import type { ServerTarget } from '../net/resolver.js'
import type { DomainPair } from '../stream/dialback.js'
import type { Carrier } from './s2s-carrier.js'
import { type ConnectionContext, ServerConnection } from './s2s-connection.js'
import type { Failure } from './s2s-failure.js'
import { refusal } from './s2s-policy.js'
import { RefusedExternal } from './s2s-refused-external.js'

/** What a connection needs, but for the other connections. */
export type ConnectionsParts = Omit<ConnectionContext, 'sharing' | 'withoutExternal' | 'refusedExternal'>

export class ServerConnections implements Iterable<ServerConnection> {
  readonly #context: ConnectionContext
  readonly #all = new Set<ServerConnection>()
  readonly #byRemote = new Map<string, Set<ServerConnection>>()
  readonly #refusedExternal: RefusedExternal
  #allEnded: (() => void) | undefined

  constructor(parts: ConnectionsParts) {
    this.#refusedExternal = new RefusedExternal(parts.deps.clock)
    this.#context = {
      ...parts,
      sharing: (connection, targets) => this.#sharing(connection, targets),
      refusedExternal: this.#refusedExternal,
      withoutExternal: ({ pair }) => this.#withoutExternal(pair),
      ended: (connection) => this.#ended(connection, parts),
    }
  }

  [Symbol.iterator](): Iterator<ServerConnection> {
    return this.#all[Symbol.iterator]()
  }

  /** Those to that domain. */
  to(remote: string): readonly ServerConnection[] {
    return [...(this.#byRemote.get(remote) ?? [])]
  }

  /** One that is there, or a new one. Another sender may share it without further ado (XEP-0220 §2.6.1), as dialback lets it in. */
  connectionFor(pair: DomainPair, except: ReadonlySet<Carrier>): ServerConnection {
    for (const connection of this.#byRemote.get(pair.remote) ?? []) {
      const fits = this.#context.settings.dialback || connection.pair.local === pair.local
      if (fits && connection.isUsable && !except.has(connection)) return connection
    }
    return this.#connect(pair, except.size > 0)
  }

  /** All, in order; those that have not ended after `deadlineMs` are cut. */
  async close(deadlineMs: number): Promise<void> {
    for (const connection of [...this.#all]) connection.close()
    if (this.#all.size === 0) return
    const failure: Failure = { condition: 'service-unavailable', reason: 'the server is shutting down' }
    const deadline = this.#context.deps.clock.after(deadlineMs, () => {
      for (const connection of [...this.#all]) connection.abandon(failure)
    })
    await new Promise<void>((resolve) => {
      this.#allEnded = resolve
    })
    deadline.cancel()
  }

  #connect(pair: DomainPair, dedicated: boolean): ServerConnection {
    const connection = new ServerConnection(pair, dedicated, this.#context)
    this.#all.add(connection)
    this.#byRemote.set(pair.remote, (this.#byRemote.get(pair.remote) ?? new Set()).add(connection))
    void connection.start()
    return connection
  }

  #withoutExternal(pair: DomainPair): ServerConnection {
    this.#refusedExternal.add(pair)
    return this.#connect(pair, true)
  }

  /** Another domain of the same machine (XEP-0220 §2.6.2), where its certificate is good enough for both. */
  #sharing(connection: ServerConnection, targets: readonly ServerTarget[]): ServerConnection | undefined {
    const { remote } = connection.pair
    for (const other of this.#all) {
      if (other === connection || !other.multiplexesTargets || other.target === undefined) continue
      const { address, port } = other.target
      const same = targets.some((target) => target.address === address && target.port === port)
      if (same && refusal(this.#context.settings.policy, remote, other.tls) === undefined) return other
    }
    return undefined
  }

  #ended(connection: ServerConnection, parts: ConnectionsParts): void {
    parts.ended(connection)
    this.#all.delete(connection)
    const there = this.#byRemote.get(connection.pair.remote)
    if (there?.delete(connection) === true && there.size === 0) this.#byRemote.delete(connection.pair.remote)
    if (this.#all.size === 0) this.#allEnded?.()
  }
}
