/**
 * What a client's session sends through: its connection, and with stream management (XEP-0198) what the client has not
 * acknowledged. When the connection is lost the session stays for a while, takes what comes, and goes on on another one;
 * when it is given up, what the client may not have goes back to the server.
 */
import { handledTooMuch, type Resumable, type Resumption } from '../stream/manage.js'
import { acknowledgementText, Received, requestText, Sent, type Unacknowledged } from '../stream/management.js'
import type { Clock, Timer } from '../util/clock.js'
import type { Element } from '../xml/element.js'
import { type Rendered, serialize } from '../xml/writer.js'
import { QuietQueue } from './quiet-queue.js'
import { delayedText } from './resent-text.js'
import type { Resumptions } from './resumptions.js'
import type { Reader, SendBudget } from './send-budget.js'
import type { Outbox, Session } from './session.js'

/** A connection that carries a session. */
export interface Bearer {
  /** The content namespace where every stanza has to declare it (RFC 7395). */
  readonly xmlns: string | undefined
  /** Its stream is not over. */
  readonly alive: boolean
  /** A stanza, or an element of stream management. */
  sendText(text: string): void
  close: Outbox['close']
  /** The client reads too slowly: ends with `resource-constraint`. */
  cutOff(): void
  /** Nobody answers at the other end: it counts as lost. */
  abandon(): void
}

export interface ManagementLimits {
  /** How long a session waits for its client; 0: streams cannot be resumed. */
  readonly hibernationMs: number
  /** How long a client may take for an acknowledgement. */
  readonly acknowledgementMs: number
  /** Characters that may wait for the acknowledgement of one client. */
  readonly unacknowledged: number
}

export interface ClientOutboxParts {
  readonly clock: Clock
  readonly limits: ManagementLimits
  readonly resumptions: Resumptions<ClientOutbox>
  readonly budget: SendBudget
  /** The session waits for its client, who may not have these. */
  readonly waits: (session: Session, unacknowledged: readonly Unacknowledged[]) => void
  /** The session is over. What its client may not have is handed back, oldest first. */
  readonly over: (session: Session, unacknowledged: readonly Unacknowledged[]) => void
  /** More is unacknowledged than may be: the session ends. */
  readonly tooMuch: () => void
}

/** How long a client that resumes waits for what came on its former stream to be settled. */
const settleMs = 10_000
/** A queue that counts as long, for the budget of all. */
const longQueue = 32 * 1024

interface Management {
  readonly received: Received
  readonly sent: Sent
  readonly resumable: Resumable | undefined
}

export class ClientOutbox implements Outbox, Reader {
  readonly #parts: ClientOutboxParts
  #bearer: Bearer | undefined
  #xmlns: string | undefined
  #session: Session | undefined
  #management: Management | undefined
  #over = false
  /** While nobody looks at the client. */
  #quiet: QuietQueue | undefined
  /** An `<r/>` is due or waits for its `<a/>`. */
  #asked = false
  /** What had been sent when it left. */
  #askedAt = 0
  #unanswered: Timer | undefined
  #expiry: Timer | undefined
  /** How much had arrived when the client asked last, where it was not all settled then. */
  #owed: number | undefined
  /** Stanzas to the client before it managed the stream, the answer to its binding among them. */
  #before = 1
  readonly #settling = new Set<() => void>()

  constructor(parts: ClientOutboxParts, bearer: Bearer) {
    this.#parts = parts
    this.#bearer = bearer
    this.#xmlns = bearer.xmlns
  }

  get session(): Session | undefined {
    return this.#session
  }

  get connected(): boolean {
    return this.#bearer !== undefined
  }

