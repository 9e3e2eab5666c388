/**
 * TCP and TLS as transports. Text is queued and leaves in one write per turn, with at most one write outstanding, so a
 * slow peer's text waits here, where it is counted. A peer's reset ends its transport and nothing else.
 */
import { connect, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { type Clock, systemClock, type Timer } from '../util/clock.js'
import { plainAddress } from './address.js'
import { type Channel, channelOf } from './channel-binding.js'
import { firstBytes } from './first-bytes.js'
import { flushSoon } from './flush.js'
import { hasTimeToRead, readLater, timeToRead } from './reading-turn.js'
import { type ServerTlsOptions, sniCallback, tlsInfo, tlsSettings } from './tls.js'
import { TlsWriteLength } from './tls-write-length.js'
import type { TlsInfo, TransportHandler, UpgradableTransport } from './transport.js'

/** After this long without traffic the kernel asks whether the peer is still there. */
const keepAliveMs = 120_000

const nobody: TransportHandler = { data: () => {}, closed: () => {} }

export interface TcpOptions {
  readonly clock?: Clock
  /** For `startTls` as the server. */
  readonly tls?: ServerTlsOptions
  /** The longest TLS handshake; default 30,000. */
  readonly handshakeMs?: number
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
  #writeLength: TlsWriteLength | undefined
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

  /** Made when it is asked for: most of it is of use once. */
  get channel(): Channel | undefined {
    return this.#tls !== undefined && this.#socket instanceof TLSSocket ? channelOf(this.#socket) : undefined
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
    const { clock = systemClock, handshakeMs = 30_000 } = this.#options
    const tooLong = (): void => void this.#socket.destroy(new Error('the TLS handshake took too long'))
    const timer = clock.after(handshakeMs, tooLong)
    try {
      await this.#drained()
      // To answer a ClientHello takes half a millisecond: a hundred that come at once are answered in slices, too.
      if (options.server) await firstBytes(plain).then(timeToRead)
      return await this.#upgraded(plain, options.server, options.serverName)
    } finally {
      timer.cancel()
    }
  }

  #upgraded(plain: Socket, server: boolean, serverName: string | undefined): Promise<TlsInfo> {
    // From here on the plain socket's end is the TLS socket's to report.
    plain.off('close', this.#onClose)
    if (this.#state !== 'open' || plain.destroyed) {
      this.#onClose()
      return Promise.reject(this.#error ?? new Error('the connection was closed before the TLS handshake'))
    }
    const socket = this.#wrap(plain, server, serverName)
    this.#socket = socket
    socket.on('error', this.#onError)
    return this.#handshake(socket, server ? 'secure' : 'secureConnect')
  }

  #handshake(socket: TLSSocket, done: 'secure' | 'secureConnect'): Promise<TlsInfo> {
    return new Promise((resolve, reject) => {
      const hungUp = (): void => void socket.destroy()
      const failed = (): void => {
        this.#onClose()
        reject(this.#error ?? new Error('the connection was closed during the TLS handshake'))
      }
      socket.once('end', hungUp)
      socket.once('close', failed)
      socket.once(done, () => {
        socket.off('end', hungUp)
        socket.off('close', failed)
        // In the same turn, so that no event is missed before the promise is heard of.
        this.#listen(socket)
        if (this.#paused) socket.pause()
        try {
          this.#tls = tlsInfo(socket)
          this.#writeLength = new TlsWriteLength()
          resolve(this.#tls)
        } catch (error) {
          // A certificate of the peer's that cannot be read costs its own connection alone.
          socket.destroy()
          reject(error)
        }
      })
    })
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
    const most = this.#writeLength?.next(this.#queue.length) ?? Number.POSITIVE_INFINITY
    if (this.#queue.length <= most) {
      const all = this.#queue
      this.#queue = ''
      return all
    }
    // A surrogate pair is one character and must not be cut.
    const last = this.#queue.charCodeAt(most - 1)
    const length = last >= 0xd800 && last <= 0xdbff ? most - 1 : most
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
    if (this.#state !== 'open') return
    if (hasTimeToRead()) this.handler.data(chunk)
    else this.#putBack(chunk)
  }

  /** It comes again, before anything else of this peer. */
  #putBack(chunk: Buffer): void {
    const socket = this.#socket
    socket.pause()
    socket.unshift(chunk)
    readLater(() => {
      if (!this.#paused && !this.#congested) socket.resume()
    })
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
    ...tlsSettings,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
    ...(tls?.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
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
