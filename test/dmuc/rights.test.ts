/** By which rights an event is judged (dmuc.md §3, Judged once; §4). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { remembered, rightsKey } from '../../src/dmuc/revisions.js'
import { Vector } from '../../src/dmuc/vector.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { LoggedEvent } from '../../src/room/types.js'
import { event, live, message, other, register, Shadow, source } from './shadow.js'

const hag = 'hag@shakespeare.lit'
let shadow: Shadow

beforeEach(() => {
  shadow = new Shadow(other)
})

const decides = (seq: number, affiliation: 'outcast' | 'none'): void =>
  shadow.relays(source, live(event(source, 1, seq, register(seq, affiliation, hag), { revision: seq - 1 })))
const said = (seq: number, revision: number): LoggedEvent => event(other, 1, seq, message(`m${seq}`), { revision })
const voids = (): (boolean | undefined)[] => shadow.of('log').map(({ event: logged }) => logged.void)

/** The same, told late. */
function pulls(...events: readonly LoggedEvent[]): void {
  const last = events.at(-1)!.id
  shadow.isGreeted(other, { vector: Vector.of([{ ...last, contiguous: last.seq, above: [] }]) })
  shadow.getsPage(other, ...events)
}

describe.each([
  ['live', (one: LoggedEvent) => shadow.relays(other, live(one))],
  ['late', (one: LoggedEvent) => pulls(one)],
])('what comes %s', (_, tells) => {
  test('counts where its author was not banned yet when it was said', () => {
    decides(1, 'outcast')
    tells(said(1, 0))
    expect(voids()).toEqual([undefined])
  })

  test('is void where he was, whatever became of that since', () => {
    decides(1, 'outcast')
    decides(2, 'none')
    tells(said(1, 1))
    expect(voids()).toEqual([true])
  })

  test('by one who is banned as far as we know waits, where its origin claims to know better, until we do', () => {
    decides(1, 'outcast')
    tells(said(1, 2))
    expect(shadow.logged).toEqual([])
    decides(2, 'none')
    if (_ === 'late') pulls(said(1, 2))
    expect(shadow.of('log').filter(({ event: { id } }) => id.instance === other)).toMatchObject([
      { event: { id: { seq: 1 } } },
    ])
  })

  test('and does not wait while the source cannot be asked', () => {
    decides(1, 'outcast')
    shadow.happens({ type: 'link', peer: source, up: false })
    tells(said(1, 2))
    expect(voids()).toEqual([undefined])
  })
})

describe('how much an origin knew', () => {
  test('never falls: it cannot go back to before a ban', () => {
    decides(1, 'outcast')
    shadow.relays(other, live(event(other, 1, 1, message('honest', 'witch'), { revision: 1 })))
    shadow.relays(other, live(said(2, 0)))
    expect(voids()).toEqual([true])
  })

  test('may be less in what it said earlier and is told later', () => {
    shadow.relays(other, live(said(1, 0)))
    const vector = Vector.empty.withFloor(said(1, 0).id, 3)
    shadow.isGreeted(other, { vector })
    shadow.getsPage(other, said(2, 0), said(3, 0))
    expect(voids()).toEqual([undefined, undefined])
  })
})

test('as many former revisions are remembered as may be, the newest', () => {
  const room = newRoom('coven@rooms.a.example', defaultPolicy)
  let rights: ReturnType<typeof remembered> = new Map()
  for (const configRevision of [1, 2, 3]) rights = remembered(rights, 1, { ...room, configRevision }, 2)
  expect([...rights.keys()]).toEqual([rightsKey(1, 2), rightsKey(1, 3)])
})
