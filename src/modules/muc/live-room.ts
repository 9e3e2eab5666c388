/**
 * A room in memory: the pure replica, and the shell that carries out what it wants. Stanzas are decided on synchronously,
 * in order of arrival; what comes of them leaves through the commit queue. Nobody else changes the replica.
 */
import { admit } from '../../dmuc/admit.js'
import { tick } from '../../dmuc/clock.js'
import { occupantIdOf } from '../../dmuc/ids.js'
import type { DmucLimits, Effect, Happening, Question, Replica } from '../../dmuc/replica.js'
import { step } from '../../dmuc/step.js'
import {
  type Command,
  type Context,
  commandFromStanza,
  type Decision,
  type Delivery,
  decide,
  deliverPrivately,
  type RoomPolicy,
  render,
  withReply,
} from '../../room/index.js'
import type { Router } from '../../server/router.js'
import type { Store } from '../../store/store.js'
import type { Clock } from '../../util/clock.js'
import type { Logger } from '../../util/logger.js'
import type { Random } from '../../util/random.js'
import { type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { errorReply, readdress, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { Claims } from './claims.js'
import { CommitQueue } from './commit-queue.js'
import { Expectations } from './expectations.js'
import { Orders } from './pending-orders.js'
import { serveHistory, servePages } from './serve-log.js'
import { logRecord, registerWrites, roomRecord, rosterWrites, tableWrites } from './storage.js'

export interface RoomEnvironment {
  readonly router: Router
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly policy: RoomPolicy
  readonly limits: DmucLimits
  readonly isAdmin: (bareJid: string) => boolean
  readonly mayCreate: (from: Jid) => boolean
  /** Does a joiner belong at a healthy shadow (XEP-0281 §4.5)? Its JID, then. */
  readonly redirect: (room: LiveRoom, from: Jid) => string | undefined
  /** Hears of each change once it is shown. */
  readonly changed: (room: LiveRoom, effect: Extract<Effect, { type: 'change' }>) => void
  /** Something did not reach this instance: its link may be down. */
  readonly unreachable: (instance: string) => void
  /** A shadow gave itself up. */
  readonly left: (room: LiveRoom, instance: string) => void
  /** The room is over; nothing refers to it any more. */
  readonly ended: (room: LiveRoom) => void
  /** A batch failed: what is in memory beyond the disk must go. */
  readonly failed: (room: LiveRoom, error: unknown) => void
}

export class LiveRoom {
  readonly jid: string
  readonly createdAt: number
  replica: Replica
  /** The last state whose batch is confirmed: where a failed write returns to. */
  durable: Replica
  ended = false
  recovering = false
  readonly #env: RoomEnvironment
  readonly #queue: CommitQueue
  readonly #claims = new Claims()
  readonly #orders = new Orders()
  readonly #expectations: Expectations
  #saved: Replica | undefined
  #lastArchivedAt: number

  /** `stored`: it was loaded, so what is on disk is this replica; otherwise everything is written at the first change. */
  constructor(
    replica: Replica,
    env: RoomEnvironment,
    stored: { readonly createdAt: number; readonly lastArchivedAt: number } | undefined,
  ) {
    this.jid = replica.room.jid
    this.replica = replica
    this.durable = replica
    this.createdAt = stored?.createdAt ?? env.clock.now()
    this.#saved = stored === undefined ? undefined : replica
    this.#lastArchivedAt = stored?.lastArchivedAt ?? 0
    this.#env = env
    this.#expectations = new Expectations(env.clock)
    this.#queue = new CommitQueue(env.store, (error) => {
      if (this.recovering || this.ended) return
      this.recovering = true
      env.failed(this, error)
    })
  }

  get idle(): boolean {
    return this.#queue.idle && this.#claims.idle
  }

  /** A stanza from a client, or from whoever is no instance of this room. The promise settles when it was dealt with. */
  receive(stanza: Element, from: Jid): Promise<void> | undefined {
    const held = this.#claims.hold(from.toString(), stanza)
    if (held) return undefined
    if (this.#expectations.answer(stanza, (answer) => void this.#env.router.route(answer))) return undefined
    const command = commandFromStanza(stanza, { instances: new Set(this.replica.table.instances.keys()) })
    if (command === 'ignored') return undefined
    if (command === 'foreign') throw new StanzaError('feature-not-implemented')
    if (command instanceof StanzaError) throw command
    if (this.#redirected(command, stanza, from)) return undefined
    const nick = this.#nickToClaim(command, from)
    if (nick !== undefined) this.#claim(nick, command, stanza, from)
    else this.#execute(command, stanza, from, 0)
    return this.#queue.settled()
  }

  /** A stanza from another instance; `from` is its room JID with the occupant as resource, or bare. */
  receiveFromInstance(stanza: Element, from: Jid, to: Jid): Promise<void> | undefined {
    const instance = from.bare().toString()
    if (stanza.name === 'iq' && from.isBare && to.isBare) this.happen({ type: 'request', from: instance, iq: stanza })
    else if (isPrivate(stanza, to)) this.#deliverPrivately(stanza, from, to)
    else {
      if (stanza.attrs.type === 'error') this.#env.unreachable(instance)
      this.happen({ type: 'relayed', from: instance, stanza })
    }
    return this.#queue.settled()
  }

  /** Feeds the replica and carries out what comes of it. */
  happen(happening: Happening): void {
    if (this.ended || this.recovering) return
    this.#carryOut(this.#step(happening))
  }

  /** After a failed write (./rooms.ts). Until then nothing more is decided here. */
  restore(replica: Replica): void {
    this.replica = replica
    this.durable = replica
    this.#saved = replica
    this.recovering = false
  }

  /** Operations of the service's own making: nobody's command. */
  perform(operations: Extract<Happening, { type: 'local' }>['operations']): void {
    this.happen({ type: 'local', operations })
  }

  /** Runs behind everything that is pending. */
  afterwards(run: () => void): void {
    this.#queue.push(run)
  }

  settled(): Promise<void> | undefined {
    return this.#queue.settled()
  }

  #step(happening: Happening): readonly Effect[] {
    const { replica, effects } = step(this.replica, happening, {
      now: this.#env.clock.now(),
      limits: this.#env.limits,
      bounds: this.#env.policy,
    })
    this.replica = replica
    return effects
  }

  #context(from: Jid, grant: number): Context {
    const { clock, random, policy, isAdmin, mayCreate } = this.#env
    const bare = from.bare().toString()
    const { keys, identity, stamp } = this.replica
    const at = clock.now()
    const source = identity.source === this.jid ? undefined : identity.source
    const distributed = this.replica.room.config.distributed || source !== undefined
    return {
      at,
      stamp: tick(stamp, at),
      token: random.token(),
      occupantId: occupantIdOf(keys, identity.roomId, bare),
      policy,
      admin: isAdmin(bare),
      mayCreate: mayCreate(from),
      grant,
      disco: {
        ...(distributed ? { features: [ns.dmuc, ns.dmucSync] } : {}),
        ...(source === undefined ? {} : { source }),
      },
    }
  }

  #execute(command: Command, stanza: Element, from: Jid, grant: number): void {
    const decision = decide(this.replica.room, command, this.#context(from, grant))
    if (decision instanceof StanzaError) return this.#refuse(stanza, decision)
    const admission = admit(this.replica, decision.operations, from.bare().toString())
    if (admission instanceof StanzaError) return this.#refuse(stanza, admission)
    const effects = this.#step({ type: 'local', operations: admission.local })
    const [changes, others] = [effects.filter(isChange), effects.filter((effect) => !isChange(effect))]
    if (admission.orders.length === 0) return this.#finish(others, changes, decision, stanza)
    const token = this.#env.random.token()
    this.#orders.expect(token, admission.orders.length, {
      done: () => this.#finish([], [], decision, stanza),
      failed: (error) => this.#refuse(stanza, error),
    })
    this.#finish(others, changes, { operations: [] }, stanza)
    for (const order of admission.orders) this.happen({ type: 'order', order, token })
  }

  /** What a command came to: writes first, then what clients see with the reply in its place, then what peers are told. */
  #finish(effects: readonly Effect[], changes: readonly Change[], decision: Decision, stanza: Element): void {
    this.#write(effects)
    this.#keepRoster(changes)
    this.#queue.push(
      () => {
        const deliveries = withReply(changes.flatMap(deliveriesOf), decision.reply)
        for (const delivery of deliveries) this.#deliver(delivery)
        for (const delivery of decision.deliveries ?? []) this.#deliver(delivery)
        for (const { home, target, stanza: relayed } of decision.relays ?? [])
          void this.#env.router.route(readdress(relayed, { to: `${home}/${target}` }))
        if (decision.expects !== undefined) this.#expectations.expect(decision.expects)
        for (const change of changes) this.#env.changed(this, change)
      },
      (error) => this.#answer(stanza, notStored(error)),
    )
    this.#carryOut(
      effects.filter((effect) => effect.type !== 'log' && effect.type !== 'save' && effect.type !== 'floor'),
    )
  }

  #refuse(stanza: Element, error: StanzaError): void {
    this.#queue.push(
      () => this.#answer(stanza, error),
      (failure) => this.#answer(stanza, notStored(failure)),
    )
  }

  #answer(stanza: Element, error: StanzaError): void {
    const reply = errorReply(stanza, error)
    if (reply !== undefined) void this.#env.router.route(reply)
  }

  #deliver({ to, stanza }: Delivery): void {
    this.#env.router.broadcast(stanza, to)
  }

  #carryOut(effects: readonly Effect[]): void {
    this.#write(effects)
    this.#keepRoster(effects.filter(isChange))
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: Effect): void {
    const { router, log } = this.#env
    switch (effect.type) {
      case 'log':
      case 'save':
      case 'floor':
        return
      case 'change':
        return this.#queue.push(() => {
          for (const delivery of deliveriesOf(effect)) this.#deliver(delivery)
          this.#env.changed(this, effect)
        })
      case 'send':
        return this.#queue.push(() => void router.route(effect.stanza))
      case 'ask':
        return this.#queue.push(() => this.#ask(effect.iq, effect.question))
      case 'reply':
        return this.#reply(effect.iq, effect.payload)
      case 'serve':
        return this.#queue.push(() => this.#serve(effect.iq, servePages(this.#env, this.jid, effect.ranges)))
      case 'serve-history':
        return this.#queue.push(() => this.#serve(effect.iq, serveHistory(this.#env, this.replica, effect)))
      case 'note':
        return log[effect.level]({ room: this.jid, peer: effect.peer }, effect.text)
      case 'left':
        return this.#queue.push(() => this.#env.left(this, effect.jid))
      case 'end':
        return this.#queue.push(() => this.#env.ended(this))
    }
  }

  #reply(iq: Element, payload: Element | StanzaError | undefined): void {
    if (payload instanceof StanzaError) this.#refuse(iq, payload)
    else
      this.#queue.push(
        () => void this.#env.router.route(result(iq, payload)),
        (error) => this.#answer(iq, notStored(error)),
      )
  }

  #serve(iq: Element, answer: Promise<Element>): void {
    answer.then(
      (payload) => void this.#env.router.route(result(iq, payload)),
      (error: unknown) => this.#answer(iq, notStored(error)),
    )
  }

  #ask(iq: Element, question: Question): void {
    const from = String(iq.attrs.to)
    const answered = (answer: Element | StanzaError): void => {
      if (this.ended) return
      if (answer instanceof StanzaError && unreachable.has(answer.condition)) this.#env.unreachable(from)
      if (question.type === 'order') this.#orders.answered(question.token, answer)
      this.happen({ type: 'answer', from, question, result: answer })
    }
    this.#env.router.request(iq).then(answered, (error: unknown) => answered(asStanzaError(error)))
  }

  /** The rows of the batch: the events, then what else has changed since it was last written. */
  #write(effects: readonly Effect[]): void {
    const events = effects.filter((effect) => effect.type === 'log').map(({ event }) => event)
    const floors = effects.filter((effect) => effect.type === 'floor')
    if (this.#saved === undefined || effects.some(({ type }) => type === 'save') || this.#subjectChanged()) this.#save()
    if (events.length > 0) {
      const records = events.map((event) => logRecord(event, this.#archiveTime()))
      this.#queue.write({ type: 'room.log', room: this.jid, records })
    }
    for (const { vector } of floors)
      for (const { instance, incarnation, contiguous } of vector.entries())
        this.#queue.write({ type: 'room.floor', room: this.jid, instance, incarnation, seq: contiguous })
    if (!this.#queue.idle) this.#rememberDurable()
  }

  #subjectChanged(): boolean {
    return this.#saved !== undefined && this.#saved.room.subject !== this.replica.room.subject
  }

  #save(): void {
    const { replica } = this
    const before = this.#saved
    const nobody: Replica['room']['register'] = new Map()
    this.#queue.write(
      { type: 'room.put', room: roomRecord(replica, this.createdAt) },
      ...registerWrites(this.jid, before?.room.register ?? nobody, replica.room.register),
      ...tableWrites(this.jid, before?.table ?? { revision: -1, instances: new Map() }, replica.table),
    )
    this.#saved = replica
  }

  /** When the batch of this moment is confirmed, what is in memory now is what is on disk. */
  #rememberDurable(): void {
    const { replica } = this
    this.#queue.push(() => {
      this.durable = replica
    })
  }

  /** The room roster on disk: off the hot path, so nothing waits for it. */
  #keepRoster(changes: readonly Change[]): void {
    const [first, last] = [changes[0], changes.at(-1)]
    if (first === undefined || last === undefined) return
    const writes = rosterWrites(first.before, last.after, this.replica.occupantsRevision)
    if (writes.length === 0) return
    this.#queue.push(() => {
      this.#env.store.commit(writes).catch((error: unknown) => {
        this.#env.log.warn({ room: this.jid, err: error }, 'The room roster could not be written; chat goes on')
      })
    })
  }

  /** Local arrival, strictly rising (dmuc.md §3, Order). */
  #archiveTime(): number {
    this.#lastArchivedAt = Math.max(this.#lastArchivedAt + 1, this.#env.clock.now())
    return this.#lastArchivedAt
  }

  /** A new nick at a shadow is asked for at the source first, while it can be reached (dmuc.md §3, Nicks). */
  #nickToClaim(command: Command, from: Jid): string | undefined {
    if (command.type !== 'join' && command.type !== 'presence') return undefined
    const { identity, peers, room } = this.replica
    const link = peers.get(identity.source)?.link
    const kind = this.replica.table.instances.get(identity.source)?.kind
    if (identity.source === this.jid || kind !== 'sync' || (link !== 'up' && link !== 'greeting')) return undefined
    return room.occupants.get(command.nick)?.jid === from.bare().toString() ? undefined : command.nick
  }

  #claim(nick: string, command: Command, stanza: Element, from: Jid): void {
    const refusal = decide(this.replica.room, command, this.#context(from, 0))
    if (refusal instanceof StanzaError) return this.#refuse(stanza, refusal)
    const release = this.#claims.start(from.toString())
    const go = (grant: number): void => {
      this.#execute(command, stanza, from, grant)
      for (const held of release()) this.#receiveAgain(held, from)
    }
    this.#claims.ask(this.#env.router, this.jid, this.replica.identity.source, nick, from.bare().toString()).then(
      (grant) => go(grant),
      (error: unknown) => {
        const failure = asStanzaError(error)
        if (failure.condition !== 'conflict') return go(0)
        this.#refuse(stanza, failure)
        for (const held of release()) this.#receiveAgain(held, from)
      },
    )
  }

  #receiveAgain(stanza: Element, from: Jid): void {
    try {
      void this.receive(stanza, from)
    } catch (thrown) {
      this.#answer(stanza, asStanzaError(thrown))
    }
  }

  /** E20 and E21: a redirect to a healthy shadow, and an invitation to it. */
  #redirected(command: Command, stanza: Element, from: Jid): boolean {
    if (command.type !== 'join' || this.replica.room.occupants.get(command.nick)?.jid === from.bare().toString())
      return false
    const shadow = this.#env.redirect(this, from)
    if (shadow === undefined) return false
    const decision = decide(this.replica.room, command, this.#context(from, 0))
    if (decision instanceof StanzaError) return false
    const password = this.replica.room.config.password
    this.#refuse(stanza, new StanzaError('redirect', { type: 'cancel', uri: `xmpp:${shadow}?join` }))
    const invitation = xml('x', { xmlns: ns.conference, jid: shadow, ...(password === '' ? {} : { password }) })
    this.#queue.push(
      () => void this.#env.router.route(xml('message', { from: this.jid, to: from.toString() }, invitation)),
    )
    return true
  }

  #deliverPrivately(stanza: Element, from: Jid, to: Jid): void {
    const delivery = deliverPrivately(this.replica.room, from.resource, to.resource, stanza)
    if (delivery === undefined) throw new StanzaError('item-not-found')
    this.#queue.push(() => this.#deliver(delivery))
  }
}

type Change = Extract<Effect, { type: 'change' }>

const isChange = (effect: Effect): effect is Change => effect.type === 'change'

const deliveriesOf = ({ before, change, after, late }: Change): readonly Delivery[] =>
  render(before, change, after, { late })

/** From occupant to occupant: a message of another type than groupchat, or an IQ, to a nick. */
const isPrivate = (stanza: Element, to: Jid): boolean =>
  to.isFull &&
  (stanza.name === 'iq' ||
    (stanza.name === 'message' && stanza.attrs.type !== 'groupchat' && stanza.attrs.type !== 'error'))

const unreachable: ReadonlySet<string> = new Set([
  'remote-server-not-found',
  'remote-server-timeout',
  'service-unavailable',
  'recipient-unavailable',
])

const asStanzaError = (thrown: unknown): StanzaError =>
  thrown instanceof StanzaError ? thrown : new StanzaError('internal-server-error', { cause: thrown })

const notStored = (cause: unknown): StanzaError =>
  new StanzaError('internal-server-error', {
    type: 'wait',
    text: 'This could not be stored; nothing was changed',
    cause,
  })
