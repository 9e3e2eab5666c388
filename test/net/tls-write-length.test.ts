import { describe, expect, test } from '@jest/globals'
import { TlsWriteLength } from '../../src/net/tls-write-length.js'

describe('one write to a TLS socket', () => {
  test('what is a little too long for the first buffer goes in pieces that fit', () => {
    const length = new TlsWriteLength()
    expect([length.next(990), length.next(991), length.next(3960)]).toEqual([990, 990, 990])
  })

  test('a long text ends that for good', () => {
    const length = new TlsWriteLength()
    expect([length.next(3961), length.next(1000)]).toEqual([16_000, 16_000])
  })

  test('and so do many that are a little too long: a connection pays for sixteen writes more', () => {
    const length = new TlsWriteLength()
    const given = Array.from({ length: 20 }, () => length.next(1000))
    expect(given).toEqual([...Array(16).fill(990), ...Array(4).fill(16_000)])
  })

  test('what fits is free', () => {
    const length = new TlsWriteLength()
    for (let n = 0; n < 100; n++) length.next(990)
    expect(length.next(1000)).toBe(990)
  })
})
