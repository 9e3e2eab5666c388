/**
 * The service of rooms: which stanza concerns which room, which rooms there are. A room itself is src/room and src/dmuc; how it lives
 * here is ./live-room.ts.
 */
import { occupantIdOf } from '../../dmuc/ids.js'
import { isSource, otherInstance, others, type Peer } from '../../dmuc/replica.js'
import type { Signer } from '../../dmuc/signing.js'
import {
  isAbandoned,
  leaveAll,
  notInRoom,
  type Operation,
  occupantOf,
  operationOf,
  type RoomPolicy,
  type RoomState,
  removeSession,
  sameConfig,
} from '../../room/index.js'
import type { Handled, Host, ListedItems, ListPage } from '../../server/module.js'
import { child, type Element } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload, readdress } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { Creation } from './creation.js'
import { Distribution } from './distribution.js'
import { dmucPolicy } from './dmuc-policy.js'
import { EndedRooms } from './ended-rooms.js'
import { Retention } from './erasure.js'
import { Ghosts } from './ghosts.js'
import type { LiveRoom } from './live-room.js'
import { Operations } from './operations.js'
import {
  archivePage,
  type DmucValues,
  idleMs,
  lockTimeoutMs,
  logMs,
  rateLimits,
  roomPolicy,
  silenceMs,
  tombstoneMs,
} from './options.js'
import { answerable, concernsRoom, refuseAtService, refuseHidden, refusePaused, refuseUnknown } from './refusals.js'
import type { ChangeEffect } from './room-output.js'
import { Rooms } from './rooms.js'
import { loadDistributed, purgeTemporary } from './start-up.js'
import { looksRelayed } from './strangers.js'
import { Tombstones } from './tombstones.js'

/** The name of the contract. */
export const mucService = 'muc'

const housekeepingMs = 1000

export class MucService {
  readonly rooms: Rooms
  readonly distribution: Distribution
  readonly operations: Operations
  readonly #host: Host
  readonly #policy: RoomPolicy
  readonly #ghosts: Ghosts
  readonly #tombstones: Tombstones
  readonly #ended: EndedRooms
  readonly #lockTimeoutMs: number | undefined
  readonly #creation: Creation
  #retention: Retention | undefined
  #closed = false