  /** What the client has not acknowledged, in bytes. */
  get backlog(): number {
    return (this.#management?.sent.size ?? 0) + (this.#quiet?.size ?? 0)
  }

  /** A session without a connection takes nothing. */
  readonly taken = 0

  begin(session: Session): void {
    this.#session = session
  }

  send(stanza: Element): void {
    const text = serialize(stanza, this.#xmlns)
    if (this.#quiet === undefined) this.#put(text)
    else this.#putQuietly(text, QuietQueue.keyOf(stanza), this.#quiet)
  }

  sendRendered(rendered: Rendered, to: string): void {
    const text = rendered.to(to, this.#xmlns)
    if (this.#quiet === undefined) this.#put(text)
    else this.#putQuietly(text, QuietQueue.keyOfText(rendered.name, text), this.#quiet)
  }

  close(...why: Parameters<Outbox['close']>): void {
    if (this.#bearer === undefined) this.#end()
    else this.#bearer.close(...why)
  }

  cutOff(): void {
    if (this.#bearer === undefined) this.#end()
    else this.#bearer.cutOff()
  }

  setActive(active: boolean): void {
    if (!active) this.#quiet ??= new QuietQueue()
    else if (this.#quiet !== undefined) {
      const waiting = this.#quiet.take()
      this.#quiet = undefined
      for (const text of waiting) this.#put(text)
    }
  }

  #putQuietly(text: string, key: string | undefined, quiet: QuietQueue): void {
    if (key !== undefined && quiet.keep(key, text)) return
    for (const waiting of quiet.take()) this.#put(waiting)
    if (key === undefined) this.#put(text)
  }

  // Stream management.

  enable(resume: boolean): Resumable | undefined {
    const { resumptions, limits } = this.#parts
    const resumable =
      resume && limits.hibernationMs > 0
        ? { id: resumptions.add(this), maxSeconds: Math.floor(limits.hibernationMs / 1000) }
        : undefined
    this.#management = { received: new Received(), sent: new Sent(), resumable }
    return resumable
  }

  /** A stanza came from the client; the answer is to be called when it is settled. */
  arrived(): () => void {
    const received = this.#management?.received
    if (received === undefined) return () => {}
    const number = received.arrived()
    return () => {
      received.settled(number)
      if (this.#owed !== undefined && received.prefix >= this.#owed) this.answer()
      if (received.prefix === received.count) for (const settled of [...this.#settling]) settled()
    }
  }

  /** Tells what is handled: at once, and again when all that came before the question is. */
  answer(): void {
    const received = this.#management?.received
    if (received === undefined) return
    this.#owed = received.prefix < received.count ? received.count : undefined
    this.#bearer?.sendText(acknowledgementText(received.h))
  }

  /** Throws StreamError if the client cannot have handled this many. */
  acknowledged(h: number): void {
    const sent = this.#management?.sent
    if (sent === undefined) return
    if (!sent.acknowledge(h, this.#before)) throw handledTooMuch(h, sent.count)
    this.#unanswered?.cancel()
    this.#asked = false
    // A client may keep back some of it: what it was asked for once it is not asked for again.
    if (sent.unacknowledged.length > 0 && sent.count !== this.#askedAt) this.#ask()
  }

  /** `answer` is called once, when all that came on the former stream is settled, or has taken too long for it. */
  resume(bearer: Bearer, h: number, answer: (resumption: Resumption) => void): void {
    const former = this.#bearer
    this.#leave()
    former?.close('conflict', 'The stream was resumed on another connection')
    this.#whenSettled(() => answer(this.#over || !bearer.alive ? { is: 'failed' } : this.#attach(bearer, h)))
  }

  /** The connection is gone. A session that may be resumed waits if it was `lost`; any other ends. */
  left(bearer: Bearer, lost: boolean): void {
    if (bearer !== this.#bearer) return
    this.#leave()
    if (!lost || this.#management?.resumable === undefined) this.#end()
    else if (this.#session !== undefined) this.#parts.waits(this.#session, this.#management.sent.unacknowledged)
  }

  /** Waits for the client, who may come back on another connection. */
  #leave(): void {
    const { clock, limits, resumptions, budget } = this.#parts
    this.#bearer = undefined
    this.#unanswered?.cancel()
    this.#asked = false
    this.#owed = undefined
    if (this.#over || this.#management?.resumable === undefined) return
    this.#expiry?.cancel()
    this.#expiry = clock.after(limits.hibernationMs, () => this.#end())
    budget.add(this)
    resumptions.waits(this)
  }

  #attach(bearer: Bearer, h: number): Resumption {
    const management = this.#management
    if (management === undefined || this.#session === undefined) return { is: 'failed' }
    const { received, sent } = management
    const domain = this.#session.jid.domain
    // What waited was not sent, so it is not acknowledged; a stream that goes on is active (XEP-0352 §5.2).
    const acknowledged = sent.acknowledge(h)
    this.setActive(true)
    if (!acknowledged) return { is: 'impossible', error: handledTooMuch(h, sent.count) }
    const texts = sent.unacknowledged.map((each) => delayedText(each, domain, bearer.xmlns))
    const other = this.#bearer
    if (other !== undefined) {
      // Both came while what had arrived was being settled: the one that asked last has it.
      this.#leave()
      other.close('conflict', 'The stream was resumed on another connection')
    }
    this.#expiry?.cancel()
    this.#parts.budget.remove(this)
    this.#parts.resumptions.goesOn(this)
    this.#bearer = bearer
    this.#xmlns = bearer.xmlns
    if (texts.length > 0) this.#ask()
    return { is: 'resumed', jid: this.#session.jid.toString(), h: received.h, texts }
  }

  #whenSettled(done: () => void): void {
    const received = this.#management?.received
    if (received === undefined || received.prefix === received.count) return done()
    const settled = (): void => {
      timer.cancel()
      this.#settling.delete(settled)
      done()
    }
    const timer = this.#parts.clock.after(settleMs, settled)
    this.#settling.add(settled)
  }

  #put(text: string): void {
    if (this.#management === undefined) this.#before++
    if (this.#over) return
    const sent = this.#management?.sent
    if (sent === undefined) {
      this.#bearer?.sendText(text)
      return
    }
    sent.push(text, this.#parts.clock.now())
    this.#bearer?.sendText(text)
    this.#ask()
    if (sent.size > this.#parts.limits.unacknowledged) {
      this.#parts.tooMuch()
      this.cutOff()
    } else if (sent.size > longQueue) this.#parts.budget.check()
  }

  /** Once a turn, behind all that is sent in it; the next time when it is answered. */
  #ask(): void {
    if (this.#asked || this.#bearer === undefined) return
    this.#asked = true
    const bearer = this.#bearer
    queueMicrotask(() => {
      if (bearer !== this.#bearer) return
      bearer.sendText(requestText)
      this.#askedAt = this.#management?.sent.count ?? 0
      const { clock, limits } = this.#parts
      this.#unanswered = clock.after(limits.acknowledgementMs, () => bearer.abandon())
    })
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#expiry?.cancel()
    this.#unanswered?.cancel()
    this.#parts.budget.remove(this)
    if (this.#management?.resumable !== undefined) this.#parts.resumptions.ends(this)
    if (this.#session !== undefined) this.#parts.over(this.#session, this.#management?.sent.unacknowledged ?? [])
    for (const settled of [...this.#settling]) settled()
  }

  /** The id by which the stream is resumed. */
  get id(): string | undefined {
    return this.#management?.resumable?.id
  }

  /** Stanzas of the client that were handled. */
  get handled(): number {
    return this.#management?.received.h ?? 0
  }
}
