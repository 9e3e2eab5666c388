import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { findTrouble } from '../../src/admin/ports.js'

const holder = createServer()
let port = 0

beforeAll(
  () =>
    new Promise<void>((resolve) => {
      holder.listen(0, '127.0.0.1', () => {
        port = (holder.address() as AddressInfo).port
        resolve()
      })
    }),
)
afterAll(() => new Promise<void>((resolve) => void holder.close(() => resolve())))

test('a taken port is named with its option; free ones, and port 0, are no trouble', async () => {
  const trouble = await findTrouble([
    { option: 's2s_ports', address: '127.0.0.1', port: 0 },
    { option: 'c2s_ports', address: '127.0.0.1', port },
  ])
  expect(trouble).toEqual([
    {
      option: 'c2s_ports',
      address: '127.0.0.1',
      port,
      code: 'taken',
      text: `port ${port} on 127.0.0.1 (c2s_ports) is taken by another program`,
    },
  ])
})

test('an address that this machine does not have', async () => {
  // 192.0.2.0/24 is for documentation (RFC 5737).
  const [found] = await findTrouble([{ option: 'c2s_ports', address: '192.0.2.1', port: 5222 }])
  expect(found?.code).toBe('no-such-address')
})
