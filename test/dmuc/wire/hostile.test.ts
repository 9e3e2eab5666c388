/** Readers of what peers write: total, whatever comes, and what they let through is whole (dmuc.md §4). */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { readConfig } from '../../../src/dmuc/wire/config.js'
import { readEvent, writeEvent } from '../../../src/dmuc/wire/event.js'
import { readHello, readTable, readVector, writeHello, writeVector } from '../../../src/dmuc/wire/hello.js'
import { readHistoryEvent, readHistoryLimit, readPlainMessage, writeHistory } from '../../../src/dmuc/wire/history.js'
import { readOrder } from '../../../src/dmuc/wire/order.js'
import { readPresence } from '../../../src/dmuc/wire/presence.js'
import { fitting, readPage, readPull, writePage, writePull } from '../../../src/dmuc/wire/pull.js'
import { readCount, readToken } from '../../../src/dmuc/wire/read.js'
import { historyMessages, readReplicate, writeReplicate } from '../../../src/dmuc/wire/replicate.js'
import { readRoom, writeRoom } from '../../../src/dmuc/wire/room.js'
import { readRoster } from '../../../src/dmuc/wire/roster.js'
import { defaultConfig } from '../../../src/room/index.js'
import type { Element } from '../../../src/xml/element.js'
import { event, mutilated, replica, vector } from './arbitraries.js'

const fill = { home: 'coven@a.example', occupantId: () => 'id', bareJid: () => undefined, stamp: { ms: 0, counter: 0 } }

const readers: readonly ((element: Element) => unknown)[] = [
  (element) => readConfig(element, defaultConfig),
  readEvent,
  (element) => readEvent(element, element),
  readHello,
  readTable,
  readVector,
  historyMessages,
  readHistoryEvent,
  (element) => readHistoryLimit(element, 0, 10),
  (element) => readPlainMessage(element, () => 'id'),
  readOrder,
  (element) => readPresence(element, 'coven@a.example', fill),
  readPage,
  readPull,
  (element) => readReplicate(element, 'rooms.b.example'),
  readRoom,
  (element) => readRoster(element, fill),
]

const broken: fc.Arbitrary<Element> = fc.oneof(
  event.chain((some) => mutilated(writeEvent(some, true))),
  replica.chain((some) => mutilated(writeHello(some))),
  replica.chain((some) => mutilated(writeRoom(some))),
  replica.chain(({ identity }) => mutilated(writeReplicate(identity))),
  vector.chain((some) => mutilated(writeVector(some))),
  fc.array(event, { maxLength: 3 }).chain((some) => mutilated(writePage(fitting(some, 10_000), true))),
  fc
    .tuple(fc.array(event, { maxLength: 3 }), vector)
    .chain(([some, held]) =>
      mutilated(writeHistory('coven@a.example', some, { whois: 'anyone', sync: true, vector: held })),
    ),
  fc
    .constant(writePull('room', [{ instance: 'coven@a.example', incarnation: 'run', from: 1, to: 9 }]))
    .chain(mutilated),
)

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

describe('whatever a peer writes', () => {
  test('no reader throws, each of what was meant for it or for another', () => {
    fc.assert(
      fc.property(broken, (element) => {
        for (const read of readers) expect(() => read(element)).not.toThrow()
      }),
      { seed: 11, numRuns: 400 },
    )
  })

  test('an event that is read has a whole identity', () => {
    fc.assert(
      fc.property(
        event.chain((some) => mutilated(writeEvent(some, true))),
        (element) => {
          const read = readEvent(element)
          if (read === undefined) return
          expect(read.id.seq).toBeGreaterThan(0)
          expect([read.id.seq, read.epoch, read.revision, read.stamp.ms, read.stamp.counter].every(isCount)).toBe(true)
          expect(read.id.incarnation).toMatch(/^[\x21-\x7e]{1,128}$/)
          expect(read.id.instance).not.toBe('')
        },
      ),
      { seed: 12, numRuns: 400 },
    )
  })

  test('a pull that is read has ranges that are some', () => {
    const pull = writePull('room', [
      { instance: 'coven@a.example', incarnation: 'run', from: 1, to: 9 },
      { instance: 'coven@b.example', incarnation: 'run', from: 5, to: 5 },
    ])
    fc.assert(
      fc.property(mutilated(pull), (element) => {
        for (const { from, to } of readPull(element) ?? []) {
          expect(isCount(from) && isCount(to)).toBe(true)
          expect(from).toBeGreaterThan(0)
          expect(to).toBeGreaterThanOrEqual(from)
        }
      }),
      { seed: 13, numRuns: 400 },
    )
  })

  test('a count is plain decimal, a token printable', () => {
    expect(['0', '7', '9007199254740991'].map(readCount)).toEqual([0, 7, Number.MAX_SAFE_INTEGER])
    expect(
      ['', '00', '01', '+1', '-1', '1.0', '1e3', '0x1', ' 1', '9007199254740992', undefined].map(readCount),
    ).toEqual(Array.from({ length: 11 }, () => undefined))
    expect(readToken('a-b_c.1')).toBe('a-b_c.1')
    expect(['', 'a b', 'é', 'x'.repeat(129), undefined].map(readToken)).toEqual(
      Array.from({ length: 5 }, () => undefined),
    )
  })
})
