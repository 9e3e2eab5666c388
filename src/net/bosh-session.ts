/**
 * One session of BOSH (XEP-0124) as a transport. Requests are dealt with in the order of their `rid`, however they arrive; some are held
 * back until there is something to say; and what was answered last is kept for a client that did not get it (§14.3).
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { Clock, Timer } from '../util/clock.js'
import { TokenBucket } from '../util/token-bucket.js'
import { escapeAttribute } from '../xml/writer.js'
import { ns } from '../xmpp/namespaces.js'
import { type BoshBody, type BoshCondition, terminateBody, writeBoshBody, xboshNamespace } from './bosh-body.js'
import { flushSoon } from './flush.js'
import type { TlsInfo, Transport, TransportHandler } from './transport.js'

const nobody: TransportHandler = { data: () => {}, closed: () => {} }

/** Bounds that the operator sets, in seconds. */
export interface BoshTimes {
  /** How long a request may be held. */
  readonly wait: number
  /** How long a client may be without a request. */
  readonly inactivity: number
  /** The same where it asked for a pause (§10). */
  readonly maxPause: number
}

export interface BoshFacts {
  readonly sid: string
  readonly remoteAddress: string
  readonly loopback: boolean
  readonly tls: TlsInfo | undefined
  readonly localPort: number
}

export interface BoshSessionParts {
  readonly clock: Clock
  readonly times: BoshTimes
  /** Requests without content, a second and at once; a client that polls faster is not well. */
  readonly polling: { readonly rate: number; readonly burst: number }
  readonly pollsTooFast: () => void
  /** The session is over: forget it. */
  readonly over: (session: BoshSession) => void
}

/** A request whose answer waits. */
interface Held {
  readonly rid: number
  readonly response: ServerResponse
  readonly timer: Timer
}

/** How long a client may take for answers of a session that is over. */
const unreadMs = 5000

/** Requests that a client may have on the way besides those that are held. */
const spare = 1

export class BoshSession implements Transport {
  readonly kind = 'bosh'
  readonly remotePort = 0
  readonly sid: string
  readonly remoteAddress: string
  readonly localPort: number
  readonly loopback: boolean
  readonly tls: TlsInfo | undefined
  handler: TransportHandler = nobody
  readonly #parts: BoshSessionParts
  readonly #hold: number
  readonly #waitSeconds: number
  readonly #empty: TokenBucket
  #state: 'opening' | 'open' | 'ending' | 'closed' = 'opening'
  /** The next that is dealt with. */
  #next: number
  readonly #early = new Map<number, { readonly body: BoshBody; readonly response: ServerResponse }>()
  #held: Held[] = []
  /** The latest answers, by `rid`. */
  readonly #answers = new Map<number, string>()
  /** By `rid`: answers that have not left for their client yet, and the characters in them. */
  readonly #leaving = new Map<number, { readonly response: ServerResponse; readonly size: number }>()
  #key: string | undefined
  #queue: string[] = []
  #queued = 0
  #scheduled = false
  #paused = false
  #processing = false
  #inactivity: Timer | undefined
  /** How long the client may be without a request now. */
  #patience: number
  /** Of the header that the stream wrote: what the client is told of it. */
  #authid: string | undefined
  #condition: BoshCondition | undefined
  readonly #to: string
  #deadline: Timer | undefined

  /** For the body that asks for a session, whose `rid` is `rid`. */
  constructor(facts: BoshFacts, body: BoshBody, rid: number, parts: BoshSessionParts) {
    const { hold, wait, to = '' } = body.attributes
    this.sid = facts.sid
    this.remoteAddress = facts.remoteAddress
    this.loopback = facts.loopback
    this.tls = facts.tls
    this.localPort = facts.localPort
    this.#parts = parts
    this.#next = rid
    this.#patience = parts.times.inactivity
    this.#to = to
    // §7.2: one request held is enough for one stream.
    this.#hold = hold === '0' ? 0 : 1
    this.#waitSeconds = Math.min(Math.max(0, Number.parseInt(wait ?? '', 10) || 0), parts.times.wait)
    this.#empty = new TokenBucket(parts.clock, parts.polling.rate, parts.polling.burst)
  }

