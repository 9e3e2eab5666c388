/** Listens for other servers, with a limit on connections from one address. */
import { AddressCount } from '../net/address-limit.js'
import { listenTcp, type TcpListener } from '../net/tcp-listener.js'
import type { UpgradableTransport } from '../net/transport.js'
import type { Closeable } from '../util/lifecycle.js'
import { StreamError } from '../xmpp/stream-error.js'
import { IncomingConnection, type IncomingContext } from './s2s-incoming.js'
import type { LinkInfo } from './s2s-links.js'
import type { S2sDeps } from './s2s-options.js'
import type { S2sPool } from './s2s-pool.js'

export interface ServerEndpoint {
  readonly host: string
  readonly port: number
  /** TLS from the first byte (XEP-0368). */
  readonly directTls?: boolean
}

export interface ServerListenerOptions {
  readonly endpoints: readonly ServerEndpoint[]
  /** Open connections from one address or IPv6 /64: all, and those on which no domain was verified yet. Default 1000 and 50. */
  readonly perAddress?: { readonly open: number; readonly strangers: number }
  /** Default 120,000. */
  readonly keepAliveMs?: number
  /** How long one may be open before a domain is verified on it; default 60,000. */
  readonly unverifiedMs?: number
}

export type ServerListenerDeps = Pick<
  S2sDeps,
  'gateway' | 'certificates' | 'clock' | 'random' | 'log' | 'lagging' | 'refused'
> & {
  readonly pool: S2sPool
}

export interface ServerListener extends Closeable {
  /** In the order of `endpoints`, with the ports that were taken for 0. */
  readonly ports: readonly number[]
  /** Connections that are open. */
  readonly open: number
  links(): LinkInfo[]
  /** Takes a connection that came by another way than `endpoints`. */
  accept(transport: UpgradableTransport): void
  /** Ends all streams with `system-shutdown`; cuts those that are still there after `deadlineMs` (default 5000). Idempotent. */
  close(deadlineMs?: number): Promise<void>
}

/** Rejects with a message that names host, port and option where one cannot be had; then none stays open. */
export async function startServerListener(
  options: ServerListenerOptions,
  deps: ServerListenerDeps,
): Promise<ServerListener> {
  const acceptor = new Acceptor(options, deps)
  const listeners: TcpListener[] = []
  try {
    for (const endpoint of options.endpoints) listeners.push(await listenAt(endpoint, deps, acceptor))
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()))
    throw error
  }
  deps.pool.showIncoming(acceptor)
  let closing: Promise<void> | undefined
  return {
    ports: listeners.map((listener) => listener.port),
    get open() {
      return acceptor.open
    },
    links: () => acceptor.links(),
    accept: acceptor.accept,
    close(deadlineMs = 5000) {
      closing ??= acceptor.close(listeners, deadlineMs)
      return closing
    },
  }
}

function listenAt({ host, port, directTls = false }: ServerEndpoint, deps: ServerListenerDeps, acceptor: Acceptor) {
  const { certificates: contexts, clock, log } = deps
  const alpn = directTls ? { alpn: ['xmpp-server'] } : {}
  return listenTcp(
    {
      ...{ host, port, clock, directTls },
      option: directTls ? 's2s_direct_tls_ports' : 's2s_ports',
      ...(contexts && { tls: { contexts, requestCertificate: true, ...alpn } }),
      admit: (address) => !directTls || acceptor.beginsTls(address),
      onRefused: (remoteAddress, { message: reason }) => {
        acceptor.endsTls(remoteAddress)
        deps.refused?.('tls-handshake')
        log.info({ remoteAddress, reason }, 'A TLS handshake failed')
      },
    },
    (transport) => {
      if (directTls) acceptor.endsTls(transport.remoteAddress)
      acceptor.accept(transport)
    },
  )
}

const defaultPerAddress = { open: 1000, strangers: 50 }

class Acceptor {
  readonly #deps: ServerListenerDeps
  readonly #context: IncomingContext
  readonly #connections = new Set<IncomingConnection>()
  readonly #strangers = new Set<IncomingConnection>()
  readonly #open: AddressCount
  readonly #unverified: AddressCount
  /** TLS from the first byte that is not there yet, before there is a stream. */
  readonly #handshakes: AddressCount
  #closing = false
  #allEnded: (() => void) | undefined

  constructor(options: ServerListenerOptions, deps: ServerListenerDeps) {
    this.#deps = deps
    const { open, strangers } = options.perAddress ?? defaultPerAddress
    this.#open = new AddressCount(open)
    this.#unverified = new AddressCount(strangers)
    this.#handshakes = new AddressCount(strangers)
    this.#context = {
      pool: deps.pool,
      deps,
      keepAliveMs: options.keepAliveMs ?? 120_000,
      unverifiedMs: options.unverifiedMs ?? 60_000,
      authenticated: (connection) => this.#known(connection),
      ended: (connection) => {
        this.#known(connection)
        if (this.#connections.delete(connection)) this.#open.remove(connection.remoteAddress)
        if (this.#connections.size === 0) this.#allEnded?.()
      },
    }
  }

  readonly accept = (transport: UpgradableTransport): void => {
    const { remoteAddress } = transport
    const connection = new IncomingConnection(transport, this.#context)
    if (this.#closing) connection.fail(new StreamError('system-shutdown'))
    else if (!this.#hasPlace(remoteAddress)) {
      this.#deps.log.warn({ remoteAddress }, 'Refused a server connection: too many from its address')
      connection.fail(new StreamError('policy-violation', 'too many connections from your address'))
    } else {
      this.#connections.add(connection)
      this.#strangers.add(connection)
    }
  }

  /** A TLS handshake; false where it is one too many of its address. */
  beginsTls(address: string): boolean {
    if (this.#handshakes.add(address)) return true
    this.#deps.refused?.('policy-violation')
    this.#deps.log.debug({ remoteAddress: address }, 'Refused a server connection: too many TLS handshakes')
    return false
  }

  endsTls(address: string): void {
    this.#handshakes.remove(address)
  }

  /** Where it has, it is counted. */
  #hasPlace(address: string): boolean {
    if (!this.#open.add(address)) return false
    if (this.#unverified.add(address)) return true
    this.#open.remove(address)
    return false
  }

  #known(connection: IncomingConnection): void {
    if (this.#strangers.delete(connection)) this.#unverified.remove(connection.remoteAddress)
  }

  get open(): number {
    return this.#connections.size
  }

  links(): LinkInfo[] {
    return [...this.#connections].flatMap((connection) => connection.links())
  }

  disconnect(remote: string): number {
    const there = [...this.#connections].filter((connection) =>
      connection.links().some((link) => link.remote === remote),
    )
    for (const connection of there) connection.close()
    return there.length
  }

  async close(listeners: readonly TcpListener[], deadlineMs: number): Promise<void> {
    this.#closing = true
    const closed = listeners.map((listener) => listener.close())
    const deadline = this.#deps.clock.after(deadlineMs, () => {
      for (const connection of this.#connections) connection.destroy()
    })
    for (const connection of [...this.#connections]) connection.fail(new StreamError('system-shutdown'))
    if (this.#connections.size > 0)
      await new Promise<void>((resolve) => {
        this.#allEnded = resolve
      })
    await Promise.all(closed)
    deadline.cancel()
  }
}
