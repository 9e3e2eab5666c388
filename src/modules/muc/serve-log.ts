/** Answers that need the log: pages of a pull, and the history of a new shadow. Read off the event loop. */
import type { DmucLimits, Effect, HistoryLimit, Replica } from '../../dmuc/replica.js'
import { type Range, Vector } from '../../dmuc/vector.js'
import { writeHistory } from '../../dmuc/wire/history.js'
import { fitting, writePage } from '../../dmuc/wire/pull.js'
import type { LoggedEvent } from '../../room/index.js'
import type { Store } from '../../store/store.js'
import type { Element } from '../../xml/element.js'
import { serialize } from '../../xml/writer.js'
import { proofsOf } from './proofs.js'
import { loggedEvent } from './storage.js'

interface Env {
  readonly store: Store
  readonly limits: DmucLimits
}

/** The answers of one room to each asker, in the order of the questions: a page counts only after the one before it. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>()

  /** `read` begins at once; its result is held back until the one before it is there, or has failed. */
  async after<T>(asker: string, read: () => Promise<T>): Promise<T> {
    const before = this.#last.get(asker)
    const reading = read()
    const turn = Promise.allSettled([reading, before])
    this.#last.set(asker, turn)
    await turn
    if (this.#last.get(asker) === turn) this.#last.delete(asker)
    return reading
  }
}

/** One page of the ranges, in the order in which they were asked for. */
export async function servePages({ store, limits }: Env, room: string, ranges: readonly Range[]): Promise<Element> {
  const events: LoggedEvent[] = []
  let more = false
  for (const { instance, incarnation, from, to } of ranges) {
    const left = limits.pageEvents - events.length
    if (left === 0) {
      more = true
      break
    }
    const records = await store.logRange(room, instance, incarnation, from, to, left)
    events.push(...records.map(loggedEvent))
  }
  const page = fitting(events, limits.pageBytes)
  return writePage(page, more, await proofsOf(store, room, page.events))
}

/** The newest messages that all limits allow, oldest first. */
export async function serveHistory(
  { store }: Env,
  replica: Replica,
  { limit, sync, vector }: Pick<Extract<Effect, { type: 'serve-history' }>, 'limit' | 'sync' | 'vector'>,
): Promise<Element> {
  const { jid, config } = replica.room
  const records = await store.log(jid, {
    types: ['message', 'subject'],
    limit: limit.maxStanzas,
    backward: true,
    ...(limit.since === undefined ? {} : { start: limit.since }),
  })
  // What came since the shadow was told of the room is pulled behind the history, each origin from where that ends.
  const told = records.map(loggedEvent).filter(({ id }) => !sync || vector.has(id, id.seq))
  const events = withinCharacters(told, limit)
  const proofs = sync ? await proofsOf(store, jid, events) : []
  return writeHistory(jid, events, { whois: config.whois, sync, vector, proofs })
}

function withinCharacters(events: readonly LoggedEvent[], { maxChars }: HistoryLimit): readonly LoggedEvent[] {
  if (maxChars === undefined) return events
  let left = maxChars
  const chosen: LoggedEvent[] = []
  for (const event of [...events].reverse()) {
    left -= serialize(writeHistory('', [event], { whois: 'moderators', sync: false, vector: Vector.empty })).length
    if (left < 0) break
    chosen.push(event)
  }
  return chosen.reverse()
}

/** A message by its stanza-id, that nobody has erased. */
export async function findMessage(store: Store, room: string, stanzaId: string): Promise<LoggedEvent | undefined> {
  const [record] = await store.log(room, { stanzaIds: [stanzaId], types: ['message'], limit: 1 })
  return record && loggedEvent(record)
}
