/** What a room said in its earlier starts, as far as others may have to prove it (src/dmuc/heads.ts). Read off the event loop. */
import type { Happening, Replica } from '../../dmuc/replica.js'
import type { Store } from '../../store/store.js'
import { loggedEvent } from './storage.js'

/** Earlier starts whose heads are told again. */
const maxStarts = 16

/** The last events that no head covers, and the last heads of the latest starts, the newest last. */
export async function earlierLogs(
  store: Store,
  { room, incarnation, vector }: Replica,
): Promise<Extract<Happening, { readonly type: 'unsigned' }>> {
  const starts = [...vector.entries()].filter((own) => own.instance === room.jid && own.incarnation !== incarnation)
  const [last, heads] = await Promise.all([
    store.unsigned(room.jid, room.jid),
    Promise.all(
      starts.slice(-maxStarts).map(async ({ instance, incarnation: start, contiguous }) => {
        const head = await store.logHead(room.jid, instance, start, contiguous)
        return head && head.seq <= contiguous ? [{ instance, incarnation: start, ...head }] : []
      }),
    ),
  ])
  return { type: 'unsigned', last: last.map(loggedEvent), heads: heads.flat() }
}
