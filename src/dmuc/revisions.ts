/** What gave rights in the room at its last revisions: what is told late is judged by these (./rights.ts). */
import type { RoomState } from '../room/types.js'

export type Rights = Pick<RoomState, 'config' | 'register' | 'entitled'>

export const rightsKey = (epoch: number, revision: number): string => `${epoch} ${revision}`

/** With the rights of `room`, as it is until now; the newest `most` are kept: maps that share what they have in common. */
export function remembered(
  rights: ReadonlyMap<string, Rights>,
  epoch: number,
  { config, register, entitled, configRevision, registerRevision }: RoomState,
  most: number,
): ReadonlyMap<string, Rights> {
  const kept = new Map(rights)
  const key = rightsKey(epoch, configRevision + registerRevision)
  kept.delete(key)
  kept.set(key, { config, register, entitled })
  for (const oldest of kept.keys()) {
    if (kept.size <= most) break
    kept.delete(oldest)
  }
  return kept
}
