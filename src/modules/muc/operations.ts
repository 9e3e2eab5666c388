/** What the operator of the server does with rooms, whoever owns them: what `dmucctl room` stands on. */
import { digest, type RoomDigest } from '../../dmuc/digest.js'
import { isSource, otherInstance, others } from '../../dmuc/replica.js'
import { type Affiliation, affiliationOf, configForm, type RoomPolicy } from '../../room/index.js'
import type { RoomRecord, Store } from '../../store/store.js'
import type { Random } from '../../util/random.js'
import { type Field, readForm, writeForm } from '../../xmpp/data-form.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { type Asking, type Comparison, compare } from './compare.js'
import { erase } from './erasure.js'
import { type ExportPart, exportPart } from './export.js'
import type { LiveRoom, Operated } from './live-room.js'
import { type ClaimFacts, claimFacts, type PeerFacts, peerFacts } from './peer-facts.js'
import type { AbsentFacts } from './placement.js'
import { restore } from './restore.js'
import type { Rooms } from './rooms.js'

export interface RoomSummary {
  readonly jid: string
  readonly name: string
  readonly public: boolean
  readonly persistent: boolean
  /** People in it now. */
  readonly occupants: number
  /** The source, where this is a shadow (XEP-0281). */
  readonly shadowOf?: string
}

export interface RoomFacts extends RoomSummary {
  /** In milliseconds since the epoch. */
  readonly createdAt: number
  readonly locked: boolean
  readonly subject: string
  readonly people: readonly {
    readonly nick: string
    readonly jid: string
    readonly role: string
    readonly home: string
  }[]
  readonly affiliations: readonly { readonly jid: string; readonly affiliation: Affiliation }[]
}

interface Parts {
  readonly domain: string
  readonly store: Store
  readonly policy: RoomPolicy
  readonly rooms: Rooms
  readonly asking: Asking & { readonly random: Random }
  /** A room of this identity is to be here again, whether it was destroyed or not. */
  readonly wanted: (jid: string, roomId: string) => Promise<void>
  /** May rooms be exchanged with this service? */
  readonly allows: (service: string) => boolean
  /** Asks the services that the configuration of the room names. */
  readonly distribute: (room: LiveRoom) => void
  readonly absent: (room: LiveRoom) => readonly AbsentFacts[]
  readonly create: (room: { jid: string; owner: string; name: string; subject: string }) => Promise<void>
}

/** Rooms that are asked for at once. */
const pageSize = 1000

/** Methods that name a room reject with a StanzaError: `item-not-found` where there is none, or why it cannot be done. */
export class Operations {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async list(): Promise<RoomSummary[]> {
    const { store, domain, rooms } = this.#parts
    const found: RoomSummary[] = []
    for (let after = ''; ; ) {
      const page = await store.rooms(domain, { after, limit: pageSize })
      found.push(...page.map((record) => summary(record, rooms.get(record.jid))))
      after = page.at(-1)?.jid ?? ''
      if (page.length < pageSize) return found
    }
  }

  show(jid: string): Promise<RoomFacts> {
    return this.#with(jid, (room) => facts(room))
  }

  /** A persistent, configured room; `conflict` where there is one. */
  async create(jid: string, owner: string, name: string): Promise<void> {
    const exists = await this.#parts.rooms.with(jid, (room) => room !== undefined)
    if (exists) throw new StanzaError('conflict', { text: 'There is such a room already' })
    await this.#parts.create({ jid, owner, name, subject: '' })
  }

  /** The fields of the configuration form, without the one that names it. */
  config(jid: string): Promise<readonly Field[]> {
    return this.#with(jid, (room) => this.#fields(room))
  }

