/**
 * One client's session, as its stream deals with it: made when the client binds a resource (RFC 6120 §7, XEP-0386), or taken up again
 * when it resumes a stream (XEP-0198), and then stanza by stanza.
 */
import type { Transport } from '../net/transport.js'
import type { InlineBind, InlineBound } from '../stream/bind2.js'
import type { SessionHandler } from '../stream/client-handler.js'
import type { Resumable, Resumption } from '../stream/manage.js'
import type { StreamEnd } from '../stream/stream.js'
import type { Clock } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { Element } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import { type Bearer, ClientOutbox, type ManagementLimits } from './client-outbox.js'
import type { ClientGateway } from './gateway.js'
import type { ReadingPace } from './reading-pace.js'
import type { Resumptions } from './resumptions.js'
import type { SendBudget } from './send-budget.js'
import type { Session } from './session.js'

export interface BindingParts {
  readonly gateway: ClientGateway
  readonly clock: Clock
  readonly budget: SendBudget
  readonly management: ManagementLimits
  readonly resumptions: Resumptions<ClientOutbox>
  readonly log: Logger
  /** Counts a refusal, for the metrics. */
  readonly refused: (condition: string) => void
}

/** The connection that bears the session. */
export interface BindingConnection extends Bearer {
  readonly transport: Transport
  readonly pace: ReadingPace
  /** Is it protected by TLS, or on this machine? */
  readonly secure: boolean
  readonly streamId: string | undefined
  /** What is sent from now on waits for `release`: the client must learn its JID first. */
  hold(): void
  /** There is no session after all: what waited is dropped. */
  drop(): void
  release(): void
  /** What is queued now was sent again at once: the client cannot have read that slowly. */
  resent(): void
  /** See ClientStreamHandler. */
  failed(error: unknown): void
}

export class ClientBinding implements SessionHandler {
  readonly #parts: BindingParts
  readonly #connection: BindingConnection
  readonly #pace: ReadingPace
  #outbox: ClientOutbox | undefined

  constructor(parts: BindingParts, connection: BindingConnection) {
    this.#parts = parts
    this.#connection = connection
    this.#pace = connection.pace
  }

  /** What the client has not acknowledged, in bytes. */
  get backlog(): number {
    return this.#outbox?.backlog ?? 0
  }

  get #session(): Session | undefined {
    return this.#outbox?.session
  }

  inlineFeatures(domain: string): readonly string[] {
    return this.#parts.gateway.inlineFeatures(domain)
  }

  bind(account: Jid, resource: string | undefined): string {
    return this.bindInline(account, { resource, agent: undefined, manage: undefined, requests: [] }).jid
  }

  bindInline(account: Jid, { resource, agent, manage, requests }: InlineBind): InlineBound {
    const { gateway } = this.#parts
    const connection = this.#connection
    const outbox = this.#newOutbox()
    connection.hold()
    // Before the session is there: all that is sent to it counts.
    const resumable = manage && outbox.enable(manage.resume)
    try {
      const session = gateway.bind(account, resource, outbox, {
        remoteAddress: connection.transport.remoteAddress,
        secure: connection.secure,
        streamId: connection.streamId ?? '',
        agent,
      })
      outbox.begin(session)
      this.#outbox = outbox
      return { jid: session.jid.toString(), resumable, results: gateway.enableInline(session, requests) }
    } catch (error) {
      connection.drop()
      outbox.left(connection, false)
      throw error
    }
  }

  #newOutbox(): ClientOutbox {
    const { clock, gateway, budget, management, resumptions, refused } = this.#parts
    return new ClientOutbox(
      {
        clock,
        limits: management,
        resumptions,
        budget,
        waits: (session, rest) => gateway.waits(session, rest),
        over: (session, rest) => gateway.unbind(session, rest),
        tooMuch: () => refused('unacknowledged'),
      },
      this.#connection,
    )
  }

  bound(): void {
    this.#connection.release()
    this.#report('a client is online')
  }

  enable(resume: boolean): Resumable | undefined {
    return this.#outbox?.enable(resume)
  }

  resume(account: Jid, id: string, h: number, answer: (resumption: Resumption) => void): void {
    const { resumptions } = this.#parts
    const outbox = resumptions.find(id, account)
    // What was said under TLS is not sent again without it.
    if (outbox === undefined || (outbox.session?.secure === true && !this.#connection.secure)) {
      const handled = resumptions.formerlyHandled(id, account)
      answer(handled === undefined ? { is: 'failed' } : { is: 'failed', h: handled })
      return
    }
    outbox.resume(this.#connection, h, (resumption) => {
      if (resumption.is === 'resumed') this.#outbox = outbox
      answer(resumption)
    })
  }

  resumed(): void {
    this.#connection.resent()
    this.#report('a client is back')
  }

  requested(): void {
    this.#outbox?.answer()
  }

  acknowledged(h: number): void {
    this.#outbox?.acknowledged(h)
  }

  stanza(stanza: Element): void {
    const session = this.#session
    if (session === undefined || this.#outbox === undefined) return
    const arrived = this.#outbox.arrived()
    const handled = this.#parts.gateway.receive(session, stanza)
    if (handled === undefined) {
      arrived()
      return
    }
    this.#pace.add()
    const settled = (): void => {
      arrived()
      this.#pace.settle()
    }
    // Not `finally`, which makes four promises more for each stanza.
    handled.then(settled, (error: unknown) => {
      this.#connection.failed(error)
      settled()
    })
  }

  takeElement(element: Element): boolean {
    const session = this.#session
    return session !== undefined && this.#parts.gateway.takeElement(session, element)
  }

  /** The stream is over. Returns whether there was a session, which may wait for its client. */
  ended(end: StreamEnd): boolean {
    if (this.#outbox === undefined) return false
    this.#report('a client has left', end.is)
    this.#outbox.left(this.#connection, end.is === 'lost' || isReset(end))
    return true
  }

  #report(what: string, end?: StreamEnd['is']): void {
    const { transport, streamId } = this.#connection
    const { remoteAddress, tls } = transport
    this.#parts.log.info(
      { jid: this.#session?.jid.toString(), address: remoteAddress, tls: tls?.protocol, stream: streamId, end },
      what,
    )
  }
}

/** What it held is the client's still, who logs in anew and goes on. */
const isReset = (end: StreamEnd): boolean => end.is === 'error' && end.by === 'us' && end.error.condition === 'reset'
