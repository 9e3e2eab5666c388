/**
 * How rooms of this service are spread over others, and others' over us (XEP-0281 §4.2 and §4.5): the operator's policy and the links to
 * peers. Who is asked to hold what is ./placement.ts, what others ask of us ./shadows.ts; what happens inside a room is its replica's business.
 */
import { hasPlainSource, isSource, others } from '../../dmuc/replica.js'
import { mayRest } from '../../dmuc/resting.js'
import type { RoomPolicy } from '../../room/index.js'
import { domainOf } from '../../room/jids.js'
import type { Host, Registration } from '../../server/module.js'
import { peerProof } from '../../server/peer-proof.js'
import type { WayToPeers } from '../../server/s2s-links.js'
import type { Demand } from '../../server/s2s-policy.js'
import type { RestingRoom } from '../../store/store.js'
import type { Element } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { DmucPolicy } from './dmuc-policy.js'
import { earlierLogs } from './earlier-heads.js'
import { Links } from './links.js'
import type { LiveRoom } from './live-room.js'
import { Newcomers } from './newcomers.js'
import { PairDigests, placeOf } from './pair-digests.js'
import { PeerProofs } from './peer-proofs.js'
import { PeerRates, restMs } from './peer-rates.js'
import { Peers, type Word } from './peers.js'
import { type AbsentFacts, Placement } from './placement.js'
import type { RoomEnvironment } from './room-environment.js'
import type { Leaving, Rooms } from './rooms.js'
import { leave, Shadows } from './shadows.js'

export interface ServiceFacts {
  readonly service: string
  readonly allowed: boolean
  readonly paused: boolean
  /** Does it answer? */
  readonly up: boolean
  /** Why it does not, in words. */
  readonly reason: string | undefined
  /** What is shared with it and in memory; `source`: ours is the source. */
  readonly rooms: readonly { readonly jid: string; readonly source: boolean }[]
  /** What is shared with it and rests. */
  readonly resting: readonly string[]
}

export class Distribution {
  readonly #host: Host
  readonly #policy: DmucPolicy
  readonly #rooms: () => Rooms
  readonly #links: Links
  readonly #peers: Peers
  readonly #proofs: PeerProofs
  readonly #rates: PeerRates
  /** `room instance`: not listened to for a moment. */
  readonly #resting = new Set<string>()
  readonly #placement: Placement
  readonly #shadows: Shadows
  readonly #newcomers: Newcomers
  readonly #pairs: PairDigests

