import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { findTrouble, type Port, settlePorts } from '../../src/admin/ports.js'

const holder = createServer()
let port = 0

/** A port that is taken, and low enough to be shifted. */
beforeAll(async () => {
  do {
    await new Promise<void>((resolve) => void (holder.listening ? holder.close(() => resolve()) : resolve()))
    await new Promise<void>((resolve) => void holder.listen(0, '127.0.0.1', () => resolve()))
    port = (holder.address() as AddressInfo).port
  } while (port > 60_000)
})
afterAll(() => new Promise<void>((resolve) => void holder.close(() => resolve())))

const taken = (): Port => ({ option: 'c2s_ports', address: '127.0.0.1', port })
const free: Port = { option: 's2s_ports', address: '127.0.0.1', port: 0 }
/** 192.0.2.0/24 is for documentation (RFC 5737). */
const nowhere: Port = { option: 's2s_ports', address: '192.0.2.1', port: 0 }

test('a taken port is named with its option; free ones are no trouble', async () => {
  expect(await findTrouble([free, taken()])).toEqual([
    { ...taken(), code: 'taken', text: `port ${port} on 127.0.0.1 (c2s_ports) is taken by another program` },
  ])
})

describe('settling', () => {
  test('keeps ports that are free', async () => {
    expect(await settlePorts([free], 0)).toEqual({ ports: [free], shift: 0, missing: [] })
  })

  test('without shifting a taken port is an error that names all of them', async () => {
    await expect(settlePorts([taken(), { ...taken(), option: 'http_ports' }], 0)).rejects.toThrow(
      `port ${port} on 127.0.0.1 (c2s_ports) is taken by another program\nport ${port} on 127.0.0.1 (http_ports) is taken`,
    )
  })

  test('shifts all ports together until all are free', async () => {
    const { ports, shift } = await settlePorts([taken(), free], 1000)
    expect(shift).toBeGreaterThanOrEqual(1000)
    expect(shift % 1000).toBe(0)
    expect(ports).toEqual([{ ...taken(), port: port + shift }, free])
  })

  test('leaves out an address that this machine does not have where there is another', async () => {
    const { ports, missing } = await settlePorts([free, nowhere], 0)
    expect(ports).toEqual([free])
    expect(missing).toMatchObject([{ address: '192.0.2.1', code: 'no-such-address' }])
  })

  test('an address that does not exist is an error where there is no other, and no shift helps', async () => {
    await expect(settlePorts([nowhere], 1000)).rejects.toThrow('this machine does not have the address')
  })
})
