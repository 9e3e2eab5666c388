/** What an instance lost with its disk comes before what is said there anew (dmuc.md §3, Crash). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { defaultLimits } from '../../src/dmuc/replica.js'
import { Vector } from '../../src/dmuc/vector.js'
import { event, message, other, Shadow, self, source } from './shadow.js'

let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
})

const lost = [event(self, 0, 1, message('Hail!')), event(self, 0, 2, message('Who is there?'))]
const incarnation = lost[0]!.id.incarnation
const holding = { vector: Vector.of([{ instance: self, incarnation, contiguous: 2, above: [] }]) }

const isOpen = (): boolean => shadow.replica.retrieving === undefined
const helloed = (): (string | undefined)[] =>
  shadow.of('ask').flatMap(({ iq, question }) => (question.type === 'hello' ? [iq.attrs.to] : []))
const greetAll = (): void => {
  for (const peer of [source, other]) shadow.happens({ type: 'link', peer, up: true })
}
const pass = (ms: number): void => {
  shadow.now += ms
  shadow.happens({ type: 'tick' })
}

describe('an instance that has just started', () => {
  test('lets people in once all others have answered its hello', () => {
    greetAll()
    shadow.getsHello(source)
    expect(isOpen()).toBe(false)
    shadow.getsHello(other)
    expect(isOpen()).toBe(true)
    expect(shadow.of('retrieved')).toHaveLength(1)
    expect(shadow.of('note')).toEqual([])
  })

  test('lets nobody in before it has what another knows it to have said, and has told the rest so', () => {
    greetAll()
    shadow.getsHello(source)
    shadow.getsHello(other, holding)
    expect(isOpen()).toBe(false)
    shadow.getsPage(other, ...lost)
    expect(shadow.logged).toEqual(['0:1', '0:2'])
    expect(helloed()).toEqual([source, other])
    expect(isOpen()).toBe(false)
    shadow.getsHello(source)
    expect(isOpen()).toBe(false)
    shadow.getsHello(other)
    expect(isOpen()).toBe(true)
  })

  test('waits no longer for who cannot be reached, and says whom it did not ask', () => {
    greetAll()
    shadow.getsHello(source)
    pass(defaultLimits.retrieveMs - 1)
    expect(isOpen()).toBe(false)
    pass(1)
    expect(isOpen()).toBe(true)
    expect(shadow.of('retrieved')).toHaveLength(1)
    expect(shadow.of('note').map(({ peer }) => peer)).toEqual([other])
  })

  test('waits no longer though its clock is set back', () => {
    greetAll()
    pass(-3_600_000)
    pass(defaultLimits.retrieveMs)
    expect(isOpen()).toBe(true)
  })

  test('is open for good: a link that breaks later keeps nobody out', () => {
    greetAll()
    for (const peer of [source, other]) shadow.getsHello(peer)
    shadow.happens({ type: 'link', peer: other, up: false })
    pass(1000)
    expect(isOpen()).toBe(true)
    expect(shadow.of('retrieved')).toEqual([])
  })

  test('tells what comes back after that at once, not with the next hello', () => {
    greetAll()
    for (const peer of [source, other]) shadow.getsHello(peer)
    shadow.getsHello(other, holding)
    shadow.getsPage(other, ...lost)
    expect(helloed()).toEqual([source, other])
  })
})
