/**
 * Slots (XEP-0363 §5): leave to put one file of one size and type at one address, for a short while. A slot is a signed text in that
 * address, so that nothing has to be remembered of those that are never used.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface Slot {
  /** The file's secret name: 32 characters of base64url. */
  readonly id: string
  /** Bare JID. */
  readonly owner: string
  readonly size: number
  /** As it was asked for; undefined where the client left it open. */
  readonly type: string | undefined
  /** Milliseconds since the epoch. */
  readonly until: number
}

export const idPattern = /^[A-Za-z0-9_-]{32}$/

export class SlotSigner {
  readonly #secret: Buffer

  constructor(secret: Buffer) {
    this.#secret = secret
  }

  sign(slot: Slot): string {
    const text = Buffer.from(JSON.stringify(slot)).toString('base64url')
    return `${text}.${this.#mac(text).toString('base64url')}`
  }

  /** Undefined for what we have not signed, or for another file, or too long ago. */
  read(token: string, id: string, now: number): Slot | undefined {
    const [text = '', given = ''] = token.split('.')
    const mac = Buffer.from(given, 'base64url')
    const expected = this.#mac(text)
    if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) return undefined
    const slot = JSON.parse(Buffer.from(text, 'base64url').toString()) as Slot
    return slot.id === id && slot.until >= now ? slot : undefined
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.#secret).update(text).digest()
  }
}

/**
 * What an account was given slots for within a day: how many bytes that may be, and how many files, as the smallest takes room on the disk,
 * too. Accounts that asked for nothing today are forgotten.
 */
export class DailyQuota {
  readonly #limit: number
  readonly #files: number
  readonly #given = new Map<string, { readonly at: number; readonly size: number }[]>()

  constructor(limit: number, files: number) {
    this.#limit = limit
    this.#files = files
  }

  /** Counts it; where it is too much, when there is room again (milliseconds since the epoch). */
  take(owner: string, size: number, now: number): number | undefined {
    const recent = (this.#given.get(owner) ?? []).filter(({ at }) => at > now - dayMs)
    const used = recent.reduce((sum, each) => sum + each.size, 0)
    if (used + size > this.#limit || recent.length >= this.#files) return (recent[0]?.at ?? now) + dayMs
    recent.push({ at: now, size })
    this.#given.set(owner, recent)
    return undefined
  }

  /** A file that was there at the start. */
  add(owner: string, size: number, at: number): void {
    this.#given.set(owner, [...(this.#given.get(owner) ?? []), { at, size }])
  }

  forget(now: number): void {
    for (const [owner, given] of this.#given) if (given.every(({ at }) => at <= now - dayMs)) this.#given.delete(owner)
  }
}

const dayMs = 86_400_000
