/** When a replica may leave memory, and how it goes on (docs/decisions/0018-shared-rooms-rest.md). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Peer, Replica } from '../../src/dmuc/replica.js'
import { goesOn, type Memory, mayRest, memoryOf } from '../../src/dmuc/resting.js'
import { Vector } from '../../src/dmuc/vector.js'
import { occupant, other, Shadow, self, source } from './shadow.js'

const now = 1_000_000
const liesAbout = Vector.empty.with({ instance: source, incarnation: 'unheard-of' }, 1)

let quiet: Replica
beforeEach(() => {
  const shadow = new Shadow(other)
  const { room } = shadow.replica
  shadow.replica = { ...shadow.replica, room: { ...room, config: { ...room.config, persistent: true } } }
  for (const peer of [source, other]) {
    shadow.happens({ type: 'link', peer, up: true })
    shadow.getsHello(peer)
  }
  quiet = shadow.replica
})

const withPeer = (jid: string, change: Partial<Peer>): Replica => ({
  ...quiet,
  peers: new Map(quiet.peers).set(jid, { ...quiet.peers.get(jid)!, ...change }),
})
const row = { jid: 'witch@macbeth.lit', home: self }

describe('a replica leaves memory', () => {
  test('where nobody is in the room, and all are in step', () => {
    expect(mayRest(quiet, now)).toBe(true)
  })

  test('also while a peer is out of reach, once that is an old story', () => {
    const away = { link: 'down', downSince: 1 } as const
    expect(mayRest(withPeer(other, away), now)).toBe(false)
    expect(mayRest(withPeer(other, { ...away, split: true }), now)).toBe(true)
    expect(mayRest(withPeer(other, { ...away, split: true, retryAt: 5 }), now)).toBe(false)
  })

  test.each<[string, () => Replica]>([
    ['somebody is in it elsewhere', () => inRoom(quiet, other)],
    ['it is a temporary room', () => configured(quiet, { persistent: false })],
    ['it is not served yet', () => ({ ...quiet, phase: 'configured' })],
    ['what it said is not signed yet', () => ({ ...quiet, nextSeq: 2 })],
    ['a nick is kept', () => ({ ...quiet, reserved: new Map([['witch', { ...row, until: now + 1 }]]) })],
    [
      'a nick was given away',
      () => ({ ...quiet, grants: new Map([['witch', { ...row, number: 1, until: now + 1 }]]) }),
    ],
    ['it waits for what it lost', () => ({ ...quiet, retrieving: {} })],
    ['it has just started as the source', () => ({ ...quiet, unsettled: {} })],
    ['an instance is told that it is none', () => ({ ...quiet, partings: new Map([[other, { at: 1, times: 1 }]]) })],
    ['a peer is plain', () => plain(quiet, other)],
    ['a peer was told less than there is', () => ({ ...quiet, occupantsRevision: quiet.occupantsRevision + 1 })],
    ['a peer has more', () => withPeer(other, { vector: liesAbout })],
    ['a page is under way', () => withPeer(other, { pulls: [[]] })],
    ['a list is wanted', () => withPeer(other, { listWanted: true })],
    ['a list does not fit', () => withPeer(other, { leftOut: true })],
    ['a hello is on its way', () => withPeer(other, { link: 'greeting' })],
    ['a peer follows another source', () => withPeer(other, { diverged: true })],
    ['a peer was found out in a lie', () => withPeer(other, { lied: 'so' })],
    ['a link was closed by the operator', () => withPeer(other, { link: 'down', split: true, closed: true })],
  ])('not while %s', (_, replica) => {
    expect(mayRest(replica(), now)).toBe(false)
  })

  test('and not where nobody shares it', () => {
    const table = { ...quiet.table, instances: new Map([[self, quiet.table.instances.get(self)!]]) }
    expect(mayRest({ ...quiet, table }, now)).toBe(false)
  })
})

describe('it goes on', () => {
  const stored = (replica: Replica): Memory => JSON.parse(JSON.stringify(memoryOf(replica)))

  test('where it was, with every link to be heard of anew', () => {
    const split = { link: 'down', downSince: 7, split: true } as const
    const before = { ...withPeer(other, split), nextSeq: 4, tip: 'tip', occupantsRevision: 9, lastGrant: 5 }
    const loaded: Replica = { ...quiet, incarnation: 'fresh', peers: new Map(), retrieving: {}, unsettled: {} }
    const after = goesOn(loaded, stored(before), new Set())
    const { incarnation } = before
    expect(after).toMatchObject({ incarnation, nextSeq: 4, tip: 'tip', occupantsRevision: 9, lastGrant: 5 })
    expect([after.retrieving, after.unsettled]).toEqual([undefined, undefined])
    expect(after.peers.get(source)).toMatchObject({ link: 'down', split: false, downSince: undefined, pulls: [] })
    expect(after.peers.get(source)?.incarnation).toBe(before.peers.get(source)?.incarnation)
    expect(after.peers.get(other)).toMatchObject(split)
  })

  test('and in touch with whom it was in touch all the while: it may leave again at once', () => {
    const loaded: Replica = { ...quiet, incarnation: 'fresh', peers: new Map(), retrieving: {}, unsettled: {} }
    const after = goesOn(loaded, stored(quiet), new Set([source, other]))
    expect([...after.peers.values()].map(({ link }) => link)).toEqual(['up', 'up'])
    expect(mayRest(after, now)).toBe(true)
  })

  test('and knows who was found out in a lie', () => {
    const loaded = { ...quiet, peers: new Map([[other, { ...quiet.peers.get(other)!, lied: 'so' }]]) }
    expect(goesOn(loaded, stored(quiet), new Set([source])).peers.get(other)?.lied).toBe('so')
  })
})

const inRoom = (replica: Replica, home: string): Replica => ({
  ...replica,
  room: { ...replica.room, occupants: new Map([['witch', occupant(home, 'witch', 'witch@marlowe.lit')]]) },
})

const configured = (replica: Replica, change: Partial<Replica['room']['config']>): Replica => ({
  ...replica,
  room: { ...replica.room, config: { ...replica.room.config, ...change } },
})

const plain = (replica: Replica, jid: string): Replica => ({
  ...replica,
  table: {
    ...replica.table,
    instances: new Map(replica.table.instances).set(jid, { ...replica.table.instances.get(jid)!, kind: 'plain' }),
  },
})
