/** Rooms of others that we hold shadows of: what their services ask and tell ours (XEP-0281 §4.2, E3 and E12). */
import { newShadow } from '../../dmuc/new-replica.js'
import { isSource, others, type RoomIdentity, supersedes } from '../../dmuc/replica.js'
import { readTable } from '../../dmuc/wire/hello.js'
import { readReplicate, writeAccepted } from '../../dmuc/wire/replicate.js'
import { newRoom, type RoomPolicy } from '../../room/index.js'
import { domainOf } from '../../room/jids.js'
import type { Host } from '../../server/module.js'
import { child, type Element } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { DmucPolicy } from './dmuc-policy.js'
import type { LiveRoom } from './live-room.js'
import type { Rooms } from './rooms.js'

interface Env {
  readonly host: Host
  readonly policy: DmucPolicy
  readonly roomPolicy: RoomPolicy
  readonly rooms: () => Rooms
  /** By which our instances sign. */
  readonly publicKey: string | undefined
  /** May rooms be exchanged with this service? */
  readonly allows: (service: string) => boolean
  /** Throws for what a peer has not proved as it must. */
  readonly verify: (stanza: Element, domain: string) => void
  readonly watch: (service: string) => void
}

/** Gives our shadow up. Does nothing at a source. */
export function leave(room: LiveRoom): void {
  if (!isSource(room.replica)) room.happen({ type: 'removed', jid: room.jid })
}

export class Shadows {
  readonly #env: Env

  constructor(env: Env) {
    this.#env = env
  }

  /** E3 as a peerhost sees it. */
  async replicate(iq: Element, from: Jid): Promise<Element> {
    this.#env.verify(iq, from.domain)
    const asked = payload(iq)
    if (from.local !== '' || !this.#env.allows(from.domain))
      throw new StanzaError('forbidden', { type: 'auth', text: `${from.domain} may not replicate rooms here` })
    const request = asked && readReplicate(asked, this.#env.host.domain)
    if (request === undefined) throw new StanzaError('bad-request')
    const { shadow, identity } = request
    if (identity !== undefined && Jid.parse(identity.source).domain !== from.domain)
      throw new StanzaError('forbidden', { type: 'auth', text: 'that room is not yours' })
    const stored = await this.#env.host.store.shadowCount(this.#env.host.domain, from.domain)
    return this.#env.rooms().with(shadow, (found) => {
      if (isOutdated(found, identity)) this.#giveUp(found)
      const room = found?.ended === true ? undefined : found
      if (room !== undefined) {
        const { identity: known } = room.replica
        const same = identity === undefined ? domainOf(known.source) === from.domain : known.roomId === identity.roomId
        const isNewer = identity !== undefined && same && supersedes(identity, known)
        if (!same && identity?.source === known.source) this.#doubtSource(room)
        if (!same || (isSource(room.replica) && !isNewer))
          throw new StanzaError('conflict', { text: 'another room has that address' })
      } else this.#shadow(shadow, from.domain, identity, stored)
      return result(iq, identity === undefined ? undefined : writeAccepted(shadow, this.#env.publicKey))
    })
  }

  /** Our source has another room at that address by now. Whether ours is over it says to our hello; then it is told to ask again. */
  #doubtSource(room: LiveRoom): never {
    room.happen({ type: 'link', peer: room.replica.identity.source, up: true })
    throw new StanzaError('conflict', { type: 'wait', text: 'the room that was there before is still here' })
  }

  /** What waits for a source that is it no more; the new one is told to ask again where that takes a moment. */
  #giveUp(room: LiveRoom): void {
    if (room.replica.phase === 'requested') return this.#env.rooms().discard(room)
    leave(room)
    throw new StanzaError('resource-constraint', { text: 'what the former source had given is being removed' })
  }

  /** `stored`: how many shadows of this firsthost are on disk, in memory or not. */
  #shadow(jid: string, firsthost: string, identity: RoomIdentity | undefined, stored: number): void {
    const held = [...this.#env.rooms().live()].filter(({ replica }) => domainOf(replica.identity.source) === firsthost)
    if (Math.max(held.length, stored) >= this.#env.policy.maxShadows)
      throw new StanzaError('resource-constraint', { text: `${firsthost} has as many rooms here as it may have` })
    const source = identity ?? { roomId: this.#env.host.random.uuid(), source: firsthost, epoch: 0, epochRank: 0 }
    const state = { ...newRoom(jid, this.#env.roomPolicy), locked: false }
    this.#env.rooms().adopt(newShadow(state, source, identity === undefined ? 'plain' : 'sync', this.#env.host.random))
    this.#env.watch(firsthost)
  }

  /** E12: the service of the source tells of the instances. */
  async peerhost(iq: Element, from: Jid): Promise<Element> {
    this.#env.verify(iq, from.domain)
    const notice = payload(iq)
    const local = notice === undefined ? undefined : child(notice, 'room', ns.dmuc)?.attrs.id
    const jid = Jid.tryParse(`${local}@${this.#env.host.domain}`)
    if (notice === undefined || local === undefined || jid === undefined) throw new StanzaError('bad-request')
    return this.#env.rooms().with(jid.toString(), (room) => {
      if (room === undefined) throw new StanzaError('item-not-found')
      if (from.local !== '' || domainOf(room.replica.identity.source) !== from.domain || isSource(room.replica))
        throw new StanzaError('forbidden')
      const table = readTable(child(notice, 'instances', ns.dmucSync))
      if (table === undefined) room.happen({ type: 'announced' })
      else {
        room.happen({ type: 'table', table })
        for (const other of others(room.replica)) this.#env.watch(domainOf(other.jid))
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
