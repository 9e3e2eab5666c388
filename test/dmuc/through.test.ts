/** Who is at an instance that is out of our reach and not of others' (dmuc.md §3, Partial split; docs/dmuc-sync.md §3). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Effect, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { throughMs } from '../../src/dmuc/through.js'
import { Vector } from '../../src/dmuc/vector.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { Occupant } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { type Element, xml } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { ns } from '../../src/xmpp/namespaces.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { parse } from '../support/xml-match.js'
import { signerFor } from './chains.js'
import { event, message, occupant, other, Shadow, self, source } from './shadow.js'

let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
})

const pass = (ms: number): void => {
  shadow.now += ms
  shadow.happens({ type: 'tick' })
}

const cutOff = (): void => {
  shadow.happens({ type: 'link', peer: other, up: false })
  pass(0)
}

const asked = () => shadow.asked('list-through')[0]
const there = (): string[] => [...shadow.replica.room.occupants.keys()]

const start = (number: number) => ({ instance: other, incarnation: `${other}-${number}` })

/** What `other` answers, as it comes by way of somebody else. */
function listOf(people: readonly Occupant[], nonce: string, change: Partial<Replica> = {}): Element {
  const made = newSource({ ...newRoom(other, defaultPolicy), locked: false }, new SeededRandom(9))
  const { identity, table } = shadow.replica
  const replica: Replica = {
    ...made,
    identity,
    table,
    incarnation: `${other}-1`,
    occupantsRevision: 5,
    nextSeq: 1,
    room: { ...made.room, occupants: new Map(people.map((one) => [one.nick, one])) },
    ...change,
  }
  const iq = xml(
    'iq',
    { type: 'get', id: 'l', from: source, to: other },
    xml('occupants', { xmlns: ns.dmucSync, instance: other, nonce }),
  )
  const env = { now: shadow.now, limits: defaultLimits, bounds: defaultPolicy, signer: signerFor(other) }
  const { effects } = step(replica, { type: 'request', from: source, iq }, env)
  const reply = effects.find((effect): effect is Extract<Effect, { type: 'reply' }> => effect.type === 'reply')
  return xml('iq', { type: 'result' }, parse(serialize(reply?.payload as Element)))
}

describe('while another instance cannot be reached', () => {
  test('a third is asked for who is there, now and then', () => {
    cutOff()
    expect(asked()).toMatchObject({ of: other, tried: [source] })
    pass(throughMs - 1)
    expect(asked()).toBeUndefined()
    pass(1)
    expect(asked()).toMatchObject({ of: other, tried: [source] })
  })

  test('less and less often where nobody reaches it, or nothing happens there, and still within the grace', () => {
    cutOff()
    const asks = (answer: (nonce: string) => Element | StanzaError): number => {
      let count = 0
      for (let ms = 0; ms < 600_000; ms += 1000) {
        const question = asked()
        if (question !== undefined) {
          count += 1
          shadow.answers(source, question, answer(question.nonce))
        }
        pass(1000)
      }
      return count
    }
    const unreached = asks(() => new StanzaError('recipient-unavailable'))
    expect(unreached).toBeGreaterThan(9)
    expect(unreached).toBeLessThan(16)
    const quiet = asks((nonce) => listOf([occupant(other)], nonce))
    expect(quiet).toBeGreaterThan(28)
    expect(quiet).toBeLessThan(36)
    expect(there()).toEqual(['hag'])
  })

  test('nobody is asked who is out of reach, too', () => {
    shadow.happens({ type: 'link', peer: source, up: false })
    cutOff()
    expect(asked()).toBeUndefined()
  })

  test('its occupants stay as long as a third reaches it, and those who enter there are shown', () => {
    cutOff()
    for (let ms = 0; ms < 3 * defaultLimits.graceMs; ms += throughMs) {
      const question = asked()
      if (question !== undefined) shadow.answers(source, question, listOf([occupant(other)], question.nonce))
      expect(there()).toEqual(['hag'])
      pass(throughMs)
    }
    expect(shadow.replica.peers.get(other)?.split).toBe(false)
    pass(defaultLimits.graceMs)
    expect(there()).toEqual([])
  })

  test('those who were shown as gone are back when a third reaches it again', () => {
    cutOff()
    pass(defaultLimits.graceMs)
    expect(shadow.replica.peers.get(other)?.split).toBe(true)
    const question = asked()!
    shadow.answers(source, question, listOf([occupant(other)], question.nonce))
    expect(there()).toEqual(['hag'])
    expect(shadow.replica.peers.get(other)?.split).toBe(false)
  })

  test('what was said there is pulled from who passed the list on, before anybody is shown', () => {
    cutOff()
    const question = asked()!
    shadow.answers(source, question, listOf([occupant(other)], question.nonce, { nextSeq: 2, tip: 'p'.repeat(43) }))
    expect(there()).toEqual([])
    // The source has told nothing of that start yet.
    expect([shadow.asked('pull'), shadow.asked('hello').length]).toEqual([[], 1])
    shadow.getsHello(source, { vector: Vector.of([{ ...start(1), contiguous: 1, above: [] }]) })
    expect(shadow.asked('pull')[0]?.ranges).toMatchObject([{ instance: other, from: 1, to: 1 }])
    shadow.getsPage(source, event(other, 1, 1, message('Hail!')))
    expect(shadow.logged).toEqual(['1:1'])
    pass(throughMs)
    const next = asked()!
    shadow.answers(source, next, listOf([occupant(other)], next.nonce, { nextSeq: 2, tip: 'p'.repeat(43) }))
    expect(there()).toEqual(['hag'])
  })

  test('what was said there before it began anew is not overtaken: who passed the list on says first what it holds', () => {
    cutOff()
    const question = asked()!
    const list = listOf([occupant(other)], question.nonce, { ...start(2), nextSeq: 2, tip: 'p'.repeat(43) })
    shadow.answers(source, question, list)
    expect([shadow.asked('pull'), shadow.asked('hello').length]).toEqual([[], 1])
    const held = [1, 2].map((number) => ({ ...start(number), contiguous: 1, above: [] }))
    shadow.getsHello(source, { vector: Vector.of(held) })
    expect(shadow.asked('pull')[0]?.ranges.map(({ incarnation }) => incarnation)).toEqual(
      held.map(({ incarnation }) => incarnation),
    )
  })

  test.each<[string, (list: Element) => void]>([
    ['of a question before', (list) => Object.assign(list.attrs, { nonce: 'old' })],
    ['with another revision', (list) => Object.assign(list.attrs, { revision: '6' })],
    ['with somebody taken out', (list) => list.children.splice(0, 1)],
    ['with another name', (list) => Object.assign((list.children[0] as Element).attrs, { from: `${other}/witch` })],
    ['without a signature', (list) => Object.assign(list.attrs, { signature: undefined })],
  ])('a list %s is not believed', (_, forge) => {
    cutOff()
    const question = asked()!
    const answer = listOf([occupant(other)], question.nonce)
    forge(answer.children[0] as Element)
    shadow.answers(source, question, answer)
    expect(there()).toEqual([])
    pass(defaultLimits.graceMs)
    expect(shadow.replica.peers.get(other)?.split).toBe(true)
  })

  test('the next one is asked where one does not reach it either', () => {
    const third = 'coven@rooms.webster.lit'
    shadow = new Shadow(other, third)
    cutOff()
    shadow.answers(source, asked()!, new StanzaError('recipient-unavailable'))
    expect(asked()).toMatchObject({ of: other, tried: [source, third] })
    shadow.answers(third, asked()!, new StanzaError('recipient-unavailable'))
    expect(asked()).toBeUndefined()
  })
})

