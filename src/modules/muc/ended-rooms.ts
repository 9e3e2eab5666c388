/**
 * Identities of distributed rooms that were destroyed here, at their source (dmuc.md §3, Identity): a shadow that was out of reach then
 * hears of it when it greets us, whatever room has the address by now. Written with the end itself (./room-output.ts).
 */

import type { Replica } from '../../dmuc/replica.js'
import type { Store, Write } from '../../store/store.js'
import { Jid } from '../../xmpp/jid.js'

const kind = 'dmuc-ended'

/** Of one service; of more, the oldest go. */
const most = 10_000

/** The row that stays of a room. */
export const endedWrite = ({ identity, room }: Replica, at: number): Write => ({
  type: 'data.put',
  owner: Jid.parse(room.jid).domain,
  kind,
  key: identity.roomId,
  value: JSON.stringify({ room: room.jid, at }),
})

export class EndedRooms {
  readonly #service: string
  readonly #store: Store
  /** Room JIDs by identity, the oldest first. */
  readonly #known = new Map<string, string>()

  constructor(service: string, store: Store) {
    this.#service = service
    this.#store = store
  }

  async start(): Promise<void> {
    const ids = await this.#store.dataKeys(this.#service, kind)
    const texts = await Promise.all(ids.map((id) => this.#store.data(this.#service, kind, id)))
    const found = ids.map((id, index) => ({
      id,
      ...(JSON.parse(texts[index] ?? '{}') as { room?: string; at?: number }),
    }))
    for (const { id, room } of found.sort((a, b) => (a.at ?? 0) - (b.at ?? 0)))
      if (room !== undefined) this.#known.set(id, room)
    await this.#prune()
  }

  has(room: string, roomId: string): boolean {
    return this.#known.get(roomId) === room
  }

  /** It has just ended; its row is on disk. */
  async add(room: string, roomId: string): Promise<void> {
    this.#known.set(roomId, room)
    await this.#prune()
  }

  /** The room is to be here again; durable when it resolves. */
  async lift(roomId: string): Promise<void> {
    if (this.#known.delete(roomId)) await this.#forget([roomId])
  }

  async #prune(): Promise<void> {
    const old = [...this.#known.keys()].slice(0, Math.max(0, this.#known.size - most))
    for (const id of old) this.#known.delete(id)
    if (old.length > 0) await this.#forget(old)
  }

  #forget(ids: readonly string[]): Promise<void> {
    return this.#store.commit(
      ids.map((key) => ({ type: 'data.put', owner: this.#service, kind, key, value: undefined })),
    )
  }
}
