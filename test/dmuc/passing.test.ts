/** Orders by way of a third: who may pass what on, and what is believed of it (docs/dmuc-sync.md §5, §9). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { defaultLimits, type Effect } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { defaultPolicy } from '../../src/room/index.js'
import type { Affiliation } from '../../src/room/types.js'
import { type Element, xml } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { parse } from '../support/xml-match.js'
import { signerFor } from './chains.js'
import { arrival, occupant, other, Shadow, self, source } from './shadow.js'

const admin = 'crone1@shakespeare.lit'
const kick = { type: 'leave', nick: 'hag', departure: { cause: 'kicked', actor: admin } } as const

const third = 'coven@rooms.fife.lit'

/** The order that `from` has a third pass on to `to`, as it arrives. */
function orderOf(from: string, to: string, now: number, incarnation: string): Element {
  const asker = new Shadow(third, to)
  asker.now = now
  asker.signer = signerFor(from)
  const { room, table, peers } = asker.replica
  const through = { askedAt: undefined, quiet: 0, by: third, kicks: [] }
  const us = { jid: self, kind: 'sync', rank: 1, gone: false } as const
  asker.replica = {
    ...asker.replica,
    room: { ...room, jid: from },
    table: { ...table, instances: new Map(table.instances).set(self, us) },
    peers: new Map(peers).set(to, { ...peers.get(third)!, link: 'down', incarnation, through }),
  }
  asker.happens({ type: 'order', order: { to, actor: admin, operations: [kick] }, token: 't' })
  const [asked] = asker.of('ask')
  expect(asked?.iq.attrs.to).toBe(third)
  return parse(serialize(asked!.iq.children[0] as Element))
}

let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
  shadow.relays(other, arrival(occupant(other, 'crone', admin), 1))
})

/** hag is at home here, and whoever orders it is what `affiliation` says. */
function hasHag(affiliation: Affiliation = 'owner'): void {
  const { room } = shadow.replica
  const hag = occupant(self)
  shadow.replica = {
    ...shadow.replica,
    room: {
      ...room,
      occupants: new Map([...room.occupants, ['hag', hag]]),
      register: new Map([[admin, { affiliation }]]),
    },
  }
}

function passedOn(payload: Element, from = source): Extract<Effect, { type: 'reply' }>['payload'] {
  shadow.happens({ type: 'request', from, iq: xml('iq', { type: 'set', id: 'o', from, to: self }, payload) })
  return shadow.of('reply')[0]?.payload
}

const there = (): boolean => shadow.replica.room.occupants.has('hag')

const toUs = (now = shadow.now, incarnation = shadow.replica.incarnation): Element =>
  orderOf(other, self, now, incarnation)

describe('an order that a third passes on', () => {
  test('is carried out as that of who signed it', () => {
    hasHag()
    expect(passedOn(toUs())).toBeUndefined()
    expect(there()).toBe(false)
  })

  test('counts once', () => {
    hasHag()
    const order = toUs()
    passedOn(order)
    hasHag()
    expect(passedOn(order)).toMatchObject({ condition: 'not-allowed' })
    expect(there()).toBe(true)
  })

  test.each<[string, (order: Element) => void]>([
    ['of another actor', (order) => Object.assign(order.attrs, { actor: 'hag66@shakespeare.lit' })],
    ['of another instance', (order) => Object.assign(order.attrs, { origin: source })],
    ['about somebody else', (order) => Object.assign((order.children[0] as Element).attrs, { nick: 'crone' })],
    ['with another stamp', (order) => Object.assign(order.attrs, { stamp: '1.0' })],
    ['that is not signed', (order) => Object.assign(order.attrs, { signature: undefined })],
    ['of nobody’s', (order) => Object.assign(order.attrs, { origin: 'coven@rooms.nobody.lit' })],
  ])('one %s is forbidden', (_, forge) => {
    hasHag()
    const order = toUs()
    forge(order)
    expect(passedOn(order)).toMatchObject({ condition: 'forbidden' })
    expect(there()).toBe(true)
  })

  test('one to an earlier start of ours does not count', () => {
    hasHag()
    expect(passedOn(toUs(shadow.now, 'earlier'))).toMatchObject({ condition: 'recipient-unavailable' })
    expect(there()).toBe(true)
  })

  test('nor does one that was held back', () => {
    hasHag()
    const order = toUs()
    shadow.now += 6 * 60_000
    expect(passedOn(order)).toMatchObject({ condition: 'not-allowed' })
    expect(there()).toBe(true)
  })

  test('the right of the actor is looked at here', () => {
    hasHag('none')
    expect(passedOn(toUs())).toMatchObject({ condition: 'forbidden' })
    expect(there()).toBe(true)
  })
})

describe('a member that is asked to pass one on', () => {
  const onward = (): Element => orderOf(source, other, shadow.now, 'x')

  test('gives it to whom it is meant for, as it is, and the answer back', () => {
    const order = onward()
    expect(passedOn(order)).toBeUndefined()
    const [asked] = shadow.of('ask')
    expect([asked?.iq.attrs.to, serialize(asked?.iq.children[0] as Element)]).toEqual([other, serialize(order)])
    shadow.answers(other, asked!.question, new StanzaError('forbidden'))
    expect(shadow.of('reply')[0]?.payload).toMatchObject({ condition: 'forbidden' })
  })

  test('does not for whom it is not, so it goes no further than that', () => {
    expect(passedOn(onward(), other)).toMatchObject({ condition: 'forbidden' })
    expect(shadow.of('ask')).toEqual([])
  })

  test('does not where it does not reach it either, and says so', () => {
    const order = onward()
    shadow.happens({ type: 'link', peer: other, up: false })
    expect(passedOn(order)).toMatchObject({ condition: 'recipient-unavailable' })
    const answered = step(
      shadow.replica,
      {
        type: 'answer',
        from: other,
        question: { type: 'order-for', iq: xml('iq', {}) },
        result: new StanzaError('remote-server-timeout'),
      },
      { now: shadow.now, limits: defaultLimits, bounds: defaultPolicy },
    )
    expect(answered.effects).toMatchObject([{ type: 'reply', payload: { condition: 'recipient-unavailable' } }])
  })
})
