/** How many are asked at once, and who is not asked any more. */
import { expect, test } from '@jest/globals'
import { Ghosts } from '../../../src/modules/muc/ghosts.js'
import type { Router } from '../../../src/server/router.js'
import { ManualClock } from '../../../src/util/clock.js'
import { SeededRandom } from '../../../src/util/random.js'
import type { Element } from '../../../src/xml/element.js'
import { StanzaError } from '../../../src/xmpp/stanza-error.js'

const room = 'coven@rooms.a.example'
const someone = (index: number): string => `u${index}@b.example/x`

function stage(silenceMs = 900_000) {
  const clock = new ManualClock()
  const asked: { readonly to: string; readonly answer: (said: Element | StanzaError) => void }[] = []
  const removed: string[] = []
  const router = {
    ask: (iq: Element, answer: (said: Element | StanzaError) => void) => void asked.push({ to: iq.attrs.to, answer }),
  } as unknown as Router
  const ghosts = new Ghosts({
    router,
    clock,
    random: new SeededRandom(3),
    silenceMs,
    isLocal: (domain) => domain === 'a.example',
    isIn: () => true,
    remove: (_room, session) => void removed.push(session),
  })
  const seconds = (count: number): void => {
    for (let second = 0; second < count; second++) {
      clock.advance(1000)
      ghosts.sweep()
    }
  }
  return { ghosts, asked, removed, seconds, clock }
}

test('of many whose server is gone, fifty a second are asked, and two hundred waited for', () => {
  const { ghosts, asked, removed, seconds, clock } = stage()
  for (let index = 0; index < 500; index++) ghosts.entered(room, someone(index))
  ghosts.interrupted('b.example')
  clock.advance(10_000)
  for (const count of [50, 100, 150, 200, 200, 200]) {
    seconds(1)
    expect(asked).toHaveLength(count)
  }
  for (const { answer } of asked) answer(new StanzaError('item-not-found'))
  expect(removed).toHaveLength(200)
  seconds(10)
  expect(asked).toHaveLength(400)
  expect(new Set(asked.map(({ to }) => to)).size).toBe(400)
})

test('those who fall silent together are not asked together', () => {
  const { ghosts, asked, seconds } = stage()
  for (let index = 0; index < 100; index++) ghosts.entered(room, someone(index))
  seconds(900)
  expect(asked.length).toBeGreaterThan(10)
  expect(asked.length).toBeLessThan(90)
  seconds(90)
  expect(asked).toHaveLength(100)
})

test('who left, who is heard of and who is local is not asked', () => {
  const { ghosts, asked, seconds } = stage()
  for (let index = 0; index < 3; index++) ghosts.entered(room, someone(index))
  ghosts.entered(room, 'ann@a.example/x')
  ghosts.left(room, someone(0))
  seconds(600)
  ghosts.heard(someone(1))
  seconds(400)
  expect(asked.map(({ to }) => to)).toEqual([someone(2)])
})
