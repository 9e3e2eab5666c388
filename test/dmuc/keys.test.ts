/** The keys of stanza-ids change when a member leaves (dmuc.md §3, stanza-id; docs/dmuc-sync.md §1). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { linkOf } from '../../src/dmuc/chain.js'
import { keyNumberOf, type RoomKeys, stanzaIdOf } from '../../src/dmuc/ids.js'
import { withKeys } from '../../src/dmuc/keys.js'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Effect, type Happening, type Instance, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { Vector } from '../../src/dmuc/vector.js'
import { writeHello } from '../../src/dmuc/wire/hello.js'
import { fitting, writePage } from '../../src/dmuc/wire/pull.js'
import { readRoom } from '../../src/dmuc/wire/room.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { SeededRandom } from '../../src/util/random.js'
import { type Element, xml } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { parse } from '../support/xml-match.js'
import { chain, signerFor } from './chains.js'
import { event, live, message, other, Shadow, self, source, start } from './shadow.js'

const keyOf = (fill: number): string => Buffer.alloc(32, fill).toString('base64')
const second = start + 1000

describe('at the source', () => {
  const plain = 'coven@rooms.plain.lit'
  let replica: Replica
  let now = start
  let effects: readonly Effect[] = []

  const happens = (happening: Happening): void => {
    const env = { now, limits: defaultLimits, bounds: defaultPolicy, signer: signerFor(source) }
    const done = step(replica, happening, env)
    replica = done.replica
    effects = done.effects
  }
  const given = (): Element[] =>
    effects.flatMap((effect) => (effect.type === 'ask' && effect.question.type === 'config' ? [effect.iq] : []))
  const keysIn = (iq: Element | undefined): RoomKeys | undefined =>
    readRoom(parse(serialize(iq!.getChild('config')!.getChild('room') as Element)))?.keys

  const greets = (from: string, number: number): void => {
    const theirs: Replica = { ...replica, incarnation: 'x', keys: { ...replica.keys, number }, vector: Vector.empty }
    happens({
      type: 'request',
      from,
      iq: xml('iq', { type: 'set', id: 'h', from, to: source }, writeHello(theirs)),
    })
  }

  beforeEach(() => {
    now = start
    const made = newSource({ ...newRoom(source, defaultPolicy), locked: false }, new SeededRandom(1))
    const row = (jid: string, rank: number, kind: Instance['kind'] = 'sync'): [string, Instance] => [
      jid,
      { jid, kind, rank, gone: false },
    ]
    const instances = new Map([row(source, 0), row(self, 1), row(other, 2), row(plain, 3, 'plain')])
    replica = { ...made, table: { revision: 1, instances } }
    for (const jid of [self, other]) greets(jid, 1)
    now = second
  })

  test('a member leaves: those who stay get another key, and it gets none', () => {
    const before = replica.keys
    happens({ type: 'removed', jid: other })
    expect(given().map(({ attrs }) => attrs.to)).toEqual([self])
    const { keys } = replica
    expect([keys.number, keys.occupantSalt]).toEqual([second, before.occupantSalt])
    expect(keys.stanzaIdKey).not.toBe(before.stanzaIdKey)
    expect(keysIn(given()[0])).toEqual({ ...keys, former: [{ number: 1, stanzaIdKey: before.stanzaIdKey }] })
    expect(effects.some(({ type }) => type === 'save')).toBe(true)
    happens({ type: 'local', operations: [message('Hail!')] })
    const [logged] = effects.flatMap((effect) => (effect.type === 'log' ? [effect.event] : []))
    expect(logged?.stanzaId).toBe(stanzaIdOf(keys, replica.identity.roomId, logged!.id))
    expect(keyNumberOf(logged!.stanzaId)).toBe(second)
  })

  test('a plain one had none', () => {
    happens({ type: 'removed', jid: plain })
    expect([given(), replica.keys.number]).toEqual([[], 1])
  })

  test('who could not be reached then gets it with the greeting', () => {
    happens({ type: 'link', peer: self, up: false })
    happens({ type: 'removed', jid: other })
    expect(given()).toEqual([])
    greets(self, 1)
    expect(keysIn(given()[0])).toEqual(replica.keys)
    greets(self, second)
    expect(given()).toEqual([])
  })

  test('a member has a later one: there is another, which is later still', () => {
    greets(self, second - 10)
    expect(given()).toHaveLength(1)
    now += 5000
    happens({ type: 'tick' })
    expect(replica.keys.number).toBe(now)
    expect(given().map(({ attrs }) => attrs.to)).toEqual([self, other])
    happens({ type: 'tick' })
    expect(given()).toEqual([])
  })

  test('one that says it has a key of the future moves nothing', () => {
    greets(self, Number.MAX_SAFE_INTEGER)
    now += 5000
    happens({ type: 'tick' })
    expect(replica.keys.number).toBe(1)
  })

  test('what it keeps of the former ones is bounded, and the first is among it', () => {
    for (let each = 0; each < 50; each++) {
      now += 1
      replica = { ...replica, table: { ...replica.table, instances: new Map(replica.table.instances) } }
      const row = replica.table.instances.get(other)!
      replica = {
        ...replica,
        table: { ...replica.table, instances: new Map(replica.table.instances).set(other, { ...row, gone: false }) },
      }
      happens({ type: 'removed', jid: other })
    }
    const former = replica.keys.former?.map(({ number }) => number) ?? []
    expect([former.length, former[0], former.at(-1)]).toEqual([33, now - 1, 1])
  })
})

describe('at a member', () => {
  let shadow: Shadow
  const roomId = (): string => shadow.replica.identity.roomId
  const present = { number: second, stanzaIdKey: keyOf(7) }

  beforeEach(() => {
    shadow = new Shadow(other)
  })
  const isGiven = (): void => {
    const { keys } = shadow.replica
    shadow.replica = { ...shadow.replica, keys: withKeys(keys, { ...keys, ...present }) }
  }
  /** What `other` says under this key. */
  const said = (key: { readonly number: number; readonly stanzaIdKey: string }) => {
    const bare = event(other, 1, 1, message('Hail!'))
    return { ...bare, stanzaId: stanzaIdOf(key, roomId(), bare.id) }
  }
  const shown = (): string[] => shadow.of('log').map((effect) => effect.event.stanzaId)

  test('an event under the present key has its id', () => {
    isGiven()
    shadow.relays(other, live(said(present)))
    expect(shown()).toEqual([said(present).stanzaId])
  })

  test('one under a former key has the id of that', () => {
    const first = shadow.replica.keys
    isGiven()
    // Nobody signs it there: what stands in the event counts for nothing.
    shadow.relays(other, live({ ...said(first), stanzaId: `1${'x'.repeat(22)}` }))
    expect(shown()).toEqual([said(first).stanzaId])
  })

  test('one under a key that did not come here yet has the id that its origin signs', () => {
    shadow.relays(other, live(said(present)))
    expect(shown()).toEqual([said(present).stanzaId])
  })

  test('who gives an id that is none under a key that is known here is found out', () => {
    isGiven()
    shadow.relays(other, live(said({ ...present, stanzaIdKey: keyOf(8) })))
    expect(shown()).toEqual([])
    expect(shadow.replica.peers.get(other)?.lied).toContain('stanza-id of its event 1')
  })

  test('nobody else changes it', () => {
    const { events, proof } = chain(roomId(), [said(present)])
    const told = (change: object): readonly string[] => {
      shadow = new Shadow(other)
      shadow.happens({ type: 'link', peer: other, up: false })
      shadow.isGreeted(source, { vector: Vector.empty.withFloor(events[0]!.id, 1) })
      const page = writePage(fitting([{ ...events[0]!, ...change }], 100_000), false, [proof])
      shadow.answers(source, shadow.asked('pull')[0]!, xml('iq', { type: 'result' }, page))
      return shown()
    }
    expect(told({})).toEqual([said(present).stanzaId])
    expect(told({ stanzaId: `${second}${'x'.repeat(22)}` })).toEqual([])
    expect(told({ stanzaId: `1${'x'.repeat(22)}` })).toEqual([])
  })

  test('an earlier key that comes late does not take the place of the present one', () => {
    const { keys } = shadow.replica
    const known = withKeys({ ...keys, ...present }, keys)
    expect([known.number, known.former]).toEqual([second, [{ number: 1, stanzaIdKey: keys.stanzaIdKey }]])
  })

  test('the chain has the ids of later keys alone', () => {
    const [whole] = chain(roomId(), [said(present)]).events
    expect(linkOf(whole!)).not.toBe(linkOf({ ...whole!, stanzaId: `${second}${'x'.repeat(22)}` }))
    expect(linkOf({ ...whole!, stanzaId: `1${'x'.repeat(22)}` })).toBe(
      linkOf({ ...whole!, stanzaId: `1${'y'.repeat(22)}` }),
    )
  })
})
