/** What one instance writes another one reads: all of urn:xmpp:dmuc-sync:0, over a stream and back (docs/dmuc-sync.md). */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Vector } from '../../../src/dmuc/vector.js'
import { readConfig, writeConfig } from '../../../src/dmuc/wire/config.js'
import { readEvent, writeEvent } from '../../../src/dmuc/wire/event.js'
import { readHello, readVector, writeHello, writeVector } from '../../../src/dmuc/wire/hello.js'
import { readHistoryEvent, writeHistory } from '../../../src/dmuc/wire/history.js'
import { readOrder, writeOrder } from '../../../src/dmuc/wire/order.js'
import { readPresence, writeAvailable, writeUnavailable } from '../../../src/dmuc/wire/presence.js'
import { fitting, readPage, readPull, writePage, writePull } from '../../../src/dmuc/wire/pull.js'
import { readAccepted, readReplicate, writeAccepted, writeReplicate } from '../../../src/dmuc/wire/replicate.js'
import { readRoom, writeRoom } from '../../../src/dmuc/wire/room.js'
import { readListPlace, readRoster, writeRoster } from '../../../src/dmuc/wire/roster.js'
import { type Departure, defaultConfig, type Occupant } from '../../../src/room/index.js'
import { elements } from '../../../src/xml/element.js'
import { serialize } from '../../../src/xml/writer.js'
import { bareJid, config, crossed, event, instance, replica, seq, stamp, token, vector } from './arbitraries.js'

const holds = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void =>
  fc.assert(
    fc.property(arbitrary, (value) => property(value)),
    { seed: 7, numRuns: 200 },
  )

const occupant: fc.Arbitrary<Occupant> = fc
  .record({
    jid: bareJid,
    occupantId: token,
    role: fc.constantFrom<Occupant['role'][]>('moderator', 'participant', 'visitor'),
    since: stamp,
    grant: fc.nat(99),
  })
  .map((some) => ({
    ...some,
    nick: 'Bob the 2nd',
    home: 'coven@a.example',
    sessions: [{ jid: `${some.jid}/phone`, presence: '<show>away</show><status>hm &amp; hm</status>' }],
  }))
const place = fc.record({ incarnation: token, revision: fc.nat(99), seq: fc.nat(99) })
// Whatever a peer says, the occupant-id is computed here.
const fill = { occupantId: () => 'filled in', bareJid: () => undefined, stamp: { ms: 0, counter: 0 } }

