/** Drives `slixmpp-client.py`: a client in a process of Debian's Python, told what to do in lines of JSON. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Element } from '../../src/xml/element.js'
import { parse } from '../support/xml-match.js'
import type { Dmucd } from './dmucd.js'
import { systemPython } from './require-peer.js'
import { until } from './until.js'

export interface LoginReport {
  readonly jid: string
  readonly mechanism: string
  readonly tls: string
  readonly verified: boolean
}

export interface JoinReport {
  readonly statuses: readonly number[]
  readonly role: string
  readonly affiliation: string
  readonly subject: string
  readonly occupants: readonly string[]
  readonly history: readonly string[]
}

type Fields = Readonly<Record<string, { readonly type: string; readonly value: unknown }>>

/** Each order with its arguments, and what it answers. */
interface Orders {
  login: [{ jid: string; password: string; host: string; port: number; ca: string | null }, LoginReport]
  logout: [Record<never, never>, null]
  presence: [{ show?: string; status?: string }, null]
  roster: [Record<never, never>, Readonly<Record<string, unknown>>]
  contact: [{ jid: string; name: string; groups: string[] }, null]
  message: [{ to: string; body: string }, null]
  ping: [{ jid: string }, boolean]
  features: [{ jid: string }, readonly string[]]
  join: [{ room: string; nick: string; history?: number }, JoinReport]
  form: [{ room: string }, Fields]
  configure: [{ room: string; values: Readonly<Record<string, unknown>> }, null]
  say: [{ room: string; body: string }, null]
  subject: [{ room: string; subject: string }, null]
  nick: [{ room: string; nick: string }, null]
  role: [{ room: string; nick: string; role: string; reason?: string }, null]
  affiliation: [{ room: string; jid: string; affiliation: string }, null]
  affiliations: [{ room: string; affiliation: string }, readonly string[]]
  occupants: [{ room: string }, readonly string[]]
  invite: [{ room: string; jid: string; reason: string }, null]
  leave: [{ room: string; nick: string }, null]
  destroy: [{ room: string; reason: string }, null]
}

const script = fileURLToPath(new URL('slixmpp-client.py', import.meta.url))

export class Slixmpp {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #stanzas: Element[] = []
  #complaints = ''
  #next = 1
  #over = false
  readonly #ended: Promise<void>

  constructor() {
    const child = spawn(systemPython, [script], { stdio: 'pipe' })
    this.#child = child
    createInterface({ input: child.stdout }).on('line', (line) => this.#take(line))
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.#complaints += chunk
    })
    this.#ended = new Promise((resolve) => {
      child.once('close', () => {
        this.#over = true
        for (const { reject } of this.#waiting.values()) reject(new Error(`slixmpp ended:\n${this.#complaints}`))
        resolve()
      })
    })
  }

  /** Logged in at one of our servers, trusting its certificate and no other, and available. */
  static async online({ domain, c2sPort, certificate }: Dmucd, user: string, password: string): Promise<Slixmpp> {
    const client = new Slixmpp()
    try {
      await client.do('login', {
        jid: `${user}@${domain}/slix`,
        password,
        host: '127.0.0.1',
        port: c2sPort,
        ca: certificate,
      })
      await client.do('presence', {})
      return client
    } catch (error) {
      await client.close()
      throw error
    }
  }

  /** Rejects with slixmpp's own words. */
  do<Name extends keyof Orders>(name: Name, args: Orders[Name][0]): Promise<Orders[Name][1]> {
    const id = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as Orders[Name][1]), reject })
      this.#child.stdin?.write(`${JSON.stringify({ id, do: name, ...args })}\n`)
    })
  }

  /** The next message or presence that fits; what came before it is dropped. Rejects after 30 s. */
  async next(fits: (stanza: Element) => boolean): Promise<Element> {
    let found = -1
    await until(
      () => {
        if (this.#over) throw new Error(`slixmpp ended:\n${this.#complaints}`)
        found = this.#stanzas.findIndex(fits)
        return found !== -1
      },
      () => `a stanza; there were:\n${this.#stanzas.join('\n')}\n${this.#complaints}`,
    )
    return this.#stanzas.splice(0, found + 1)[found]!
  }

  /** The next message with this body. */
  hears(body: string): Promise<Element> {
    return this.next((stanza) => stanza.name === 'message' && stanza.getChildText('body') === body)
  }

  /** The next presence of this address. */
  sees(from: string, type?: string): Promise<Element> {
    return this.next(({ name, attrs }) => name === 'presence' && attrs.from === from && attrs.type === type)
  }

  /** What came in and was not asked for yet. */
  get unread(): readonly string[] {
    return this.#stanzas.map(String)
  }

  /** Ends the process. Idempotent. */
  async close(): Promise<void> {
    if (!this.#over) this.#child.stdin?.end()
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), 10_000)
    await this.#ended
    clearTimeout(hard)
  }

  #take(line: string): void {
    const said = JSON.parse(line) as { stanza?: string; id?: number; value?: unknown; error?: string }
    if (said.stanza !== undefined) this.#stanzas.push(parse(said.stanza))
    if (said.id === undefined) return
    const waiting = this.#waiting.get(said.id)
    this.#waiting.delete(said.id)
    if (said.error === undefined) waiting?.resolve(said.value)
    else waiting?.reject(new Error(said.error))
  }
}
