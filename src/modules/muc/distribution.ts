/**
 * How rooms of this service are spread over others, and others' over us (XEP-0281 §4.2 and §4.5): the requests from service to
 * service, the operator's policy, and the links to peers. What happens inside a room is its replica's business.
 */
import { newShadow } from '../../dmuc/new-replica.js'
import { isClosed, isSource, others, type RoomIdentity, supersedes } from '../../dmuc/replica.js'
import { readTable } from '../../dmuc/wire/hello.js'
import {
  readAccepted,
  readAcceptedKey,
  readReplicate,
  writeAccepted,
  writeReplicate,
} from '../../dmuc/wire/replicate.js'
import { affiliationOf, newRoom, type RoomPolicy } from '../../room/index.js'
import type { Host, Registration } from '../../server/module.js'
import { peerProof } from '../../server/peer-proof.js'
import type { Demand } from '../../server/s2s-policy.js'
import type { Timer } from '../../util/clock.js'
import { child, type Element, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { DmucPolicy } from './dmuc-policy.js'
import { Links } from './links.js'
import type { LiveRoom } from './live-room.js'
import { PeerProofs } from './peer-proofs.js'
import { PeerRates, restMs } from './peer-rates.js'
import { Peers, type Word } from './peers.js'
import type { RoomEnvironment } from './room-environment.js'
import type { Rooms } from './rooms.js'
import { loggedEvent } from './storage.js'

/** A refusal that may pass is tried again after this, then after twice as long, and so on. */
const retryMs = 5000
const maxRetryMs = 10 * 60_000
/** The same where it answers, and says that it has to wait. */
const maxWaitMs = 60_000
/** For an answer to E3. What was granted is granted again. */
const askMs = 10_000

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
}

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

export class Distribution {
  readonly #host: Host
  readonly #policy: DmucPolicy
  readonly #roomPolicy: RoomPolicy
  readonly #rooms: () => Rooms
  /** By which our instances sign. */
  readonly #publicKey: string | undefined
  readonly #links: Links
  readonly #peers: Peers
  readonly #proofs: PeerProofs
  readonly #rates: PeerRates
  /** `room instance`: not listened to for a moment. */
  readonly #resting = new Set<string>()
  /** `room service`: being asked, refused, or waiting to be asked again. */
  readonly #asked = new Map<string, Attempt>()

