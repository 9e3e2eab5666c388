/** A client that we did not write, in a process of its own: it prints a line of JSON for each stanza that it gets, and more. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Element } from '../../src/xml/element.js'
import { parse } from '../support/xml-match.js'
import { until } from './until.js'

export abstract class ClientProcess<Line extends object> {
  /** Every stanza that came in, in order. */
  readonly received: Element[] = []
  readonly #child: ChildProcess
  readonly #stanzas: Element[] = []
  readonly #ended: Promise<void>
  #complaints = ''
  #over = false

  protected constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    const child = spawn(command, args, { stdio: 'pipe', env })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as Line | { readonly stanza: string }
      if (!('stanza' in said) || said.stanza === undefined) return this.take(said as Line)
      const stanza = parse(String(said.stanza))
      this.received.push(stanza)
      this.#stanzas.push(stanza)
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#complaints += chunk
    })
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        this.#over = true
        resolve()
      })
    })
    void this.#ended.then(() => this.ended(this.#complaints))
  }

  /** The next message, presence or IQ that fits; what came before it is dropped. Rejects after 60 s. */
  async next(fits: (stanza: Element) => boolean): Promise<Element> {
    const found = (): number => this.#stanzas.findIndex(fits)
    await this.until(
      () => found() !== -1,
      () => `a stanza; there were:\n${this.#stanzas.join('\n')}`,
    )
    return this.#stanzas.splice(0, found() + 1).at(-1)!
  }

  /** The next message with this body. */
  hears(body: string): Promise<Element> {
    return this.next((stanza) => stanza.name === 'message' && stanza.getChildText('body') === body)
  }

  /** The next presence of this address. */
  sees(from: string, type?: string): Promise<Element> {
    return this.next(({ name, attrs }) => name === 'presence' && attrs.from === from && attrs.type === type)
  }

  /** Ends the process. Idempotent. */
  async close(): Promise<void> {
    if (!this.#over) this.#child.stdin?.end()
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await this.#ended
    clearTimeout(hard)
  }

  /** A line that is no stanza. */
  protected abstract take(said: Line): void

  /** The process is over; what it complained of. */
  protected ended(_complaints: string): void {}

  protected write(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** Rejects when the process ends before `condition` holds. */
  protected until(condition: () => boolean, what: () => string): Promise<void> {
    return until(
      () => {
        if (condition()) return true
        if (this.#over) throw new Error(`The client ended:\n${this.#complaints}`)
        return false
      },
      () => `${what()}\n${this.#complaints}`,
    )
  }
}
