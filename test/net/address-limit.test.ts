import { describe, expect, test } from '@jest/globals'
import { AddressCount, AddressLimit, addressGroup, exceptLoopback } from '../../src/net/address-limit.js'
import { ManualClock } from '../../src/util/clock.js'

test('AddressCount: so many open at once, an IPv6 customer as one', () => {
  const count = new AddressCount(2)
  expect(['203.0.113.7', '203.0.113.7', '203.0.113.7', '203.0.113.8'].map((each) => count.add(each))).toEqual([
    ...[true, true, false, true],
  ])
  count.remove('203.0.113.7')
  expect([count.add('203.0.113.7'), count.add('203.0.113.7')]).toEqual([true, false])
  expect(['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((each) => count.add(each))).toEqual([true, true, false])
})

test('exceptLoopback: what comes from this machine is not counted', () => {
  const count = exceptLoopback(new AddressCount(1))
  expect(['127.0.0.1', '127.0.0.1', '::1', '203.0.113.7', '203.0.113.7'].map((each) => count.add(each))).toEqual([
    ...[true, true, true, true, false],
  ])
  count.remove('127.0.0.1')
  count.remove('203.0.113.7')
  expect(count.add('203.0.113.7')).toBe(true)
})

describe('AddressLimit', () => {
  test('a burst, then the rate, each address for itself', () => {
    const clock = new ManualClock()
    const limit = new AddressLimit(clock, { rate: 2, burst: 3 })
    const admitted = (address: string, times: number): number =>
      Array.from({ length: times }, () => limit.admit(address)).filter(Boolean).length
    expect(admitted('203.0.113.7', 10)).toBe(3)
    expect(admitted('203.0.113.8', 10)).toBe(3)
    clock.advance(1000)
    expect(admitted('203.0.113.7', 10)).toBe(2)
  })

  test('addresses beyond what is remembered do not free the latest ones', () => {
    const limit = new AddressLimit(new ManualClock(), { rate: 1, burst: 1 })
    for (let n = 0; n < 15_000; n++) limit.admit(`10.0.${n >> 8}.${n & 255}`)
    expect(limit.admit('10.0.58.100')).toBe(false)
  })

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('%s counts as %s', (address, group) => expect(addressGroup(address)).toBe(group))
})
