/** profanity as its user has it: in a terminal (a tmux server of its own), with a home directory of its own; typed into and looked at. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from './until.js'

const run = promisify(execFile)

export class Profanity {
  readonly #home: string
  readonly #name: string

  private constructor(home: string, name: string) {
    this.#home = home
    this.#name = name
  }

  /** Resolves when it takes commands. */
  static async open(name: string): Promise<Profanity> {
    const home = mkdtempSync(join(tmpdir(), 'dmucd-profanity-'))
    const profanity = new Profanity(home, name)
    for (const directory of ['config', 'data', 'cache', 'run']) mkdirSync(join(home, directory))
    await profanity.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', '160', '-y', '40', 'profanity -l DEBUG')
    try {
      await profanity.shows('Type /help')
    } catch (error) {
      await profanity.close()
      throw error
    }
    return profanity
  }

  /** A line, with Enter. */
  async types(line: string): Promise<void> {
    await this.#tmux('send-keys', '-l', line)
    await this.#tmux('send-keys', 'Enter')
  }

  /** Logged in at 127.0.0.1, any certificate trusted: the line that `npm start` prints, and the password when asked for. */
  async connects(jid: string, port: number, password: string): Promise<void> {
    await this.types(`/connect ${jid} server 127.0.0.1 port ${port} tls trust`)
    await this.shows('Enter password:')
    await this.types(password)
  }

  screen(): Promise<string> {
    return this.#tmux('capture-pane', '-p')
  }

  /** Resolves with the screen once it shows this; rejects with the screen after 30 s. */
  async shows(text: string | RegExp): Promise<string> {
    let screen = ''
    await until(
      async () => {
        screen = await this.screen()
        return typeof text === 'string' ? screen.includes(text) : text.test(screen)
      },
      () => `"${text}" on the screen, which shows:\n${screen}`,
    )
    return screen
  }

  /** Its debug log, with the XML that went over the wire. */
  log(): string {
    return readFileSync(join(this.#home, 'data/profanity/logs/profanity.log'), 'utf8')
  }

  /** Ends the terminal, and profanity with it. */
  async close(): Promise<void> {
    await this.#tmux('kill-server').catch(() => {})
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 })
  }

  async #tmux(...args: string[]): Promise<string> {
    const at = (directory: string): string => join(this.#home, directory)
    const env = {
      PATH: process.env.PATH,
      LANG: 'C.UTF-8',
      TERM: 'screen',
      HOME: this.#home,
      TMUX_TMPDIR: at('run'),
      XDG_CONFIG_HOME: at('config'),
      XDG_DATA_HOME: at('data'),
      XDG_CACHE_HOME: at('cache'),
    }
    return (await run('tmux', ['-L', this.#name, ...args], { env, cwd: this.#home })).stdout
  }
}
