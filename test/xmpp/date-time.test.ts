import { describe, expect, test } from '@jest/globals'
import { xml } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { parseDateTime, writeDateTime } from '../../src/xmpp/date-time.js'
import { readDelay, writeDelay } from '../../src/xmpp/delay.js'

describe('XEP-0082: DateTime', () => {
  test('is written in UTC with milliseconds', () => {
    expect(writeDateTime(0)).toBe('1970-01-01T00:00:00.000Z')
    expect(writeDateTime(1767225600123)).toBe('2026-01-01T00:00:00.123Z')
    expect(writeDateTime(1767225600123.9)).toBe('2026-01-01T00:00:00.123Z')
    expect(() => writeDateTime(1e15)).toThrow(RangeError)
    expect(() => writeDateTime(-1e14)).toThrow(RangeError)
    expect(() => writeDateTime(Number.NaN)).toThrow(RangeError)
  })

  test.each([
    ['1969-07-21T02:56:15Z', '1969-07-21T02:56:15.000Z'],
    ['1969-07-20T21:56:15-05:00', '1969-07-21T02:56:15.000Z'],
    ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00.000Z'],
    ['2026-01-01T00:00:00.1Z', '2026-01-01T00:00:00.100Z'],
    ['2026-01-01T00:00:00.123456789Z', '2026-01-01T00:00:00.123Z'],
    ['2024-02-29T23:59:59.999Z', '2024-02-29T23:59:59.999Z'],
    ['2026-01-01T00:00:00-00:00', '2026-01-01T00:00:00.000Z'],
    ['2026-01-01T00:00:00+14:00', '2025-12-31T10:00:00.000Z'],
    ['0050-01-01T00:00:00Z', '0050-01-01T00:00:00.000Z'],
  ])('%s', (given, wanted) => {
    expect(writeDateTime(parseDateTime(given) ?? Number.NaN)).toBe(wanted)
  })

  test.each([
    '',
    '2026-01-01',
    '2026-01-01T00:00:00',
    '2026-01-01 00:00:00Z',
    '2026-01-01t00:00:00z',
    '20260101T00:00:00',
    '2026-1-1T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T23:60:00Z',
    '2026-01-01T23:59:60Z',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00+14:01',
    '2026-01-01T00:00:00+01:60',
    '2026-01-01T00:00:00+0100',
    '+12026-01-01T00:00:00Z',
    ' 2026-01-01T00:00:00Z',
    '2026-01-01T00:00:00Z\n',
    'undefined',
  ])('refused: %j', (text) => {
    expect(parseDateTime(text)).toBeUndefined()
  })
})

describe('XEP-0203: delay', () => {
  test('is written and read', () => {
    const delay = { stampMs: 1767225600123, from: 'room@a.example', reason: 'Offline Storage' }
    const element = writeDelay(delay)
    expect(serialize(element)).toBe(
      "<delay xmlns='urn:xmpp:delay' from='room@a.example' stamp='2026-01-01T00:00:00.123Z'>Offline Storage</delay>",
    )
    expect(readDelay(xml('message', {}, element))).toEqual(delay)
    expect(serialize(writeDelay({ stampMs: 0 }))).toBe(
      "<delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00.000Z'/>",
    )
  })

  test('that is missing or cannot be read is none', () => {
    expect(readDelay(xml('message'))).toBeUndefined()
    expect(readDelay(xml('message', {}, xml('delay', { xmlns: 'urn:xmpp:delay' })))).toBeUndefined()
    expect(readDelay(xml('message', {}, xml('delay', { stamp: '2026-01-01T00:00:00Z' })))).toBeUndefined()
    expect(readDelay(xml('message', {}, xml('delay', { xmlns: 'urn:xmpp:delay', stamp: 'today' })))).toBeUndefined()
  })
})
