/** BOSH (XEP-0124, XEP-0206): XMPP in requests of HTTP, for clients that have no WebSocket. Sessions are found by their secret id. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Clock } from '../util/clock.js'
import type { Random } from '../util/random.js'
import type { ReaderLimits } from '../xml/reader.js'
import type { Xep } from '../xmpp/xep.js'
import { isLoopback } from './address.js'
import { readBoshBody, terminateBody } from './bosh-body.js'
import { BoshSession, type BoshTimes, send } from './bosh-session.js'
import { allowOrigins } from './cors.js'
import type { HttpHandler } from './http.js'
import { clientAddress, peerAddress, readBody } from './request.js'
import { tlsInfo } from './tls.js'

export const boshXeps: readonly Xep[] = [
  {
    number: 124,
    version: '1.11.2',
    without: 'several streams in one session; acknowledgements of requests',
    test: 'net/bosh.test.ts',
  },
  { number: 206, version: '1.4', test: 'net/bosh.test.ts' },
]

export interface BoshOptions {
  readonly times: BoshTimes
  readonly limits: ReaderLimits
  /** Bytes of a body of who has not logged in, as those before authentication; default 16 KiB. */
  readonly strangerBytes?: number
  /** Requests without content that a client may make, a second and at once; default 5, 60. */
  readonly polling?: { readonly rate: number; readonly burst: number }
  readonly trustedProxies?: readonly string[]
}

export interface BoshParts {
  readonly clock: Clock
  readonly random: Random
  /** May this address open a session? */
  readonly admit: (address: string) => boolean
  /** A session begins; its handler is set before this returns. */
  readonly accept: (session: BoshSession) => void
  /** Called where a client polls faster than it may. */
  readonly pollsTooFast?: () => void
}

/** `rid`s are below 2^53 (§14.1). */
const ridPattern = /^[1-9]\d{0,15}$/

/** Characters in which a body that is long has to have said its `sid`. */
const longestStart = 2048

export class Bosh {
  readonly #options: BoshOptions
  readonly #parts: BoshParts
  readonly #sessions = new Map<string, BoshSession>()
  #closing = false

  constructor(options: BoshOptions, parts: BoshParts) {
    this.#options = options
    this.#parts = parts
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Opens no more sessions; those that are open stay until they end. */
  close(): void {
    this.#closing = true
  }

  /** For a path of one or several HTTP servers. */
  readonly handler: HttpHandler = async (request, response) => {
    if (allowOrigins(request, response, ['POST'])) return
    if (request.method !== 'POST') {
      response.writeHead(405, { Allow: 'POST, OPTIONS', 'Content-Type': 'text/plain; charset=utf-8' })
      response.end('This is for XMPP clients (BOSH, XEP-0124).\n')
      return
    }
    // One stanza of the greatest length, and what is around it.
    const bytes = await readBody(request, 2 * this.#options.limits.stanzaBytes, {
      bytes: this.#options.strangerBytes ?? 16 * 1024,
      mayBeLonger: (begin) => this.#hasLoggedIn(begin),
    })
    if (bytes === undefined) return tooLarge(response)
    const body = readBoshBody(bytes, this.#options.limits)
    const rid = ridPattern.test(body?.attributes.rid ?? '') ? Number(body?.attributes.rid) : Number.NaN
    if (body === undefined || !Number.isSafeInteger(rid)) return send(response, terminateBody('bad-request'))
    const { sid } = body.attributes
    const session = sid === undefined ? this.#open(request, body, rid) : this.#sessions.get(sid)
    if (typeof session === 'string') send(response, terminateBody(session))
    else if (session === undefined) send(response, terminateBody('item-not-found'))
    else session.request(rid, body, response)
  }

  /** By how a body begins. */
  #hasLoggedIn(begin: Buffer): boolean {
    const sid = /\ssid\s*=\s*['"]([\w-]+)['"]/.exec(begin.toString('latin1', 0, longestStart))?.[1]
    return sid !== undefined && this.#sessions.get(sid)?.handler.authenticated === true
  }

  #open(
    request: IncomingMessage,
    body: NonNullable<ReturnType<typeof readBoshBody>>,
    rid: number,
  ): BoshSession | 'improper-addressing' | 'policy-violation' {
    if (!body.attributes.to) return 'improper-addressing'
    const remoteAddress = clientAddress(request, this.#options.trustedProxies)
    if (this.#closing || !this.#parts.admit(remoteAddress)) return 'policy-violation'
    const facts = {
      sid: this.#parts.random.bytes(20).toString('base64url'),
      remoteAddress,
      loopback: isLoopback(peerAddress(request)),
      tls: request.socket instanceof TLSSocket ? tlsInfo(request.socket) : undefined,
      localPort: request.socket.localPort ?? 0,
    }
    const session = new BoshSession(facts, body, rid, {
      clock: this.#parts.clock,
      times: this.#options.times,
      polling: this.#options.polling ?? { rate: 5, burst: 60 },
      pollsTooFast: () => this.#parts.pollsTooFast?.(),
      over: ({ sid }) => this.#sessions.delete(sid),
    })
    this.#sessions.set(session.sid, session)
    this.#parts.accept(session)
    return session
  }
}

function tooLarge(response: ServerResponse): void {
  if (response.destroyed) return
  response.writeHead(413, { Connection: 'close', 'Content-Type': 'text/plain; charset=utf-8' })
  response.end('Too large\n')
}
