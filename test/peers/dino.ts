/** Dino as its user has it, on a virtual screen, with a home of its own: told what to do, and read (`dino-client.py`). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OrderedClient } from './ordered-client.js'
import { systemPython } from './require-peer.js'
import { until } from './until.js'

interface Orders {
  login: [{ jid: string; password: string }, null]
  start: [Record<never, never>, null]
  quit: [Record<never, never>, null]
  open: [{ uri: string }, null]
  press: [{ text: string }, null]
  say: [{ text: string }, null]
  texts: [Record<never, never>, readonly string[]]
  picture: [{ path: string }, null]
}

const script = fileURLToPath(new URL('dino-client.py', import.meta.url))
const patienceMs = 60_000

export class Dino extends OrderedClient<Orders> {
  readonly #home: string

  /** `proxy`: the way to its server. */
  constructor(proxy: string) {
    const home = mkdtempSync(join(tmpdir(), 'dmucd-dino-'))
    super(systemPython, [script, home, proxy], { ...process.env, HOME: home, LANG: 'C.UTF-8' })
    this.#home = home
  }

  /** Resolves when a text in its windows has this in it. */
  async shows(text: string): Promise<void> {
    let texts: readonly string[] = []
    await until(
      async () => {
        texts = await this.do('texts', {})
        return texts.some((each) => each.includes(text))
      },
      () => `"${text}" in the windows of Dino, which show:\n${texts.join('\n')}`,
      patienceMs,
    )
  }

  override async close(): Promise<void> {
    await super.close()
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 })
  }
}
