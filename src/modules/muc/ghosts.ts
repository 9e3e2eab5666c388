/**
 * Ghosts (XEP-0045 §18.1.2): occupants from other servers who are gone, and whose server has not told. Who has been silent for long,
 * whose server's stream broke, or from whom an error came back is pinged (XEP-0199); who is not there leaves with status 333.
 */
import type { Router } from '../../server/router.js'
import type { Clock } from '../../util/clock.js'
import type { Random } from '../../util/random.js'
import { type Element, xml } from '../../xml/element.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

interface Parts {
  readonly router: Router
  readonly clock: Clock
  readonly random: Random
  /** Of silence, before a ping; 0: only who is doubted is pinged. */
  readonly silenceMs: number
  readonly isLocal: (domain: string) => boolean
  /** Is the full JID in the room? */
  readonly isIn: (room: string, session: string) => boolean
  readonly remove: (room: string, session: string) => void
}

interface Watched {
  readonly rooms: Set<string>
  dueAt: number
  missed: number
}

/** Pings that may be on their way at a time, and that may start in one sweep: a sweep is every second. */
const maxAsking = 200
const maxPerSweep = 50
/** After a reason to doubt, and after an unanswered ping: up to twice as long, so that not all go at once. */
const doubtMs = 5000
const retryMs = 15_000
/** The part of the silence by which some wait longer than others, and how many are looked at to find who is due. */
const spread = 0.2
const maxSeen = 1000
/** Unanswered pings in a row before somebody is taken for gone. */
const maxMissed = 2
/** Watched at a time; of more, only errors that come back tell. */
const maxWatched = 500_000

/** The server of the client says that there is none (§18.1.2). */
const gone: ReadonlySet<string> = new Set(['gone', 'item-not-found', 'recipient-unavailable', 'redirect'])
/** The way is closed, which may pass. */
const unreachable: ReadonlySet<string> = new Set(['remote-server-not-found', 'remote-server-timeout'])

export class Ghosts {
  readonly #parts: Parts
  /** By full JID, who was heard last at the end. */
  readonly #watched = new Map<string, Watched>()
  /** When they are asked, sooner than silence would have it. */
  readonly #doubted = new Map<string, number>()
  #asking = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** A client entered a room here. */
  entered(room: string, session: string): void {
    if (this.#parts.isLocal(domainOf(session))) return
    let known = this.#watched.get(session)
    if (known === undefined) {
      if (this.#watched.size >= maxWatched) return
      known = { rooms: new Set(), dueAt: 0, missed: 0 }
    }
    known.rooms.add(room)
    this.#isThere(session, known)
  }

  left(room: string, session: string): void {
    const known = this.#watched.get(session)
    known?.rooms.delete(room)
    if (known?.rooms.size === 0) this.#forget(session)
  }

  /** Something came from it that is no error. */
  heard(session: string): void {
    const known = this.#watched.get(session)
    if (known !== undefined) this.#isThere(session, known)
  }

  /** What it was sent came back. */
  suspect(session: string): void {
    if (this.#watched.has(session)) this.#doubt(session, doubtMs)
  }

  /** A stream to or from this domain broke: its server may have ended, and its clients with it. */
  interrupted(domain: string): void {
    for (const session of this.#watched.keys()) if (domainOf(session) === domain) this.#doubt(session, doubtMs)
  }

  /** To be called every second. */
  sweep(): void {
    const now = this.#parts.clock.monotonic()
    let started = 0
    const mayAsk = (): boolean => this.#asking < maxAsking && started++ < maxPerSweep
    for (const [session, dueAt] of this.#doubted) {
      if (dueAt > now) continue
      if (!mayAsk()) return
      this.#ask(session)
    }
    if (this.#parts.silenceMs === 0) return
    let seen = 0
    for (const [session, { dueAt }] of this.#watched) {
      if (dueAt > now + this.#parts.silenceMs * spread || seen++ >= maxSeen) return
      if (dueAt > now) continue
      if (!mayAsk()) return
      this.#ask(session)
    }
  }

  #doubt(session: string, delayMs: number): void {
    if (this.#doubted.has(session)) return
    this.#doubted.set(session, this.#parts.clock.monotonic() + delayMs * (1 + this.#parts.random.fraction()))
  }

  #isThere(session: string, known: Watched): void {
    this.#doubted.delete(session)
    known.missed = 0
    this.#postpone(session, known)
  }

  #postpone(session: string, known: Watched): void {
    const { clock, random, silenceMs } = this.#parts
    known.dueAt = clock.monotonic() + silenceMs * (1 + spread * (random.fraction() - 0.5))
    this.#watched.delete(session)
    this.#watched.set(session, known)
  }

  #forget(session: string): void {
    this.#watched.delete(session)
    this.#doubted.delete(session)
  }

  #ask(session: string): void {
    this.#doubted.delete(session)
    const known = this.#watched.get(session)
    if (known === undefined) return
    for (const room of known.rooms) if (!this.#parts.isIn(room, session)) known.rooms.delete(room)
    const [room] = known.rooms
    if (room === undefined) return this.#forget(session)
    this.#postpone(session, known)
    this.#question(room, session, xml('ping', { xmlns: ns.ping }), (answer) => {
      // Said by a server without such a client, and by a client that knows no ping: every client knows disco.
      if (answer instanceof StanzaError && answer.condition === 'service-unavailable')
        this.#question(room, session, xml('query', { xmlns: ns.discoInfo }), (second) =>
          this.#judge(session, second, true),
        )
      else this.#judge(session, answer, false)
    })
  }

  #question(room: string, session: string, payload: Element, answered: (answer: Element | StanzaError) => void): void {
    this.#asking += 1
    this.#parts.router.ask(xml('iq', { type: 'get', from: room, to: session }, payload), (answer) => {
      this.#asking -= 1
      answered(answer)
    })
  }

  #judge(session: string, answer: Element | StanzaError, again: boolean): void {
    const known = this.#watched.get(session)
    if (known === undefined) return
    const condition = answer instanceof StanzaError ? answer.condition : undefined
    if (condition !== undefined && unreachable.has(condition)) {
      known.missed += 1
      if (known.missed < maxMissed) return this.#doubt(session, retryMs)
    } else if (condition === undefined || !(gone.has(condition) || (again && condition === 'service-unavailable')))
      return this.#isThere(session, known)
    this.#forget(session)
    for (const room of known.rooms) this.#parts.remove(room, session)
  }
}

/** Of a full JID. */
function domainOf(session: string): string {
  const bare = session.slice(0, session.indexOf('/'))
  return bare.slice(bare.indexOf('@') + 1)
}
