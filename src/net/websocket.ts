/** XMPP over WebSocket (RFC 7395) as a transport: a text frame in, a text frame out, subprotocol `xmpp`. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Clock, systemClock, type Timer } from '../util/clock.js'
import type { Closeable } from '../util/lifecycle.js'
import { isLoopback } from './address.js'
import { flushSoon } from './flush.js'
import { type HttpServer, refuseUpgrade } from './http.js'
import { clientAddress, peerAddress } from './request.js'
import { tlsInfo } from './tls.js'
import type { TlsInfo, Transport, TransportHandler } from './transport.js'

const nobody: TransportHandler = { data: () => {}, closed: () => {} }

/** RFC 6455 §7.4.1. */
const closeCodes = { normal: 1000, unsupportedData: 1003 } as const

export interface WebSocketOptions {
  /** Default `/xmpp-websocket`. */
  readonly path?: string
  /** Longer messages end the connection with code 1009, before they are in memory; default 512 KiB. */
  readonly maxPayload?: number
  /** Fragments of one message; of more, the connection ends with code 1008. Default 64. */
  readonly maxFragments?: number
  /** Called where one has more. */
  readonly tooManyFragments?: () => void
  /** Bytes that may arrive, in whole frames or not, before the peer has proved who it is; any by default. */
  readonly strangerBytes?: number
  /** Pages that may connect, as `https://chat.example.org`; undefined admits all. Programs that send no Origin may always. */
  readonly origins?: readonly string[]
  /** Addresses whose X-Forwarded-For is believed; default loopback. */
  readonly trustedProxies?: readonly string[]
  /** May this address connect now? Refused with 429. */
  readonly admit?: (address: string) => boolean
  /** A peer that does not answer a ping until the next is gone; default 60,000. */
  readonly pingMs?: number
  /** As in TcpOptions. */
  readonly softBacklog?: number
  readonly clock?: Clock
}

export class WebSocketTransport implements Transport {
  readonly kind = 'websocket'
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort: number
  /** The other end of this connection, be it the client or a proxy, is on this machine. */
  readonly loopback: boolean
  readonly tls: TlsInfo | undefined
  handler: TransportHandler = nobody
  readonly #webSocket: WebSocket
  readonly #socket: Duplex
  readonly #clock: Clock
  readonly #softBacklog: number
  #queue: string[] = []
  #queued = 0
  #scheduled = false
  #paused = false
  #congested = false
  #state: 'open' | 'ending' | 'closed' = 'open'
  #alive = true
  #error: Error | undefined
  #deadline: Timer | undefined

