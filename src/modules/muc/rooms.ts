/**
 * The rooms of a service in memory. A room that is not loaded is never decided on: while it loads, its stanzas queue in
 * order. Rooms without occupants leave memory after a while and come back on use; one that is shared leaves on disk what it is compared by, and
 * goes on where it was (src/dmuc/resting.ts).
 */
import { newSource } from '../../dmuc/new-replica.js'
import type { Replica } from '../../dmuc/replica.js'
import { goesOn, type Memory, memoryOf } from '../../dmuc/resting.js'
import { historyLimit, newRoom } from '../../room/index.js'
import type { LoadedRoom, Write } from '../../store/store.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { LiveRoom } from './live-room.js'
import type { RoomEnvironment } from './room-environment.js'
import { loadedReplica } from './storage.js'

const maxQueued = 1000
/** Shared rooms that leave memory at once. */
const maxResting = 50

interface Waiting {
  use(room: LiveRoom | undefined): void
  fail(error: StanzaError): void
}

type Slot =
  | { readonly state: 'loading'; readonly queue: Waiting[] }
  | { readonly state: 'live'; readonly room: LiveRoom; usedAt: number }

type Live = Extract<Slot, { state: 'live' }>

/** What is stored of a room that rests. Only the run of the process that wrote it goes on from there. */
type Left = Memory & {
  readonly run: string
  /** By instance that it was in touch with: how often the link there had come up. */
  readonly links: readonly (readonly [string, number])[]
}

/** `stays`: others need it in memory; otherwise what it is compared by, where it is shared. */
export type Leaving = 'stays' | 'leaves' | Pick<Extract<Write, { readonly type: 'room.rest' }>, 'shared'>

export class Rooms {
  readonly #slots = new Map<string, Slot>()
  readonly #env: RoomEnvironment<LiveRoom>
  /** Hears of each room that came into memory. */
  readonly #arrived: (room: LiveRoom) => void
  readonly #idleMs: number
  readonly #timesUp: (instance: string) => number | undefined
  /** This run of the process. */
  #run: string | undefined
  /** On their way out. */
  readonly #leaving = new Set<string>()

  /**
   * `idleMs`: for how long a room is not used before it leaves. `timesUp`: how often the link to an instance has come up; undefined while it
   * is not.
   */
  constructor(
    env: Omit<RoomEnvironment<LiveRoom>, 'ended' | 'failed'>,
    arrived: (room: LiveRoom) => void,
    idleMs: number,
    timesUp: (instance: string) => number | undefined,
  ) {
    this.#env = { ...env, ended: (room) => this.#end(room), failed: (room, error) => this.#recover(room, error) }
    this.#arrived = arrived
    this.#idleMs = idleMs
    this.#timesUp = timesUp
  }

  /** Calls `use` with the room, or undefined where there is none: at once if that is known, else in order once it is. */
  with<T>(jid: string, use: (room: LiveRoom | undefined) => T): T | Promise<Awaited<T>> {
    const slot = this.#slots.get(jid)
    if (slot?.state === 'live') {
      slot.usedAt = this.#env.clock.monotonic()
      return use(slot.room)
    }
    const loading = slot ?? this.#load(jid)
    if (loading.queue.length >= maxQueued)
      throw new StanzaError('resource-constraint', { text: 'The room is being loaded' })
    return new Promise<Awaited<T>>((resolve, reject) => {
      loading.queue.push({
        use: (room) => {
          try {
            resolve(use(room) as Awaited<T>)
          } catch (error) {
            reject(error)
          }
        },
        fail: reject,
      })
    })
  }

  /**
   * Calls `use` once `wait` is over, in the place of a room that there is not; who asks for the room meanwhile comes after that. Rejects
   * as `wait` does.
   */
  after<W, T>(jid: string, wait: () => Promise<W>, use: (waited: W) => T | Promise<T>): Promise<T> {
    const slot: Extract<Slot, { state: 'loading' }> = { state: 'loading', queue: [] }
    this.#slots.set(jid, slot)
    const goOn = (use: () => T | Promise<T>): T | Promise<T> => {
      this.#slots.delete(jid)
      try {
        return use()
      } finally {
        // Before anything else arrives.
        this.#resume(jid, slot.queue)
      }
    }
    return wait().then(
      (waited) => goOn(() => use(waited)),
      (error: unknown) => goOn(() => Promise.reject(error)),
    )
  }

  /** Rooms in memory, or on their way there. */
  get size(): number {
    return this.#slots.size
  }

  /** In memory now. */
  get(jid: string): LiveRoom | undefined {
    const slot = this.#slots.get(jid)
    return slot?.state === 'live' ? slot.room : undefined
  }

