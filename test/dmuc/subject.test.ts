/** The subject of a room that may be set at all its instances (dmuc.md §3, Revisions). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { apply } from '../../src/room/apply.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { DurableOperation, LoggedEvent, Stamp } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { event, idOf, live, other, Shadow, self, source, start } from './shadow.js'

const at = (ms: number): Stamp => ({ ms: start + ms, counter: 0 })

const subject = (text: string, sourced?: Stamp): DurableOperation => ({
  type: 'subject',
  nick: 'hag',
  occupantId: idOf('hag66@shakespeare.lit'),
  jid: 'hag66@shakespeare.lit',
  text,
  ...(sourced && { sourced }),
})

const seqs = new Map<string, number>()
/** `sourced`: of the last subject of the source that `home` knew. */
function set(home: string, text: string, stamp: Stamp, sourced?: Stamp): LoggedEvent {
  const seq = (seqs.get(home) ?? 0) + 1
  seqs.set(home, seq)
  return event(home, 1, seq, subject(text, sourced), { stamp, stanzaId: `${home}-${text}`, revision: 1 })
}

let shadow: Shadow
beforeEach(() => {
  seqs.clear()
  shadow = new Shadow(other)
})

const present = (): string | undefined => shadow.replica.room.subject?.text
const hears = (...events: readonly LoggedEvent[]): void => {
  for (const one of events) shadow.relays(one.id.instance, live(one))
}

const orders = (count: number): readonly (readonly number[])[] =>
  count === 1
    ? [[0]]
    : orders(count - 1).flatMap((order) =>
        Array.from({ length: count }, (_, place) => [...order.slice(0, place), count - 1, ...order.slice(place)]),
      )

describe('of subjects that were set where nobody knew of the other', () => {
  test.each([
    [
      'that of the source stays, though it is the earlier',
      [
        [source, 'a', at(5), at(5)],
        [other, 'b', at(9)],
      ],
      'a',
    ],
    [
      'the later stays, where the source set none',
      [
        [self, 'a', at(5)],
        [other, 'b', at(9)],
      ],
      'b',
    ],
    [
      'that of who knew what the source had set stays, as it is the later',
      [
        [source, 'a', at(5), at(5)],
        [other, 'b', at(9)],
        [self, 'c', at(7), at(5)],
      ],
      'c',
    ],
    [
      'the later one of the source stays',
      [
        [source, 'a', at(5), at(5)],
        [self, 'b', at(30), at(5)],
        [source, 'c', at(20), at(20)],
      ],
      'c',
    ],
  ] as const)('%s, in whatever order they come', (_, said, stays) => {
    const events = said.map(([home, text, stamp, sourced]) => set(home, text, stamp, sourced))
    for (const order of orders(said.length)) {
      const room = order.reduce((state, index) => apply(state, events[index]!), newRoom(self, defaultPolicy))
      expect(room.subject?.text).toBe(stays)
    }
  })
})

describe('who sets a subject', () => {
  test('at a shadow says which one of the source it replaces', () => {
    hears(set(source, 'a', at(5), at(5)))
    shadow.happens({ type: 'local', operations: [subject('ours')] })
    expect(shadow.of('log')[0]?.event.operation).toMatchObject({ text: 'ours', sourced: at(5) })
    expect(present()).toBe('ours')
  })

  test('at the source says so by its own stamp, above all that others claim to have had from it', () => {
    const made = newSource({ ...newRoom(source, defaultPolicy), locked: false }, new SeededRandom(1))
    const claimed = { ms: start + 3_600_000, counter: 3 }
    const room = { ...made.room, subject: { text: 'x', nick: '', stamp: at(1), stanzaId: 'x', sourced: claimed } }
    const env = { now: start, limits: defaultLimits, bounds: defaultPolicy }
    const { replica } = step({ ...made, room }, { type: 'local', operations: [subject('ours')] }, env)
    expect(replica.room.subject).toMatchObject({ text: 'ours', stamp: { ms: claimed.ms, counter: 4 } })
    expect(replica.room.subject?.sourced).toEqual(replica.room.subject?.stamp)
  })
})
