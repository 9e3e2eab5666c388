import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { firstBytes } from '../../src/net/first-bytes.js'
import { listen } from '../../src/net/tcp-listener.js'

/** The two ends of a connection, ours paused. */
async function pair(): Promise<readonly [ours: Socket, theirs: Socket, close: () => void]> {
  const server = createServer({ allowHalfOpen: true })
  const port = await listen(server, '127.0.0.1', 0)
  const theirs = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  theirs.on('error', () => {})
  const ours = await new Promise<Socket>((resolve) => server.once('connection', resolve))
  ours.pause()
  const close = (): void => {
    theirs.destroy()
    ours.destroy()
    server.close()
  }
  return [ours, theirs, close]
}

describe('the first of a handshake', () => {
  test('is waited for, and stays in the socket', async () => {
    const [ours, theirs, close] = await pair()
    let there = false
    const waiting = firstBytes(ours).then(() => {
      there = true
    })
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(there).toBe(false)
    theirs.write('hello')
    await waiting
    expect(ours.readableLength).toBe(5)
    await firstBytes(ours)
    expect(String(ours.read())).toBe('hello')
    close()
  })

  test('does not come from a peer that ends: the socket is destroyed', async () => {
    const [ours, theirs, close] = await pair()
    theirs.end()
    await firstBytes(ours)
    expect(ours.destroyed).toBe(true)
    close()
  })

  test('nor to a socket that is destroyed meanwhile, or was before', async () => {
    const [ours, , close] = await pair()
    const waiting = firstBytes(ours)
    ours.destroy()
    await waiting
    await firstBytes(ours)
    expect(ours.readableLength).toBe(0)
    close()
  })
})
