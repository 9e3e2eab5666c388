/**
 * How long the archive of an account keeps what was said (XEP-0313 §8): once an hour, what is older is erased from the oldest on, a
 * page at a time, behind everything that users wait for.
 */
import type { Host } from '../../server/module.js'

const dayMs = 86_400_000
const unitMs: Readonly<Record<string, number>> = { d: dayMs, w: 7 * dayMs, m: 31 * dayMs, y: 365 * dayMs }

/** Reads `"1w"` (d, w, m of 31 days, y of 365) in milliseconds; `"never"` is Infinity, what is neither undefined. */
export function readPeriod(text: unknown): number | undefined {
  if (text === 'never') return Number.POSITIVE_INFINITY
  const [, count, unit] = (typeof text === 'string' && /^([1-9]\d{0,3})([dwmy])$/.exec(text)) || []
  const ms = unitMs[unit ?? '']
  return ms === undefined ? undefined : Number(count) * ms
}

const sweepMs = 3_600_000
/** Messages that are erased at once: some milliseconds of the disk's time. */
const pageSize = 200

/** Erases what is older than `periodMs` of every account of the host, from one hour after it is made until `stop`. */
export class Retention {
  readonly #host: Host
  readonly #periodMs: number
  #stopped = false

  constructor(host: Host, periodMs: number) {
    this.#host = host
    this.#periodMs = periodMs
    if (periodMs !== Number.POSITIVE_INFINITY) this.#later()
  }

  stop(): void {
    this.#stopped = true
  }

  #later(): void {
    this.#host.clock.after(sweepMs, () => {
      if (this.#stopped) return
      this.#sweep()
        .catch((error: unknown) => {
          const context = { err: error, host: this.#host.domain }
          if (!this.#stopped)
            this.#host.log.error(context, 'Archives could not be trimmed; it is tried again in an hour')
        })
        .finally(() => this.#later())
    })
  }

  async #sweep(): Promise<void> {
    const end = this.#host.clock.now() - this.#periodMs
    for (const owner of await this.#host.store.accounts(this.#host.domain)) await this.#trim(owner, end)
  }

  /** As far as the oldest lie before `end` without a gap: where the clock was set back, the younger message stays. */
  async #trim(owner: string, end: number): Promise<void> {
    for (let limit = 1; !this.#stopped; limit = pageSize) {
      const oldest = await this.#host.store.archive(owner, { limit })
      const young = oldest.findIndex(({ archivedAt }) => archivedAt >= end)
      const last = (young === -1 ? oldest : oldest.slice(0, young)).at(-1)
      if (last === undefined) return
      await this.#host.store.commit([{ type: 'archive.trim', owner, upTo: last.order }])
      if (young !== -1) return
    }
  }
}
