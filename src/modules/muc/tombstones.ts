/**
 * What is left of a persistent room that was destroyed (XEP-0045 §10.9): whoever asks for it hears that it is gone, and where to
 * go instead, so that nobody else takes its name and its people with it. Former owners and administrators make it anew.
 */
import type { Host } from '../../server/module.js'
import type { Clock } from '../../util/clock.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

export interface Tombstone {
  /** In milliseconds since the epoch. */
  readonly at: number
  /** Bare JIDs. */
  readonly owners: readonly string[]
  readonly alternate?: string
  readonly reason?: string
}

const kind = 'muc-tombstone'
/** Of one service; of more, the oldest go. */
const most = 10_000

export class Tombstones {
  readonly #host: Pick<Host, 'domain' | 'store' | 'log'>
  readonly #clock: Clock
  readonly #lifetimeMs: number
  /** By room, the oldest first. */
  readonly #known = new Map<string, Tombstone>()

  /** `lifetimeMs` 0: there are none. */
  constructor(host: Pick<Host, 'domain' | 'store' | 'log' | 'clock'>, lifetimeMs: number) {
    this.#host = host
    this.#clock = host.clock
    this.#lifetimeMs = lifetimeMs
  }

  async start(): Promise<void> {
    const { store, domain } = this.#host
    const rooms = await store.dataKeys(domain, kind)
    const texts = await Promise.all(rooms.map((room) => store.data(domain, kind, room)))
    const found = rooms.map((room, index) => [room, JSON.parse(texts[index] ?? 'null') as Tombstone | null] as const)
    const whole = found.filter((each): each is [string, Tombstone] => each[1] !== null)
    for (const [room, tombstone] of whole.sort(([, a], [, b]) => a.at - b.at)) this.#known.set(room, tombstone)
    this.#prune()
  }

  put(room: string, tombstone: Omit<Tombstone, 'at'>): void {
    if (this.#lifetimeMs === 0) return
    const kept = { ...tombstone, at: this.#clock.now() }
    this.#known.delete(room)
    this.#known.set(room, kept)
    this.#write(room, JSON.stringify(kept))
    this.#prune()
  }

  /** The room exists again, or may. */
  lift(room: string): void {
    if (this.#known.delete(room)) this.#write(room, undefined)
  }

  /** What is to be said to this user of a room that there is not; its former owners may make it anew. */
  refusal(room: string, bareJid: string, isAdmin: boolean): StanzaError | undefined {
    const found = this.#known.get(room)
    if (found === undefined || isAdmin || found.owners.includes(bareJid)) return undefined
    if (found.at + this.#lifetimeMs <= this.#clock.now()) {
      this.lift(room)
      return undefined
    }
    const { alternate, reason = 'This room was destroyed' } = found
    return new StanzaError('gone', {
      text: reason,
      ...(alternate === undefined ? {} : { uri: `xmpp:${alternate}?join` }),
    })
  }

  #prune(): void {
    for (const [room, { at }] of this.#known) {
      if (this.#known.size <= most && at + this.#lifetimeMs > this.#clock.now()) return
      this.lift(room)
    }
  }

  #write(room: string, value: string | undefined): void {
    const { store, domain, log } = this.#host
    store.commit([{ type: 'data.put', owner: domain, kind, key: room, value }]).catch((error: unknown) => {
      log.warn({ room, err: error }, 'What is left of a destroyed room could not be written')
    })
  }
}
