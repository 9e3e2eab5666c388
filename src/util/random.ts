/** Randomness is passed in: cryptographic in the server, seeded in simulations and tests. */
import { randomBytes, randomFillSync, randomUUID } from 'node:crypto'

export interface Random {
  bytes(length: number): Buffer
  /** A version 4 UUID (RFC 9562). */
  uuid(): string
  /** An unguessable URL-safe token of 128 bits, for stanza and stream ids. */
  token(): string
  /** Uniform in [0, 1): for jitter only, never for secrets. */
  fraction(): number
}

const tokenBytes = 16
/** Bytes for tokens are asked for by the block: the call costs more than the bytes. Each is used once. */
const block = Buffer.alloc(256 * tokenBytes)
let used = block.length

function token(): string {
  if (used === block.length) {
    randomFillSync(block)
    used = 0
  }
  used += tokenBytes
  return block.toString('base64url', used - tokenBytes, used)
}

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  uuid: () => randomUUID(),
  token,
  fraction: () => Math.random(),
}

/** A repeatable source (mulberry32) for simulations; not fit for secrets. */
export class SeededRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => Math.floor(this.fraction() * 256)))
  }

  uuid(): string {
    const raw = this.bytes(16)
    raw[6] = (raw[6]! & 0x0f) | 0x40
    raw[8] = (raw[8]! & 0x3f) | 0x80
    return raw.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }

  token(): string {
    return this.bytes(16).toString('base64url')
  }
}
