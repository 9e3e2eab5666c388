/**
 * Rooms that have to come into memory because another service holds them otherwise (./pair-digests.ts): a bounded number at a time, and at a
 * bounded rate, so that neither a long split nor a peer that lies makes us load and greet thousands at once.
 */
import { domainOf } from '../../room/jids.js'
import type { Host } from '../../server/module.js'
import type { Timer } from '../../util/clock.js'
import { TokenBucket } from '../../util/token-bucket.js'
import type { LiveRoom } from './live-room.js'
import type { Rooms } from './rooms.js'

/** At a time: loading, greeting, or catching up; each for so long at most. */
const maxOpen = 50
const openMs = 10_000
/** On account of one service. */
const perSecond = 50
const atFirst = 1000
const lookMs = 100

export class Waking {
  readonly #host: Host
  readonly #rooms: () => Rooms
  readonly #greet: (room: LiveRoom, peer: string) => void
  /** By room: on whose account. */
  readonly #waiting = new Map<string, string>()
  /** By room: until when it counts. */
  readonly #open = new Map<string, number>()
  readonly #rates = new Map<string, TokenBucket>()
  #timer: Timer | undefined

  /** `greet`: has the room greet its instance at that service. */
  constructor(host: Host, rooms: () => Rooms, greet: (room: LiveRoom, peer: string) => void) {
    this.#host = host
    this.#rooms = rooms
    this.#greet = greet
  }

  close(): void {
    this.#waiting.clear()
    this.#timer?.cancel()
  }

  add(peer: string, room: string): void {
    if (!this.#waiting.has(room)) this.#waiting.set(room, peer)
    this.#timer ??= this.#host.clock.after(0, () => this.#go())
  }

  #go(): void {
    const now = this.#host.clock.monotonic()
    for (const [room, until] of this.#open) if (now >= until || !this.#isBusy(room)) this.#open.delete(room)
    for (const [room, peer] of this.#waiting) {
      if (this.#open.size >= maxOpen) break
      if (!this.#rate(peer).take()) continue
      this.#waiting.delete(room)
      this.#open.set(room, now + openMs)
      this.#load(room, peer)
    }
    this.#timer = this.#waiting.size > 0 ? this.#host.clock.after(lookMs, () => this.#go()) : undefined
  }

  /** It greets its peers when it is there, unless it has been in touch with them all the while. */
  #load(room: string, peer: string): void {
    const failed = (error: unknown): void =>
      this.#host.log.warn({ room, err: error }, 'A room could not be loaded to be compared')
    try {
      const loaded = this.#rooms().with(room, (live) => {
        if (live !== undefined && isInTouchWith(live, peer)) this.#greet(live, peer)
      })
      if (loaded instanceof Promise) loaded.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  #isBusy(jid: string): boolean {
    const room = this.#rooms().get(jid)
    return room === undefined || catchesUp(room)
  }

  #rate(peer: string): TokenBucket {
    const known = this.#rates.get(peer) ?? new TokenBucket(this.#host.clock, perSecond, atFirst)
    this.#rates.set(peer, known)
    return known
  }
}

const isInTouchWith = ({ replica }: LiveRoom, service: string): boolean =>
  [...replica.peers].some(([jid, { link }]) => link === 'up' && domainOf(jid) === service)

const catchesUp = ({ replica, ended }: LiveRoom): boolean =>
  !ended && [...replica.peers.values()].some(({ link, pulls }) => link === 'greeting' || pulls.length > 0)
