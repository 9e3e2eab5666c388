/** Those who ask for what has to be read from the disk, a few questions each at a time: all share its readers. */

export class Askers {
  readonly #most: number
  readonly #under = new Map<string, number>()

  /** `most`: questions of one asker under way. */
  constructor(most: number) {
    this.#most = most
  }

  /** Takes a place; false where the asker has none left. */
  enter(asker: string): boolean {
    const under = this.#under.get(asker) ?? 0
    if (under >= this.#most) return false
    this.#under.set(asker, under + 1)
    return true
  }

  /** Gives it back. */
  leave(asker: string): void {
    const left = (this.#under.get(asker) ?? 1) - 1
    if (left > 0) this.#under.set(asker, left)
    else this.#under.delete(asker)
  }
}