  constructor(
    host: Host,
    policy: DmucPolicy,
    roomPolicy: RoomPolicy,
    rooms: () => Rooms,
    publicKey: string | undefined,
  ) {
    this.#host = host
    this.#policy = policy
    this.#rooms = rooms
    const events = { up: this.#up.bind(this), down: this.#down.bind(this), fault: this.#fault.bind(this) }
    this.#links = new Links(host.domain, host, events, policy.links)
    this.#peers = new Peers(host.domain, policy.allow, host.store)
    this.#rates = new PeerRates(host.clock, policy.peerRate)
    this.#proofs = new PeerProofs(host.domain, policy.auth, host.store)
    const allows = this.allows.bind(this)
    const watch = this.#links.watch.bind(this.#links)
    const sign = (room: LiveRoom): void => this.#signEarlier(room)
    this.#placement = new Placement({ host, policy, allows, watch, sign, room: (jid) => rooms().get(jid) })
    const exchanges = (peer: string): boolean => allows(peer) && !this.isPaused(peer)
    this.#newcomers = new Newcomers({ host, rooms, allows: exchanges, watch })
    const verify = this.verify.bind(this)
    this.#shadows = new Shadows({ host, policy, roomPolicy, rooms, publicKey, allows, verify, watch })
    this.#pairs = new PairDigests({
      host,
      rooms,
      allows,
      verify,
      reached: () => this.#peers.known.filter((peer) => this.#exchanges(peer)),
      isPaused: this.isPaused.bind(this),
      greet: this.#tell.bind(this),
    })
  }

  #exchanges(service: string): boolean {
    return this.#peers.allows(service) && !this.#peers.isPaused(service) && this.#links.isUp(service)
  }

  /** Before the first room is there. */
  async start(): Promise<void> {
    await this.#peers.start()
    await this.#proofs.start()
  }

  /** What a stream to or from this domain needs, because rooms are exchanged with it. */
  demands(domain: string): Demand | undefined {
    if (!this.#peers.allows(domain)) return undefined
    return this.#proofs.demandsCertificate(domain) ? 'certificate' : 'tls'
  }

  /** Throws for what a peer has not proved as it must; then the link is split. */
  verify(stanza: Element, domain: string): void {
    const fault = this.#fault(domain, stanza)
    if (fault === undefined) return this.#links.heard(domain)
    this.#links.distrust(domain, fault)
    throw new StanzaError('policy-violation', { text: fault })
  }

  /** May rooms be exchanged with it? */
  allows(service: string): boolean {
    return this.#peers.allows(service)
  }

  /** Is nothing to be taken from this service for now? */
  isPaused(service: string): boolean {
    return this.#peers.isPaused(service)
  }

  /** May it be another shadow under a plain source? Then that is found out, and the stanza waits. */
  isNewcomer(room: LiveRoom, stanza: Element, from: Jid, to: Jid): boolean {
    return this.#newcomers.hears(room, stanza, from, to)
  }

  /** May an instance say this now? What it asks is answered with a refusal where not; answers of its own always count. */
  keepsPace(room: LiveRoom, instance: string, stanza: Element): boolean {
    const isQuestion = stanza.name === 'iq' && (stanza.attrs.type === 'get' || stanza.attrs.type === 'set')
    if (stanza.name === 'iq' && !isQuestion) return true
    const key = `${room.jid} ${instance}`
    if (!this.#resting.has(key) && this.#rates.take(domainOf(instance))) return true
    if (isQuestion)
      throw new StanzaError('resource-constraint', {
        type: 'wait',
        text: 'that is too much at once: see [dmuc] peer_rate',
      })
    if (this.#resting.has(key)) return false
    this.#resting.add(key)
    const reason = `it relays more than ${this.#policy.peerRate} stanzas a second ([dmuc] peer_rate): what was missed is fetched`
    room.happen({ type: 'link', peer: instance, up: false, reason })
    this.#host.clock.after(restMs, () => {
      this.#resting.delete(key)
      this.#meet(room, domainOf(instance))
    })
    return false
  }

  #fault(domain: string, stanza: Element): string | undefined {
    return this.#peers.allows(domain) ? this.#proofs.fault(domain, peerProof(stanza)) : undefined
  }

  /** Is it one of those that we exchange rooms with, or are told not to? */
  isPeer(service: string): boolean {
    return this.#peers.known.includes(service)
  }

  /** All of them, in order. */
  peers(): Promise<readonly ServiceFacts[]> {
    return Promise.all(this.#peers.known.map((service) => this.#factsOf(service)))
  }

  async #factsOf(service: string): Promise<ServiceFacts> {
    return {
      service,
      allowed: this.#peers.allows(service),
      paused: this.#peers.isPaused(service),
      up: this.#links.isUp(service),
      reason: this.#links.reason(service),
      rooms: this.#sharedWith(service).map(({ jid, replica }) => ({ jid, source: isSource(replica) })),
      resting: await this.#restingWith(service),
    }
  }

  async #restingWith(service: string): Promise<readonly string[]> {
    const { store, domain } = this.#host
    const found: string[] = []
    for (let after: string | undefined = ''; after !== undefined; ) {
      const rows: readonly RestingRoom[] = await store.resting(domain, service, after, restingPage)
      found.push(...rows.map(({ jid }) => jid))
      after = rows.length < restingPage ? undefined : rows.at(-1)?.tag
    }
    return found.filter((jid) => this.#rooms().get(jid) === undefined)
  }

  /** The operator's word on a service; durable when it resolves. `deny` also ends what is shared with it. */
  async say(service: string, word: Word): Promise<void> {
    await this.#peers.say(service, word)
    if (word === 'allow') await this.#proofs.forget(service)
    this.#host.log.info({ peer: service }, `The operator says of a peer: ${word}`)
    if (word === 'pause') return this.#down(service, paused)
    if (word === 'allow') return this.resync(service)
    const resting = await this.#restingWith(service)
    for (const room of this.#sharedWith(service)) this.#end(room, service)
    for (const jid of resting) await this.#rooms().with(jid, (room) => room && this.#end(room, service))
  }

  /** No room is exchanged with this service any more. */
  #end(room: LiveRoom, service: string): void {
    if (isSource(room.replica)) this.#takeBack(room, service)
    else if (domainOf(room.replica.identity.source) === service) this.leave(room)
    // Who is there under a plain source, nobody but we has let in.
    else if (hasPlainSource(room.replica)) this.#takeBack(room, service)
  }

  /** Greets all instances at this service anew, so that both sides compare what they have. */
  resync(service: string): void {
    this.#links.watch(service)
    for (const room of this.#sharedWith(service)) this.#tell(room, service)
    this.#links.doubt(service)
    this.#links.wake(service)
  }

  #sharedWith(service: string): readonly LiveRoom[] {
    return [...this.#rooms().live()].filter(({ replica }) =>
      others(replica).some(({ jid }) => domainOf(jid) === service),
    )
  }

  #takeBack(room: LiveRoom, service: string): void {
    for (const { jid } of others(room.replica)) if (domainOf(jid) === service) room.happen({ type: 'removed', jid })
  }

  registrations(): readonly Registration[] {
    const host = this.#host
    if (this.#peers.known.length === 0) return []
    return [
      host.feature(ns.dmuc),
      host.feature(ns.dmucSync),
      host.iq('host', 'set', ns.dmuc, 'replicate', (iq, from) => this.#shadows.replicate(iq, from)),
      host.iq('host', 'set', ns.dmuc, 'peerhost', (iq, from) => this.#shadows.peerhost(iq, from)),
      host.iq('host', 'get', ns.dmucSync, 'shared', (iq, from) => this.#pairs.answer(iq, from)),
      host.iq('host', 'set', ns.dmucSync, 'shared', (iq, from) => this.#pairs.told(iq, from)),
      { kind: 'stop', run: () => this.#links.close() },
      { kind: 'stop', run: () => this.#pairs.close() },
    ]
  }

  /** A room came into memory: look after its peers. */
  arrived(room: LiveRoom): void {
    for (const { jid } of others(room.replica)) {
      if (this.#peers.isPaused(domainOf(jid))) this.#lose(room, jid, paused)
      if (room.replica.peers.get(jid)?.link !== 'up') this.#meet(room, domainOf(jid))
    }
    if (room.replica.phase === 'serving') this.#placement.reconcile(room)
    if (others(room.replica).length > 0) this.#signEarlier(room)
  }

  /** What was logged before the last start, or before the room was shared, is signed once. */
  #signEarlier(room: LiveRoom): void {
    earlierLogs(this.#host.store, room.replica).then(
      (earlier) => room.happen(earlier),
      (error: unknown) => this.#host.log.warn({ room: room.jid, err: error }, 'The log of a room could not be signed'),
    )
  }

  /** By which the services of others are reached. */
  through(way: WayToPeers): void {
    this.#links.through(way)
  }

  /** This domain may be there again. */
  reached(domain: string): void {
    this.#links.wake(domain)
  }

  /** A stream to or from this domain broke. */
  interrupted(domain: string): void {
    this.#links.doubt(domain)
  }

  unreachable(peer: string): void {
    this.#links.doubt(domainOf(peer))
  }

  changed: RoomEnvironment<LiveRoom>['changed'] = (room, { change }) => {
    const type = 'operation' in change ? change.operation.type : change.type
    const enters = type === 'join' && this.#policy.replicate === 'on-join'
    if (type === 'config' || type === 'unlock' || enters) this.#placement.reconcile(room)
    for (const { jid } of others(room.replica)) this.#links.watch(domainOf(jid))
  }

  joined: RoomEnvironment<LiveRoom>['joined'] = (room, instance) => {
    this.#host.log.info({ room: room.jid, peer: instance }, 'A peer holds a shadow of this room now')
    this.#placement.tellOwners(room, `${domainOf(instance)} holds this room now, as ${instance}`)
  }

  place: RoomEnvironment<LiveRoom>['place'] = (room) => {
    for (const { jid } of others(room.replica)) this.#links.watch(domainOf(jid))
    this.#placement.reconcile(room)
  }

  /** May this be said by an instance that the source has forgotten (src/dmuc/reinstating.ts)? */
  mayKnowBetter({ replica }: LiveRoom, stanza: Element, from: Jid): boolean {
    if (stanza.name !== 'iq' || stanza.attrs.type !== 'set' || !from.isBare || !isSource(replica)) return false
    const asked = payload(stanza)
    if (asked?.name !== 'hello' || asked.getNS() !== ns.dmucSync || asked.attrs.room !== replica.identity.roomId)
      return false
    return replica.phase === 'serving' && this.allows(from.domain)
  }

  lost: RoomEnvironment<LiveRoom>['lost'] = (room, instance) => {
    this.#placement.lost(room, domainOf(instance))
  }

  left: RoomEnvironment<LiveRoom>['left'] = (room, instance) => {
    if (isSource(room.replica)) room.happen({ type: 'removed', jid: instance })
  }

  /** Where a joiner's domain belongs to a peer that holds a healthy shadow: that shadow's JID. */
  redirect: RoomEnvironment<LiveRoom>['redirect'] = (room, from) => {
    const service = this.#policy.redirect.get(from.domain)
    if (service === undefined || !isSource(room.replica)) return undefined
    const shadow = others(room.replica).find(({ jid }) => domainOf(jid) === service)
    return shadow !== undefined && room.replica.peers.get(shadow.jid)?.link === 'up' ? shadow.jid : undefined
  }

  /** Does the room have business with other servers while nobody is in it? */
  needed(room: LiveRoom): boolean {
    return others(room.replica).length > 0 || room.replica.partings.size > 0
  }

  /** What is written when the room leaves memory although it is shared; undefined where it stays. */
  rest(room: LiveRoom): Exclude<Leaving, string> | undefined {
    const { replica } = room
    const services = others(replica).map(({ jid }) => domainOf(jid))
    if (!services.every((service) => this.#pairs.knows(service)) || this.#placement.isAsking(room)) return undefined
    if (!mayRest(replica, this.#host.clock.now())) return undefined
    return { shared: services.map((peer) => ({ peer, ...placeOf(replica, this.#host.domain, peer) })) }
  }

  /** How often the link to this instance has come up; undefined while it is not. */
  timesUp(instance: string): number | undefined {
    return this.#links.timesUp(domainOf(instance))
  }

  /** The links to those with whom rooms are shared that rest are looked after as well. */
  async lookAfterResting(): Promise<void> {
    for (const peer of await this.#host.store.restingPeers(this.#host.domain)) this.#links.watch(peer)
  }

  /** Asks the services that the configuration names, whatever the policy of when; for the operator. */
  distribute(room: LiveRoom): void {
    this.#placement.distribute(room)
  }

  /** Services that the configuration of the room names and that do not hold it; for the operator. */
  absent(room: LiveRoom): readonly AbsentFacts[] {
    return this.#placement.absent(room)
  }

  /** Gives our shadow up; for the operator. Does nothing at a source. */
  leave(room: LiveRoom): void {
    leave(room)
  }

  #meet(room: LiveRoom, service: string): void {
    this.#links.watch(service)
    if (this.#links.isUp(service)) this.#tell(room, service)
  }

  #tell(room: LiveRoom, service: string): void {
    if (this.#peers.isPaused(service)) return
    for (const { jid } of others(room.replica))
      if (domainOf(jid) === service) room.happen({ type: 'link', peer: jid, up: true })
  }

  #up(service: string): void {
    for (const room of this.#rooms().live()) {
      this.#tell(room, service)
      this.#placement.retry(room, service)
    }
    if (this.#exchanges(service)) this.#pairs.up(service)
  }

  #down(service: string, reason: string): void {
    for (const room of this.#rooms().live())
      for (const { jid } of others(room.replica)) if (domainOf(jid) === service) this.#lose(room, jid, reason)
  }

  #lose(room: LiveRoom, peer: string, reason: string): void {
    room.happen({ type: 'link', peer, up: false, reason, closed: this.#peers.isPaused(domainOf(peer)) })
  }
}

const paused = 'paused by the operator'
const restingPage = 1000
