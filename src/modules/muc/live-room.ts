/**
 * A room in memory: the pure replica, and the shell that carries out what it wants. Stanzas are decided on synchronously,
 * in order of arrival; what comes of them leaves through the commit queue. Nobody else changes the replica.
 */
import { admit } from '../../dmuc/admit.js'
import { tick } from '../../dmuc/clock.js'
import { refusalIn } from '../../dmuc/relayed.js'
import { type Effect, type Happening, occupantIdAt, type Replica } from '../../dmuc/replica.js'
import { step } from '../../dmuc/step.js'
import {
  affiliationOf,
  type Command,
  type CommandOf,
  type Context,
  commandFromStanza,
  type Decision,
  decide,
  type LoggedEvent,
  moderated,
  occupantOf,
  withReply,
} from '../../room/index.js'
import type { Element } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readdress } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { askedCard, Cards } from './cards.js'
import { Effects } from './effects.js'
import { Entrance, type Way } from './entrance.js'
import { Expectations } from './expectations.js'
import { Invitations } from './invitations.js'
import { Orders } from './pending-orders.js'
import { isPrivate, privateRoute, withinReach } from './private-route.js'
import { Rates } from './rates.js'
import { asksArchive } from './read-archive.js'
import type { RoomEnvironment } from './room-environment.js'
import { deliveriesOf, isChange, notStored, RoomOutput, type Stored } from './room-output.js'
import { findMessage } from './serve-log.js'
import { Serving } from './serving.js'
import { unnamed } from './unnamed.js'
import { isLost } from './unreachable.js'

/** `withheld`: it counts here until the source can be asked (src/dmuc/restrictions.ts). */
export type Operated = 'done' | 'withheld'

export class LiveRoom {
  readonly jid: string
  replica: Replica
  ended = false
  /** It left memory, and what it needs to go on is stored. */
  rests = false
  recovering = false
  readonly #env: RoomEnvironment<LiveRoom>
  readonly #output: RoomOutput
  readonly #cards: Cards
  readonly #invitations = new Invitations()
  readonly #orders = new Orders()
  readonly #serving: Serving<LiveRoom>
  readonly #expectations: Expectations
  readonly #entrance: Entrance<LiveRoom>
  readonly #rates: Rates
  readonly #effects: Effects<LiveRoom>

