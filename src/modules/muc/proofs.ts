/** Proofs for what is served of the log (src/dmuc/wire/proof.ts): each origin's run of events, up to a head that it signed. */
import { linkOf } from '../../dmuc/chain.js'
import type { Proof } from '../../dmuc/wire/proof.js'
import type { LoggedEvent } from '../../room/index.js'
import { headInterval, type Store } from '../../store/store.js'
import { loggedEvent } from './storage.js'

/** Events of one origin that a proof may leave out at most: the links for them have to be sent. */
const maxLinks = 2000

/** One for each run of `events`; none for what has no signed head yet, or lies beside a hole in our own log. */
export async function proofsOf(store: Store, room: string, events: readonly LoggedEvent[]): Promise<readonly Proof[]> {
  const runs = new Map<string, LoggedEvent[]>()
  for (const event of events) {
    const key = `${event.id.instance}\n${event.id.incarnation}`
    const run = runs.get(key)
    if (run === undefined) runs.set(key, [event])
    else run.push(event)
  }
  const proofs = await Promise.all([...runs.values()].map((run) => proofOf(store, room, run)))
  return proofs.filter((proof) => proof !== undefined)
}

async function proofOf(store: Store, room: string, run: readonly LoggedEvent[]): Promise<Proof | undefined> {
  const seqs = new Set(run.map(({ id }) => id.seq))
  const from = Math.min(...seqs)
  const { instance, incarnation } = run[0]!.id
  const last = Math.max(...seqs)
  const checkpoint = last - (last % headInterval)
  // Our own word needs no proof: it goes with the head that others can be proved by, and nothing that they do not need.
  const isOwn = instance === room
  const head = await store.logHead(room, instance, incarnation, isOwn && checkpoint >= from ? checkpoint : last)
  if (isOwn && head !== undefined && head.seq > last) return undefined
  const before = run.find(({ id }) => id.seq === from)?.prev
  if (head === undefined || before === undefined || head.seq < from) return undefined
  let missing = from
  while (seqs.has(missing)) missing += 1
  const links: string[] = []
  if (missing <= head.seq) {
    const limit = maxLinks + seqs.size
    const records = await store.logRange(room, instance, incarnation, missing, head.seq, limit)
    if (records.length < head.seq - missing + 1) return undefined
    for (const record of records) {
      const link = seqs.has(record.seq) ? undefined : linkOf(loggedEvent(record))
      if (link !== undefined) links.push(link)
    }
  }
  return { head: { instance, incarnation, ...head }, from, before, links }
}
