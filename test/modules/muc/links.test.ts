/** dmuc.md §3, Failure: when a peer is tried again, and what wakes it; §4: one that does not prove itself as it must is split. */
import { describe, expect, test } from '@jest/globals'
import { Links } from '../../../src/modules/muc/links.js'
import type { Router } from '../../../src/server/router.js'
import { ManualClock } from '../../../src/util/clock.js'
import { SeededRandom } from '../../../src/util/random.js'
import { xml } from '../../../src/xml/element.js'
import { StanzaError, type StanzaErrorCondition } from '../../../src/xmpp/stanza-error.js'
import { settled } from '../../dialogue/stage.js'

const peer = 'rooms.b.example'

/** What becomes of a ping; `nothing` takes the ten seconds in which an answer would count. */
type Fate = 'answer' | 'nothing' | StanzaError

class Scene {
  readonly clock = new ManualClock()
  /** When each ping left. */
  readonly pings: number[] = []
  readonly events: string[] = []
  readonly suspected: string[] = []
  readonly links: Links
  fate: Fate = 'answer'

  constructor() {
    const { clock } = this
    const router: Router = {
      route: () => undefined,
      broadcast: () => undefined,
      ask: () => undefined,
      request: () => this.#ping(),
      crowded: false,
    }
    this.links = new Links(
      'rooms.a.example',
      { router, clock, random: new SeededRandom(1) },
      { up: (service) => this.events.push(`up ${service}`), down: (service) => this.events.push(`down ${service}`) },
    )
    this.links.through({
      hurry: () => undefined,
      suspect: (service, silentMs) => this.suspected.push(`${service} ${silentMs}`),
    })
  }

  #ping(): ReturnType<Router['request']> {
    const { fate } = this
    this.pings.push(this.clock.monotonic())
    if (fate === 'answer') return Promise.resolve(xml('iq'))
    if (fate !== 'nothing') return Promise.reject(fate)
    return new Promise((_, reject) => {
      this.clock.after(10_000, () => reject(new StanzaError('remote-server-timeout')))
    })
  }

  async wait(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.clock.advance(Math.min(100, left))
      await settled()
    }
  }

  /** Between the pings of so long from now on. */
  async gaps(ms: number): Promise<readonly number[]> {
    const known = this.pings.length
    await this.wait(ms)
    const pings = this.pings.slice(known)
    return pings.slice(1).map((at, n) => at - pings[n]!)
  }

  /** Since so long. */
  static async down(fate: StanzaError, ms: number): Promise<Scene> {
    const scene = new Scene()
    scene.fate = fate
    scene.links.watch(peer)
    await settled()
    // In one piece, as these pings do not matter.
    scene.clock.advance(ms)
    await settled()
    return scene
  }
}

const refusedBy = (condition: StanzaErrorCondition, text = ''): StanzaError => new StanzaError(condition, { text })
const away = refusedBy('remote-server-not-found')

test('who is refused for how it proves its domain is down, for that reason', async () => {
  const why = `${peer} was refused: its certificate has expired`
  const { links } = await Scene.down(refusedBy('policy-violation', why), 0)
  expect(links.isUp(peer)).toBe(false)
  expect(links.reason(peer)).toBe(why)
})

test('an error of the peer itself is an answer', async () => {
  const { links } = await Scene.down(refusedBy('service-unavailable', 'no pings here'), 0)
  expect(links.isUp(peer)).toBe(true)
})

describe('a peer that is down', () => {
  test('is tried every few seconds, however long it has been gone, and not always after the same time', async () => {
    const scene = await Scene.down(away, 24 * 3_600_000)
    const gaps = await scene.gaps(60_000)
    expect(gaps.length).toBeGreaterThan(10)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5100)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2400)
    expect(new Set(gaps).size).toBeGreaterThan(3)
    scene.fate = 'answer'
    await scene.wait(5100)
    expect(scene.events).toEqual([`down ${peer}`, `up ${peer}`])
  })

  test('is tried at once when it is heard of, but whatever it sends, not twice in half a second', async () => {
    const scene = await Scene.down(away, 24 * 3_600_000)
    await scene.wait(1000)
    const before = scene.pings.length
    for (let n = 0; n < 200; n++) {
      scene.links.wake(peer)
      scene.links.heard(peer)
      await scene.wait(10)
    }
    expect(scene.pings.length - before).toBeGreaterThanOrEqual(4)
    expect(scene.pings.length - before).toBeLessThanOrEqual(5)
    scene.fate = 'answer'
    await scene.wait(500)
    scene.links.wake(peer)
    await scene.wait(500)
    expect(scene.links.isUp(peer)).toBe(true)
  })

  test('is tried again at once after a ping during which it was heard of', async () => {
    const scene = await Scene.down(away, 24 * 3_600_000)
    scene.fate = 'nothing'
    await scene.wait(5100)
    const [asked] = scene.pings.slice(-1)
    scene.links.wake(peer)
    scene.fate = 'answer'
    await scene.wait(10_100)
    expect(scene.pings.slice(-1)[0]! - asked!).toBeLessThanOrEqual(10_100)
    expect(scene.links.isUp(peer)).toBe(true)
  })

  test('gets no ping more for each stanza that comes back from it', async () => {
    const scene = await Scene.down(away, 24 * 3_600_000)
    const before = scene.pings.length
    for (let n = 0; n < 100; n++) scene.links.doubt(peer)
    await scene.wait(1000)
    expect(scene.pings.length - before).toBeLessThanOrEqual(1)
  })

  test('and that we do not speak to ourselves is tried once or twice a minute', async () => {
    const scene = await Scene.down(refusedBy('policy-violation'), 24 * 3_600_000)
    const gaps = await scene.gaps(300_000)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(29_900)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(60_100)
  })

  test('is one of a thousand: all of them together are pinged forty times a second at most', async () => {
    const scene = await Scene.down(away, 0)
    for (let n = 1; n < 1000; n++) scene.links.watch(`rooms.b${n}.example`)
    await scene.wait(60_000)
    const before = scene.pings.length
    await scene.wait(10_000)
    expect(scene.pings.length - before).toBeLessThanOrEqual(400)
    expect(scene.pings.length - before).toBeGreaterThan(100)
  })
})

test('one that has missed two pings is suspect to whoever carries stanzas to it', async () => {
  const scene = new Scene()
  scene.fate = 'nothing'
  scene.links.watch(peer)
  await scene.wait(10_100)
  expect(scene.suspected).toEqual([])
  await scene.wait(10_100)
  expect(scene.suspected).toEqual([`${peer} 10000`])
  expect(scene.events).toEqual([`down ${peer}`])
})
