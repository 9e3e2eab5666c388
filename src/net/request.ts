/** What an HTTP request says of its client, and its body where that is short. */
import type { IncomingMessage } from 'node:http'
import { isLoopback, plainAddress } from './address.js'

/** Of the other end of the connection: the client, or the nearest proxy. */
export const peerAddress = (request: IncomingMessage): string => plainAddress(request.socket.remoteAddress ?? '')

/**
 * The client's address; where a trusted proxy (default: one on this machine) says whom it speaks for, that one's. It is the last of
 * X-Forwarded-For that counts: those before it are the client's own words.
 */
export function clientAddress(request: IncomingMessage, trustedProxies?: readonly string[]): string {
  const direct = peerAddress(request)
  if (trustedProxies === undefined ? !isLoopback(direct) : !trustedProxies.includes(direct)) return direct
  const header = request.headers['x-forwarded-for']
  const last = (Array.isArray(header) ? header.at(-1) : header)?.split(',').at(-1)?.trim()
  return last === undefined || last === '' ? direct : plainAddress(last)
}

/** What is longer than `bytes` has to have said by then that it may be. */
export interface ShortBodies {
  readonly bytes: number
  readonly mayBeLonger: (begin: Buffer) => boolean
}

/**
 * The body, or undefined where it is longer than `limit` bytes, or than `short` lets it be by how it begins, or did not arrive whole; then
 * nothing more of it is read.
 */
export function readBody(request: IncomingMessage, limit: number, short?: ShortBodies): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    let refused = false
    request.on('data', (chunk: Buffer) => {
      if (refused) return
      const before = size
      size += chunk.length
      chunks.push(chunk)
      const isLong = short !== undefined && before <= short.bytes && size > short.bytes
      refused = size > limit || (isLong && !short.mayBeLonger(Buffer.concat(chunks)))
      if (!refused) return
      request.pause()
      chunks.length = 0
      resolve(undefined)
    })
    request.on('end', () => resolve(refused ? undefined : Buffer.concat(chunks)))
    request.on('close', () => resolve(undefined))
    request.on('error', () => resolve(undefined))
  })
}
