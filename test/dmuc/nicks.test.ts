/** Who keeps a nick that two homes hold (dmuc.md §3, Nicks), and what a home may claim for its own occupant. */
import { describe, expect, test } from '@jest/globals'
import { admit } from '../../src/dmuc/admit.js'
import { signGrant } from '../../src/dmuc/grant-proof.js'
import { isKept, keeps, reservedMs } from '../../src/dmuc/nicks.js'
import { defaultLimits, type Replica } from '../../src/dmuc/replica.js'
import type { Occupant } from '../../src/room/types.js'
import { signerFor } from './chains.js'
import { arrival, list, occupant, other, Shadow, self, source, start } from './shadow.js'

const hour = 3_600_000
const { roomId } = new Shadow().replica.identity
const entered = (who: Occupant, ms: number, grant = 0): Occupant => {
  const grantProof = grant === 0 ? undefined : signGrant(signerFor(source), roomId, { ...who, grant })
  return { ...who, since: { ms, counter: 0 }, grant, ...(grantProof && { grantProof }) }
}

const ours = (nick = 'sam', grant = 0): Occupant =>
  entered(occupant(self, nick, 'ann@macbeth.lit'), start - 1000, grant)
const theirs = (ms: number, grant = 0): Occupant => entered(occupant(other, 'sam', 'bob@marlowe.lit'), ms, grant)

const at = (shadow: Shadow): string[] =>
  [...shadow.replica.room.occupants.values()].map(({ nick, jid }) => `${nick} ${jid.split('@')[0]}`).sort()

function withOurs(...occupants: Occupant[]): Shadow {
  const shadow = new Shadow(other)
  for (const each of occupants) shadow.happens({ type: 'local', operations: [{ type: 'join', occupant: each }] })
  return shadow
}

describe('the rule', () => {
  const { replica } = new Shadow(other)
  const registered: Replica = {
    ...replica,
    room: { ...replica.room, register: new Map([['bob@marlowe.lit', { affiliation: 'member', nick: 'sam' }]]) },
  }
  const atSource = (grant = 0): Occupant => entered(occupant(source, 'sam', 'cat@shakespeare.lit'), start + hour, grant)

  test.each<[string, Replica, Occupant, Occupant]>([
    ['the registered owner', registered, theirs(start + hour), ours('sam', 9)],
    ['the higher number', replica, theirs(start + hour, 8), ours('sam', 7)],
    ['a number before none', replica, theirs(start + hour, 1), ours()],
    ['who is at the source', replica, atSource(), ours('sam', 7)],
    ['who came later to the source, by its number', replica, theirs(start, 8), atSource(7)],
    ['who entered earlier', replica, ours(), theirs(start)],
    ['the lower JID', replica, ours(), theirs(start - 1000)],
  ])('%s keeps it, asked either way', (_, seenBy, winner, loser) => {
    expect(keeps(seenBy, winner, loser)).toBe(true)
    expect(keeps(seenBy, loser, winner)).toBe(false)
  })
})

describe('who has to give way', () => {
  test('is renamed by its own home', () => {
    const shadow = withOurs(ours())
    shadow.relays(other, arrival(theirs(start - 2000, 3), 1, 0))
    expect(at(shadow)).toEqual(['sam (id-of-) ann', 'sam bob'])
  })

  test('is put out where that nick is another’s, too', () => {
    const shadow = withOurs(ours(), ours('sam (id-of-)'))
    shadow.relays(other, arrival(theirs(start - 2000, 3), 1, 0))
    expect(at(shadow)).toEqual(['sam (id-of-) ann', 'sam bob'])
    const [kick] = shadow.of('change').filter(({ change }) => 'type' in change && change.type === 'leave')
    expect(kick?.change).toMatchObject({ nick: 'sam', departure: { cause: 'kicked' } })
  })
})

describe('what a home cannot claim', () => {
  test('that its occupant was there before we last knew who was', () => {
    const shadow = withOurs({ ...ours(), since: { ms: start - 600_000, counter: 0 } })
    shadow.relays(other, arrival(theirs(0), 1, 0))
    expect(at(shadow)).toEqual(['sam ann'])
  })

  test('the same in a list after a split', () => {
    const shadow = withOurs()
    shadow.now = start + hour
    shadow.happens({ type: 'link', peer: other, up: false })
    shadow.now += hour
    const mine = { ...ours(), since: { ms: start + hour - 400_000, counter: 0 } }
    shadow.happens({ type: 'local', operations: [{ type: 'join', occupant: mine }] })
    shadow.isGreeted(other, { occupantsRevision: 1 })
    shadow.answers(other, { type: 'occupants' }, list(other, 1, 0, theirs(0)))
    expect(at(shadow)).toEqual(['sam ann'])
  })
})

describe('behind a split', () => {
  const split = (): Shadow => {
    const shadow = new Shadow(other)
    shadow.relays(other, arrival(theirs(start), 1, 0))
    shadow.happens({ type: 'link', peer: other, up: false })
    shadow.now += defaultLimits.graceMs
    shadow.happens({ type: 'tick' })
    return shadow
  }
  const kept = ({ replica, now }: Shadow, jid: string): boolean => isKept(replica, 'sam', { jid, home: self }, now)

  test('a nick waits for who had it, and not for ever', () => {
    const shadow = split()
    expect(at(shadow)).toEqual([])
    expect(kept(shadow, 'ann@macbeth.lit')).toBe(true)
    expect(kept(shadow, 'bob@marlowe.lit')).toBe(false)
    shadow.now += reservedMs
    expect(kept(shadow, 'ann@macbeth.lit')).toBe(false)
  })

  test('it waits no longer once its home has said who is there', () => {
    const shadow = split()
    shadow.isGreeted(other, { occupantsRevision: 2 })
    shadow.answers(other, { type: 'occupants' }, list(other, 2, 0))
    expect(kept(shadow, 'ann@macbeth.lit')).toBe(false)
  })
})

test('a kick goes to every home of an occupant', () => {
  const shadow = withOurs(ours())
  const twin = { ...ours(), home: other }
  shadow.relays(other, arrival(twin, 1, 0))
  const kick = { type: 'leave', nick: 'sam', departure: { cause: 'kicked' } } as const
  expect(admit(shadow.replica, [kick], 'ann@macbeth.lit')).toMatchObject({ local: [kick], orders: [{ to: other }] })
})
