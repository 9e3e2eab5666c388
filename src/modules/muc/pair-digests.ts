/**
 * One digest for all rooms that are shared with another service (docs/dmuc-sync.md §8): asked for once a minute, and when the link comes up.
 * Where it differs the tree is descended to the rooms, and those greet their peers; a room that rests is loaded for that.
 */
import { others, type Replica } from '../../dmuc/replica.js'
import { pairOf, type SharedRoom, SharedRooms, sharedRoom } from '../../dmuc/shared.js'
import {
  askShared,
  maxAsked,
  maxNamed,
  readAsked,
  readShared,
  readUnknown,
  writeShared,
  writeUnknown,
} from '../../dmuc/wire/shared.js'
import { domainOf } from '../../room/jids.js'
import type { Host } from '../../server/module.js'
import type { Timer } from '../../util/clock.js'
import { child, type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { LiveRoom } from './live-room.js'
import type { Rooms } from './rooms.js'
import { Waking } from './waking.js'

const everyMs = 60_000
/** For an answer. */
const answerMs = 10_000
/** A picture of the tree serves all who ask for so long: whoever asks, it is made no more often. */
const pictureMs = 5000
/** Nodes that are looked at in one descent; what is left is found by the next. */
const maxNodes = 1024
/** After that a room which stays as it is and still differs is greeted again, then after twice as long, and so on. */
const inUseMs = 50_000
const wokenMs = 10 * 60_000
const mostMs = 24 * 3_600_000
const maxDoubts = 10_000
/** Rooms in memory that are greeted anew after one descent, and tags that are told. */
const maxGreeted = 100
const maxTold = 4 * maxNamed
const page = 1000

interface Placed extends SharedRoom {
  readonly jid: string
}

interface Picture {
  readonly at: number
  readonly rooms: Promise<SharedRooms<Placed>>
}

interface Found {
  readonly differing: Placed[]
  readonly unknown: string[]
}

interface Doubt {
  /** What we held. */
  readonly digest: string
  readonly until: number
  readonly waitMs: number
}

interface Env {
  readonly host: Host
  readonly rooms: () => Rooms
  /** Services that rooms may be exchanged with, and that we are in touch with. */
  readonly reached: () => readonly string[]
  readonly allows: (service: string) => boolean
  readonly isPaused: (service: string) => boolean
  /** Throws for what a peer has not proved as it must. */
  readonly verify: (stanza: Element, domain: string) => void
  /** Has the room greet its instance there. */
  readonly greet: (room: LiveRoom, service: string) => void
}

export class PairDigests {
  readonly #env: Env
  readonly #waking: Waking
  /** Do they know what we ask? Absent where that is not known. */
  readonly #speaks = new Map<string, boolean>()
  readonly #running = new Set<string>()
  readonly #pictures = new Map<string, Picture>()
  /** By service and tag: rooms that were found to differ. */
  readonly #doubts = new Map<string, Doubt>()
  #timer: Timer | undefined

  constructor(env: Env) {
    this.#env = env
    this.#waking = new Waking(env.host, env.rooms, env.greet)
    this.#later()
  }

  close(): void {
    this.#timer?.cancel()
    this.#waking.close()
  }

  /** Does this service compare as we do? Rooms that are shared with one that does not stay in memory. */
  knows(service: string): boolean {
    return this.#speaks.get(service) === true
  }

  /** A link came up. */
  up(service: string): void {
    this.#compare(service, true)
  }

  /** What another service asks for. */
  async answer(iq: Element, from: Jid): Promise<Element> {
    const asked = readAsked(this.#asked(iq, from))
    if (asked === undefined) throw new StanzaError('bad-request')
    const rooms = await this.#picture(from.domain)
    return result(iq, writeShared(asked.map(({ path, digest }) => rooms.node(path, digest))))
  }

  /** Rooms that it does not know: if it is an instance of them they say hello, as it seems to have lost them. */
  async told(iq: Element, from: Jid): Promise<Element> {
    const tags = readUnknown(this.#asked(iq, from))
    if (tags === undefined) throw new StanzaError('bad-request')
    const rooms = await this.#picture(from.domain)
    this.#act(
      from.domain,
      tags.flatMap((tag) => rooms.get(tag) ?? []),
    )
    return result(iq)
  }

  #asked(iq: Element, from: Jid): Element {
    const { verify, allows, isPaused } = this.#env
    verify(iq, from.domain)
    const asked = payload(iq)
    if (from.local !== '' || !allows(from.domain)) throw new StanzaError('forbidden')
    if (isPaused(from.domain)) throw new StanzaError('recipient-unavailable', { type: 'wait', text: 'paused here' })
    if (asked === undefined) throw new StanzaError('bad-request')
    this.#speaks.set(from.domain, true)
    return asked
  }

  #later(): void {
    this.#timer = this.#env.host.clock.after(everyMs, () => {
      const { host, reached } = this.#env
      for (const peer of reached())
        if (host.domain < peer && this.#speaks.get(peer) !== false) this.#compare(peer, false)
      this.#later()
    })
  }

  /** `isNew`: it may be another release of it by now. */
  #compare(peer: string, isNew: boolean): void {
    if (this.#running.has(peer)) return
    this.#running.add(peer)
    if (isNew) {
      this.#pictures.delete(peer)
      for (const key of this.#doubts.keys()) if (key.startsWith(`${peer} `)) this.#doubts.delete(key)
    }
    this.#descend(peer)
      .catch((error: unknown) => this.#failed(peer, error))
      .finally(() => this.#running.delete(peer))
  }

  async #descend(peer: string): Promise<void> {
    const ours = await this.#picture(peer)
    if (ours.size === 0) return
    const found: Found = { differing: [], unknown: [] }
    const open = ['']
    for (let seen = 0; open.length > 0 && seen < maxNodes; ) {
      const asked = open.splice(0, maxAsked).map((path) => ({ path, digest: ours.digest(path) }))
      seen += asked.length
      const nodes = readShared(await this.#ask(peer, askShared(asked)), asked)
      this.#speaks.set(peer, true)
      for (const node of nodes) {
        const { deeper, differing, unknown } = ours.compare(node)
        open.push(...deeper)
        found.differing.push(...differing)
        found.unknown.push(...unknown)
      }
    }
    if (this.#act(peer, found.differing) > 0)
      this.#env.host.log.info(
        { peer, rooms: found.differing.length },
        'Rooms that rest differ there: they are compared',
      )
    const told = found.unknown.slice(0, maxTold)
    while (told.length > 0) await this.#say(peer, 'set', writeUnknown(told.splice(0, maxNamed)))
  }

  async #ask(peer: string, question: Element): Promise<Element> {
    const answer = child(await this.#say(peer, 'get', question), 'shared', ns.dmucSync)
    if (answer === undefined) throw new StanzaError('undefined-condition', { text: 'no answer that can be read' })
    return answer
  }

  #say(peer: string, type: 'get' | 'set', content: Element): Promise<Element> {
    const { router, domain } = this.#env.host
    return router.request(xml('iq', { type, from: domain, to: peer }, content), answerMs)
  }

  /** One that does not know the question compares room by room, as all did. */
  async #failed(peer: string, error: unknown): Promise<void> {
    if (!(error instanceof StanzaError)) return this.#env.host.log.error({ peer, err: error }, 'Comparing rooms failed')
    if (error.condition !== 'service-unavailable' && error.condition !== 'feature-not-implemented') return
    if (this.#speaks.get(peer) === false) return
    this.#speaks.set(peer, false)
    this.#act(peer, (await this.#picture(peer)).under(''))
  }

  /** How many have to be loaded. A room in memory greets anew if it stays as it is and still differs the next time. */
  #act(peer: string, differing: readonly Placed[]): number {
    const { rooms, greet } = this.#env
    let [greeted, woken] = [0, 0]
    for (const place of differing) {
      const room = rooms().get(place.jid)
      if (!this.#isTime(peer, place, room !== undefined)) continue
      if (room === undefined) {
        this.#waking.add(peer, place.jid)
        woken += 1
      } else if (greeted++ < maxGreeted) greet(room, peer)
    }
    return woken
  }

  /** Not for what is in use, nor for ever for two that cannot agree. */
  #isTime(peer: string, { tag, digest }: Placed, inMemory: boolean): boolean {
    const key = `${peer} ${tag}`
    const now = this.#env.host.clock.monotonic()
    const known = this.#doubts.get(key)
    const again = known?.digest === digest ? known : undefined
    if (again !== undefined && now < again.until) return false
    const waitMs = again === undefined ? (inMemory ? inUseMs : wokenMs) : Math.min(mostMs, again.waitMs * 2)
    this.#doubts.delete(key)
    this.#doubts.set(key, { digest, until: now + waitMs, waitMs })
    const [oldest] = this.#doubts.keys()
    if (this.#doubts.size > maxDoubts && oldest !== undefined) this.#doubts.delete(oldest)
    return again !== undefined || !inMemory
  }

  #picture(peer: string): Promise<SharedRooms<Placed>> {
    const now = this.#env.host.clock.monotonic()
    for (const [other, { at }] of this.#pictures) if (now - at >= pictureMs) this.#pictures.delete(other)
    const known = this.#pictures.get(peer)
    if (known !== undefined) return known.rooms
    const rooms = this.#draw(peer)
    this.#pictures.set(peer, { at: now, rooms })
    rooms.catch(() => this.#pictures.delete(peer))
    return rooms
  }

  /** What is in memory counts before what is stored of it. */
  async #draw(peer: string): Promise<SharedRooms<Placed>> {
    const { host, rooms } = this.#env
    const found: Placed[] = []
    for (let after: string | undefined = ''; after !== undefined; ) {
      const rows: readonly Placed[] = await host.store.resting(host.domain, peer, after, page)
      found.push(...rows)
      after = rows.length < page ? undefined : rows.at(-1)?.tag
    }
    for (const { jid, replica } of rooms().live())
      if (isShared(replica, peer)) found.push({ jid, ...placeOf(replica, host.domain, peer) })
    return new SharedRooms(found)
  }
}

/** Beside what is stored of a room that leaves memory. */
export const placeOf = (replica: Replica, service: string, peer: string): SharedRoom =>
  sharedRoom(pairOf(service, peer), replica)

const isShared = (replica: Replica, peer: string): boolean =>
  replica.phase === 'serving' && others(replica).some(({ jid, kind }) => kind === 'sync' && domainOf(jid) === peer)
