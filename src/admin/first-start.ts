/**
 * What the first start on a data directory makes, once: accounts with random passwords and a room with a welcome. A mark
 * in the store says that it was done, so that what the operator deletes later stays deleted.
 */
import type { MucService } from '../modules/muc/index.js'
import type { Store } from '../store/store.js'
import type { LoginLinks } from './login-links.js'

export interface FirstStart {
  /** Bare JIDs; the first becomes the owner of the room. */
  readonly accounts: readonly string[]
  readonly room: { readonly jid: string; readonly name: string; readonly subject: string } | undefined
  readonly store: Store
  readonly links: LoginLinks
  /** The room service of the room's domain. */
  readonly service: Pick<MucService, 'createRoom'> | undefined
  readonly now: number
}

export interface Made {
  /** Accounts that were made now; their passwords are in `links`. */
  readonly accounts: readonly string[]
  readonly first: boolean
}

const mark = { owner: '', kind: 'dmucd:first-start', key: 'done' } as const

/** Idempotent; what a crash interrupted is made at the next start. */
export async function makeFirstStart({ accounts, room, store, links, service, now }: FirstStart): Promise<Made> {
  if ((await store.data(mark.owner, mark.kind, mark.key)) !== undefined) return { accounts: [], first: false }
  const made: string[] = []
  for (const jid of accounts) {
    if ((await store.account(jid)) !== undefined) continue
    await links.renewPassword(jid)
    made.push(jid)
  }
  const [owner] = accounts
  if (room !== undefined && owner !== undefined && service !== undefined) await service.createRoom({ ...room, owner })
  await store.commit([{ type: 'data.put', ...mark, value: new Date(now).toISOString() }])
  return { accounts: made, first: true }
}
