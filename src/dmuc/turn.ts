/**
 * The working state of one `step`: the replica as it changes, and the effects in the order in which they have to be
 * carried out. Lives no longer than the call; from outside `step` is a function.
 */
import { apply } from '../room/apply.js'
import type { JudgeLimits } from '../room/judge.js'
import type { Change, DurableOperation, EventId, LoggedEvent, Stamp } from '../room/types.js'
import { chained, contentDigest, genesis, linkOf } from './chain.js'
import { compareStamps, noStamp, tick } from './clock.js'
import { stanzaIdOf } from './ids.js'
import {
  type DmucLimits,
  type Effect,
  type InstanceTable,
  isSource,
  type Peer,
  type Replica,
  revisionOf,
} from './replica.js'
import { remembered } from './revisions.js'
import type { Signer } from './signing.js'
import { sealed } from './table-seal.js'
import { Vector } from './vector.js'
import { withVouches } from './vouching.js'

export interface Env {
  /** Wall time in ms since the epoch. */
  readonly now: number
  readonly limits: DmucLimits
  /** Bounds of what others may relay to us. */
  readonly bounds: JudgeLimits
  /** Signs the heads of our log; absent, nothing of ours can be proved by others. */
  readonly signer?: Signer
}

export class Turn {
  replica: Replica
  readonly env: Env
  readonly effects: Effect[] = []

  constructor(replica: Replica, env: Env) {
    this.replica = replica
    this.env = env
  }

  get self(): string {
    return this.replica.room.jid
  }

  change(patch: Partial<Replica>): void {
    const replica = { ...this.replica, ...patch }
    const { table } = this.replica
    this.replica = 'table' in patch || 'identity' in patch ? withVouches(this.#sealed(replica, table)) : replica
  }

  #sealed(replica: Replica, before: InstanceTable): Replica {
    const { signer } = this.env
    const isNew = replica.table !== before && replica.table.signature === undefined
    return isNew && isSource(replica) && signer !== undefined ? sealed(replica, before, signer) : replica
  }

  peer(jid: string): Peer {
    return this.replica.peers.get(jid) ?? newPeer
  }

  changePeer(jid: string, patch: Partial<Peer>): Peer {
    const peer = { ...this.peer(jid), ...patch }
    this.change({ peers: new Map(this.replica.peers).set(jid, peer) })
    return peer
  }

  /** Applies an operation and has it shown; `archived`: it is for the archive alone. */
  perform(change: Change, late = false, archived = false): void {
    const before = this.replica.room
    const after = apply(before, change)
    const numbers = after.registerRevision !== before.registerRevision
    if (numbers || after.register !== before.register || after.config !== before.config)
      this.change({
        rights: remembered(this.replica.rights, this.replica.identity.epoch, before, this.env.limits.maxRevisions),
      })
    this.change({ room: after })
    if (!archived) this.effects.push({ type: 'change', before, change, late, after })
  }

  /** Gives a durable operation of our own the next identity, and logs it. `at`: when it was said, if not now. */
  logOwn(said: DurableOperation, at?: number): LoggedEvent {
    const { incarnation, nextSeq, identity, keys, vector } = this.replica
    const id: EventId = { instance: this.self, incarnation, seq: nextSeq }
    const prev = nextSeq === 1 ? genesis(identity.roomId, id) : this.replica.tip
    const stamp = tick(this.replica.stamp, this.env.now)
    const saidAt = at === undefined ? this.#overtaking(said, stamp) : { ms: at, counter: 0 }
    const operation = said.type === 'subject' ? this.#sourced(said, saidAt) : said
    const event: LoggedEvent = {
      id,
      stamp: saidAt,
      epoch: identity.epoch,
      revision: revisionOf(this.replica.room),
      stanzaId: stanzaIdOf(keys, identity.roomId, id),
      digest: contentDigest(operation),
      prev,
      operation,
    }
    const tip = chained(prev, linkOf(event)!)
    this.change({ nextSeq: nextSeq + 1, stamp, vector: vector.with(id, nextSeq), tip })
    this.effects.push({ type: 'log', event })
    return event
  }

  /** Whoever changes the subject means to replace the present one, be it from a clock too far ahead of ours to follow. */
  #overtaking(operation: DurableOperation, stamp: Stamp): Stamp {
    const { subject } = this.replica.room
    if (operation.type !== 'subject' || subject === undefined) return stamp
    const { sourced = noStamp } = subject
    const present = compareStamps(sourced, subject.stamp) > 0 ? sourced : subject.stamp
    return compareStamps(present, stamp) >= 0 ? tick(present, present.ms) : stamp
  }

  /** What the source sets stays, unless it is replaced by somebody who knew it. */
  #sourced(operation: Extract<DurableOperation, { type: 'subject' }>, stamp: Stamp): DurableOperation {
    const sourced = isSource(this.replica) ? stamp : this.replica.room.subject?.sourced
    return { ...operation, ...(sourced && { sourced }) }
  }

  note(level: 'info' | 'warn', text: string, peer?: string): void {
    this.effects.push({ type: 'note', level, text, ...(peer === undefined ? {} : { peer }) })
  }
}

/** One that was found out in a lie (./lies.ts), as it is known after a restart. */
export const liar = (reason: string): Peer => ({ ...newPeer, lied: reason, diverged: true, lastError: reason })

/** One of whom nothing is known. */
export const newPeer: Peer = {
  link: 'down',
  touches: 0,
  downSince: undefined,
  split: false,
  diverged: false,
  lied: undefined,
  tip: undefined,
  key: undefined,
  keyNumber: undefined,
  lastError: undefined,
  revisions: undefined,
  decisions: undefined,
  overruled: false,
  incarnation: undefined,
  occupants: 0,
  vector: Vector.empty,
  pulls: [],
  pageEvents: undefined,
  hollow: [],
  listWanted: false,
  listAsked: false,
  behind: false,
  historyAsked: false,
  historyLost: 0,
  leftOut: false,
  doubtedSince: undefined,
  told: undefined,
  telling: undefined,
  toldEarlier: undefined,
  tellingEarlier: undefined,
  helloAt: 0,
  retryAt: undefined,
  seenAt: undefined,
  said: undefined,
  held: [],
  through: { askedAt: undefined, quiet: 0, by: undefined, kicks: [] },
  closed: false,
  reachedAt: undefined,
  ordered: undefined,
}
