/**
 * TCP and TLS as transports. Text is queued and leaves in one write per turn, with at most one write outstanding, so a
 * slow peer's text waits here, where it is counted. A peer's reset ends its transport and nothing else.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { type Clock, systemClock, type Timer } from '../util/clock.js'
import { plainAddress } from './address.js'
import { flushSoon } from './flush.js'
import { minVersion, type ServerTlsOptions, sniCallback, tlsInfo } from './tls.js'
import type { TlsInfo, TransportHandler, UpgradableTransport } from './transport.js'

/** One TLS record, so that its buffers stay small. */
const writeLength = 16_000

/** After this long without traffic the kernel asks whether the peer is still there. */
const keepAliveMs = 120_000

const nobody: TransportHandler = { data: () => {}, closed: () => {} }

export interface TcpOptions {
  readonly clock?: Clock
  /** For `startTls` as the server. */
  readonly tls?: ServerTlsOptions
  /** Queued bytes above which nothing is read from this peer until half of it has left; default 128 KiB. */
  readonly softBacklog?: number
}

export class TcpTransport implements UpgradableTransport {
  readonly kind = 'tcp'
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort: number
  handler: TransportHandler = nobody
  readonly #options: TcpOptions
  readonly #softBacklog: number
  #socket: Socket
  #tls: TlsInfo | undefined
  #queue = ''
  #scheduled = false
  #writing = false
  #paused = false
  #congested = false
  #state: 'open' | 'ending' | 'closed' = 'open'
  #error: Error | undefined
  #deadline: Timer | undefined

