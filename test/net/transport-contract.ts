/** What every Transport promises (src/net/transport.ts). The peer is a bare socket or WebSocket of Node's own making. */
import { expect, test } from '@jest/globals'
import type { Transport } from '../../src/net/transport.js'

export interface Peer {
  /** Texts received, joined. */
  text(): string
  send(text: string): void
  /** Stops taking bytes from the kernel. */
  stall(): void
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>
  /** Cuts the connection as a crash would. */
  reset(): void
}

export interface Connected {
  readonly transport: Transport
  readonly peer: Peer
  close(): Promise<void>
}

export const joined = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString()

export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > end) throw new Error('waited 20 s in vain')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

export function transportContract(connect: () => Promise<Connected>): void {
  const withConnection = (run: (connected: Connected) => Promise<void>) => async () => {
    const connected = await connect()
    try {
      await run(connected)
    } finally {
      connected.transport.destroy()
      await connected.close()
    }
  }

  test(
    'delivers in order, both ways, whatever the script',
    withConnection(async ({ transport, peer }) => {
      const received: Buffer[] = []
      transport.handler = { data: (chunk) => received.push(Buffer.from(chunk)), closed: () => {} }
      const texts = Array.from({ length: 2000 }, (_, n) => `<m id='${n}'>ü€😀</m>`)
      for (const text of texts) transport.write(text)
      expect(transport.backlog).toBeGreaterThan(0)
      await until(() => peer.text().length === texts.join('').length)
      expect(peer.text()).toBe(texts.join(''))
      await until(() => transport.backlog === 0)
      peer.send('<a/>')
      peer.send('<b>ü€😀</b>')
      await until(() => joined(received) === '<a/><b>ü€😀</b>')
      expect(joined(received)).toBe('<a/><b>ü€😀</b>')
    }),
  )

  test(
    'end flushes what is queued, closes, and tells once',
    withConnection(async ({ transport, peer }) => {
      const closed: (Error | undefined)[] = []
      transport.handler = { data: () => {}, closed: (error) => closed.push(error) }
      const text = 'x'.repeat(500_000)
      transport.write(text)
      transport.write('last')
      transport.end()
      transport.end()
      transport.write('too late')
      await peer.gone
      expect(peer.text()).toBe(`${text}last`)
      await until(() => closed.length > 0)
      transport.destroy()
      expect(closed).toEqual([undefined])
    }),
  )

  test(
    'a reset by the peer is told once, with an error or without, and nothing throws',
    withConnection(async ({ transport, peer }) => {
      let closed = 0
      transport.handler = { data: () => {}, closed: () => void closed++ }
      transport.write('x'.repeat(1_000_000))
      peer.reset()
      await until(() => closed > 0)
      transport.write('more')
      transport.end()
      transport.destroy()
      await new Promise((resolve) => setImmediate(resolve))
      expect(closed).toBe(1)
      expect(transport.backlog).toBe(0)
    }),
  )

  test(
    'a peer that takes nothing: the backlog is counted, nothing more is read from it, end gives up at its deadline',
    withConnection(async ({ transport, peer }) => {
      let closed = 0
      const received: Buffer[] = []
      transport.handler = {
        data: (chunk) => received.push(Buffer.from(chunk)),
        closed: () => void closed++,
      }
      peer.stall()
      // More than the kernel's buffers take.
      for (let n = 0; n < 64; n++) transport.write('x'.repeat(500_000))
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setImmediate(resolve))
      expect(transport.backlog).toBeGreaterThan(10_000_000)
      peer.send('unheard')
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(joined(received)).toBe('')
      transport.end(50)
      await until(() => closed > 0)
      expect(closed).toBe(1)
    }),
  )

  test(
    'pause stops reading, resume goes on',
    withConnection(async ({ transport, peer }) => {
      const received: Buffer[] = []
      transport.handler = { data: (chunk) => received.push(Buffer.from(chunk)), closed: () => {} }
      transport.pause()
      peer.send('hello')
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(joined(received)).toBe('')
      transport.resume()
      await until(() => joined(received) === 'hello')
    }),
  )

  test(
    'knows both ends',
    withConnection(async ({ transport }) => {
      expect(transport.remoteAddress).toBe('127.0.0.1')
      expect(transport.remotePort).toBeGreaterThan(0)
      expect(transport.localPort).toBeGreaterThan(0)
    }),
  )
}
