/** The number of a grant in a presence counts where the source has signed it for this nick, JID and home (dmuc.md §3, Nicks; §4). */
import { describe, expect, test } from '@jest/globals'
import { readGrant, writeClaim } from '../../src/dmuc/claims.js'
import { signGrant } from '../../src/dmuc/grant-proof.js'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Effect } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { Occupant } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { Element, xml } from '../../src/xml/element.js'
import { signerFor } from './chains.js'
import { arrival, occupant, other, Shadow, self, source, start } from './shadow.js'

const third = 'coven@rooms.third.lit'
const honest = { ...occupant(other, 'hag', 'hag66@shakespeare.lit'), since: { ms: start + 1000, counter: 0 } }
const greedy = { ...occupant(third, 'hag', 'zed@third.lit'), since: { ms: start, counter: 0 } }

const holder = (claimed: Partial<Occupant>, granted: Partial<Occupant> = {}): string | undefined => {
  const shadow = new Shadow(other, third)
  const { roomId } = shadow.replica.identity
  const proved = { ...honest, grant: 5, ...granted }
  const grantProof = signGrant(signerFor(source), roomId, proved)
  shadow.relays(other, arrival({ ...proved, ...(grantProof && { grantProof }) }, 1))
  shadow.relays(third, arrival({ ...greedy, ...claimed }, 1))
  return shadow.replica.room.occupants.get('hag')?.jid
}

/** As signed for what it says itself, with what is lied about. */
const signed = (signer: string, told: Partial<Occupant>, truth: Partial<Occupant> = {}): Partial<Occupant> => {
  const { roomId } = new Shadow().replica.identity
  const grantProof = signGrant(signerFor(signer), roomId, { ...greedy, ...told, ...truth })
  return { ...told, ...(grantProof && { grantProof }) }
}

describe('of two with one nick', () => {
  test('who has the higher number by the source’s word keeps it', () => {
    expect(holder(signed(source, { grant: 9 }))).toBe(greedy.jid)
    expect(holder(signed(source, { grant: 4 }))).toBe(honest.jid)
  })

  test.each<[string, Partial<Occupant>]>([
    ['nobody has signed', { grant: 9 }],
    ['it signed itself', signed(third, { grant: 9 })],
    ['was signed as another number', signed(source, { grant: 9 }, { grant: 4 })],
    ['was granted for another nick', signed(source, { grant: 9 }, { nick: 'crone' })],
    ['was granted to somebody else', signed(source, { grant: 9 }, { jid: 'yan@third.lit' })],
    ['was granted to another instance', signed(source, { grant: 9 }, { home: self })],
  ])('a number that %s counts for nothing', (_, claimed) => {
    expect(holder(claimed)).toBe(honest.jid)
  })
})

test('the source signs what it grants', () => {
  const made = newSource(newRoom(source, defaultPolicy), new SeededRandom(1))
  const row = { jid: self, kind: 'sync', rank: 1, gone: false } as const
  const replica = { ...made, table: { revision: 1, instances: new Map(made.table.instances).set(self, row) } }
  const iq = xml('iq', { type: 'set', id: 'c', from: self, to: source }, writeClaim('sam', 'sam@macbeth.lit'))
  const signer = signerFor(source)
  const env = { now: start, limits: defaultLimits, bounds: defaultPolicy, signer }
  const { effects } = step(replica, { type: 'request', from: self, iq }, env)
  const { payload } = effects.find((effect): effect is Extract<Effect, { type: 'reply' }> => effect.type === 'reply')!
  if (!(payload instanceof Element)) throw new Error('it was refused')
  const granted = { nick: 'sam', jid: 'sam@macbeth.lit', home: self, grant: 1 }
  expect(readGrant(xml('iq', {}, payload))).toEqual({
    grant: 1,
    grantProof: signGrant(signer, made.identity.roomId, granted),
  })
})
