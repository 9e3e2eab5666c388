/** Questions to authoritative servers (XEP-0220 §2.1.2), and what an answer means for the one who waits for it. */
import { type DialbackAnswer, type DomainPair, dialbackError, pairKey } from '../stream/dialback.js'
import type { Clock, Timer } from '../util/clock.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { CarrierUser } from './s2s-carrier.js'
import type { ServerConnection } from './s2s-connection.js'
import type { Failure } from './s2s-failure.js'

export interface Question {
  /** Of ours, which received the key, and the one whose key it is said to be. */
  readonly pair: DomainPair
  /** The id that we gave the stream on which the key came. */
  readonly streamId: string
  readonly key: string
  /**
   * The public key (`pinOf`) that the peer of that stream showed, where only the authoritative server's own certificate, which
   * we check as its client, can prove it.
   */
  readonly shownKey?: string | undefined
}

export interface VerificationParts {
  readonly clock: Clock
  readonly timeoutMs: number
  connectionFor(pair: DomainPair, except: ReadonlySet<ServerConnection>): ServerConnection
}

/** At a time. */
const mostVerifications = 1000

/** All that are open. */
export class Verifications {
  readonly #parts: VerificationParts
  readonly #open = new Map<string, Verification>()
  #closed = false

  constructor(parts: VerificationParts) {
    this.#parts = parts
  }

  /** Never rejects. */
  ask(question: Question): Promise<DialbackAnswer> {
    const of = keyOf(question.pair, question.streamId)
    if (this.#open.size >= mostVerifications)
      return Promise.resolve(dialbackError(new StanzaError('resource-constraint')))
    return new Promise((resolve) => {
      const verification = new Verification(question, this.#parts, (answer) => {
        this.#open.delete(of)
        resolve(answer)
      })
      this.#open.set(of, verification)
      if (this.#closed) verification.abandon()
      else verification.start()
    })
  }

  answered(connection: ServerConnection, pair: DomainPair, streamId: string, answer: DialbackAnswer): void {
    this.#open.get(keyOf(pair, streamId))?.answered(connection, answer)
  }

  /** Nobody is asked from now on. */
  close(): void {
    this.#closed = true
    for (const verification of [...this.#open.values()]) verification.abandon()
  }
}

const keyOf = (pair: DomainPair, streamId: string): string => `${pairKey(pair)} ${streamId}`

class Verification implements CarrierUser<ServerConnection> {
  readonly question: Question
  readonly #parts: VerificationParts
  readonly #done: (answer: DialbackAnswer) => void
  readonly #broken = new Set<ServerConnection>()
  readonly #timer: Timer
  #connection: ServerConnection | undefined
  #joined = false

  /** `done` is called once, last. */
  constructor(question: Question, parts: VerificationParts, done: (answer: DialbackAnswer) => void) {
    this.question = question
    this.#parts = parts
    this.#done = done
    this.#timer = parts.clock.after(parts.timeoutMs, () =>
      this.#settle(failed('remote-server-timeout', `${question.pair.remote} did not answer`)),
    )
  }

  start(): void {
    const connection = this.#parts.connectionFor(this.question.pair, this.#broken)
    this.#connection = connection
    this.#joined = connection.state === 'ready'
    connection.join(this)
  }

  ready(connection: ServerConnection): void {
    connection.verify(this.question.pair, this.question.streamId, this.question.key)
  }

  moved(_from: ServerConnection, to: ServerConnection): void {
    this.#connection = to
    this.#joined = true
    to.join(this)
  }

  /** Only what others opened ends so, and nothing is asked there. */
  closed(): void {}

  /** A connection that was there before may have been dead for long, so one of our own is tried too. */
  lost(connection: ServerConnection, { condition, reason }: Failure): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    if (this.#joined && this.#broken.size === 0) {
      this.#broken.add(connection)
      this.start()
    } else {
      this.#settle(failed(condition === 'remote-server-not-found' ? condition : 'remote-server-timeout', reason))
    }
  }

  /** XEP-0220 §2.5: whatever is wrong at the authoritative server, the initiating one hears that it was not found. */
  answered(connection: ServerConnection, answer: DialbackAnswer): void {
    if (this.#connection !== connection) return
    const { shownKey, pair } = this.question
    if (answer.is === 'valid' && shownKey !== undefined && connection.tls?.peer?.pin !== shownKey)
      this.#settle(dialbackError(new StanzaError('not-authorized', { text: otherKey(pair.remote) })))
    else if (answer.is !== 'error') this.#settle(answer)
    else this.#settle(failed('remote-server-not-found', `the authoritative server said ${answer.error.condition}`))
  }

  abandon(): void {
    this.#settle(failed('remote-server-timeout', 'the server is shutting down'))
  }

  #settle(answer: DialbackAnswer): void {
    this.#timer.cancel()
    const connection = this.#connection
    this.#connection = undefined
    connection?.leave(this)
    this.#done(answer)
  }
}

const otherKey = (domain: string): string =>
  `its certificate is not for clients, and the server of ${domain} shows another one`

const failed = (condition: 'remote-server-not-found' | 'remote-server-timeout', text: string): DialbackAnswer =>
  dialbackError(new StanzaError(condition, { text }))
