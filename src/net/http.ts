/** One HTTP(S) server; whoever has something to serve registers a path on it. It serves nothing of its own. */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from '../util/logger.js'
import { plainAddress } from './address.js'
import type { AddressCount } from './address-limit.js'
import { listen } from './tcp-listener.js'
import { sniCallback, type TlsContexts, tlsSettings } from './tls.js'

/** Answers a request, now or later. What it throws or rejects with is logged and answered with 500. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>

/** Takes over a connection that asks for another protocol. `head` is what it sent beyond the request. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer, url: URL) => void

export interface HttpOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Named in the error when the port cannot be had. */
  readonly option?: string
  /** HTTPS with these certificates; HTTP without. */
  readonly tls?: TlsContexts
  readonly log: Logger
  /** Hears of every answer. */
  readonly answered?: (status: number) => void
  /** Open connections by address; one too many is closed at once. Any number by default. */
  readonly perAddress?: Pick<AddressCount, 'add' | 'remove'>
  readonly times?: HttpTimes
  /** Hears of every connection that was closed so, or because nothing of an answer was taken. */
  readonly refused?: (reason: 'too-many-connections' | 'timeout') => void
}

/** How long a client may take, in milliseconds. */
export interface HttpTimes {
  /** Until the header of a request is there, the first from when it connected; then 408. */
  readonly header: number
  /** Until a request is there with its body; then 408. */
  readonly request: number
  /** Without taking anything of an answer, or sending anything; then the connection is closed. */
  readonly idle: number
}

const defaultTimes: HttpTimes = { header: 30_000, request: 300_000, idle: 120_000 }

export class HttpServer {
  readonly host: string
  readonly port: number
  readonly secure: boolean
  readonly #server: Server
  readonly #log: Logger
  readonly #answered: ((status: number) => void) | undefined
  readonly #routes = new Map<string, HttpHandler>()
  readonly #upgrades = new Map<string, UpgradeHandler>()
  readonly #responses = new WeakMap<Duplex, ServerResponse>()

  private constructor(server: Server, port: number, options: HttpOptions) {
    this.host = options.host
    this.port = port
    this.secure = options.tls !== undefined
    this.#server = server
    this.#log = options.log
    this.#answered = options.answered
    server.on('connection', (socket: Socket) => count(socket, options))
    server.on('request', (request, response) => this.#answer(request, response))
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    server.on('clientError', (error, socket) => this.#unreadable(error, socket))
    server.on('timeout', (socket: Socket) => {
      // Otherwise it is only kept alive for a next request.
      if (this.#responses.has(socket)) options.refused?.('timeout')
      socket.destroy()
    })
  }

  /** Rejects with a message that names host, port and option when the address cannot be had. */
  static async listen(options: HttpOptions): Promise<HttpServer> {
    const { header, request, idle } = options.times ?? defaultTimes
    const times = {
      headersTimeout: Math.min(header, request),
      requestTimeout: request,
      connectionsCheckingInterval: Math.min(5000, header),
    }
    const server = options.tls === undefined ? createServer(times) : secureServer(options.tls, times)
    server.timeout = idle
    return new HttpServer(server, await listen(server, options.host, options.port, options.option), options)
  }

  /** `prefix` begins with a slash; the longest that fits a path wins, whole segments only. Undone by what it returns. */
  route(prefix: string, handler: HttpHandler): () => void {
    return register(this.#routes, prefix, handler)
  }

  /** An exact path, for WebSocket. */
  upgrade(path: string, handler: UpgradeHandler): () => void {
    return register(this.#upgrades, path, handler)
  }

  /** Accepts no more, ends idle connections now and busy ones after `deadlineMs`. Upgraded ones belong to their handler. */
  close(deadlineMs = 5000): Promise<void> {
    return new Promise((resolve) => {
      const timeout = setTimeout(() => this.#server.closeAllConnections(), deadlineMs).unref()
      this.#server.close(() => {
        clearTimeout(timeout)
        resolve()
      })
      this.#server.closeIdleConnections()
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('X-Content-Type-Options', 'nosniff')
    response.once('finish', () => this.#answered?.(response.statusCode))
    const { socket } = request
    this.#responses.set(socket, response)
    response.once('close', () => {
      if (this.#responses.get(socket) === response) this.#responses.delete(socket)
    })
    const url = urlOf(request)
    const handler = url === undefined ? undefined : this.#handlerFor(url.pathname)
    if (url === undefined || handler === undefined) {
      refuse(response, url === undefined ? 400 : 404)
      return
    }
    // An async function of its own, so that what is thrown and what is rejected end in one place.
    const run = async (): Promise<void> => handler(request, response, url)
    run().catch((error: unknown) => {
      this.#log.error({ err: error, path: url.pathname }, 'a request could not be answered')
      if (response.headersSent) response.destroy()
      else refuse(response, 500)
    })
  }

  /** What is no request, or none in time; where an answer has begun, another cannot follow. */
  #unreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
    const [status, text] = unreadable[error.code ?? ''] ?? [400, 'Bad Request']
    if (!socket.writable || this.#responses.get(socket)?.headersSent === true) {
      socket.destroy()
      return
    }
    this.#answered?.(status)
    refuseUpgrade(socket, `${status} ${text}`)
  }

  #handlerFor(path: string): HttpHandler | undefined {
    let best = ''
    for (const prefix of this.#routes.keys()) {
      const bare = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
      const fits = path === prefix || path === bare || path.startsWith(`${bare}/`)
      if (fits && prefix.length > best.length) best = prefix
    }
    return this.#routes.get(best)
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {})
    const url = urlOf(request)
    const handler = url === undefined ? undefined : this.#upgrades.get(url.pathname)
    if (url === undefined || handler === undefined) refuseUpgrade(socket, '404 Not Found')
    else handler(request, socket, head, url)
  }
}

const unreadable: Readonly<Record<string, readonly [number, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
}

function count(socket: Socket, { perAddress, refused }: HttpOptions): void {
  const address = plainAddress(socket.remoteAddress ?? '')
  if (perAddress === undefined) return
  if (perAddress.add(address)) socket.once('close', () => perAddress.remove(address))
  else {
    refused?.('too-many-connections')
    socket.destroy()
  }
}

/** Ends a connection that asked for another protocol, or for nothing that can be read. */
export function refuseUpgrade(socket: Duplex, status: string): void {
  socket.once('finish', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function refuse(response: ServerResponse, status: 400 | 404 | 500): void {
  const text = { 400: 'Bad request', 404: 'Not found', 500: 'Internal server error' }[status]
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

function register<T>(table: Map<string, T>, key: string, value: T): () => void {
  if (table.has(key)) throw new Error(`two handlers for the path ${key}`)
  table.set(key, value)
  return () => void table.delete(key)
}

/** The host of the address is the client's claim and means nothing here. */
function urlOf(request: IncomingMessage): URL | undefined {
  try {
    return new URL(request.url ?? '', 'http://host.invalid')
  } catch {
    return undefined
  }
}

const secureServer = (contexts: TlsContexts, times: ServerOptions): Server =>
  createSecureServer({ ...times, ...tlsSettings, SNICallback: sniCallback((name) => contexts.contextFor(name)) })