  /** What is in answers counts until it has left: a client may ask on and on, and read none of them. */
  get backlog(): number {
    let size = this.#queued
    for (const each of this.#leaving.values()) size += each.size
    return size
  }

  /** A request of this session: dealt with now, or when those before it are here. The response is answered sooner or later. */
  request(rid: number, body: BoshBody, response: ServerResponse): void {
    if (this.#state === 'closed') return send(response, terminateBody('item-not-found'))
    if (rid < this.#next) return this.#again(rid, response)
    if (rid > this.#next + this.#hold + spare || this.#early.has(rid)) return this.#fail('item-not-found', response)
    this.#early.set(rid, { body, response })
    this.#inactivity?.cancel()
    this.#patience = this.#parts.times.inactivity
    this.#process()
  }

  write(text: string): void {
    if (this.#state !== 'open' && this.#state !== 'opening') return
    if (text.startsWith('<open ')) {
      this.#authid = / id='([^']*)'/.exec(text)?.[1]
      return
    }
    if (text.startsWith(`<close xmlns='${ns.framing}'`)) return
    if (text.startsWith('<stream:error')) this.#condition = conditionOf(text)
    this.#queue.push(text)
    this.#queued += text.length
    if (this.#scheduled) return
    this.#scheduled = true
    flushSoon(this)
  }

  /** Answers a held request with what is queued. Called by the shared turn; nobody else needs to. */
  flush(): void {
    this.#scheduled = false
    if (this.#state === 'open' && this.#queue.length > 0 && this.#held.length > 0) this.#answer()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#process()
  }

  end(deadlineMs = 5000): void {
    if (this.#state === 'closed' || this.#state === 'ending') return
    this.#state = 'ending'
    if (this.#held.length > 0 || this.#early.size > 0) this.#terminate()
    else this.#deadline = this.#parts.clock.after(deadlineMs, () => this.#close())
  }

  destroy(): void {
    for (const { response } of [...this.#held, ...this.#early.values()]) response.destroy()
    this.#held = []
    this.#early.clear()
    this.#close()
  }

  #process(): void {
    if (this.#processing) return
    this.#processing = true
    for (;;) {
      const request = this.#paused ? undefined : this.#early.get(this.#next)
      if (request === undefined || this.#state === 'closed') break
      this.#early.delete(this.#next)
      this.#deal(this.#next++, request.body, request.response)
    }
    this.#processing = false
    // One that came too early is none before that which is missing.
    if (this.#held.length === 0 && (this.#early.size === 0 || !this.#paused)) this.#rest()
  }

  #deal(rid: number, body: BoshBody, response: ServerResponse): void {
    const { attributes, frames, restart } = body
    if (!this.#knowsKey(attributes.key)) return this.#fail('item-not-found', response)
    if (attributes.newkey !== undefined) this.#key = attributes.newkey
    else if (this.#key !== undefined) this.#key = attributes.key
    const terminates = attributes.type === 'terminate'
    const idle = frames.length === 0 && !terminates && !restart && attributes.pause === undefined
    if (idle && this.#state === 'open' && !this.#empty.take()) {
      this.#parts.pollsTooFast()
      return this.#fail('policy-violation', response)
    }
    this.#holdBack(rid, response)
    if (this.#state === 'ending') return this.#terminate()
    const opening = this.#state === 'opening'
    if (opening || restart) this.handler.data(this.#header(body))
    for (const [index, frame] of frames.entries()) this.handler.parsed?.(frame, index === 0 ? body.bytes : 0)
    if (terminates) this.handler.data(`<close xmlns='${ns.framing}'/>`)
    this.#afterwards(opening, attributes.pause)
  }

  #afterwards(opening: boolean, pause: string | undefined): void {
    if (this.#state === 'closed') return
    if (this.#state === 'ending') return this.#terminate()
    if (opening) {
      this.#state = 'open'
      this.#answer(this.#terms())
    } else if (pause !== undefined) {
      while (this.#held.length > 0) this.#answer()
      this.#patience = Math.min(Math.max(1, Number.parseInt(pause, 10) || 1), this.#parts.times.maxPause)
    } else if (this.#queue.length > 0 || this.#held.length > this.#hold || this.#waitSeconds === 0) this.#answer()
  }

  /** RFC 7395's opening frame in place of the attributes of XEP-0206 §3 and §5. */
  #header({ attributes }: BoshBody): string {
    const lang = attributes['xml:lang']
    const language = lang === undefined ? '' : ` xml:lang='${escapeAttribute(lang)}'`
    return `<open xmlns='${ns.framing}' to='${escapeAttribute(attributes.to ?? this.#to)}' version='1.0'${language}/>`
  }

  /** §7.2: what the session is held to. */
  #terms(): Record<string, string | undefined> {
    const { times } = this.#parts
    return {
      sid: this.sid,
      wait: String(this.#waitSeconds),
      requests: String(this.#hold + spare),
      hold: String(this.#hold),
      inactivity: String(times.inactivity),
      maxpause: String(times.maxPause),
      polling: '1',
      ver: '1.11',
      from: this.#to,
      authid: this.#authid,
      'xmlns:xmpp': xboshNamespace,
      'xmpp:version': '1.0',
      'xmpp:restartlogic': 'true',
    }
  }

  #holdBack(rid: number, response: ServerResponse): void {
    const timer = this.#parts.clock.after(this.#waitSeconds * 1000, () => {
      if (this.#held.some((held) => held.rid === rid)) this.#answerUpTo(rid)
    })
    this.#held.push({ rid, response, timer })
    response.once('close', () => {
      if (!response.writableFinished) this.#broken(rid, response)
    })
  }

  /** The client is not there to hear the answer: it will ask again for it, or be gone. */
  #broken(rid: number, response: ServerResponse): void {
    const held = this.#held.find((each) => each.rid === rid && each.response === response)
    if (held === undefined) return
    held.timer.cancel()
    this.#held = this.#held.filter((each) => each !== held)
    if (this.#held.length === 0) this.#rest()
  }

  #answerUpTo(rid: number): void {
    while (this.#held[0] !== undefined && this.#held[0].rid <= rid) this.#answer()
  }

  /** The oldest of the held requests, with all that is queued. */
  #answer(attributes: Readonly<Record<string, string | undefined>> = {}): void {
    const held = this.#held.shift()
    if (held === undefined) return
    held.timer.cancel()
    const text = writeBoshBody(attributes, this.#queue.join(''))
    this.#queue = []
    this.#queued = 0
    this.#answers.set(held.rid, text)
    for (const rid of this.#answers.keys()) if (rid <= held.rid - this.#hold - spare) this.#answers.delete(rid)
    this.#send(held.rid, held.response, text)
    if (this.#held.length === 0 && !this.#processing) this.#rest()
  }

  /** Once for each `rid`: who asks again has lost the former answer. */
  #send(rid: number, response: ServerResponse, text: string): void {
    this.#leaving.get(rid)?.response.destroy()
    this.#leaving.delete(rid)
    if (response.destroyed) return
    this.#leaving.set(rid, { response, size: text.length })
    response.once('close', () => {
      if (this.#leaving.get(rid)?.response === response) this.#leaving.delete(rid)
    })
    send(response, text)
  }

  /** §14.3: a request once more, because its answer was lost, or the connection on which it was held. */
  #again(rid: number, response: ServerResponse): void {
    const answer = this.#answers.get(rid)
    if (answer !== undefined) return this.#send(rid, response, answer)
    const held = this.#held.find((each) => each.rid === rid)
    if (held === undefined && rid < this.#next - this.#hold - spare) return this.#fail('item-not-found', response)
    if (held !== undefined) {
      held.timer.cancel()
      this.#held = this.#held.filter((each) => each !== held)
      held.response.destroy()
    }
    this.#inactivity?.cancel()
    this.#holdBack(rid, response)
    this.#held.sort((one, other) => one.rid - other.rid)
    if (this.#queue.length > 0 || this.#held.length > this.#hold) this.#answer()
  }

  /** §15: each key is the SHA-1 of the one that follows it. */
  #knowsKey(given: string | undefined): boolean {
    if (this.#key === undefined) return true
    if (given === undefined) return false
    const hash = createHash('sha1').update(given).digest('hex')
    return hash.length === this.#key.length && timingSafeEqual(Buffer.from(hash), Buffer.from(this.#key))
  }

  #rest(): void {
    const seconds = this.#patience
    this.#inactivity?.cancel()
    if (this.#state === 'closed' || this.#state === 'ending') return
    this.#inactivity = this.#parts.clock.after(seconds * 1000, () =>
      this.#close(new Error(`no request for ${seconds} s`)),
    )
  }

  /** A client that does not keep to the protocol. Its session ends as a lost one. */
  #fail(condition: BoshCondition, response: ServerResponse): void {
    send(response, terminateBody(condition))
    this.#condition ??= condition
    const others = [...this.#held.map((held) => held.response), ...[...this.#early.values()].map((one) => one.response)]
    for (const other of others) send(other, terminateBody(condition))
    this.#held = []
    this.#early.clear()
    this.#close(new Error(`BOSH: ${condition}`))
  }

  #terminate(): void {
    const [first, ...rest] = [...this.#held, ...this.#early.values()]
    if (first === undefined) return
    send(first.response, terminateBody(this.#condition, this.#queue.join('')))
    for (const { response } of rest) send(response, terminateBody())
    this.#held = []
    this.#early.clear()
    this.#queue = []
    this.#close()
  }

  #close(error?: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#inactivity?.cancel()
    this.#deadline?.cancel()
    for (const { timer } of this.#held) timer.cancel()
    this.#held = []
    for (const { response } of this.#early.values()) send(response, terminateBody('item-not-found'))
    this.#early.clear()
    this.#queue = []
    this.#queued = 0
    const unread = [...this.#leaving.values()]
    this.#parts.clock.after(unreadMs, () => {
      for (const { response } of unread) response.destroy()
    })
    this.#parts.over(this)
    const { handler } = this
    this.handler = nobody
    handler.closed(error)
  }
}

/** One that XEP-0124 knows itself, or else that of the stream, which stands beside it. */
function conditionOf(error: string): BoshCondition {
  const found = /^<stream:error[^>]*><([a-z-]+)/.exec(error)?.[1]
  return found === 'host-unknown' || found === 'improper-addressing' ? found : 'remote-stream-error'
}

export function send(response: ServerResponse, body: string): void {
  if (response.writableEnded || response.destroyed) return
  response.writeHead(200, {
    'Content-Type': 'text/xml; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  response.end(body)
}