  async setConfig(jid: string, name: string, values: readonly string[]): Promise<void> {
    await this.#with(jid, async (room) => {
      if (!this.#fields(room).some((field) => field.var === name))
        throw new StanzaError('item-not-found', { text: `The configuration has no field ${name}` })
      const fields = [
        { var: 'FORM_TYPE', values: [ns.mucRoomConfig] },
        { var: name, values },
      ]
      await room.operate({ type: 'config-set', from: this.#parts.domain, form: writeForm({ type: 'submit', fields }) })
    })
  }

  /** `withheld`: it holds here while the source is cut off. */
  setAffiliation(jid: string, user: string, affiliation: Affiliation, reason?: string): Promise<Operated> {
    const items = [{ jid: user, affiliation, ...(reason === undefined ? {} : { reason }) }]
    return this.#with(jid, (room) => room.operate({ type: 'admin-set', from: this.#parts.domain, items }))
  }

  async kick(jid: string, nick: string, reason?: string): Promise<void> {
    const items = [{ nick, role: 'none' as const, ...(reason === undefined ? {} : { reason }) }]
    await this.#with(jid, (room) => room.operate({ type: 'admin-set', from: this.#parts.domain, items }))
  }

  async destroy(jid: string, reason?: string): Promise<void> {
    await this.#with(jid, (room) => room.operate({ type: 'destroy', from: this.#parts.domain, reason }))
  }

  /** Erases what was said, up to a time of arrival, from history, archive and disk of this server. How many messages it was. */
  async purge(jid: string, before?: number): Promise<number> {
    const end = before === undefined ? {} : { end: before - 1 }
    return this.#with(jid, (room) => erase(this.#parts.store, room, { types: ['message', 'moderate'], ...end }))
  }

  /** As JSON lines, part after part. */
  export(jid: string, after: number | undefined): Promise<ExportPart> {
    const { store, policy } = this.#parts
    return this.#with(jid, (room) => exportPart(store, room, policy, after))
  }

  /** The other instances of a distributed room. */
  peers(jid: string): Promise<readonly (PeerFacts | ClaimFacts | AbsentFacts)[]> {
    const { asking, store, absent } = this.#parts
    return this.#with(jid, async (room) => [
      ...(await peerFacts(room, { ...asking, store })),
      ...claimFacts(room),
      ...absent(room),
    ])
  }

  /** Of what this server holds of the room: where two servers have the same, they have converged. */
  digest(jid: string): Promise<RoomDigest> {
    return this.#with(jid, ({ replica }) => digest(replica))
  }

  /** Asks all instances for theirs, and says where they differ from ours. */
  verify(jid: string): Promise<Comparison> {
    return this.#with(jid, (room) => compare(room, this.#parts.asking))
  }

  /**
   * Spreads the room over these services, beside those that hold it already. `not-allowed` at a shadow, and for a service that this one
   * does not exchange rooms with.
   */
  distribute(jid: string, services: readonly string[]): Promise<readonly string[]> {
    return this.#with(jid, async (room) => {
      mustBeSource(room)
      const unknown = services.filter((service) => !this.#parts.allows(service))
      if (unknown.length > 0)
        throw new StanzaError('not-allowed', {
          text: `No rooms are exchanged with ${unknown.join(', ')}; dmucctl peer allow ${unknown[0]} changes that`,
        })
      const { config } = room.replica.room
      const peers = [...new Set([...config.peers, ...services])]
      await this.#spread(room, { distributed: true, peers })
      this.#parts.distribute(room)
      return peers
    })
  }

  /** Takes the room back from a service, or from all; at a shadow: gives it up. What is left of the others, or, then, its source. */
  undistribute(
    jid: string,
    service?: string,
  ): Promise<{ readonly services: readonly string[]; readonly source?: string }> {
    return this.#with(jid, async (room) => {
      const { source } = room.replica.identity
      if (source !== jid) {
        if (service !== undefined && service !== this.#parts.domain)
          throw new StanzaError('not-allowed', {
            text: `${jid} is a shadow: who holds the room is said at ${source}. dmucctl room undistribute ${jid} gives the shadow up`,
          })
        room.happen({ type: 'removed', jid })
        return { services: [], source }
      }
      const { config } = room.replica.room
      if (service !== undefined && !config.peers.includes(service))
        throw new StanzaError('item-not-found', { text: `${jid} is not distributed to ${service}` })
      const peers = service === undefined ? [] : config.peers.filter((peer) => peer !== service)
      await this.#spread(room, { distributed: peers.length > 0, peers })
      return { services: peers }
    })
  }

  async #spread(room: LiveRoom, change: { distributed: boolean; peers: readonly string[] }): Promise<void> {
    const { config } = room.replica.room
    room.perform([{ type: 'config', config: { ...config, ...change }, revision: 0 }])
    await room.stored()
  }

  /** Makes this shadow the source: for when the firsthost is gone for good. `not-allowed` while the source can be reached. */
  promote(jid: string): Promise<void> {
    return this.#with(jid, async (room) => {
      const { identity, peers, phase, table } = room.replica
      if (isSource(room.replica)) throw new StanzaError('not-allowed', { text: `${jid} is the source already` })
      if (phase !== 'serving' || table.instances.get(jid)?.gone !== false)
        throw new StanzaError('not-allowed', { text: `${jid} is not among those who may succeed ${identity.source}` })
      const link = peers.get(identity.source)?.link
      if (link === 'up' || link === 'greeting')
        throw new StanzaError('not-allowed', {
          text: `${identity.source} is the source and can be reached; a shadow is promoted when it is gone for good`,
        })
      room.happen({ type: 'promoted' })
      await room.stored()
    })
  }

  /** Takes that instance for the source as soon as it says that it is, whatever we are in touch with. */
  trust(jid: string, instance: string): Promise<void> {
    return this.#with(jid, async (room) => {
      const { source } = room.replica.identity
      if (instance === source || instance === jid)
        throw new StanzaError('not-allowed', {
          text: instance === source ? `${instance} is the source already` : `${jid} does not follow itself: promote it`,
        })
      if (otherInstance(room.replica, instance)?.kind !== 'sync') {
        const known = others(room.replica).filter((other) => other.kind === 'sync' && other.jid !== source)
        const named = known.map((other) => other.jid).join(', ') || 'nobody'
        throw new StanzaError('item-not-found', {
          text: `${instance} is no instance of ${jid} that could be its source: there is ${named}`,
        })
      }
      room.happen({ type: 'trusted', jid: instance })
    })
  }

  /** Gets a room back that was lost with the disk, from an instance that holds a shadow of it; durable when it resolves. */
  async restore(jid: string, member: string): Promise<void> {
    const service = Jid.parse(member).domain
    if (!this.#parts.allows(service))
      throw new StanzaError('not-allowed', {
        text: `No rooms are exchanged with ${service}; dmucctl peer allow ${service} changes that`,
      })
    const { rooms, policy, asking, wanted } = this.#parts
    await restore(jid, member, { rooms, policy, wanted, router: asking.router, random: asking.random })
  }

  async #with<T>(jid: string, use: (room: LiveRoom) => T | Promise<T>): Promise<T> {
    return this.#parts.rooms.with(jid, (room) => {
      if (room === undefined) throw new StanzaError('item-not-found', { text: `There is no room ${jid}` })
      return use(room)
    })
  }

  #fields(room: LiveRoom): readonly Field[] {
    const form = readForm(configForm(room.replica.room, this.#parts.policy))
    return form?.fields.filter((field) => field.var !== 'FORM_TYPE') ?? []
  }
}

