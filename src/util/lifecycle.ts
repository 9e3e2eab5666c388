/** Starts parts in order and closes them in reverse, once, whoever asks and however often. */

export interface Closeable {
  close(): void | Promise<void>
}

export class Lifecycle implements Closeable {
  readonly #parts: { readonly name: string; readonly part: Closeable }[] = []
  readonly #onError: (name: string, error: unknown) => void
  #closing: Promise<void> | undefined

  /** `onError` hears of each part that failed to close; the others are closed all the same. */
  constructor(onError: (name: string, error: unknown) => void) {
    this.#onError = onError
  }

  /** Registers a started part, to be closed before all that were added earlier. Returns the part. */
  add<T extends Closeable>(name: string, part: T): T {
    this.#parts.push({ name, part })
    return part
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    for (let last = this.#parts.pop(); last !== undefined; last = this.#parts.pop()) {
      try {
        await last.part.close()
      } catch (error) {
        this.#onError(last.name, error)
      }
    }
  }
}
