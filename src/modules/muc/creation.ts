/** Who may make a room: by the operator's restriction, by what there is room for, and by how many rooms somebody owns already. */
import { AddressLimit } from '../../net/address-limit.js'
import type { Host } from '../../server/module.js'
import { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { mucOptions } from './options.js'

/** In memory at a time; then no more are made. */
const maxRooms = 100_000

export class Creation {
  readonly #host: Host
  readonly #creators: ReadonlySet<string>
  readonly #roomsPerUser: number
  /** Rooms made by users of other domains, by domain. */
  readonly #strangers: AddressLimit
  /** Rooms that are being made and are not on disk yet, by bare JID. */
  readonly #underWay = new Map<string, number>()

  constructor(host: Host) {
    const { room_creators, muc_max_rooms_per_user } = host.options
    this.#host = host
    const creators = (room_creators ?? []) as readonly string[]
    this.#creators = new Set(creators.map((given) => Jid.parse(given).bare().toString()))
    this.#roomsPerUser = Number(muc_max_rooms_per_user ?? mucOptions.muc_max_rooms_per_user.default)
    this.#strangers = new AddressLimit(host.clock, { rate: 0.1, burst: 100 })
  }

  mayCreate(from: Jid): boolean {
    const bare = from.bare().toString()
    if (this.#host.admins.has(bare)) return true
    switch (this.#host.options.restrict_room_creation) {
      case 'admin':
        return false
      case 'list':
        return this.#creators.has(bare) || this.#creators.has(from.domain)
      case 'local':
        return this.#host.isLocal(from.domain)
      default:
        return true
    }
  }

  /** Why this user cannot make a room now, as far as it is known at once. `rooms`: those in memory. */
  refusal(from: Jid, rooms: number): StanzaError | undefined {
    if (!this.mayCreate(from)) return new StanzaError('not-allowed', { text: 'You may not create rooms here' })
    // Every room takes memory while somebody is in it, and a stranger may be in it for ever.
    const isTooMuch = rooms >= maxRooms || (!this.#host.isLocal(from.domain) && !this.#strangers.admit(from.domain))
    return isTooMuch ? new StanzaError('resource-constraint', { text: 'Too many rooms are being made' }) : undefined
  }

  /** Is it to be counted how many rooms this user owns? */
  isCounted(from: Jid): boolean {
    return this.#roomsPerUser > 0 && !this.#host.admins.has(from.bare().toString())
  }

  /**
   * Counts the rooms that a user owns, on disk and under way; rejects with `resource-constraint` where they are as many as may be. Call what
   * it resolves to once the new room is on disk, or came to nothing.
   */
  async count(from: Jid): Promise<() => void> {
    const user = from.bare().toString()
    const underWay = this.#underWay.get(user) ?? 0
    this.#underWay.set(user, underWay + 1)
    const done = (): void => {
      const left = (this.#underWay.get(user) ?? 1) - 1
      if (left > 0) this.#underWay.set(user, left)
      else this.#underWay.delete(user)
    }
    try {
      const owned = await this.#host.store.ownedRooms(this.#host.domain, user)
      if (owned + underWay < this.#roomsPerUser) return done
    } catch (cause) {
      done()
      throw new StanzaError('internal-server-error', { type: 'wait', cause })
    }
    done()
    const text = `You own ${this.#roomsPerUser} rooms here, as many as one may: destroy one or give it to somebody else first`
    throw new StanzaError('resource-constraint', { type: 'wait', text })
  }
}