  /** `stored`: it was loaded; otherwise nothing of it is on disk yet. */
  constructor(replica: Replica, env: RoomEnvironment<LiveRoom>, stored: Stored | undefined) {
    this.jid = replica.room.jid
    this.replica = replica
    this.#env = env
    this.#expectations = new Expectations(env.clock)
    this.#rates = new Rates(env.clock, env.rates)
    const { router, store, clock, log } = env
    const { maxCardLength } = env.policy
    this.#cards = new Cards({ jid: this.jid, router, store, clock, log, maxCardLength })
    const parts = { router, store, clock, log, cards: this.#cards, failed: this.#failed }
    this.#output = new RoomOutput(replica, parts, stored)
    this.#serving = new Serving<LiveRoom>(this, env, this.#output)
    const way: Way = {
      refusal: (command, from) => this.#refusal(command, from),
      enter: (command, stanza, from, word) => this.#execute(command, stanza, from, word),
      again: (stanza, from) => void this.receive(stanza, from),
    }
    this.#entrance = new Entrance<LiveRoom>(this, env, this.#output, way, stored?.occupants ?? [])
    const hands = { output: this.#output, serving: this.#serving, entrance: this.#entrance, orders: this.#orders }
    this.#effects = new Effects<LiveRoom>(this, env, { ...hands, cards: this.#cards })
  }

  /** The last state that is confirmed to be on disk. */
  get durable(): Replica {
    return this.#output.durable
  }

  /** When it was made, in milliseconds since the epoch. */
  get createdAt(): number {
    return this.#output.createdAt
  }

  get idle(): boolean {
    return this.#output.idle && this.#entrance.idle
  }

  /** A stanza from a client, or from whoever is no instance of this room. The promise settles when it was dealt with. */
  receive(stanza: Element, from: Jid): Promise<void> | undefined {
    if (this.#entrance.holds(stanza, from)) return undefined
    if (this.#expectations.answer(stanza, (answer) => void this.#env.router.route(answer))) return undefined
    const returned = this.#invitations.returned(stanza)
    if (returned !== undefined) return void this.#env.router.route(returned)
    const command = commandFromStanza(stanza, { instances: new Set(this.replica.table.instances.keys()) })
    if (command === 'ignored') return undefined
    if (command === 'foreign') {
      this.#mayGoOn(undefined, from)
      if (asksArchive(stanza)) return this.#serving.archive(stanza, from)
      throw new StanzaError('feature-not-implemented')
    }
    if (command instanceof StanzaError) throw command
    this.#mayGoOn(command, from)
    if (this.#entrance.keepsOut(command, stanza, from)) return this.#output.settled()
    if (command.type === 'card-get') return this.#serveCard(command, stanza, from)
    if (command.type === 'moderate') return this.#moderate(command, stanza, from)
    this.#execute(command, stanza, from)
    return this.#output.settled()
  }

  /** A stanza from another instance; `from` is its room JID with the occupant as resource, or bare. */
  receiveFromInstance(stanza: Element, from: Jid, to: Jid): Promise<void> | undefined {
    const instance = from.bare().toString()
    if (this.#expectations.answer(stanza, (answer) => void this.#env.router.route(answer))) return undefined
    if (stanza.name === 'iq' && isAnswer(stanza)) return undefined
    const digest = stanza.name === 'iq' && to.isBare ? askedCard(stanza) : undefined
    if (digest !== undefined) return this.#serving.answer(stanza, () => this.#cards.give(digest))
    if (stanza.name === 'iq' && from.isBare && to.isBare) this.happen({ type: 'request', from: instance, iq: stanza })
    else if (isPrivate(stanza, from, to)) this.#passPrivately(stanza, from, to)
    else {
      if (stanza.attrs.type === 'error') {
        if (isLost(stanza)) this.#env.unreachable(instance)
        else if (refusalIn(stanza) === undefined) return undefined
      }
      this.happen({ type: 'relayed', from: instance, stanza })
    }
    return this.#output.settled()
  }

  /** Feeds the replica and carries out what comes of it. */
  happen(happening: Happening): void {
    if (this.ended || this.recovering) return
    this.#carryOut(this.#step(happening))
  }

  /** After a failed write (./rooms.ts). Until then nothing more is decided here. */
  restore(replica: Replica): void {
    this.replica = replica
    this.#output.restore(replica)
    this.recovering = false
  }

  /** Operations of the service's own making: nobody's command. */
  perform(operations: Extract<Happening, { type: 'local' }>['operations']): void {
    this.happen({ type: 'local', operations })
  }

  /**
   * A command of the operator, `from` the service: decided with an owner's rights, and nobody's name is on what comes of it. Resolves once
   * it is durable; rejects with the StanzaError of the refusal.
   */
  async operate(command: Command): Promise<Operated> {
    const context = { ...this.#context(Jid.parse(command.from)), admin: true }
    const decision = decide(this.replica.room, command, context)
    if (decision instanceof StanzaError) throw decision
    const admission = admit(this.replica, decision.operations, command.from, this.#env.limits)
    if (admission instanceof StanzaError) throw admission
    const [order] = admission.orders
    if (order !== undefined)
      throw new StanzaError('not-allowed', { text: `${order.to} decides this: ask the operator of that server` })
    const withheld = { operations: admission.withheld.map(unnamed), actor: command.from }
    this.happen({ type: 'local', operations: admission.local.map(unnamed), withheld })
    await this.#output.stored()
    return admission.withheld.length > 0 ? 'withheld' : 'done'
  }

  /** Takes messages out of history and log for good; what counts them stays. Resolves once that is durable. */
  async erase(stanzaIds: ReadonlySet<string>): Promise<void> {
    const { room } = this.replica
    const history = room.history.filter(({ stanzaId }) => !stanzaIds.has(stanzaId))
    this.replica = { ...this.replica, room: { ...room, history } }
    this.#output.erase(this.replica, stanzaIds)
    await this.#output.stored()
  }

  /** Runs behind everything that is pending. */
  afterwards(run: () => void): void {
    this.#output.push(run)
  }

  /** Resolves when all that has happened so far is durable. */
  stored(): Promise<void> {
    return this.#output.stored()
  }

  settled(): Promise<void> | undefined {
    return this.#output.settled()
  }

  #step(happening: Happening): readonly Effect[] {
    const { replica, effects } = step(this.replica, happening, {
      now: this.#env.clock.now(),
      limits: this.#env.limits,
      bounds: this.#env.policy,
      ...(this.#env.signer && { signer: this.#env.signer }),
    })
    this.replica = replica
    return effects
  }

  #context(from: Jid, more: Pick<Context, 'grant' | 'grantProof' | 'target'> = {}): Context {
    const { clock, random, policy, isAdmin, mayCreate } = this.#env
    const bare = from.bare().toString()
    const { identity, stamp } = this.replica
    const at = clock.now()
    const source = identity.source === this.jid ? undefined : identity.source
    const distributed = this.replica.room.config.distributed || source !== undefined
    return {
      at,
      stamp: tick(stamp, at),
      token: random.token(),
      // Known of who is in the room: an HMAC for each message would cost more than the decision on it.
      occupantId:
        occupantOf(this.replica.room, from.toString())?.occupantId ?? occupantIdAt(this.replica, bare, this.jid),
      policy,
      admin: isAdmin(bare),
      mayCreate: mayCreate(from),
      ...more,
      disco: {
        ...(distributed ? { features: [ns.dmuc, ns.dmucSync] } : {}),
        ...(source === undefined ? {} : { source }),
      },
    }
  }

  /** Why this would be refused now. */
  #refusal(command: Command, from: Jid): StanzaError | undefined {
    const decision = decide(this.replica.room, command, this.#context(from))
    return decision instanceof StanzaError ? decision : undefined
  }

  #execute(
    command: Command,
    stanza: Element,
    from: Jid,
    more?: Pick<Context, 'grant' | 'grantProof' | 'target'>,
  ): void {
    const decided = decide(this.replica.room, command, this.#context(from, more))
    const decision = decided instanceof StanzaError ? decided : withinReach(this.replica, decided)
    if (decision instanceof StanzaError) return this.#output.refuse(stanza, decision)
    const admission = admit(this.replica, decision.operations, from.bare().toString(), this.#env.limits)
    if (admission instanceof StanzaError) return this.#output.refuse(stanza, admission)
    if (decision.card !== undefined) this.#cards.offer(decision.card)
    if (command.type === 'invite') this.#invitations.sent(command)
    const withheld = { operations: admission.withheld, actor: from.bare().toString() }
    const effects = this.#step({ type: 'local', operations: admission.local, withheld })
    if (admission.orders.length === 0) return this.#finish(effects, decision, stanza)
    const token = this.#env.random.token()
    this.#orders.expect(token, admission.orders.length, {
      done: () => this.#finish([], decision, stanza),
      failed: (error) => this.#output.refuse(stanza, error),
    })
    this.#finish(effects, { operations: [] }, stanza)
    for (const order of admission.orders) this.happen({ type: 'order', order, token })
  }

  /** Throws for who is too fast. */
  #mayGoOn(command: Command | undefined, from: Jid): void {
    if (command?.type === 'leave' || command?.type === 'bounce') return
    // XEP-0410: an error would tell a client that asks for itself that it is out.
    if (command?.type === 'private-iq' && this.#isOwn(command, from)) return
    const jid = from.bare().toString()
    const affiliation = affiliationOf(this.replica.room, jid)
    const refusal = this.#rates.take(jid, affiliation === 'owner' || affiliation === 'admin')
    if (refusal !== undefined) throw refusal
  }

  #isOwn({ nick }: CommandOf<'private-iq'>, from: Jid): boolean {
    return occupantOf(this.replica.room, from.toString())?.nick === nick
  }

  /** What it concerns is looked for in the log where it is not in memory any more. */
  #moderate(command: CommandOf<'moderate'>, stanza: Element, from: Jid): Promise<void> | undefined {
    if (moderated(this.replica.room, command.target) !== undefined) {
      this.#execute(command, stanza, from)
      return this.#output.settled()
    }
    const read = (): Promise<LoggedEvent | undefined> => findMessage(this.#env.store, this.jid, command.target)
    return this.#output.read(stanza, read, (target) => {
      if (this.ended) this.#output.answer(stanza, new StanzaError('item-not-found'))
      else if (this.recovering) this.#output.answer(stanza, notStored(undefined))
      else this.#execute(command, stanza, from, target && { target })
    })
  }

  #serveCard(command: Command, iq: Element, from: Jid): Promise<void> | undefined {
    const refusal = decide(this.replica.room, command, this.#context(from))
    if (!(refusal instanceof StanzaError)) return this.#serving.answer(iq, () => this.#cards.card(this.replica))
    this.#output.refuse(iq, refusal)
    return undefined
  }

  /** What a command came to: rows first, then what clients see with the reply in its place, then what peers are told. */
  #finish(effects: readonly Effect[], decision: Decision, stanza: Element): void {
    const changes = effects.filter(isChange)
    this.#output.write(this.replica, effects)
    this.#output.push(
      () => {
        const shown = withReply(changes.flatMap(deliveriesOf), decision.reply)
        this.#output.deliver([...shown, ...(decision.deliveries ?? [])])
        for (const { home, target, stanza: relayed } of decision.relays ?? [])
          void this.#env.router.route(readdress(relayed, { to: `${home}/${target}` }))
        if (decision.expects !== undefined) this.#expectations.expect(decision.expects)
        for (const change of changes) this.#env.changed(this, change)
      },
      (error) => this.#output.answer(stanza, notStored(error)),
    )
    for (const effect of effects) if (!isChange(effect)) this.#effects.carryOut(effect)
  }

  #carryOut(effects: readonly Effect[]): void {
    this.#output.write(this.replica, effects)
    for (const effect of effects) this.#effects.carryOut(effect)
  }

  readonly #failed = (error: unknown): void => {
    if (this.recovering || this.ended) return
    this.recovering = true
    this.#env.failed(this, error)
  }

  /** An IQ goes on under an id of our own, by which its answer finds back. */
  #passPrivately(stanza: Element, from: Jid, to: Jid): void {
    const route = privateRoute(this.replica, stanza, from, to)
    if (route === undefined) throw new StanzaError('recipient-unavailable')
    const id = stanza.name === 'iq' ? this.#env.random.token() : undefined
    this.#output.push(() => {
      if (id === undefined) return this.#output.deliver([route])
      const requester = from.toString()
      const requestId = String(stanza.attrs.id)
      this.#expectations.expect({ id, from: String(route.to[0]), requester, requestId, answerFrom: to.toString() })
      this.#output.deliver([{ ...route, stanza: readdress(route.stanza, { id }) }])
    })
  }
}

const isAnswer = ({ attrs }: Element): boolean => attrs.type === 'result' || attrs.type === 'error'
