/** Rows by key, as a batch changes them: what it has done is taken back where it fails. */

/** How to take back what the batch has done so far. */
export type Undo = (() => void)[]

export class Table<V> {
  readonly #rows = new Map<string, V>()
  readonly #undo: Undo

  constructor(undo: Undo) {
    this.#undo = undo
  }

  get(key: string): V | undefined {
    return this.#rows.get(key)
  }

  put(key: string, row: V | undefined): void {
    const before = this.#rows.get(key)
    this.#undo.push(() => this.#place(key, before))
    this.#place(key, row)
  }

  /** In order of the keys. */
  list(): V[] {
    return [...this.#rows].sort(([a], [b]) => compareUtf8(a, b)).map(([, row]) => row)
  }

  #place(key: string, row: V | undefined): void {
    if (row === undefined) this.#rows.delete(key)
    else this.#rows.set(key, row)
  }
}

/** As SQLite compares text. */
export function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