  constructor(
    host: Host,
    policy: DmucPolicy,
    roomPolicy: RoomPolicy,
    rooms: () => Rooms,
    publicKey: string | undefined,
  ) {
    this.#host = host
    this.#publicKey = publicKey
    this.#policy = policy
    this.#roomPolicy = roomPolicy
    this.#rooms = rooms
    const events = { up: this.#up.bind(this), down: this.#down.bind(this), fault: this.#fault.bind(this) }
    this.#links = new Links(host.domain, host, events, policy.links)
    this.#peers = new Peers(host.domain, policy.allow, host.store)
    this.#rates = new PeerRates(host.clock, policy.peerRate)
    this.#proofs = new PeerProofs(host.domain, policy.auth, host.store)
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

  /** The services that we exchange rooms with, or are told not to. */
  peers(): readonly ServiceFacts[] {
    return this.#peers.known.map((service) => ({
      service,
      allowed: this.#peers.allows(service),
      paused: this.#peers.isPaused(service),
      up: this.#links.isUp(service),
      reason: this.#links.reason(service),
      rooms: this.#sharedWith(service).map(({ jid, replica }) => ({ jid, source: isSource(replica) })),
    }))
  }

  /** The operator's word on a service; durable when it resolves. `deny` also ends what is shared with it. */
  async say(service: string, word: Word): Promise<void> {
    await this.#peers.say(service, word)
    if (word === 'allow') await this.#proofs.forget(service)
    this.#host.log.info({ peer: service }, `The operator says of a peer: ${word}`)
    if (word === 'pause') return this.#down(service, paused)
    if (word === 'allow') return this.resync(service)
    for (const room of this.#sharedWith(service))
      if (isSource(room.replica)) this.#takeBack(room, service)
      else if (domainOf(room.replica.identity.source) === service) this.leave(room)
  }

  /** Greets all instances at this service anew, so that both sides compare what they have. */
  resync(service: string): void {
    for (const room of this.#sharedWith(service)) {
      this.#links.watch(service)
      this.#tell(room, service)
    }
    this.#links.doubt(service)
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
      host.iq('host', 'set', ns.dmuc, 'replicate', (iq, from) => this.#replicate(iq, from)),
      host.iq('host', 'set', ns.dmuc, 'peerhost', (iq, from) => this.#peerhost(iq, from)),
      { kind: 'stop', run: () => this.#links.close() },
    ]
  }

  /** A room came into memory: look after its peers. */
  arrived(room: LiveRoom): void {
    for (const { jid } of others(room.replica)) {
      if (this.#peers.isPaused(domainOf(jid))) this.#lose(room, jid, paused)
      this.#meet(room, domainOf(jid))
    }
    if (room.replica.phase === 'serving') this.#reconcile(room)
    if (others(room.replica).length > 0) this.#signEarlier(room)
  }

  /** What was logged before the last start, or before the room was shared, is signed once. */
  #signEarlier(room: LiveRoom): void {
    this.#host.store.unsigned(room.jid, room.jid).then(
      (last) => room.happen({ type: 'unsigned', last: last.map(loggedEvent) }),
      (error: unknown) => this.#host.log.warn({ room: room.jid, err: error }, 'The log of a room could not be signed'),
    )
  }

  /** A stream to or from this domain broke. */
  interrupted(domain: string): void {
    this.#links.doubt(domain)
  }

  unreachable(peer: string): void {
    this.#links.doubt(Jid.parse(peer).domain)
  }

  changed: RoomEnvironment<LiveRoom>['changed'] = (room, { change }) => {
    const type = 'operation' in change ? change.operation.type : change.type
    const enters = type === 'join' && this.#policy.replicate === 'on-join'
    if (type === 'config' || type === 'unlock' || enters) this.#reconcile(room)
    for (const { jid } of others(room.replica)) this.#links.watch(Jid.parse(jid).domain)
  }

  joined: RoomEnvironment<LiveRoom>['joined'] = (room, instance) => {
    this.#host.log.info({ room: room.jid, peer: instance }, 'A peer holds a shadow of this room now')
    this.#tellOwners(room, `${Jid.parse(instance).domain} holds this room now, as ${instance}`)
  }

  lost: RoomEnvironment<LiveRoom>['lost'] = (room, instance) => {
    const service = Jid.parse(instance).domain
    if (room.replica.room.config.peers.includes(service)) this.#ask(room, service)
  }

  left: RoomEnvironment<LiveRoom>['left'] = (room, instance) => {
    if (isSource(room.replica)) room.happen({ type: 'removed', jid: instance })
  }

  /** Where a joiner's domain belongs to a peer that holds a healthy shadow: that shadow's JID. */
  redirect: RoomEnvironment<LiveRoom>['redirect'] = (room, from) => {
    const service = this.#policy.redirect.get(from.domain)
    if (service === undefined || !isSource(room.replica)) return undefined
    const shadow = others(room.replica).find(({ jid }) => Jid.parse(jid).domain === service)
    return shadow !== undefined && room.replica.peers.get(shadow.jid)?.link === 'up' ? shadow.jid : undefined
  }

  /** Does the room have business with other servers while nobody is in it? */
  needed(room: LiveRoom): boolean {
    return others(room.replica).length > 0
  }

  /** Asks the services that the configuration names, whatever the policy of when; for the operator. */
  distribute(room: LiveRoom): void {
    for (const [key, { underWay }] of this.#asked)
      if (!underWay && key.startsWith(`${room.jid} `)) this.#asked.delete(key)
    this.#reconcile(room, true)
  }

  /** Gives our shadow up; for the operator. Does nothing at a source. */
  leave(room: LiveRoom): void {
    if (!isSource(room.replica)) room.happen({ type: 'removed', jid: room.jid })
  }

  #meet(room: LiveRoom, service: string): void {
    this.#links.watch(service)
    if (this.#links.isUp(service)) this.#tell(room, service)
  }

  #tell(room: LiveRoom, service: string): void {
    if (this.#peers.isPaused(service)) return
    for (const { jid } of others(room.replica))
      if (Jid.parse(jid).domain === service) room.happen({ type: 'link', peer: jid, up: true })
  }

  #up(service: string): void {
    for (const room of this.#rooms().live()) {
      this.#tell(room, service)
      const attempt = this.#asked.get(`${room.jid} ${service}`)
      // The question, or its answer, may have been lost with the link.
      if (attempt !== undefined && (attempt.again !== undefined || attempt.underWay)) this.#askAgain(room.jid, attempt)
    }
  }

  #down(service: string, reason: string): void {
    for (const room of this.#rooms().live())
      for (const { jid } of others(room.replica)) if (domainOf(jid) === service) this.#lose(room, jid, reason)
  }

  #lose(room: LiveRoom, peer: string, reason: string): void {
    room.happen({ type: 'link', peer, up: false, reason, closed: this.#peers.isPaused(domainOf(peer)) })
  }

  #wanted({ replica: { room } }: LiveRoom): readonly string[] {
    return room.config.distributed && !room.locked ? room.config.peers.filter((peer) => peer !== this.#host.domain) : []
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
    if (!this.#peers.allows(service)) return `it is not allowed here: dmucctl peer allow ${service}`
    if (attempt?.underWay === true) return 'it is being asked'
    if (attempt?.refusal !== undefined) return attempt.refusal
    if (this.#policy.replicate === 'manual') return `it was not asked: dmucctl room distribute ${room.jid}`
    if (!this.#isTime(room, service)) return `it is asked once ${this.#policy.onJoinThreshold} of its users are here`
    return `dmucctl room distribute ${room.jid} asks it`
  }

  /** Asks wanted peers that hold no shadow, and takes the room back from those not wanted any more. */
  #reconcile(room: LiveRoom, byOperator = false): void {
    if (!isSource(room.replica) || room.ended) return
    const wanted = this.#wanted(room)
    for (const { jid } of others(room.replica))
      if (!wanted.includes(domainOf(jid))) room.happen({ type: 'removed', jid })
    if (isClosed(room.replica.room)) this.#closed(room)
    if (this.#policy.replicate === 'manual' && !byOperator) return
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
      this.#tellOwners(room, `${domainOf(jid)} cannot enforce who may enter, so it holds this closed room no more`)
    }
  }

  #isTime(room: LiveRoom, service: string): boolean {
    if (this.#policy.replicate === 'immediate') return true
    const theirs = (jid: string): boolean => this.#policy.redirect.get(Jid.parse(jid).domain) === service
    const present = [...room.replica.room.occupants.values()].filter(({ jid }) => theirs(jid))
    return present.length >= this.#policy.onJoinThreshold
  }

  /** E3, and what its answer means. */
  #ask(room: LiveRoom, service: string): void {
    const key = `${room.jid} ${service}`
    const attempt = this.#asked.get(key) ?? { attempts: 0, open: false, underWay: false, again: undefined }
    if (attempt.open) return
    attempt.open = true
    this.#asked.set(key, attempt)
    if (!this.#peers.allows(service)) {
      this.#tellOwners(
        room,
        `${service} was not asked to hold this room: the operator of ${this.#host.domain} does not allow it as a peer`,
      )
      return
    }
    const iq = xml('iq', { type: 'set', from: this.#host.domain, to: service }, writeReplicate(room.replica.identity))
    attempt.underWay = true
    this.#host.router.request(iq, askMs).then(
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
      this.#tellOwners(room, `${service} cannot enforce who may enter, so it was given no shadow of this closed room`)
      return
    }
    this.#links.watch(service, true)
    const key = readAcceptedKey(answer)
    this.#signEarlier(room)
    const users = this.#policy.users(service)
    const kind = named === undefined ? 'plain' : 'sync'
    room.happen({ type: 'replicated', jid, kind, ...(key && { key }), ...(users && { users }) })
    // It may not be wanted any more: then it is taken back.
    this.#reconcile(room)
  }

  #refused(room: LiveRoom, service: string, attempt: Attempt, error: unknown): void {
    attempt.underWay = false
    const refusal = error instanceof StanzaError ? error : new StanzaError('internal-server-error', { cause: error })
    const passing = refusal.type === 'wait' || refusal.condition.startsWith('remote-server')
    const why = refusal.text ?? refusal.condition
    attempt.refusal = `it refused: ${why}${passing ? '; it is asked again' : ''}`
    if (attempt.attempts === 0)
      this.#tellOwners(room, `${service} does not hold this room: ${why}${passing ? '; it will be asked again' : ''}`)
    this.#host.log.warn(
      { room: room.jid, peer: service, condition: refusal.condition },
      `A peer refused to replicate: ${why}`,
    )
    if (!passing) return
    const isAway = refusal.condition.startsWith('remote-server')
    const delayMs = Math.min(isAway ? maxRetryMs : maxWaitMs, retryMs * 2 ** attempt.attempts)
    attempt.attempts += 1
    attempt.again = this.#host.clock.after(delayMs, () => this.#askAgain(room.jid, attempt))
    if (isAway) this.#links.watch(service)
  }

  #askAgain(jid: string, attempt: Attempt): void {
    attempt.again?.cancel()
    attempt.again = undefined
    attempt.open = false
    // It may have been destroyed and made anew meanwhile.
    const room = this.#rooms().get(jid)
    if (room !== undefined) this.#reconcile(room)
  }

  /**
   * The owners in the room, or, where none is there, all of them: these by the service, since clients such as Converse.js take a
   * message from the room to somebody who is not in it for a chat with a person of that address, and then do not open the room.
   */
  #tellOwners(room: LiveRoom, text: string): void {
    const state = room.replica.room
    const present = [...state.occupants.values()]
      .filter((occupant) => occupant.home === room.jid && affiliationOf(state, occupant.jid) === 'owner')
      .flatMap(({ sessions }) => sessions.map(({ jid }) => jid))
    const owners = [...state.register].filter(([, entry]) => entry.affiliation === 'owner').map(([jid]) => jid)
    const there = present.length > 0
    const message = there
      ? xml('message', { from: room.jid, type: 'groupchat' }, xml('body', {}, text))
      : xml('message', { from: this.#host.domain }, xml('body', {}, `${room.jid}: ${text}`))
    room.afterwards(() => this.#host.router.broadcast(message, there ? present : owners))
  }

  /** E3 as a peerhost sees it. */
  async #replicate(iq: Element, from: Jid): Promise<Element> {
    this.verify(iq, from.domain)
    const asked = payload(iq)
    if (from.local !== '' || !this.#peers.allows(from.domain))
      throw new StanzaError('forbidden', { type: 'auth', text: `${from.domain} may not replicate rooms here` })
    const request = asked && readReplicate(asked, this.#host.domain)
    if (request === undefined) throw new StanzaError('bad-request')
    const { shadow, identity } = request
    if (identity !== undefined && Jid.parse(identity.source).domain !== from.domain)
      throw new StanzaError('forbidden', { type: 'auth', text: 'that room is not yours' })
    return this.#rooms().with(shadow, (found) => {
      if (isOutdated(found, identity)) this.#giveUp(found)
      const room = found?.ended === true ? undefined : found
      if (room !== undefined) {
        const { identity: known } = room.replica
        const same = identity === undefined ? domainOf(known.source) === from.domain : known.roomId === identity.roomId
        const isNewer = identity !== undefined && same && supersedes(identity, known)
        if (!same && identity?.source === known.source) this.#doubtSource(room)
        if (!same || (isSource(room.replica) && !isNewer))
          throw new StanzaError('conflict', { text: 'another room has that address' })
      } else this.#shadow(shadow, from.domain, identity)
      return result(iq, identity === undefined ? undefined : writeAccepted(shadow, this.#publicKey))
    })
  }

  /** Our source has another room at that address by now. Whether ours is over it says to our hello; then it is told to ask again. */
  #doubtSource(room: LiveRoom): never {
    room.happen({ type: 'link', peer: room.replica.identity.source, up: true })
    throw new StanzaError('conflict', { type: 'wait', text: 'the room that was there before is still here' })
  }

  /** What waits for a source that is it no more; the new one is told to ask again where that takes a moment. */
  #giveUp(room: LiveRoom): void {
    if (room.replica.phase === 'requested') return this.#rooms().discard(room)
    this.leave(room)
    throw new StanzaError('resource-constraint', { text: 'what the former source had given is being removed' })
  }

  #shadow(jid: string, firsthost: string, identity: RoomIdentity | undefined): void {
    const held = [...this.#rooms().live()].filter(({ replica }) => domainOf(replica.identity.source) === firsthost)
    if (held.length >= this.#policy.maxShadows)
      throw new StanzaError('resource-constraint', { text: `${firsthost} has as many rooms here as it may have` })
    const source = identity ?? { roomId: this.#host.random.uuid(), source: firsthost, epoch: 0, epochRank: 0 }
    const state = { ...newRoom(jid, this.#roomPolicy), locked: false }
    this.#rooms().adopt(newShadow(state, source, identity === undefined ? 'plain' : 'sync', this.#host.random))
    this.#links.watch(firsthost)
  }

  /** E12: the service of the source tells of the instances. */
  async #peerhost(iq: Element, from: Jid): Promise<Element> {
    this.verify(iq, from.domain)
    const notice = payload(iq)
    const local = notice === undefined ? undefined : child(notice, 'room', ns.dmuc)?.attrs.id
    const jid = Jid.tryParse(`${local}@${this.#host.domain}`)
    if (notice === undefined || local === undefined || jid === undefined) throw new StanzaError('bad-request')
    return this.#rooms().with(jid.toString(), (room) => {
      if (room === undefined) throw new StanzaError('item-not-found')
      if (from.local !== '' || domainOf(room.replica.identity.source) !== from.domain || isSource(room.replica))
        throw new StanzaError('forbidden')
      const table = readTable(child(notice, 'instances', ns.dmucSync))
      if (table !== undefined) {
        room.happen({ type: 'table', table })
        for (const other of others(room.replica)) this.#links.watch(domainOf(other.jid))
      }
      return result(iq)
    })
  }
}

/** It waits for what another source was to give it, before somebody else became the source. */
const isOutdated = (room: LiveRoom | undefined, identity: RoomIdentity | undefined): room is LiveRoom =>
  room !== undefined &&
  identity !== undefined &&
  room.replica.phase !== 'serving' &&
  room.replica.identity.roomId === identity.roomId &&
  supersedes(identity, room.replica.identity)

const paused = 'paused by the operator'

const domainOf = (jid: string): string => Jid.parse(jid).domain
