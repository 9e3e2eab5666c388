/** Gajim as its user has it, on a virtual screen, with a home of its own: told what to do, and read (`gajim-client.py`). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OrderedClient } from './ordered-client.js'
import { systemPython } from './require-peer.js'
import { until } from './until.js'

interface Orders {
  login: [{ jid: string; password: string; port: number; ca: string }, null]
  online: [Record<never, never>, boolean]
  texts: [Record<never, never>, readonly string[]]
  roster: [Record<never, never>, Readonly<Record<string, string>>]
  add: [{ jid: string }, null]
  chat: [{ jid: string }, null]
  make: [{ room: string; name: string }, null]
  enter: [{ room: string; nick: string }, null]
  say: [{ text: string }, null]
  drop: [Record<never, never>, null]
  picture: [{ path: string }, null]
}

const script = fileURLToPath(new URL('gajim-client.py', import.meta.url))
const patienceMs = 60_000

export class Gajim extends OrderedClient<Orders> {
  readonly #home: string

  constructor() {
    const home = mkdtempSync(join(tmpdir(), 'dmucd-gajim-'))
    super('dbus-run-session', ['--', systemPython, script, home], { ...process.env, HOME: home, LANG: 'C.UTF-8' })
    this.#home = home
  }

  /** Logged in and available, with a certificate that was looked at and taken. */
  async connects(jid: string, password: string, port: number, ca: string): Promise<void> {
    await this.do('login', { jid, password, port, ca })
    await until(
      () => this.do('online', {}),
      () => 'Gajim to be online',
      patienceMs,
    )
  }

  /** Resolves when a text in its windows has this in it. */
  async shows(text: string): Promise<void> {
    let texts: readonly string[] = []
    await until(
      async () => {
        texts = await this.do('texts', {})
        return texts.some((each) => each.includes(text))
      },
      () => `"${text}" in the windows of Gajim, which show:\n${texts.join('\n')}`,
      patienceMs,
    )
  }

  override async close(): Promise<void> {
    await super.close()
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 })
  }
}