  /** Takes the socket over. Reading starts at once: set the handler in the same turn. */
  constructor(socket: Socket, options: TcpOptions = {}) {
    this.#socket = socket
    this.#options = options
    this.#softBacklog = options.softBacklog ?? 128 * 1024
    this.remoteAddress = plainAddress(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.localPort = socket.localPort ?? 0
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    socket.on('error', this.#onError)
    this.#listen(socket)
  }

  get tls(): TlsInfo | undefined {
    return this.#tls
  }

  /** Counted in characters while queued here, which is bytes for all but other scripts. */
  get backlog(): number {
    return this.#queue.length + this.#socket.writableLength
  }

  write(text: string): void {
    if (this.#state !== 'open') return
    this.#queue += text
    if (!this.#scheduled && !this.#writing) {
      this.#scheduled = true
      flushSoon(this)
    }
    if (!this.#congested && this.#queue.length > this.#softBacklog) {
      this.#congested = true
      this.#socket.pause()
    }
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    if (!this.#congested) this.#socket.resume()
  }

  end(deadlineMs = 5000): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#deadline = (this.#options.clock ?? systemClock).after(deadlineMs, () => this.#socket.destroy())
    // What the peer still sends is read, so that its own close is seen, and given to nobody.
    this.#socket.resume()
    this.flush()
  }

  destroy(): void {
    if (this.#state === 'closed') return
    this.#state = 'ending'
    this.#queue = ''
    this.#socket.destroy()
  }

  /** Writes what is queued. Called by the shared turn; nobody else needs to. */
  flush(): void {
    this.#scheduled = false
    if (this.#writing || this.#state === 'closed') return
    if (this.#queue === '') {
      if (this.#state === 'ending') this.#socket.end()
      return
    }
    const chunk = this.#take()
    this.#writing = true
    this.#socket.write(chunk, 'utf8', this.#written)
  }

  async startTls(options: { readonly server: boolean; readonly serverName?: string }): Promise<TlsInfo> {
    const plain = this.#socket
    plain.off('data', this.#onData)
    plain.off('end', this.#onEnd)
    plain.pause()
    await this.#drained()
    // From here on the plain socket's end is the TLS socket's to report.
    plain.off('close', this.#onClose)
    if (this.#state !== 'open' || plain.destroyed) {
      this.#onClose()
      throw new Error('the connection was closed before the TLS handshake')
    }
    const socket = this.#wrap(plain, options.server, options.serverName)
    this.#socket = socket
    socket.on('error', this.#onError)
    await new Promise<void>((resolve, reject) => {
      socket.once(options.server ? 'secure' : 'secureConnect', resolve)
      socket.once('end', () => socket.destroy())
      socket.once('close', () => {
        this.#onClose()
        reject(this.#error ?? new Error('the connection was closed during the TLS handshake'))
      })
    })
    this.#tls = tlsInfo(socket)
    this.#listen(socket)
    if (this.#paused) socket.pause()
    return this.#tls
  }

  #wrap(plain: Socket, server: boolean, serverName: string | undefined): TLSSocket {
    try {
      return server ? this.#acceptTls(plain, serverName) : offerTls(plain, serverName, this.#options.tls)
    } catch (error) {
      plain.destroy()
      this.#onClose()
      throw error
    }
  }

  /** `serverName` stands in for the name that a client without SNI does not give. */
  #acceptTls(plain: Socket, serverName: string | undefined): TLSSocket {
    const { tls } = this.#options
    const secureContext = tls?.contexts.contextFor(serverName) ?? tls?.contexts.contextFor(undefined)
    return new TLSSocket(plain, {
      isServer: true,
      ...(secureContext === undefined ? {} : { secureContext }),
      requestCert: tls?.requestCertificate ?? false,
      rejectUnauthorized: false,
      ...(tls?.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
      SNICallback: sniCallback((name) => tls?.contexts.contextFor(name)),
    })
  }

  #take(): string {
    if (this.#tls === undefined || this.#queue.length <= writeLength) {
      const all = this.#queue
      this.#queue = ''
      return all
    }
    // A surrogate pair is one character and must not be cut.
    const last = this.#queue.charCodeAt(writeLength - 1)
    const length = last >= 0xd800 && last <= 0xdbff ? writeLength - 1 : writeLength
    const chunk = this.#queue.slice(0, length)
    this.#queue = this.#queue.slice(length)
    return chunk
  }

  readonly #written = (): void => {
    this.#writing = false
    if (this.#congested && this.backlog < this.#softBacklog / 2) {
      this.#congested = false
      if (!this.#paused) this.#socket.resume()
    }
    this.#whenDrained?.()
    if (this.#queue !== '' || this.#state === 'ending') this.flush()
  }

  #whenDrained: (() => void) | undefined

  #drained(): Promise<void> {
    this.flush()
    if (!this.#writing) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenDrained = () => {
        if (this.#queue !== '' && this.#state === 'open') return
        this.#whenDrained = undefined
        resolve()
      }
    })
  }

  #listen(socket: Socket): void {
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'open') this.handler.data(chunk)
  }

  /** A peer that will send no more is gone, but what is queued for it still leaves. */
  readonly #onEnd = (): void => {
    if (this.#state === 'open') this.end()
    else this.flush()
  }

  readonly #onError = (error: Error): void => {
    this.#error ??= error
  }

  readonly #onClose = (): void => {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#queue = ''
    this.#deadline?.cancel()
    this.#whenDrained?.()
    const { handler } = this
    this.handler = nobody
    handler.closed(this.#error)
  }
}

/** TLS as the client. The chain's verdict is reported; the caller checks the domain against the names (RFC 9525). */
function offerTls(plain: Socket, serverName: string | undefined, tls: ServerTlsOptions | undefined): TLSSocket {
  const secureContext = tls?.contexts.contextFor(undefined)
  return connectTls({
    socket: plain,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(secureContext === undefined ? {} : { secureContext }),
    minVersion,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  })
}

export interface TcpListenerOptions extends TcpOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Named in the error when the port cannot be had. */
  readonly option?: string
  /** TLS from the first byte (XEP-0368) instead of by STARTTLS. */
  readonly directTls?: boolean
  /** Asked before anything is done for a connection; false closes it at once. */
  readonly admit?: (remoteAddress: string) => boolean
  /** Connections that were refused before there was a transport: the handshake of direct TLS failed. */
  readonly onRefused?: (remoteAddress: string, error: Error) => void
}

export interface TcpListener {
  readonly host: string
  readonly port: number
  /** Accepts no more. Connections that are open stay. */
  close(): Promise<void>
}

/** Rejects with a message that names host, port and option when the address cannot be had. */
export async function listenTcp(
  options: TcpListenerOptions,
  accept: (transport: TcpTransport) => void,
): Promise<TcpListener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // A peer may be gone already; its address is not known then.
    const address = plainAddress(socket.remoteAddress ?? '')
    if (address === '' || options.admit?.(address) === false) {
      socket.on('error', () => {}).destroy()
      return
    }
    const transport = new TcpTransport(socket, options)
    if (options.directTls !== true) {
      accept(transport)
      return
    }
    transport.startTls({ server: true }).then(
      () => accept(transport),
      (error: Error) => {
        transport.destroy()
        options.onRefused?.(transport.remoteAddress, error)
      },
    )
  })
  const port = await listen(server, options.host, options.port, options.option)
  return {
    host: options.host,
    port,
    close: () => {
      server.close()
      // The callback of `close` would wait for the connections too.
      return new Promise((resolve) => setImmediate(resolve))
    },
  }
}

/** Listens and returns the port. Also for servers that are not XMPP's. */
export function listen(server: Server, host: string, port: number, option?: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const refused = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${error.code ?? error.message})`
      const where = option === undefined ? '' : `, option ${option}`
      reject(new Error(`port ${port} on ${host} ${why}${where}`, { cause: error }))
    }
    server.once('error', refused)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', refused)
      // Accepting may fail for want of descriptors; the listener goes on.
      server.on('error', () => {})
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

export interface ConnectOptions extends TcpOptions {
  readonly host: string
  readonly port: number
  /** Default 10,000. */
  readonly timeoutMs?: number
}

/** Rejects with the socket's error, or a readable one after the timeout. Set the handler in the same turn. */
export function connectTcp(options: ConnectOptions): Promise<TcpTransport> {
  const { host, port, timeoutMs = 10_000 } = options
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true })
    const timer = (options.clock ?? systemClock).after(timeoutMs, () =>
      socket.destroy(new Error(`no connection to ${host}:${port} within ${timeoutMs} ms`)),
    )
    socket.once('error', reject)
    socket.once('close', () => timer.cancel())
    socket.once('connect', () => {
      timer.cancel()
      socket.off('error', reject)
      resolve(new TcpTransport(socket, options))
    })
  })
}
