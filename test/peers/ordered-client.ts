/** A client in a process of its own that is told what to do, in lines of JSON, and answers each order. */
import { ClientProcess } from './client-process.js'

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** @typeParam Orders each order's name, with what it takes and what it answers */
export abstract class OrderedClient<
  Orders extends { [Name in keyof Orders]: readonly [args: object, answer: unknown] },
> extends ClientProcess<Answer> {
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #next = 1

  /** Rejects with the client's own words. */
  do<Name extends keyof Orders>(name: Name, args: Orders[Name][0]): Promise<Orders[Name][1]> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as Orders[Name][1]), reject })
      this.write(JSON.stringify({ id, do: name, ...args }))
    })
  }

  protected override take({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }

  protected override ended(complaints: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`the client ended:\n${complaints}`))
  }
}
