/**
 * What one connection sent and is not dealt with yet. Past a bound nothing more is read from it, so that what waits for the disk stays
 * bounded (architecture.md, When the disk fails); while the disk lags behind, that bound is one.
 */

/** Default of `UnsettledParts.most`. */
export const mostUnsettled = 1000

export interface UnsettledParts {
  /** Stanzas of one connection that may wait for the disk or for others. */
  readonly most: number
  /** More waits for the disk than should: who can wait does. */
  readonly lagging: () => boolean
  /** `full`: that many wait; otherwise the disk lags behind. */
  readonly hold: (full: boolean) => void
  readonly goOn: () => void
}

export class Unsettled {
  readonly #parts: UnsettledParts
  #count = 0
  #holding = false

  constructor(parts: UnsettledParts) {
    this.#parts = parts
  }

  add(): void {
    this.#count += 1
    const full = this.#count >= this.#parts.most
    if (this.#holding || !(full || this.#parts.lagging())) return
    this.#holding = true
    this.#parts.hold(full)
  }

  settle(): void {
    this.#count -= 1
    if (!this.#holding || (this.#count > 0 && (this.#count >= this.#parts.most || this.#parts.lagging()))) return
    this.#holding = false
    this.#parts.goOn()
  }
}
