/** Heads of logs beside what our own log holds (src/dmuc/lies.ts). Read off the event loop. */
import { chained, linkOf } from '../../dmuc/chain.js'
import type { HashedHead } from '../../dmuc/lies.js'
import { others, type Replica } from '../../dmuc/replica.js'
import type { Store } from '../../store/store.js'
import { loggedEvent } from './storage.js'

interface Place {
  readonly instance: string
  readonly incarnation: string
  readonly seq: number
}

/** The hash of the chain with this event as it was told to us; undefined where it is not held, or came unsigned. */
export async function hashAt(store: Store, room: string, place: Place): Promise<string | undefined> {
  const { instance, incarnation, seq } = place
  const [record] = await store.logRange(room, instance, incarnation, seq, seq, 1)
  const event = record && loggedEvent(record)
  const link = event && linkOf(event)
  return link === undefined || event?.prev === undefined ? undefined : chained(event.prev, link)
}

export type Finding = 'equivocated' | 'headed'

/** What a head that was signed over this hash means beside our own log; undefined where that says no more than we know. */
export async function compareHead(
  store: Store,
  room: string,
  { instance, incarnation, seq }: Place,
  hash: string,
): Promise<Finding | undefined> {
  const own = await hashAt(store, room, { instance, incarnation, seq })
  if (own === undefined) return undefined
  if (own !== hash) return 'equivocated'
  const known = await store.logHead(room, instance, incarnation, seq)
  return (known?.seq ?? 0) < seq ? 'headed' : undefined
}

/** For `to`: how far the others have signed their present logs, as far as all that is held here. */
export async function heldHeads(store: Store, replica: Replica, to: string): Promise<readonly HashedHead[]> {
  const { room, peers, vector } = replica
  const found: HashedHead[] = []
  for (const { jid: instance, kind } of others(replica)) {
    const incarnation = peers.get(instance)?.incarnation
    if (instance === to || kind === 'plain' || incarnation === undefined) continue
    const { contiguous } = vector.get({ instance, incarnation })
    const head = contiguous === 0 ? undefined : await store.logHead(room.jid, instance, incarnation, contiguous)
    if (head === undefined || head.seq > contiguous) continue
    const hash = await hashAt(store, room.jid, { instance, incarnation, seq: head.seq })
    if (hash !== undefined) found.push({ head: { instance, incarnation, ...head }, hash })
  }
  return found
}
