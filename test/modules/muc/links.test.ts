/** dmuc.md §4: a peer that does not prove itself as it must is split, and the operator is told why. */
import { expect, test } from '@jest/globals'
import { Links } from '../../../src/modules/muc/links.js'
import type { Router } from '../../../src/server/router.js'
import { ManualClock } from '../../../src/util/clock.js'
import { SeededRandom } from '../../../src/util/random.js'
import { StanzaError, type StanzaErrorCondition } from '../../../src/xmpp/stanza-error.js'
import { settled } from '../../dialogue/stage.js'

const peer = 'rooms.b.example'

async function pinged(condition: StanzaErrorCondition, text: string): Promise<Links> {
  const router: Router = {
    route: () => undefined,
    broadcast: () => undefined,
    ask: () => undefined,
    request: () => Promise.reject(new StanzaError(condition, { text })),
    crowded: false,
  }
  const parts = { router, clock: new ManualClock(), random: new SeededRandom(1) }
  const links = new Links('rooms.a.example', parts, { up: () => undefined, down: () => undefined })
  links.watch(peer)
  await settled()
  return links
}

test('who is refused for how it proves its domain is down, for that reason', async () => {
  const why = `${peer} was refused: its certificate has expired`
  const links = await pinged('policy-violation', why)
  expect(links.isUp(peer)).toBe(false)
  expect(links.reason(peer)).toBe(why)
  links.close()
})

test('an error of the peer itself is an answer', async () => {
  const links = await pinged('service-unavailable', 'no pings here')
  expect(links.isUp(peer)).toBe(true)
  links.close()
})
