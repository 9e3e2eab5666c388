/** RFC 6121 appendix A, from both ends: whatever two users send each other, their rosters agree. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { RosterItem } from '../../src/store/store.js'
import { Stage, settled } from './stage.js'

const people = ['alice', 'bob'] as const
const types = ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'] as const
const action = fc.record({
  who: fc.constantFrom(...people),
  // Mostly what builds something up, or there is nothing to end.
  does: fc.constantFrom('subscribe', 'subscribed', 'subscribe', 'subscribed', ...types, 'remove', 'login', 'logout'),
})

test('subscriptions agree at both ends after each exchange', async () => {
  let exchanges = 0
  let subscribed = 0
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 25 }), async (actions) => {
      const stage = await Stage.open()
      const clients = { alice: stage.client('alice'), bob: stage.client('bob') }
      const item = async (of: string, about: string): Promise<RosterItem | undefined> =>
        (await stage.store.roster(`${of}@a.example`)).find(({ jid }) => jid === `${about}@a.example`)
      for (const { who, does } of actions) {
        const other = who === 'alice' ? 'bob' : 'alice'
        await clients[who].sends(stanzaFor(does, other))
        await settled()
        exchanges += 1
        for (const [a, b] of [people, [...people].reverse()] as [string, string][]) {
          const [mine, theirs] = [await item(a, b), await item(b, a)]
          const sees = mine?.subscription === 'to' || mine?.subscription === 'both'
          const shown = theirs?.subscription === 'from' || theirs?.subscription === 'both'
          if (sees) subscribed += 1
          expect({ a, sees, asks: mine?.ask ?? false }).toEqual({
            a,
            sees: shown,
            asks: theirs?.pendingIn !== undefined,
          })
        }
      }
      expect(stage.errors).toEqual([])
      await stage.close()
    }),
    { numRuns: 150, seed: 6121 },
  )
  expect(exchanges).toBeGreaterThan(500)
  expect(subscribed).toBeGreaterThan(100)
})

function stanzaFor(does: string, other: string): string {
  if (does === 'login') return '<presence/>'
  if (does === 'logout') return `<presence type='unavailable'/>`
  if (does === 'remove')
    return `<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='${other}@a.example' subscription='remove'/></query></iq>`
  return `<presence to='${other}@a.example' type='${does}'/>`
}