function mustBeSource({ jid, replica }: LiveRoom): void {
  if (isSource(replica)) return
  const { source } = replica.identity
  throw new StanzaError('not-allowed', { text: `${jid} is a shadow of ${source}: where it is to be is decided there` })
}

function summary(record: RoomRecord, room: LiveRoom | undefined): RoomSummary {
  const { jid, name, source, persistent } = record
  return {
    jid,
    name,
    public: record.public,
    persistent,
    occupants: room?.replica.room.occupants.size ?? 0,
    ...(source === jid ? {} : { shadowOf: source }),
  }
}

function facts({ replica, createdAt }: LiveRoom): RoomFacts {
  const { room, identity } = replica
  return {
    jid: room.jid,
    name: room.config.name,
    public: room.config.public,
    persistent: room.config.persistent,
    occupants: room.occupants.size,
    ...(isSource(replica) ? {} : { shadowOf: identity.source }),
    createdAt,
    locked: room.locked,
    subject: room.subject?.text ?? '',
    people: [...room.occupants.values()].map(({ nick, jid, role, home }) => ({ nick, jid, role, home })),
    affiliations: [...room.register.keys()]
      .map((jid) => ({ jid, affiliation: affiliationOf(room, jid) }))
      .filter(({ affiliation }) => affiliation !== 'none'),
  }
}