  *live(): IterableIterator<LiveRoom> {
    for (const slot of this.#slots.values()) if (slot.state === 'live') yield slot.room
  }

  /** A room that nobody has entered yet. Nothing is stored until something happens in it. */
  create(jid: string): LiveRoom {
    return this.adopt(newSource(newRoom(jid, this.#env.policy), this.#env.random))
  }

  /** Takes a new replica into memory; the caller made sure that there is none of this JID. */
  adopt(replica: Replica): LiveRoom {
    const room = new LiveRoom(replica, this.#env, undefined)
    this.#slots.set(room.jid, { state: 'live', room, usedAt: this.#env.clock.monotonic() })
    this.#arrived(room)
    return room
  }

  /** Forgets a room that came to nothing: nothing of it was stored. */
  discard(room: LiveRoom): void {
    room.ended = true
    this.#slots.delete(room.jid)
  }

  /** Rooms with nobody in them and nothing pending leave memory. */
  unloadIdle(leaving: (room: LiveRoom) => Leaving): void {
    const now = this.#env.clock.monotonic()
    for (const [jid, slot] of this.#slots) {
      if (slot.state !== 'live' || now - slot.usedAt < this.#idleMs || !slot.room.idle) continue
      if (slot.room.replica.room.occupants.size > 0) continue
      const what = leaving(slot.room)
      if (what === 'leaves') this.#drop(slot.room)
      else if (what !== 'stays' && this.#leaving.size < maxResting && !this.#leaving.has(jid)) this.#rest(slot, what)
    }
  }

  #drop(room: LiveRoom): void {
    room.ended = true
    this.#slots.delete(room.jid)
  }

  /** Leaves once that is stored, unless something happened meanwhile. */
  #rest(slot: Live, { shared }: Exclude<Leaving, string>): void {
    const { room, usedAt } = slot
    const { jid, replica } = room
    this.#run ??= this.#env.random.token()
    const left: Left = { run: this.#run, links: this.#links(replica), ...memoryOf(replica) }
    const isAsItWas = (): boolean =>
      this.#slots.get(jid) === slot && slot.usedAt === usedAt && room.replica === replica && room.idle
    this.#leaving.add(jid)
    this.#env.store
      .commit([{ type: 'room.rest', room: jid, memory: JSON.stringify(left), shared }])
      .then(() => {
        room.rests = isAsItWas()
        if (room.rests) this.#drop(room)
        else if (!room.ended) this.#wake(jid)
      })
      .catch((error: unknown) =>
        this.#env.log.warn({ room: jid, err: error }, 'A room that is not used stays in memory'),
      )
      .finally(() => this.#leaving.delete(jid))
  }

  /** What is on disk of its rest does not hold any more. */
  #wake(jid: string): void {
    this.#env.store.commit([{ type: 'room.wake', room: jid }]).catch((error: unknown) => {
      this.#env.log.warn({ room: jid, err: error }, 'What a room had left on disk could not be removed')
    })
  }

  /** A stored room as it comes into memory. */
  #replica(loaded: LoadedRoom): Replica {
    const fresh = loadedReplica(loaded, this.#env.random.token())
    if (loaded.memory === undefined) return fresh
    this.#wake(fresh.room.jid)
    const { run, links, ...memory } = JSON.parse(loaded.memory) as Left
    if (run !== this.#run) return fresh
    const unbroken = links.filter(([jid, times]) => this.#timesUp(jid) === times)
    return goesOn(fresh, memory, new Set(unbroken.map(([jid]) => jid)))
  }

  #links({ peers }: Replica): Left['links'] {
    return [...peers].flatMap(([jid, { link }]) => {
      const times = link === 'up' ? this.#timesUp(jid) : undefined
      return times === undefined ? [] : [[jid, times] as const]
    })
  }

  #load(jid: string): Extract<Slot, { state: 'loading' }> {
    const slot: Extract<Slot, { state: 'loading' }> = { state: 'loading', queue: [] }
    this.#slots.set(jid, slot)
    this.#env.store.loadRoom(jid, historyLimit).then(
      (loaded) => {
        if (loaded === undefined) return this.#loaded(jid, slot, undefined)
        const { createdAt } = loaded.room
        const replica = this.#replica(loaded)
        this.#loaded(
          jid,
          slot,
          new LiveRoom(replica, this.#env, {
            createdAt,
            lastArchivedAt: loaded.lastArchivedAt,
            occupants: loaded.occupants,
          }),
        )
      },
      (error: unknown) => {
        this.#env.log.error({ room: jid, err: error }, 'A room could not be loaded')
        this.#slots.delete(jid)
        const refusal = new StanzaError('internal-server-error', { type: 'wait', cause: error })
        for (const { fail } of slot.queue) fail(refusal)
      },
    )
    return slot
  }

  #loaded(jid: string, slot: Extract<Slot, { state: 'loading' }>, room: LiveRoom | undefined): void {
    if (room === undefined) this.#slots.delete(jid)
    else {
      this.#slots.set(jid, { state: 'live', room, usedAt: this.#env.clock.monotonic() })
      this.#arrived(room)
    }
    this.#resume(jid, slot.queue)
  }

  /** The first one in the queue may create the room that the others then find, or make them wait again. */
  #resume(jid: string, queue: readonly Waiting[]): void {
    for (const waiting of queue) {
      const slot = this.#slots.get(jid)
      if (slot?.state === 'loading') slot.queue.push(waiting)
      else waiting.use(slot?.room)
    }
  }

  /** The room is over: destroyed, abandoned, or taken back by its source. Its rows are gone. */
  #end(room: LiveRoom): void {
    if (room.ended) return
    room.ended = true
    this.#slots.delete(room.jid)
  }

  /**
   * A batch failed: the room goes back to what is on disk, under a new incarnation, with the occupants it had when all was
   * well. Where not even that can be read, to what it knows was confirmed.
   */
  #recover(room: LiveRoom, error: unknown): void {
    this.#env.log.error({ room: room.jid, err: error }, 'A write failed; the room returns to its last durable state')
    const slot: Extract<Slot, { state: 'loading' }> = { state: 'loading', queue: [] }
    this.#slots.set(room.jid, slot)
    const { durable } = room
    const incarnation = this.#env.random.token()
    const back = (replica: Replica): void => {
      room.restore(replica)
      this.#loaded(room.jid, slot, room)
    }
    this.#env.store.loadRoom(room.jid, historyLimit).then(
      (loaded) => {
        if (loaded?.memory !== undefined) this.#wake(room.jid)
        const fresh = loaded === undefined ? durable : loadedReplica(loaded, incarnation)
        back({ ...fresh, incarnation, nextSeq: 1, room: { ...fresh.room, occupants: durable.room.occupants } })
      },
      () => back({ ...durable, incarnation, nextSeq: 1 }),
    )
  }
}
