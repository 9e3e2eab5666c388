/** What a service of rooms does first: temporary rooms of the last run go, distributed ones come to greet their peers. */
import type { Host } from '../../server/module.js'
import type { RoomRecord, RoomsQuery, Write } from '../../store/store.js'
import type { Rooms } from './rooms.js'
import type { SavedState } from './storage.js'

const page = 1000

/** Of a service, page by page. */
export async function* allRooms(
  host: Pick<Host, 'store' | 'domain'>,
  which: Pick<RoomsQuery, 'temporaryOnly' | 'awakeOnly'> = {},
): AsyncGenerator<RoomRecord> {
  let after: string | undefined
  for (;;) {
    const rooms = await host.store.rooms(host.domain, {
      ...which,
      limit: page,
      ...(after === undefined ? {} : { after }),
    })
    yield* rooms
    after = rooms.at(-1)?.jid
    if (rooms.length < page || after === undefined) return
  }
}

/** Nobody is in them: their occupants' connections ended with the process (XEP-0045 §10.1: temporary rooms). */
export async function purgeTemporary(host: Host): Promise<void> {
  let gone: Write[] = []
  for await (const room of allRooms(host, { temporaryOnly: true })) {
    if (!isDistributed(room)) gone.push({ type: 'room.delete', jid: room.jid })
    if (gone.length < page) continue
    await host.store.commit(gone)
    gone = []
  }
  if (gone.length > 0) await host.store.commit(gone)
}

/** A shadow, or a source that has had shadows: people may be in it elsewhere. */
function isDistributed({ source, jid, state }: RoomRecord): boolean {
  return source !== jid || (JSON.parse(state) as SavedState).tableRevision > 0
}

/** The process may have ended before the first peer had answered. */
const isToBe = ({ state }: RoomRecord): boolean => (JSON.parse(state) as SavedState).config.distributed

/** In the background; each greets its peers once it is loaded. Those that rest are compared when there is a link (./pair-digests.ts). */
export function loadDistributed(host: Host, rooms: Rooms): void {
  const load = async (): Promise<void> => {
    for await (const room of allRooms(host, { awakeOnly: true })) {
      if (isDistributed(room) || isToBe(room)) await rooms.with(room.jid, () => undefined)
    }
  }
  load().catch((error: unknown) => host.log.error({ err: error }, 'Distributed rooms could not be loaded'))
}