  constructor(webSocket: WebSocket, request: IncomingMessage, socket: Duplex, options: WebSocketOptions) {
    this.#webSocket = webSocket
    this.#socket = socket
    this.#clock = options.clock ?? systemClock
    this.#softBacklog = options.softBacklog ?? 128 * 1024
    this.loopback = isLoopback(peerAddress(request))
    this.remoteAddress = clientAddress(request, options.trustedProxies)
    this.remotePort = request.socket.remotePort ?? 0
    this.localPort = request.socket.localPort ?? 0
    this.tls = request.socket instanceof TLSSocket ? tlsInfo(request.socket) : undefined
    webSocket.on('message', (data, isBinary) => this.#message(data.toString(), isBinary))
    webSocket.on('pong', () => {
      this.#alive = true
    })
    webSocket.on('error', (error) => {
      this.#error ??= error
      if (Reflect.get(error, 'code') === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') options.tooManyFragments?.()
    })
    webSocket.on('close', () => this.#closed())
    socket.on('drain', () => this.flush())
    const { strangerBytes = Number.POSITIVE_INFINITY } = options
    let arrived = 0
    const count = (chunk: Buffer): void => {
      arrived += chunk.length
      if (this.handler.authenticated !== true && arrived <= strangerBytes) return
      socket.off('data', count)
      if (this.handler.authenticated !== true) this.handler.tooMuch?.()
    }
    socket.on('data', count)
  }

  get backlog(): number {
    return this.#queued + this.#webSocket.bufferedAmount
  }

  write(text: string): void {
    if (this.#state !== 'open') return
    this.#queue.push(text)
    this.#queued += text.length
    if (!this.#scheduled && !this.#socket.writableNeedDrain) {
      this.#scheduled = true
      flushSoon(this)
    }
    if (!this.#congested && this.#queued > this.#softBacklog) {
      this.#congested = true
      this.#webSocket.pause()
    }
  }

  /** Sends what is queued. Called by the shared turn; nobody else needs to. */
  flush(): void {
    this.#scheduled = false
    if (this.#state === 'closed' || this.#socket.writableNeedDrain) return
    const frames = this.#queue
    this.#queue = []
    this.#queued = 0
    this.#socket.cork()
    for (const text of frames) this.#webSocket.send(text)
    this.#socket.uncork()
    if (this.#congested && !this.#socket.writableNeedDrain) {
      this.#congested = false
      if (!this.#paused) this.#webSocket.resume()
    }
    if (this.#state === 'ending') this.#webSocket.close(closeCodes.normal)
  }

  pause(): void {
    this.#paused = true
    this.#webSocket.pause()
  }

  resume(): void {
    this.#paused = false
    if (!this.#congested) this.#webSocket.resume()
  }

  end(deadlineMs = 5000): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#deadline = this.#clock.after(deadlineMs, () => this.#webSocket.terminate())
    this.#webSocket.resume()
    this.flush()
  }

  destroy(): void {
    if (this.#state === 'closed') return
    this.#state = 'ending'
    this.#webSocket.terminate()
  }

  /** Pings, or ends a peer that has not answered the last one. */
  keepAlive(): void {
    if (!this.#alive) {
      this.#error ??= new Error('no answer to a ping')
      this.#webSocket.terminate()
    } else if (this.#state === 'open') {
      this.#alive = false
      this.#webSocket.ping()
    }
  }

  #message(text: string, isBinary: boolean): void {
    this.#alive = true
    if (this.#state !== 'open') return
    if (!isBinary) {
      this.handler.data(text)
      return
    }
    // RFC 7395 §3.2: text only.
    this.#error ??= new Error('a binary frame')
    this.#state = 'ending'
    this.#deadline = this.#clock.after(5000, () => this.#webSocket.terminate())
    this.#webSocket.close(closeCodes.unsupportedData, 'text only')
  }

  #closed(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#queue = []
    this.#queued = 0
    this.#deadline?.cancel()
    const { handler } = this
    this.handler = nobody
    handler.closed(this.#error)
  }
}

/** Accepts WebSockets on a path of `http`. Closing accepts no more; connections that are open stay. */
export function acceptWebSockets(
  http: HttpServer,
  options: WebSocketOptions,
  accept: (transport: WebSocketTransport) => void,
): Closeable {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: options.maxPayload ?? 512 * 1024,
    // Each is kept until the last is there: a message of single bytes would take a hundred times its length.
    maxFragments: options.maxFragments ?? 64,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: () => 'xmpp',
  })
  const open = new Set<WebSocketTransport>()
  const withdraw = http.upgrade(options.path ?? '/xmpp-websocket', (request, socket, head) => {
    const refusal = refusalOf(request, options)
    if (refusal !== undefined) {
      refuseUpgrade(socket, refusal)
      return
    }
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const transport = new WebSocketTransport(webSocket, request, socket, options)
      open.add(transport)
      webSocket.on('close', () => open.delete(transport))
      accept(transport)
    })
  })
  const clock = options.clock ?? systemClock
  let timer: Timer
  const ping = (): void => {
    for (const transport of open) transport.keepAlive()
    timer = clock.after(options.pingMs ?? 60_000, ping)
  }
  timer = clock.after(options.pingMs ?? 60_000, ping)
  return {
    close: () => {
      timer.cancel()
      withdraw()
      server.close()
    },
  }
}

function refusalOf(request: IncomingMessage, { origins, trustedProxies, admit }: WebSocketOptions): string | undefined {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
  if (!offered.includes('xmpp')) return '400 Bad Request'
  const { origin } = request.headers
  if (origin !== undefined && origins !== undefined && !origins.includes(origin)) return '403 Forbidden'
  if (admit?.(clientAddress(request, trustedProxies)) === false) return '429 Too Many Requests'
  return undefined
}
