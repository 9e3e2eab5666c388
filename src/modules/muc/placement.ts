/**
 * Which services hold the rooms of which ours is the source (XEP-0281 §4.2): who is wanted is asked, who is not any more loses its shadow, and
 * the owners hear what came of it.
 */
import { isClosed, isSource, others } from '../../dmuc/replica.js'
import { readAccepted, readAcceptedKey, writeReplicate } from '../../dmuc/wire/replicate.js'
import { affiliationOf } from '../../room/index.js'
import { domainOf } from '../../room/jids.js'
import type { Host } from '../../server/module.js'
import type { Timer } from '../../util/clock.js'
import { type Element, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { DmucPolicy } from './dmuc-policy.js'
import type { LiveRoom } from './live-room.js'

/** A refusal that may pass is tried again after this, then after twice as long, and so on. */
const retryMs = 5000
const maxRetryMs = 10 * 60_000
/** The same where it answers, and says that it has to wait. */
const maxWaitMs = 60_000
/** For an answer to E3. What was granted is granted again. */
const askMs = 10_000

/** To have a peer hold a room. */
interface Attempt {
  attempts: number
  /** Nobody else is to ask. */
  open: boolean
  /** The answer is not here yet. */
  underWay: boolean
  /** When it is asked again. */
  again: Timer | undefined
  /** Why it did not take the room, in words. */
  refusal?: string
}

/** A service that is to hold a room and does not, and why. */
export interface AbsentFacts {
  readonly jid: string
  readonly state: 'not there'
  readonly reason: string
}

interface Env {
  readonly host: Host
  readonly policy: DmucPolicy
  /** May rooms be exchanged with this service? */
  readonly allows: (service: string) => boolean
  readonly watch: (service: string, heard?: boolean) => void
  /** Has what was said before the room was shared signed. */
  readonly sign: (room: LiveRoom) => void
  /** A room in memory. */
  readonly room: (jid: string) => LiveRoom | undefined
}

export class Placement {
  readonly #env: Env
  /** `room service`: being asked, refused, or waiting to be asked again. */
  readonly #asked = new Map<string, Attempt>()

  constructor(env: Env) {
    this.#env = env
  }

  /** Asks the services that the configuration names, whatever the policy of when; for the operator. */
  distribute(room: LiveRoom): void {
    for (const [key, { underWay }] of this.#asked)
      if (!underWay && key.startsWith(`${room.jid} `)) this.#asked.delete(key)
    this.reconcile(room, true)
  }

  /** The way to the service is open again: the question, or its answer, may have been lost with the link. */
  retry(room: LiveRoom, service: string): void {
    const attempt = this.#asked.get(`${room.jid} ${service}`)
    if (attempt !== undefined && (attempt.again !== undefined || attempt.underWay)) this.#askAgain(room.jid, attempt)
  }

  /** Is a service to be asked, or asked again? */
  isAsking(room: LiveRoom): boolean {
    const isOpen = ({ underWay, again }: Attempt): boolean => underWay || again !== undefined
    return [...this.#asked].some(([key, attempt]) => key.startsWith(`${room.jid} `) && isOpen(attempt))
  }

  /** It does not have the room any more. */
  lost(room: LiveRoom, service: string): void {
    if (room.replica.room.config.peers.includes(service)) this.#ask(room, service)
  }

  #wanted({ replica: { room } }: LiveRoom): readonly string[] {
    return room.config.distributed && !room.locked
      ? room.config.peers.filter((peer) => peer !== this.#env.host.domain)
      : []
  }

  /** Services that the configuration of the room names and that do not hold it; for the operator. */
  absent(room: LiveRoom): readonly AbsentFacts[] {
    if (!isSource(room.replica)) return []
    const held = others(room.replica).map(({ jid }) => domainOf(jid))
    return this.#wanted(room)
      .filter((service) => !held.includes(service))
      .map((service) => ({ jid: service, state: 'not there', reason: this.#whyAbsent(room, service) }))
  }

  #whyAbsent(room: LiveRoom, service: string): string {
    const attempt = this.#asked.get(`${room.jid} ${service}`)
    if (!this.#env.allows(service)) return `it is not allowed here: dmucctl peer allow ${service}`
    if (attempt?.underWay === true) return 'it is being asked'
    if (attempt?.refusal !== undefined) return attempt.refusal
    if (this.#env.policy.replicate === 'manual') return `it was not asked: dmucctl room distribute ${room.jid}`
    if (!this.#isTime(room, service))
      return `it is asked once ${this.#env.policy.onJoinThreshold} of its users are here`
    return `dmucctl room distribute ${room.jid} asks it`
  }

  /** Asks wanted peers that hold no shadow, and takes the room back from those not wanted any more. */
  reconcile(room: LiveRoom, byOperator = false): void {
    if (!isSource(room.replica) || room.ended) return
    const wanted = this.#wanted(room)
    // A source that is finding out what it lost may have wanted more than it knows.
    for (const { jid } of room.replica.unsettled === undefined ? others(room.replica) : [])
      if (!wanted.includes(domainOf(jid))) room.happen({ type: 'removed', jid })
    if (isClosed(room.replica.room)) this.#closed(room)
    if (this.#env.policy.replicate === 'manual' && !byOperator) return
    for (const service of wanted) {
      const known = [...room.replica.table.instances.values()].filter(({ jid }) => domainOf(jid) === service)
      const barred = isClosed(room.replica.room) && known.some(({ kind }) => kind === 'plain')
      const held = known.some(({ gone }) => !gone)
      if (!held && !barred && (byOperator || this.#isTime(room, service))) this.#ask(room, service)
    }
  }

  /** Plain peers cannot keep anybody out, so they do not hold a closed room. */
  #closed(room: LiveRoom): void {
    for (const { jid, kind } of others(room.replica)) {
      if (kind !== 'plain') continue
      room.happen({ type: 'removed', jid })
      this.tellOwners(room, `${domainOf(jid)} cannot enforce who may enter, so it holds this closed room no more`)
    }
  }

  #isTime(room: LiveRoom, service: string): boolean {
    if (this.#env.policy.replicate === 'immediate') return true
    const theirs = (jid: string): boolean => this.#env.policy.redirect.get(domainOf(jid)) === service
    const present = [...room.replica.room.occupants.values()].filter(({ jid }) => theirs(jid))
    return present.length >= this.#env.policy.onJoinThreshold
  }

  /** E3, and what its answer means. */
  #ask(room: LiveRoom, service: string): void {
    const key = `${room.jid} ${service}`
    const attempt = this.#asked.get(key) ?? { attempts: 0, open: false, underWay: false, again: undefined }
    if (attempt.open) return
    attempt.open = true
    this.#asked.set(key, attempt)
    if (!this.#env.allows(service)) {
      this.tellOwners(
        room,
        `${service} was not asked to hold this room: the operator of ${this.#env.host.domain} does not allow it as a peer`,
      )
      return
    }
    const iq = xml(
      'iq',
      { type: 'set', from: this.#env.host.domain, to: service },
      writeReplicate(room.replica.identity),
    )
    attempt.underWay = true
    this.#env.host.router.request(iq, askMs).then(
      (answer) => {
        this.#asked.delete(key)
        this.#accepted(room, service, answer)
      },
      (error: unknown) => this.#refused(room, service, attempt, error),
    )
  }

  #accepted(room: LiveRoom, service: string, answer: Element): void {
    const named = readAccepted(answer)
    const jid = named ?? `${Jid.parse(room.jid).local}@${service}`
    if (named === undefined && isClosed(room.replica.room)) {
      this.tellOwners(room, `${service} cannot enforce who may enter, so it was given no shadow of this closed room`)
      return
    }
    this.#env.watch(service, true)
    const key = readAcceptedKey(answer)
    this.#env.sign(room)
    const users = this.#env.policy.users(service)
    const kind = named === undefined ? 'plain' : 'sync'
    room.happen({ type: 'replicated', jid, kind, ...(key && { key }), ...(users && { users }) })
    // It may not be wanted any more: then it is taken back.
    this.reconcile(room)
  }

  #refused(room: LiveRoom, service: string, attempt: Attempt, error: unknown): void {
    attempt.underWay = false
    const refusal = error instanceof StanzaError ? error : new StanzaError('internal-server-error', { cause: error })
    const passing = refusal.type === 'wait' || refusal.condition.startsWith('remote-server')
    const why = refusal.text ?? refusal.condition
    attempt.refusal = `it refused: ${why}${passing ? '; it is asked again' : ''}`
    if (attempt.attempts === 0)
      this.tellOwners(room, `${service} does not hold this room: ${why}${passing ? '; it will be asked again' : ''}`)
    this.#env.host.log.warn(
      { room: room.jid, peer: service, condition: refusal.condition },
      `A peer refused to replicate: ${why}`,
    )
    if (!passing) return
    const isAway = refusal.condition.startsWith('remote-server')
    const delayMs = Math.min(isAway ? maxRetryMs : maxWaitMs, retryMs * 2 ** attempt.attempts)
    attempt.attempts += 1
    attempt.again = this.#env.host.clock.after(delayMs, () => this.#askAgain(room.jid, attempt))
    if (isAway) this.#env.watch(service)
  }

  #askAgain(jid: string, attempt: Attempt): void {
    attempt.again?.cancel()
    attempt.again = undefined
    attempt.open = false
    // It may have been destroyed and made anew meanwhile.
    const room = this.#env.room(jid)
    if (room !== undefined) this.reconcile(room)
  }

  /**
   * The owners in the room, or, where none is there, all of them: these by the service, since clients such as Converse.js take a
   * message from the room to somebody who is not in it for a chat with a person of that address, and then do not open the room.
   */
  tellOwners(room: LiveRoom, text: string): void {
    const state = room.replica.room
    const present = [...state.occupants.values()]
      .filter((occupant) => occupant.home === room.jid && affiliationOf(state, occupant.jid) === 'owner')
      .flatMap(({ sessions }) => sessions.map(({ jid }) => jid))
    const owners = [...state.register].filter(([, entry]) => entry.affiliation === 'owner').map(([jid]) => jid)
    const there = present.length > 0
    const message = there
      ? xml('message', { from: room.jid, type: 'groupchat' }, xml('body', {}, text))
      : xml('message', { from: this.#env.host.domain }, xml('body', {}, `${room.jid}: ${text}`))
    room.afterwards(() => this.#env.host.router.broadcast(message, there ? present : owners))
  }
}
