/** How the occupants behind a split are shown (dmuc.md §3, Failure). */
import { expect, test } from '@jest/globals'
import { defaultLimits, type Happening, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { defaultPolicy } from '../../src/room/index.js'
import { arrival, list, occupant, other, Shadow, source, start } from './shadow.js'

function split(behindSplit: 'leave' | 'away'): { replica: Replica; heal: () => Replica } {
  const shadow = new Shadow(other)
  shadow.relays(other, arrival(occupant(other), 1))
  let { replica } = shadow
  const happens = (happening: Happening, now: number): void => {
    const env = { now, limits: { ...defaultLimits, behindSplit }, bounds: defaultPolicy }
    replica = step(replica, happening, env).replica
  }
  happens({ type: 'link', peer: source, up: false }, start)
  happens({ type: 'link', peer: other, up: false }, start)
  happens({ type: 'tick' }, start + defaultLimits.graceMs)
  const heal = (): Replica => {
    shadow.replica = replica
    shadow.isGreeted(other, { occupantsRevision: 1 })
    shadow.answers(other, { type: 'occupants' }, list(other, 1, 0, occupant(other)))
    return shadow.replica
  }
  return { replica, heal }
}

const shownIn = ({ room }: Replica): readonly string[] =>
  [...room.occupants.values()].map(({ nick, sessions }) => `${nick} ${sessions[0]?.presence}`)

test('they leave, and their nicks wait for them', () => {
  const { replica, heal } = split('leave')
  expect(shownIn(replica)).toEqual([])
  expect([...replica.reserved.keys()]).toEqual(['hag'])
  expect(shownIn(heal())).toEqual(['hag '])
})

test('they stay, shown as away, until their home is back', () => {
  const { replica, heal } = split('away')
  expect(shownIn(replica)).toEqual(['hag <show>away</show>'])
  expect(replica.peers.get(other)?.split).toBe(true)
  expect(shownIn(heal())).toEqual(['hag '])
})
