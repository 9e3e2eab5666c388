/**
 * What leaves a room: rows to the store, stanzas to clients and peers, all in order and nothing before what it rests on is
 * durable (architecture.md, The way of one message).
 */
import { type Effect, isSource, type Replica } from '../../dmuc/replica.js'
import { asItStands, type Delivery, render } from '../../room/index.js'
import type { Router } from '../../server/router.js'
import type { OccupantRecord, Store, Write } from '../../store/store.js'
import type { Clock } from '../../util/clock.js'
import type { Logger } from '../../util/logger.js'
import { type Element, xml } from '../../xml/element.js'
import { ns } from '../../xmpp/namespaces.js'
import { errorReply, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { Cards } from './cards.js'
import { CommitQueue } from './commit-queue.js'
import { endedWrite } from './ended-rooms.js'
import { inSlices } from './slices.js'
import {
  grantsUpTo,
  logRecord,
  registerWrites,
  retractionWrites,
  roomRecord,
  rosterWrites,
  tableWrites,
} from './storage.js'

export type ChangeEffect = Extract<Effect, { type: 'change' }>

export const isChange = (effect: Effect): effect is ChangeEffect => effect.type === 'change'

/** What the clients here see of a change. */
export const deliveriesOf = ({ before, change, after, late }: ChangeEffect): readonly Delivery[] =>
  render(before, change, after, { late })

export interface OutputParts {
  readonly router: Router
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly cards: Cards
  /** A batch failed; everything that waited for it was answered with an error already. */
  readonly failed: (error: unknown) => void
}

/** What is known of a stored room beside its replica. */
export interface Stored {
  readonly createdAt: number
  /** The newest time in its archive. */
  readonly lastArchivedAt: number
  /** The room roster on disk. */
  readonly occupants: readonly OccupantRecord[]
}

export class RoomOutput {
  /** The last state whose batch is confirmed: where a failed write returns to. */
  durable: Replica
  readonly createdAt: number
  readonly #jid: string
  readonly #parts: OutputParts
  readonly #queue: CommitQueue
  #saved: Replica | undefined
  #lastArchivedAt: number
  /** Its rows are gone, or on their way. */
  #over = false

  /** `stored`: what is on disk is this replica; otherwise everything is written at the first change. */
  constructor(replica: Replica, parts: OutputParts, stored: Stored | undefined) {
    this.durable = replica
    this.createdAt = stored?.createdAt ?? parts.clock.now()
    this.#jid = replica.room.jid
    this.#parts = parts
    const { store, clock, router } = parts
    this.#queue = new CommitQueue(
      store,
      clock,
      () => router.crowded,
      parts.failed,
      (error) => {
        parts.log.error({ room: this.#jid, err: error }, 'Something in a room could not be done')
      },
    )
    this.#saved = stored === undefined ? undefined : replica
    this.#lastArchivedAt = stored?.lastArchivedAt ?? 0
  }

  get idle(): boolean {
    return this.#queue.idle
  }

  /** Settles when everything so far is dealt with; undefined when it is already. */
  settled(): Promise<void> | undefined {
    return this.#queue.settled()
  }

  /** After a failed write: this is what the disk has. */
  restore(replica: Replica): void {
    this.durable = replica
    this.#saved = replica
    this.#over = false
  }

  /** Runs `run` behind everything that is pending, or `fail` if that could not be stored. */
  push(run: () => void, fail?: (error: unknown) => void): void {
    this.#queue.push(run, fail)
  }

  /**
   * The rows of what has just happened, up to `replica`: the events, then what else has changed since it was last written. With its end go
   * all rows of the room, in the same batch: no end is half an end.
   */
  write(replica: Replica, effects: readonly Effect[]): void {
    if (!this.#over) this.#writeRows(replica, effects)
    if (effects.some(({ type }) => type === 'end') && !this.#over) {
      this.#over = true
      this.#queue.write({ type: 'room.delete', jid: this.#jid })
      if (isSource(replica) && replica.table.instances.size > 1)
        this.#queue.write(endedWrite(replica, this.#parts.clock.now()))
    }
    this.#queue.push(() => {
      this.durable = replica
    })
  }

  #writeRows(replica: Replica, effects: readonly Effect[]): void {
    const events = effects.filter((effect) => effect.type === 'log').map(({ event }) => event)
    if (decidesForAll(replica, effects)) this.#queue.sync()
    if (effects.some(({ type }) => type === 'save') || this.#differs(replica)) this.#save(replica)
    if (events.length > 0) {
      const records = events.map((event) =>
        logRecord(asItStands(replica.room, event), this.#archiveTime(), replica.room.config.archive),
      )
      this.#queue.write({ type: 'room.log', room: this.#jid, records })
      this.#queue.write(...events.flatMap((event) => retractionWrites(this.#jid, event)))
    }
    for (const effect of effects)
      if (effect.type === 'head') {
        const { instance, incarnation, ...head } = effect.head
        this.#queue.write({ type: 'room.head', room: this.#jid, instance, incarnation, head })
      }
    for (const effect of effects)
      if (effect.type === 'floor')
        for (const { instance, incarnation, contiguous } of effect.vector.entries())
          this.#queue.write({ type: 'room.floor', room: this.#jid, instance, incarnation, seq: contiguous })
    for (const effect of effects)
      if (effect.type === 'expire') {
        const { instance, incarnation, seq, closed } = effect.floor
        this.#queue.write({ type: 'room.expire', room: this.#jid, instance, incarnation, seq, closed })
      }
    this.#keepRoster(effects.filter(isChange), replica.occupantsRevision)
  }

  /** Resolves when all that was written so far is durable; rejects if it could not be stored. */
  stored(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push(resolve, (error) => reject(notStored(error)))
    })
  }

  /** Erases what these messages said. */
  erase(replica: Replica, stanzaIds: ReadonlySet<string>): void {
    this.#queue.write({ type: 'room.void', room: this.#jid, stanzaIds: [...stanzaIds] })
    this.write(replica, [])
  }

  /** Takes people off the room roster on disk who are not in the room any more. */
  strike(nicks: readonly string[]): void {
    const writes = nicks.map((nick) => ({ type: 'room.occupant.delete', room: this.#jid, nick }) as const)
    if (writes.length > 0) this.#writeRoster(writes)
  }

  /** Once in what runs in its turn, and last: what goes to very many goes on behind it, in slices. */
  deliver(deliveries: readonly Delivery[]): void {
    const [first = [], ...others] = inSlices(deliveries)
    for (const slice of others) this.#queue.follow(() => this.#broadcast(slice))
    this.#broadcast(first)
  }

  #broadcast(deliveries: readonly Delivery[]): void {
    for (const { to, stanza } of deliveries) this.#parts.router.broadcast(stanza, to)
  }

  /** Tells the sender of `stanza` that it is refused, in its turn. */
  refuse(stanza: Element, error: StanzaError): void {
    this.#queue.push(
      () => this.answer(stanza, error),
      (failure) => this.answer(stanza, notStored(failure)),
    )
  }

  /** The same at once. */
  answer(stanza: Element, error: StanzaError): void {
    const reply = errorReply(stanza.name === 'presence' ? askingToEnter(stanza) : stanza, error)
    if (reply !== undefined) void this.#parts.router.route(reply)
  }

  /** Answers an IQ in its turn. */
  reply(iq: Element, payload: Element | StanzaError | undefined): void {
    if (payload instanceof StanzaError) this.refuse(iq, payload)
    else
      this.#queue.push(
        () => void this.#parts.router.route(result(iq, payload)),
        (error) => this.answer(iq, notStored(error)),
      )
  }

  /** Answers an IQ with what has to be read first; settles when that is done. */
  serve(iq: Element, read: () => Promise<Element>): Promise<void> {
    return this.read(iq, read, (payload) => void this.#parts.router.route(result(iq, payload)))
  }

  /** Goes on with what has to be read first, in its turn; `stanza` is answered if that fails. Settles when it is done. */
  read<T>(stanza: Element, read: () => Promise<T>, goOn: (found: T) => void): Promise<void> {
    return new Promise((settle) => {
      const failed = (error: unknown): void =>
        this.answer(stanza, error instanceof StanzaError ? error : notRead(error))
      this.#queue.push(
        () => void read().then(goOn).catch(failed).then(settle),
        (error) => {
          this.answer(stanza, notStored(error))
          settle()
        },
      )
    })
  }

  /** Has anything of the room's own row changed that no `save` announces? */
  #differs({ room, lastGrant }: Replica): boolean {
    const saved = this.#saved
    if (saved === undefined || grantsUpTo(saved.lastGrant) !== grantsUpTo(lastGrant)) return true
    return saved.room.subject !== room.subject || saved.room.locked !== room.locked
  }

  #save(replica: Replica): void {
    const before = this.#saved
    const nobody: Replica['room']['register'] = new Map()
    this.#queue.write(
      { type: 'room.put', room: roomRecord(replica, this.createdAt) },
      ...registerWrites(this.#jid, before?.room.register ?? nobody, replica.room.register),
      ...this.#parts.cards.writes(before?.room.config.avatar?.card, replica.room.config.avatar?.card),
      ...tableWrites(this.#jid, before?.table ?? { revision: -1, instances: new Map() }, replica.table),
    )
    this.#saved = replica
  }

  /** The room roster on disk: off the hot path, nothing waits for it. */
  #keepRoster(changes: readonly ChangeEffect[], revision: number): void {
    const [first, last] = [changes[0], changes.at(-1)]
    if (first === undefined || last === undefined) return
    const writes = rosterWrites(first.before, last.after, revision)
    if (writes.length > 0) this.#writeRoster(writes)
  }

  #writeRoster(writes: readonly Write[]): void {
    const { store, log } = this.#parts
    this.#queue.push(() => {
      if (this.#over) return
      store.commit(writes).catch((error: unknown) => {
        log.warn({ room: this.#jid, err: error }, 'The room roster could not be written; chat goes on')
      })
    })
  }

  /** Local arrival, strictly rising (dmuc.md §3, Order). */
  #archiveTime(): number {
    this.#lastArchivedAt = Math.max(this.#lastArchivedAt + 1, this.#parts.clock.now())
    return this.#lastArchivedAt
  }
}

/** What a source numbers is never taken back by a loss of power, since others have it (dmuc.md §3, Revisions). */
const decidesForAll = (replica: Replica, effects: readonly Effect[]): boolean =>
  isSource(replica) && replica.table.instances.size > 1 && effects.some(({ type }) => type === 'save')

/** A refused nick change is answered as a refused entry is (XEP-0045 §7.6): with the same element, which it did not carry. */
const askingToEnter = (presence: Element): Element => xml('presence', presence.attrs, xml('x', { xmlns: ns.muc }))

const notRead = (cause: unknown): StanzaError =>
  new StanzaError('internal-server-error', { type: 'wait', text: 'This could not be read', cause })

export const notStored = (cause: unknown): StanzaError =>
  new StanzaError('internal-server-error', {
    type: 'wait',
    text: 'This could not be stored; nothing was changed',
    cause,
  })
