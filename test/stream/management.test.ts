/** XEP-0198 §4: the books of a stream. */
import { describe, expect, test } from '@jest/globals'
import { Received, readCount, Sent } from '../../src/stream/management.js'

describe('what the peer sent', () => {
  test('counts as handled only as far as everything before it is settled', () => {
    const received = new Received()
    const numbers = [1, 2, 3, 4].map(() => received.arrived())
    expect(received.h).toBe(0)
    received.settled(numbers[1]!)
    received.settled(numbers[3]!)
    expect(received.h).toBe(0)
    received.settled(numbers[0]!)
    expect(received.h).toBe(2)
    received.settled(numbers[2]!)
    expect(received.h).toBe(4)
  })
})

describe('what was sent', () => {
  const sent = (count: number): Sent => {
    const books = new Sent()
    for (let n = 1; n <= count; n += 1) books.push(`<m${n}/>`, n)
    return books
  }

  test('is kept until it is acknowledged', () => {
    const books = sent(3)
    expect(books.acknowledge(2)).toBe(true)
    expect(books.unacknowledged).toEqual([{ text: '<m3/>', sentAt: 3 }])
    expect(books.size).toBe(5)
    expect(books.acknowledge(2)).toBe(true)
    expect(books.acknowledge(3)).toBe(true)
    expect(books.size).toBe(0)
  })

  test.each([[4], [2 ** 32 - 1]])('an acknowledgement of %i of 3 is impossible, and changes nothing', (h) => {
    const books = sent(3)
    expect(books.acknowledge(h)).toBe(false)
    expect(books.unacknowledged).toHaveLength(3)
  })

  test('COMPAT @xmpp/client: a first answer may count what came before; it acknowledges nothing', () => {
    const books = sent(3)
    expect(books.acknowledge(5, 2)).toBe(true)
    expect(books.unacknowledged).toHaveLength(3)
    expect(books.acknowledge(5, 2)).toBe(false)
    expect(sent(3).acknowledge(6, 2)).toBe(false)
  })

  test('what was acknowledged stays so, though the peer take it back', () => {
    const books = sent(3)
    books.acknowledge(3)
    books.push('<m4/>', 4)
    expect(books.acknowledge(0)).toBe(true)
    expect(books.unacknowledged).toHaveLength(1)
    expect(books.acknowledge(2 ** 32 - 1)).toBe(false)
    expect(books.acknowledge(4)).toBe(true)
    expect(books.unacknowledged).toHaveLength(0)
  })
})

test.each([
  ['0', 0],
  ['4294967295', 2 ** 32 - 1],
  ['4294967296', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['', undefined],
  [undefined, undefined],
])('h=%p is %p', (h, count) => {
  expect(readCount(h)).toBe(count)
})