  constructor(host: Host, signer?: Signer) {
    this.#host = host
    this.#creation = new Creation(host)
    this.#lockTimeoutMs = lockTimeoutMs(host.options)
    const dmuc = dmucPolicy(host.options.dmuc as DmucValues | undefined)
    const peers = [...dmuc.allow].filter((peer) => peer !== host.domain)
    const policy = roomPolicy(host.options, peers, dmuc.distributedByDefault)
    this.#policy = policy
    this.#tombstones = new Tombstones(host, tombstoneMs(host.options))
    this.#ended = new EndedRooms(host.domain, host.store)
    this.#ghosts = new Ghosts({
      router: host.router,
      clock: host.clock,
      random: host.random,
      silenceMs: silenceMs(host.options),
      isLocal: (domain) => host.isLocal(domain),
      isIn: (room, session) => {
        const live = this.rooms.get(room)
        return live !== undefined && occupantOf(live.replica.room, session) !== undefined
      },
      remove: (room, session) => {
        const live = this.rooms.get(room)
        live?.perform(removeSession(live.replica.room, session))
      },
    })
    this.distribution = new Distribution(host, dmuc, policy, () => this.rooms, signer?.publicKey)
    this.rooms = new Rooms(
      {
        router: host.router,
        store: host.store,
        clock: host.clock,
        random: host.random,
        log: host.log,
        policy,
        limits: dmuc.limits,
        signer,
        archivePage: archivePage(host.options),
        rates: rateLimits(host.options),
        isLocal: (domain) => host.isLocal(domain),
        isAdmin: (jid) => host.admins.has(jid),
        mayCreate: (from) => this.#creation.mayCreate(from),
        redirect: this.distribution.redirect,
        changed: (room, change) => {
          this.distribution.changed(room, change)
          this.#watch(room, change)
          this.#forget(room)
        },
        unreachable: (peer) => this.distribution.unreachable(peer),
        left: this.distribution.left,
        joined: this.distribution.joined,
        place: this.distribution.place,
        lost: this.distribution.lost,
      },
      (room) => {
        this.#hold(room, policy.fixed)
        this.distribution.arrived(room)
      },
      idleMs(host.options),
      (instance) => this.distribution.timesUp(instance),
    )
    const { domain, store } = host
    this.operations = new Operations({
      domain,
      store,
      policy,
      rooms: this.rooms,
      asking: host,
      wanted: async (jid, roomId) => {
        this.#tombstones.lift(jid)
        await this.#ended.lift(roomId)
      },
      create: (room) => this.createRoom(room),
      allows: (service) => this.distribution.allows(service),
      distribute: (room) => this.distribution.distribute(room),
      absent: (room) => this.distribution.absent(room),
    })
  }

  async start(): Promise<void> {
    await this.distribution.start()
    await this.#tombstones.start()
    await this.#ended.start()
    await purgeTemporary(this.#host)
    this.#housekeep()
    loadDistributed(this.#host, this.rooms)
    await this.distribution.lookAfterResting()
    const { domain, store, clock, log } = this.#host
    this.#retention = new Retention({ domain, store, clock, log, rooms: this.rooms, logMs: logMs(this.#host.options) })
  }

  /** What the operator fixed holds for rooms that were made before, too. */
  #hold(room: LiveRoom, fixed: RoomPolicy['fixed']): void {
    const { config, configRevision } = room.replica.room
    if (fixed === undefined || configRevision === 0 || !isSource(room.replica)) return
    if (sameConfig(config, { ...config, ...fixed })) return
    room.perform([{ type: 'config', config: { ...config, ...fixed }, revision: configRevision + 1 }])
  }

  /** Everybody leaves with 332; what is pending is written. */
  async close(): Promise<void> {
    this.#closed = true
    this.#retention?.stop()
    const pending: (Promise<void> | undefined)[] = []
    for (const room of this.rooms.live()) {
      room.perform(leaveAll(room.replica.room))
      pending.push(room.settled())
    }
    await Promise.all(pending)
  }

  /** Makes a persistent room, open to all, with this owner; resolves when it is durable. Does nothing if it exists. */
  async createRoom(room: {
    readonly jid: string
    readonly owner: string
    readonly name: string
    readonly subject: string
  }): Promise<void> {
    const made = await this.rooms.with(room.jid, (known) => known ?? this.#found(room))
    await made.settled()
  }

  #found({ jid, owner, name, subject }: Parameters<MucService['createRoom']>[0]): LiveRoom {
    const room = this.rooms.create(jid)
    this.#tombstones.lift(jid)
    const { keys, identity } = room.replica
    const occupantId = occupantIdOf(keys, identity.roomId, owner)
    const config = { ...room.replica.room.config, name, persistent: true, ...this.#policy.fixed }
    room.perform([
      { type: 'register', jid: owner, entry: { affiliation: 'owner' }, revision: 0 },
      { type: 'config', config, revision: 0 },
      { type: 'unlock' },
    ])
    const nick = owner.slice(0, owner.indexOf('@'))
    if (subject !== '') room.perform([{ type: 'subject', nick, jid: owner, occupantId, text: subject }])
    return room
  }

  /** A stream to or from this domain broke: what was sent to rooms there may be lost. */
  interrupted(domain: string): void {
    this.distribution.interrupted(domain)
    this.#ghosts.interrupted(domain)
  }

  receive(stanza: Element, from: Jid, to: Jid): Handled {
    if (this.distribution.isPaused(from.domain)) return refusePaused(stanza)
    try {
      this.distribution.verify(stanza, from.domain)
    } catch (fault) {
      if (stanza.name === 'iq' && answerable(stanza)) throw fault
      return undefined
    }
    if (to.local === '') return refuseAtService(stanza)
    if (from.isFull) this.#notice(stanza, from)
    const bare = to.bare().toString()
    this.#refuseEnded(stanza, bare)
    return this.rooms.with(bare, (room) => {
      if (room === undefined) return this.#withoutRoom(stanza, from, to)
      return this.#toRoom(room, stanza, from, to)
    })
  }

  /** Who greets a room that was destroyed here may have another one at the same address before it. */
  #refuseEnded(stanza: Element, room: string): void {
    if (stanza.name !== 'iq' || stanza.attrs.type !== 'set') return
    const asked = payload(stanza)
    if (asked?.name !== 'hello' || asked.getNS() !== ns.dmucSync) return
    if (this.#ended.has(room, String(asked.attrs.room)))
      throw new StanzaError('gone', { text: 'the room was destroyed at its source' })
  }

  /** Is the client still there? */
  #notice({ name, attrs }: Element, from: Jid): void {
    if (this.#host.isLocal(from.domain)) return
    if (attrs.type !== 'error') this.#ghosts.heard(from.toString())
    else if (name !== 'iq') this.#ghosts.suspect(from.toString())
  }

  #bury(room: LiveRoom, { config, locked, register }: RoomState, { alternate, reason }: Destroy): void {
    if (!config.persistent || locked || !isSource(room.replica)) return
    const owners = [...register].filter(([, { affiliation }]) => affiliation === 'owner').map(([jid]) => jid)
    const told = { ...(alternate === undefined ? {} : { alternate }), ...(reason === undefined ? {} : { reason }) }
    this.#tombstones.put(room.jid, { owners, ...told })
  }

  #endForGood({ jid, replica: { identity, table } }: LiveRoom): void {
    if (identity.source !== jid || table.instances.size === 1) return
    this.#ended.add(jid, identity.roomId).catch((error: unknown) => {
      this.#host.log.warn({ room: jid, err: error }, 'What is left of destroyed rooms could not be written')
    })
  }

  #watch(room: LiveRoom, { before, change }: ChangeEffect): void {
    const operation = operationOf(change)
    if (operation.type === 'join' && operation.occupant.home === room.jid)
      for (const { jid } of operation.occupant.sessions) this.#ghosts.entered(room.jid, jid)
    else if (operation.type === 'leave' && operation.session !== undefined)
      this.#ghosts.left(room.jid, operation.session)
    else if (operation.type === 'destroy') {
      this.#bury(room, before, operation)
      this.#endForGood(room)
    }
  }

  /** Rooms to list: public, and not hidden for being made or replicated (XEP-0045 §6.3, XEP-0281 §4.3). */
  async publicRooms(page: ListPage): Promise<ListedItems> {
    const { store, domain } = this.#host
    const [rooms, count] = await Promise.all([
      store.rooms(domain, { ...page, publicOnly: true }),
      store.roomCount(domain, true),
    ])
    return { items: rooms.map(({ jid, name }) => ({ jid, name: name || jid.slice(0, jid.indexOf('@')) })), count }
  }

  #toRoom(room: LiveRoom, stanza: Element, from: Jid, to: Jid): Handled {
    const sender = from.bare().toString()
    const { replica } = room
    const fromSource = sender === replica.identity.source && sender !== room.jid
    const binding = replica.phase === 'requested' && from.local !== '' && from.domain === replica.identity.source
    const mayBe = (): boolean => to.isBare && this.distribution.mayKnowBetter(room, stanza, from)
    if (otherInstance(replica, sender) !== undefined || fromSource || binding || mayBe())
      return this.distribution.keepsPace(room, sender, stanza) ? room.receiveFromInstance(stanza, from, to) : undefined
    if (stanza.name === 'message' && replica.table.instances.get(sender)?.gone === true)
      return room.happen({ type: 'relayed', from: sender, stanza })
    if (looksRelayed(stanza, from, to))
      return this.distribution.isNewcomer(room, stanza, from, to) ? undefined : this.#refuseStranger(room, stanza)
    if (replica.phase !== 'serving') return refuseHidden(stanza)
    return room.receive(stanza, from)
  }

  /** An IQ gets an error, anything else none: it may be the last that a peer sent before it was told that it is one no more. */
  #refuseStranger(room: LiveRoom, stanza: Element): undefined {
    const { type, from } = stanza.attrs
    this.#host.log.debug(
      { room: room.jid, from, stanza: stanza.name, type },
      'Somebody speaks like an instance and is none',
    )
    const row = room.replica.table.instances.get(Jid.parse(String(from)).bare().toString())
    if (stanza.name === 'iq' && answerable(stanza)) throw new StanzaError(row?.gone === true ? 'gone' : 'forbidden')
  }

  /** Nobody has made it, or it is gone: joining makes it. */
  #withoutRoom(stanza: Element, from: Jid, to: Jid): Handled {
    const { name, attrs } = stanza
    const sender = from.bare().toString()
    const gone = this.#tombstones.refusal(to.bare().toString(), sender, this.#host.admins.has(sender))
    if (gone !== undefined && concernsRoom(stanza) && !looksRelayed(stanza, from, to)) throw gone
    if (name === 'presence' && attrs.type === undefined && to.isFull) {
      if (looksRelayed(stanza, from, to)) return undefined
      if (child(stanza, 'x', ns.muc) === undefined) {
        void this.#host.router.route(readdress(notInRoom(to.toString()), { to: from.toString() }))
        return undefined
      }
      const refusal = this.#creation.refusal(from, this.rooms.size)
      if (refusal !== undefined) throw refusal
      if (!this.#creation.isCounted(from)) return this.#make(stanza, from, to)
      return this.rooms.after(
        to.bare().toString(),
        () => this.#creation.count(from),
        (done) => this.#make(stanza, from, to, done),
      )
    }
    return refuseUnknown(stanza)
  }

  /** `done` is called when the room is on disk, or came to nothing. */
  #make(stanza: Element, from: Jid, to: Jid, done?: () => void): Handled {
    const room = this.rooms.create(to.bare().toString())
    try {
      return room.receive(stanza, from)
    } finally {
      if (room.replica.room.occupants.size === 0) this.rooms.discard(room)
      else this.#tombstones.lift(room.jid)
      if (done !== undefined) void Promise.resolve(room.settled()).then(done)
    }
  }

  /** A temporary room that everybody has left, as everybody has said by now: its shadows are told. */
  #forget(room: LiveRoom): void {
    if (room.ended || this.#closed || !isSource(room.replica) || !isAbandoned(room.replica.room)) return
    const { peers } = room.replica
    if (others(room.replica).every(({ jid }) => hasSaidWhoIsThere(peers.get(jid)))) room.perform([{ type: 'destroy' }])
  }

  /** A new room that its owner leaves unfinished keeps the name from others no longer (XEP-0045 §10.1.1). */
  #unlessConfigured(room: LiveRoom): void {
    if (room.ended || !room.replica.room.locked || this.#lockTimeoutMs === undefined) return
    if (this.#host.clock.now() - room.createdAt < this.#lockTimeoutMs) return
    room.perform([{ type: 'destroy', reason: 'The room was not configured in time' }])
  }

  #housekeep(): void {
    if (this.#closed) return
    for (const room of this.rooms.live()) {
      this.#unlessConfigured(room)
      if (!this.distribution.needed(room)) continue
      room.happen({ type: 'tick' })
      this.#forget(room)
    }
    this.#ghosts.sweep()
    this.rooms.unloadIdle((room) =>
      this.distribution.needed(room) ? (this.distribution.rest(room) ?? 'stays') : 'leaves',
    )
    this.#host.clock.after(housekeepingMs, () => this.#housekeep())
  }
}

/** After a split the way is open before the list of its occupants is here. */
const hasSaidWhoIsThere = (peer: Peer | undefined): boolean =>
  peer?.link === 'up' && peer.pulls.length === 0 && !peer.listWanted && !peer.listAsked && !peer.leftOut

type Destroy = Extract<Operation, { readonly type: 'destroy' }>
