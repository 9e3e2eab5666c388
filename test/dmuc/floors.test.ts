/** Where logs begin: what has expired everywhere (dmuc.md §3, Retention and erasure; docs/dmuc-sync.md §4). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { floorsOf } from '../../src/dmuc/floors.js'
import { Vector } from '../../src/dmuc/vector.js'
import type { Floor } from '../../src/dmuc/wire/floor.js'
import { readHello, writeHello } from '../../src/dmuc/wire/hello.js'
import { serialize } from '../../src/xml/writer.js'
import { parse } from '../support/xml-match.js'
import { signerFor } from './chains.js'
import { event, message, other, Shadow, self, source } from './shadow.js'

let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
})

const origin = (instance: string, run: number) => ({ instance, incarnation: `${instance}-${run}` })

const floor = (instance: string, run: number, seq: number, closed = false): Floor => {
  const { roomId } = shadow.replica.identity
  const { incarnation } = origin(instance, run)
  const text = ['urn:xmpp:dmuc-sync:0 expired', roomId, instance, incarnation, seq, closed ? 'closed' : ''].join('\n')
  return { instance, incarnation, seq, closed, signature: signerFor(instance).sign(text) }
}

const says = (...floors: readonly Floor[]) => ({ floors: floorsOf(floors).floors })
const holds = (instance: string, run: number, seq: number) => ({
  vector: Vector.of([{ ...origin(instance, run), contiguous: seq, above: [] }]),
})

/** Ranges that are asked for now. */
const pulled = () => shadow.asked('pull').flatMap(({ ranges }) => ranges)
const gaps = () => shadow.replica.gaps.map(({ incarnation, from, to }) => [incarnation, from, to])

describe('a floor that its origin tells', () => {
  test('what lies below and is not here is a gap; the rest is pulled', () => {
    shadow.isGreeted(other, { ...holds(other, 1, 9), ...says(floor(other, 1, 6)) })
    expect(gaps()).toEqual([[`${other}-1`, 1, 6]])
    expect(pulled()).toMatchObject([{ from: 7, to: 9 }])
    expect(shadow.of('expire')).toMatchObject([{ floor: { seq: 6, closed: false } }])
    expect(shadow.of('note').map(({ text }) => text)).toContain('its events 1 to 6 have expired before they came here')
  })

  test('what is here already is no gap, and counts on', () => {
    shadow.isGreeted(other, holds(other, 1, 2))
    shadow.getsPage(other, event(other, 1, 1, message('a')), event(other, 1, 2, message('b')))
    shadow.isGreeted(other, { ...holds(other, 1, 2), ...says(floor(other, 1, 2)) })
    expect(gaps()).toEqual([])
    expect(shadow.of('expire')).toHaveLength(1)
    shadow.isGreeted(other, { ...holds(other, 1, 2), ...says(floor(other, 1, 2)) })
    expect(shadow.of('expire')).toHaveLength(0)
  })

  test('a start that is over and gone leaves the vector, and is not asked for from who still has it', () => {
    shadow.isGreeted(other, says(floor(other, 1, 4, true)))
    shadow.isGreeted(source, holds(other, 1, 4))
    expect([...shadow.replica.vector.origins()]).toEqual([])
    expect(pulled()).toEqual([])
  })

  test('who has more of a start than its origin says keeps it, so that the origin can have it back', () => {
    shadow.isGreeted(other, holds(other, 1, 2))
    shadow.getsPage(other, event(other, 1, 1, message('a')), event(other, 1, 2, message('b')))
    shadow.isGreeted(other, { incarnation: `${other}-2`, ...says(floor(other, 1, 1, true)) })
    expect(shadow.replica.vector.get(origin(other, 1)).contiguous).toBe(2)
    expect(shadow.of('expire')).toMatchObject([{ floor: { closed: false } }])
  })
})

describe('a floor that somebody else tells', () => {
  test('counts with the signature of its origin', () => {
    shadow.isGreeted(source, says(floor(other, 1, 6)))
    expect(shadow.replica.vector.get(origin(other, 1)).contiguous).toBe(6)
  })

  test.each([
    ['none', undefined],
    ['that of the teller', signerFor(source).sign('x')],
  ])('and not with %s', (_, signature) => {
    const { signature: __, ...bare } = floor(other, 1, 6)
    shadow.isGreeted(source, says({ ...bare, ...(signature && { signature }) }))
    expect(shadow.replica.floors.size).toBe(0)
    expect(shadow.replica.vector.get(origin(other, 1)).contiguous).toBe(0)
  })

  test('nor where another seq was signed', () => {
    shadow.isGreeted(source, says({ ...floor(other, 1, 6), seq: 7 }))
    expect(shadow.replica.floors.size).toBe(0)
  })
})

describe('our own log', () => {
  const say = (...texts: readonly string[]): void => {
    for (const text of texts) shadow.happens({ type: 'local', operations: [message(text)] })
  }
  const own = () => ({ instance: self, incarnation: shadow.replica.incarnation })

  test('is cut by our retention, signed, and told in the next hello', () => {
    shadow.signer = signerFor(self)
    say('a', 'b', 'c')
    shadow.happens({ type: 'expired', rows: [{ ...own(), seq: 2, revision: 0 }] })
    expect(shadow.of('expire')).toMatchObject([{ floor: { ...own(), seq: 2, closed: false } }])
    const told = readHello(parse(serialize(writeHello(shadow.replica))))!.floors
    expect(told).toEqual([...shadow.replica.floors.values()])
    const reader = new Shadow(other)
    const text = ['urn:xmpp:dmuc-sync:0 expired', shadow.replica.identity.roomId, self, own().incarnation, 2, ''].join(
      '\n',
    )
    expect(told[0]?.signature).toBe(signerFor(self).sign(text))
    expect(reader.replica.floors.size).toBe(0)
  })

  test('a start that is not over is never closed', () => {
    say('a')
    shadow.happens({ type: 'expired', rows: [{ ...own(), seq: 1, revision: 0 }] })
    expect(shadow.of('expire')).toMatchObject([{ floor: { seq: 1, closed: false } }])
    expect(shadow.replica.vector.get(own()).contiguous).toBe(1)
  })

  test('a former start is, once nothing of it is left', () => {
    say('a')
    const before = own()
    shadow.replica = { ...shadow.replica, incarnation: 'anew', nextSeq: 1, tip: '' }
    shadow.happens({ type: 'expired', rows: [{ ...before, seq: 1, revision: 0 }] })
    expect([...shadow.replica.vector.origins()]).toEqual([])
  })

  test('that of others is theirs to cut', () => {
    shadow.isGreeted(other, holds(other, 1, 1))
    shadow.getsPage(other, event(other, 1, 1, message('a')))
    shadow.happens({ type: 'expired', rows: [{ ...origin(other, 1), seq: 1, revision: 0 }] })
    expect(shadow.of('expire')).toEqual([])
  })
})
