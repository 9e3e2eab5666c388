/** The first thing that anybody does: a fresh clone, and `npm start` in it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { until } from './until.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
// What git does not have.
const left = new Set(['.git', '.setup', 'coverage', 'data', 'dist', 'node_modules'])
/** Packages have to be fetched, and better-sqlite3 may have to be compiled. */
const setUpMs = 480_000

export class FreshClone {
  readonly directory = mkdtempSync(join(tmpdir(), 'dmucd-clone-'))
  #child: ChildProcess | undefined
  #ended: Promise<unknown> = Promise.resolve()
  /** What it printed: standard output, and everything. */
  output = ''
  everything = ''

  constructor() {
    cpSync(root, this.directory, {
      recursive: true,
      filter: (path) => !left.has(relative(root, path).split(sep)[0]!),
    })
  }

  /** Resolves when the server tells how to log in. */
  async start(): Promise<void> {
    // A group of its own: npm and all that it starts end together.
    const options = { cwd: this.directory, env: this.#environment(), detached: true } as const
    const child = spawn('npm', ['start'], { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', resolve))
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.output += chunk
      this.everything += chunk
    })
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.everything += chunk
    })
    const announced = (): boolean => {
      if (child.exitCode !== null) throw new Error(`npm start ended:\n${this.everything}`)
      return this.output.includes('Ctrl-C stops the server')
    }
    await until(announced, () => `npm start; it printed:\n${this.everything}`, setUpMs)
  }

  /** The login link that it printed for an account of localhost. */
  loginLink(user: string): string {
    const link = new RegExp(`Log in as ${user} +(http://localhost:\\d+/#login=\\S+)`).exec(this.output)?.[1]
    if (link === undefined) throw new Error(`There is no link for ${user}:\n${this.output}`)
    return link
  }

  /** Another one, from the server that runs: `npm start -- --show-login`. */
  async newLoginLink(user: string): Promise<string> {
    const options = { cwd: this.directory, env: this.#environment(), timeout: 60_000 }
    const { stdout } = await promisify(execFile)('npm', ['start', '--', '--show-login'], options)
    const link = new RegExp(`${user}@localhost +(http://localhost:\\d+/#login=\\S+)`).exec(stdout)?.[1]
    if (link === undefined) throw new Error(`There is no link for ${user}:\n${stdout}`)
    return link
  }

  /** The options of an outer npm do not reach those that are started here. */
  #environment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !/^npm_(?!config_nodedir)/i.test(name))
    return { ...Object.fromEntries(own), PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  }

  /** Ctrl-C, and nothing is left. Idempotent. */
  async remove(): Promise<void> {
    const pid = this.#child?.exitCode === null ? this.#child.pid : undefined
    if (pid !== undefined) {
      process.kill(-pid, 'SIGINT')
      const hard = setTimeout(() => process.kill(-pid, 'SIGKILL'), 20_000)
      await this.#ended
      clearTimeout(hard)
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 })
  }
}
