/**
 * What is on the disks. The database of each site, read anew, has to come to the same digests as the replica in memory, which is the pure
 * core fed with what arrived; and so has the simple store of src/store/memory.ts, given the same writes that the disk confirmed.
 */
import { difference, digest } from '../../src/dmuc/digest.js'
import { loadedReplica } from '../../src/modules/muc/storage.js'
import { historyLimit } from '../../src/room/index.js'
import type { RestingRoom, Store } from '../../src/store/store.js'
import { roomOf, type Site, serviceOf } from './site.js'
import type { World } from './world.js'

/** Where they differ, in words. Who is in the room is not on disk. */
export async function differsFromDisk({ sites }: World): Promise<string[]> {
  const found: string[] = []
  for (const { index, service, store, disk } of sites) {
    const replica = service?.rooms.get(roomOf(index))?.replica
    if (replica === undefined || store === undefined || replica.phase !== 'serving') continue
    const stores: readonly (readonly [string, Store])[] = [
      ['on its disk', store],
      ['in the model of its disk', await disk.twin()],
    ]
    for (const [where, each] of stores) {
      const loaded = await each.loadRoom(roomOf(index), historyLimit)
      const parts =
        loaded === undefined ? ['room at all'] : difference(digest(loadedReplica(loaded, 'now')), digest(replica))
      const other = parts.filter((part) => part !== 'occupants')
      if (other.length > 0) found.push(`site ${index} has other ${other.join(', ')} in memory than ${where}`)
    }
  }
  return found
}

/** What two sites hold of the room while both have it at rest, in words: each minute's digest was to find it. */
export async function differsAtRest({ sites }: World): Promise<string[]> {
  const found: string[] = []
  const restsAt = async (at: Site, peer: Site): Promise<RestingRoom | undefined> => {
    if (at.service === undefined || at.service.rooms.get(roomOf(at.index)) !== undefined) return undefined
    return (await at.store?.resting(serviceOf(at.index), serviceOf(peer.index), '', 1))?.[0]
  }
  for (const one of sites)
    for (const other of sites.slice(one.index + 1)) {
      const [ours, theirs] = [await restsAt(one, other), await restsAt(other, one)]
      if (ours !== undefined && theirs !== undefined && ours.digest !== theirs.digest)
        found.push(`sites ${one.index} and ${other.index} have the room at rest, and not the same of it`)
    }
  return found
}