describe('over the wire and back', () => {
  test('a configuration', () => {
    holds(config, (some) => expect(readConfig(crossed(writeConfig(some)), defaultConfig)).toEqual(some))
  })

  test('an event with its operation', () => {
    holds(event, (some) => expect(readEvent(crossed(writeEvent(some, true)))).toEqual(some))
  })

  test('an event among the history of a new shadow', () => {
    const spoken = event.filter(({ operation }) => operation.type === 'message' || operation.type === 'subject')
    holds(spoken, (some) => {
      const told = writeHistory('coven@a.example', [some], { whois: 'anyone', sync: true, vector: Vector.empty })
      expect(readHistoryEvent(elements(crossed(told))[0]!)).toEqual(some)
    })
  })

  test('a void event, as a void one', () => {
    holds(event, (some) => {
      const { operation: _, ...identity } = some
      expect(readEvent(crossed(writeEvent({ ...some, void: true }, true)))).toMatchObject({ ...identity, void: true })
    })
  })

  test('a version vector', () => {
    holds(vector, (some) => expect(readVector(crossed(writeVector(some)))?.toString()).toBe(some.toString()))
  })

  test('a hello', () => {
    holds(replica, (some) => {
      const hello = readHello(crossed(writeHello(some)))
      expect(hello?.vector.toString()).toBe(some.vector.toString())
      expect(hello).toMatchObject({
        identity: some.identity,
        incarnation: some.incarnation,
        configRevision: some.room.configRevision,
        registerRevision: some.room.registerRevision,
        occupantsRevision: some.occupantsRevision,
        table: some.table,
        floors: [...some.floors.values()],
      })
    })
  })

  test('what a new shadow is told of the room, its subject included', () => {
    holds(replica, (some) => {
      const { configRevision, registerRevision, register, entitled, subject } = some.room
      const { identity, keys, table } = some
      expect(readRoom(crossed(writeRoom(some)))).toEqual({
        identity,
        keys,
        table,
        forkedAt: 0,
        configRevision,
        registerRevision,
        register,
        entitled,
        subject,
        floors: [...some.floors.values()],
      })
    })
  })

  test('the ranges of a pull', () => {
    const ranges = fc.array(
      fc
        .record({ instance, incarnation: token, from: fc.nat(1000), length: fc.nat(1000) })
        .map(({ from, length, ...origin }) => ({ ...origin, from: from + 1, to: from + 1 + length })),
      { minLength: 1, maxLength: 20 },
    )
    holds(ranges, (some) => expect(readPull(crossed(writePull('room', some)))).toEqual(some))
  })

  test('a page of a pull: the first events, at least one, within its size', () => {
    holds(fc.tuple(fc.array(event, { minLength: 1, maxLength: 10 }), fc.nat(4000)), ([events, bytes]) => {
      const page = crossed(writePage(fitting(events, bytes), false))
      const read = readPage(page)
      expect(read).toEqual(events.slice(0, Math.max(1, read.length)))
      expect(page.attrs.more === 'true').toBe(read.length < events.length)
      const size = events.slice(0, read.length).reduce((sum, one) => sum + serialize(writeEvent(one, true)).length, 0)
      if (read.length > 1) expect(size).toBeLessThanOrEqual(bytes)
    })
  })

  test('an occupant who is there', () => {
    holds(fc.tuple(occupant, place), ([some, where]) => {
      const stanza = crossed(writeAvailable('coven@a.example', 'coven@b.example', some, 'member', where))
      expect(readPresence(stanza, 'coven@a.example', fill)).toEqual({
        type: 'available',
        occupant: { ...some, occupantId: 'filled in' },
        affiliation: 'member',
        place: where,
      })
    })
  })

  test('an occupant who is gone, and why; or who is called otherwise now', () => {
    const cause = fc.constantFrom<Departure['cause'][]>(
      'left',
      'kicked',
      'banned',
      'affiliation',
      'members-only',
      'shutdown',
      'error',
      'unreachable',
    )
    holds(fc.tuple(occupant, place, cause, fc.boolean()), ([some, where, why, renamed]) => {
      const gone = {
        departure: { cause: renamed ? 'left' : why } as Departure,
        status: 'bye',
        renamed: renamed ? { to: 'robert', grant: 3, forced: true } : undefined,
      }
      const stanza = crossed(writeUnavailable('coven@a.example', 'coven@b.example', some, 'none', gone, where))
      expect(readPresence(stanza, 'coven@a.example', fill)).toEqual({
        type: 'unavailable',
        nick: some.nick,
        ...gone,
        place: where,
      })
    })
  })

  test('the room roster', () => {
    holds(fc.tuple(replica, occupant, place), ([{ room }, some, where]) => {
      const roster = crossed(writeRoster({ ...room, occupants: new Map([[some.nick, some]]) }, where))
      const read = readRoster(roster, {
        home: 'coven@x.example',
        occupantId: () => 'filled in',
        stamp: { ms: 0, counter: 0 },
      })
      expect(read.map((entry) => entry.occupant)).toEqual([{ ...some, occupantId: 'filled in' }])
      expect(readListPlace(roster)).toEqual(where)
    })
  })

  test('an order: whoever sends it is its actor', () => {
    const because = { reason: 'enough' }
    const order = {
      to: 'coven@a.example',
      actor: 'ann@a.example',
      operations: [
        { type: 'leave', nick: 'bob', departure: { cause: 'kicked', actor: 'ann@a.example', ...because } },
        { type: 'role', nick: 'bob', role: 'visitor', actor: 'ann@a.example', ...because },
        {
          type: 'register',
          jid: 'bob@b.example',
          entry: { affiliation: 'outcast' },
          revision: 7,
          actor: 'ann@a.example',
        },
      ],
    } as const
    const written = writeOrder(order)
    const { to: _, ...sent } = order
    expect(written && readOrder(crossed(written))).toEqual(sent)
    expect(writeOrder({ ...order, operations: [{ type: 'unlock' }] })).toBeUndefined()
  })

  test('the request to replicate, and its answer', () => {
    holds(replica, ({ identity }) => {
      expect(readReplicate(crossed(writeReplicate(identity)), 'rooms.b.example')).toEqual({
        shadow: 'coven@rooms.b.example',
        identity,
      })
    })
    const answer = crossed(writeAccepted('coven@rooms.b.example'))
    expect(answer.attrs.jid).toBe('coven@rooms.b.example')
    expect(readAccepted(answer)).toBeUndefined()
  })

  test('numbers up to 2^53 - 1, and an empty vector', () => {
    const origin = { instance: 'coven@a.example', incarnation: 'run' }
    const far = Vector.empty.withFloor(origin, Number.MAX_SAFE_INTEGER)
    expect(readVector(crossed(writeVector(far)))?.get(origin).contiguous).toBe(Number.MAX_SAFE_INTEGER)
    expect(readVector(crossed(writeVector(Vector.empty)))?.toString()).toBe('')
    holds(seq, (some) => expect(far.has(origin, some)).toBe(true))
  })
})
