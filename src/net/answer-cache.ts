/**
 * Answers of DNS, each kept for as long as its zone allows (RFC 1035 §3.2.1) and no longer than the bound here; the oldest
 * gives way to a further one, since strangers choose the names. That there is none is not kept here.
 */
import type { Clock } from '../util/clock.js'

/** One value of an answer, with the seconds for which it holds. */
export interface Lasting<T> {
  readonly value: T
  readonly ttl: number
}

/** A zone may say days: whoever moves a server does not want to wait for us that long. */
const longestMs = 3_600_000
const mostAnswers = 1000
/** RFC 2181 §8: a TTL with the highest bit set is none. */
const impossibleTtl = 2 ** 31

export class AnswerCache<T> {
  readonly #clock: Clock
  readonly #answers = new Map<string, { readonly values: readonly T[]; readonly until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What is known of `name`, or else what `ask` says. Rejects as `ask` does. */
  async get(name: string, ask: () => Promise<readonly Lasting<T>[]>): Promise<readonly T[]> {
    const known = this.#answers.get(name)
    if (known !== undefined && known.until > this.#clock.monotonic()) return known.values
    this.#answers.delete(name)
    const askedAt = this.#clock.monotonic()
    const answer = await ask()
    const values = answer.map(({ value }) => value)
    const ttl = Math.min(...answer.map((each) => each.ttl))
    if (answer.length === 0 || ttl <= 0 || ttl >= impossibleTtl) return values
    if (this.#answers.size >= mostAnswers) this.#answers.delete(this.#answers.keys().next().value ?? name)
    this.#answers.set(name, { values, until: askedAt + Math.min(longestMs, ttl * 1000) })
    return values
  }
}