describe('who is asked for the list of another', () => {
  const request = (instance: string, nonce: string | undefined): Element =>
    xml(
      'iq',
      { type: 'get', id: 'l', from: source, to: self },
      xml('occupants', { xmlns: ns.dmucSync, instance, nonce }),
    )

  test('asks that one, and gives its answer on as it is', () => {
    shadow.happens({ type: 'request', from: source, iq: request(other, 'n1') })
    const [question] = shadow.asked('list-for')
    expect(shadow.of('ask')[0]?.iq.attrs.to).toBe(other)
    const answer = listOf([occupant(other)], 'n1')
    const text = serialize(answer.children[0] as Element)
    shadow.answers(other, question!, answer)
    expect(serialize(shadow.of('reply')[0]?.payload as Element)).toBe(text)
  })

  test('does not pass on what was said after what it holds itself', () => {
    shadow.happens({ type: 'request', from: source, iq: request(other, 'n1') })
    const [question] = shadow.asked('list-for')
    shadow.answers(other, question!, listOf([occupant(other)], 'n1', { nextSeq: 2, tip: 'p'.repeat(43) }))
    expect(shadow.of('reply')[0]?.payload).toMatchObject({ condition: 'recipient-unavailable' })
  })

  test.each([
    ['is no instance', 'coven@rooms.nobody.lit', 'recipient-unavailable'],
    ['cannot be reached from here either', other, 'recipient-unavailable'],
  ])('refuses where it %s', (_, instance, condition) => {
    shadow.happens({ type: 'link', peer: other, up: false })
    shadow.happens({ type: 'request', from: source, iq: request(instance, 'n1') })
    expect(shadow.of('reply')[0]?.payload).toMatchObject({ condition })
    expect(shadow.asked('list-for')).toEqual([])
  })

  test('refuses what is no question of that kind', () => {
    shadow.happens({ type: 'request', from: source, iq: request(other, undefined) })
    expect(shadow.of('reply')[0]?.payload).toMatchObject({ condition: 'bad-request' })
  })
})

test('two pages are under way at a time, and what came too early is asked for again', () => {
  const events = Array.from({ length: 250 }, (_, index) => event(other, 1, index + 1, message(`m${index}`)))
  shadow.isGreeted(other, { vector: Vector.empty.withFloor(events[0]!.id, 250) })
  const [first, second] = shadow.asked('pull')
  expect([first?.ranges[0], second?.ranges[0]]).toMatchObject([
    { from: 1, to: 100 },
    { from: 101, to: 200 },
  ])
  const effects = shadow.effects
  shadow.effects = shadow.effects.filter((effect) => effect.type !== 'ask' || effect.question === second)
  shadow.getsPage(other, ...events.slice(100, 200))
  expect(shadow.logged).toEqual([])
  expect(shadow.asked('pull')).toEqual([])
  shadow.effects = effects
  shadow.getsPage(other, ...events.slice(0, 100))
  expect(shadow.logged).toHaveLength(100)
  expect(shadow.asked('pull').map(({ ranges }) => ranges[0])).toMatchObject([
    { from: 101, to: 200 },
    { from: 201, to: 250 },
  ])
})
