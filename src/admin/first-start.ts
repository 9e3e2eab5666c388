/**
 * What the first start on a data directory makes, once: accounts with random passwords and a room with a welcome. A mark
 * in the store says that it was done, so that what the operator deletes later stays deleted.
 */
import type { Store } from '../store/store.js'
import type { LoginLinks } from './login-links.js'

/** What the room service of a component offers to us under the name `muc`. */
export interface RoomMaker {
  /** Makes a persistent room, unlocked, and resolves when it is durable; does nothing if it exists. */
  createRoom(room: {
    readonly jid: string
    readonly owner: string
    readonly name: string
    readonly subject: string
  }): Promise<void>
}

export interface FirstStart {
  /** Bare JIDs; the first becomes the owner of the room. */
  readonly accounts: readonly string[]
  readonly room: { readonly jid: string; readonly name: string; readonly subject: string } | undefined
  readonly store: Store
  readonly links: LoginLinks
  readonly rooms: RoomMaker | undefined
  readonly now: number
}

export interface Made {
  /** Accounts that were made now; their passwords are in `links`. */
  readonly accounts: readonly string[]
  readonly first: boolean
}

const mark = { owner: '', kind: 'dmucd:first-start', key: 'done' } as const

/** Idempotent; what a crash interrupted is made at the next start. */
export async function makeFirstStart({ accounts, room, store, links, rooms, now }: FirstStart): Promise<Made> {
  if ((await store.data(mark.owner, mark.kind, mark.key)) !== undefined) return { accounts: [], first: false }
  const made: string[] = []
  for (const jid of accounts) {
    if ((await store.account(jid)) !== undefined) continue
    await links.renewPassword(jid)
    made.push(jid)
  }
  const [owner] = accounts
  if (room !== undefined && owner !== undefined)
    await rooms?.createRoom({ jid: room.jid, owner, name: room.name, subject: room.subject })
  await store.commit([{ type: 'data.put', ...mark, value: new Date(now).toISOString() }])
  return { accounts: made, first: true }
}
