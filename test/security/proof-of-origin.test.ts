/** A member that tells what another is to have said (dmuc.md §4: events of another origin, up to a head that their origin signed). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { contentDigest, linkOf } from '../../src/dmuc/chain.js'
import { Vector } from '../../src/dmuc/vector.js'
import type { Proof } from '../../src/dmuc/wire/proof.js'
import { fitting, writePage } from '../../src/dmuc/wire/pull.js'
import type { LoggedEvent } from '../../src/room/types.js'
import { xml } from '../../src/xml/element.js'
import { chain, signerFor } from '../dmuc/chains.js'
import { event, message, other, register, Shadow, self, source } from '../dmuc/shadow.js'

const liar = source
let shadow: Shadow

/** The liar holds three events of another, who cannot be reached, and is asked for them. */
beforeEach(() => {
  shadow = new Shadow(other)
  shadow.happens({ type: 'link', peer: other, up: false })
  const id = { instance: other, incarnation: `${other}-1` }
  shadow.isGreeted(liar, { vector: Vector.of([{ ...id, contiguous: 3, above: [] }]) })
})

const said = (...bodies: readonly string[]): LoggedEvent[] =>
  bodies.map((body, index) => event(other, 1, index + 1, message(body)))

function told(events: readonly LoggedEvent[], proofs: readonly Proof[]): readonly string[] {
  const question = shadow.asked('pull')[0]!
  shadow.answers(liar, question, xml('iq', { type: 'result' }, writePage(fitting(events, 100_000), false, proofs)))
  return shadow.logged
}
const roomId = (): string => shadow.replica.identity.roomId

describe('what a member tells of another', () => {
  test('is taken up to the head that its origin signed', () => {
    const { events, proof } = chain(roomId(), said('one', 'two', 'three'))
    expect(told(events, [proof])).toEqual(['1:1', '1:2', '1:3'])
  })

  test('is not taken above it', () => {
    const all = chain(roomId(), said('one', 'two', 'three')).events
    const { proof } = chain(roomId(), said('one', 'two'))
    expect(told(all, [proof])).toEqual(['1:1', '1:2'])
  })

  test('is taken where links stand for what lies between it and the head', () => {
    const { events, proof } = chain(roomId(), said('one', 'two', 'three'))
    const short = chain(roomId(), said('one'))
    const links = events.slice(1).map((each) => linkOf(each)!)
    expect(told(short.events, [{ ...proof, links }])).toEqual(['1:1'])
  })

  test('is not taken without a proof', () => {
    expect(told(chain(roomId(), said('one', 'two', 'three')).events, [])).toEqual([])
  })

  test.each<[string, () => readonly [readonly LoggedEvent[], Proof]]>([
    [
      'with another content',
      () => {
        const { events, proof } = chain(roomId(), said('one'))
        return [[{ ...events[0]!, digest: contentDigest(message('lie')), operation: message('lie') }], proof]
      },
    ],
    [
      'with another time',
      () => {
        const { events, proof } = chain(roomId(), said('one'))
        return [[{ ...events[0]!, stamp: { ms: 1, counter: 0 } }], proof]
      },
    ],
    [
      'at another revision',
      () => {
        const { events, proof } = chain(roomId(), said('one'))
        return [[{ ...events[0]!, revision: 99 }], proof]
      },
    ],
    [
      'signed by the teller',
      () => {
        const { events, proof } = chain(roomId(), said('lie'), signerFor(liar))
        return [events, proof]
      },
    ],
    [
      'signed for another room',
      () => {
        const { events, proof } = chain('another', said('one'))
        return [events, proof]
      },
    ],
    [
      'in another order',
      () => {
        const { events, proof } = chain(roomId(), said('one', 'two'))
        const [one, two] = events as [LoggedEvent, LoggedEvent]
        return [
          [
            { ...two, id: one.id },
            { ...one, id: two.id },
          ],
          proof,
        ]
      },
    ],
    [
      'of the source that makes an owner, in its name',
      () => {
        const { events, proof } = chain(roomId(), [event(other, 1, 1, register(1, 'owner'))], signerFor(liar))
        return [events, proof]
      },
    ],
  ])('is not taken %s', (_, make) => {
    const [events, proof] = make()
    expect(told(events, [proof])).toEqual([])
    expect(shadow.replica.room.register.size).toBe(0)
  })

  test('under a digest that is signed, with another content, is not taken: the rest of the page is', () => {
    const { events, proof } = chain(roomId(), said('one', 'two'))
    expect(told([events[0]!, { ...events[1]!, operation: message('lie') }], [proof])).toEqual(['1:1'])
  })

  test('without its content is taken as void, where its origin cannot be asked', () => {
    const { events, proof } = chain(roomId(), said('one'))
    expect(told([{ ...events[0]!, void: true }], [proof])).toEqual(['1:1'])
    expect(shadow.of('log')[0]?.event.void).toBe(true)
  })

  test('and not where it can be', () => {
    const { events, proof } = chain(roomId(), said('one'))
    const pull = shadow.effects
    const vector = Vector.empty.withFloor(events[0]!.id, 3)
    shadow.isGreeted(other, { vector })
    shadow.effects = pull
    expect(told([{ ...events[0]!, void: true }], [proof])).toEqual([])
  })
})

describe('an instance that lost its key with its disk', () => {
  test('is still believed about what it said before', () => {
    const { events, proof } = chain(roomId(), said('one'), signerFor('old'))
    const { table } = shadow.replica
    const row = { ...table.instances.get(other)!, formerKeys: [signerFor('old').publicKey] }
    shadow.replica = {
      ...shadow.replica,
      table: { ...table, instances: new Map(table.instances).set(other, row) },
    }
    expect(told(events, [proof])).toEqual(['1:1'])
  })
})

describe('what we said ourselves, and lost', () => {
  test('and had not signed is void from now on, so that all hold the same', () => {
    const bench = new Shadow(other)
    bench.signer = signerFor(self)
    const lost = event(self, 0, 1, message('lie'))
    bench.isGreeted(other, { vector: Vector.empty.withFloor(lost.id, 1) })
    const question = bench.asked('pull')[0]!
    bench.answers(other, question, xml('iq', { type: 'result' }, writePage(fitting([lost], 100_000), false)))
    expect(bench.of('log')).toMatchObject([{ event: { id: lost.id, void: true } }])
    expect(bench.replica.room.history).toEqual([])
  })

  test('comes back as we signed it, and in no other form', () => {
    const bench = new Shadow(other)
    const signer = signerFor(self)
    bench.signer = signer
    const lost = event(self, 0, 1, message('ours'))
    const vector = Vector.empty.withFloor(lost.id, 1)
    const { events, proof } = chain(bench.replica.identity.roomId, [lost], signer)
    for (const [page, expected] of [[{ events, proof }, ['0:1']]] as const) {
      bench.isGreeted(other, { vector })
      const question = bench.asked('pull')[0]!
      bench.answers(
        other,
        question,
        xml('iq', { type: 'result' }, writePage(fitting(page.events, 100_000), false, [page.proof])),
      )
      expect(bench.logged).toEqual(expected)
    }
  })
})
