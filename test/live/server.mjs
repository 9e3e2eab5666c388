// A dmucd of its own process on a directory of its own, as an operator runs it: started with a configuration file, watched
// through its log, ended by signals. Ports are the system's choice; the Ready line tells them.
import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { patienceMs, until } from './until.mjs'

const bin = (/** @type {string} */ name) => fileURLToPath(new URL(`../../bin/${name}`, import.meta.url))

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()
/** @type {Set<string>} */
const directories = new Set()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** @typedef {{ readonly c2s: number, readonly c2sDirectTls: number, readonly s2s: number, readonly http: number, readonly components: number }} Ports */

export class LiveServer {
  /** @type {Ports} */
  ports = { c2s: 0, c2sDirectTls: 0, s2s: 0, http: 0, components: 0 }
  /** All that it printed, line by line, over all its starts. */
  /** @type {string[]} */
  log = []
  /** What it logged as a warning or an error, over all its starts; and what it printed that is no log. */
  /** @type {string[]} */
  notes = []
  /** How often it was started. */
  starts = 0
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child
  /** @type {Promise<number | string> | undefined} */
  #ended
  #file
  #within

  /**
   * @param {string} domain a virtual host of the configuration; its certificate is the one that clients trust
   * @param {string} config TOML
   * @param {readonly string[]} [within] a command that runs the rest of its line, elsewhere
   */
  constructor(domain, config, within = []) {
    this.domain = domain
    this.#within = within
    this.directory = mkdtempSync(join(tmpdir(), 'dmucd-live-'))
    directories.add(this.directory)
    this.#file = join(this.directory, 'dmucd.toml')
    writeFileSync(this.#file, config)
  }

  /** Resolves once it is ready; rejects with what it printed when it ends before that. */
  async start() {
    const [command = '', ...args] = [...this.#within, process.execPath, bin('dmucd.js'), '--config', this.#file]
    const child = spawn(command, args, {
      cwd: this.directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    running.add(child)
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        running.delete(child)
        resolve(signal ?? code ?? 1)
      })
    })
    this.starts++
    let ready = ''
    createInterface({ input: child.stderr }).on('line', (line) => {
      const said = this.#take(line)
      if (said.startsWith('Ready: ')) ready = said
    })
    await until(
      () => {
        if (child.exitCode !== null) throw new Error(`${this.domain} ended at its start:\n${this.notes.join('\n')}`)
        return ready !== ''
      },
      () => `${this.domain} to be ready; it said:\n${this.notes.join('\n')}`,
    )
    this.ports = {
      c2s: port(ready, 'c2s'),
      c2sDirectTls: port(ready, 'c2s_direct_tls'),
      s2s: port(ready, 's2s'),
      http: port(ready, 'http'),
      components: port(ready, 'component'),
    }
  }

  /** The file of its own certificate, in PEM: for clients to trust. */
  get certificateFile() {
    return join(this.directory, 'certs', `${this.domain}.crt`)
  }

  get certificate() {
    return readFileSync(this.certificateFile, 'utf8')
  }

  /** SIGHUP; resolves once it has taken the new configuration over. @param {string} config TOML */
  async reload(config) {
    writeFileSync(this.#file, config)
    const before = this.log.length
    this.#child?.kill('SIGHUP')
    await until(
      () => this.log.slice(before).some((line) => line.includes('Took the configuration over')),
      () => `${this.domain} to take its configuration over; it said:\n${this.log.slice(before).join('\n')}`,
    )
  }

  get pid() {
    return this.#child?.pid
  }

  /** CPU time of all its threads so far, in milliseconds; 0 where the system does not tell. */
  get cpuMs() {
    try {
      const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) * 10
    } catch {
      return 0
    }
  }

  /** The end that no process can prepare for. The signal is sent before this returns. */
  async kill9() {
    this.#child?.kill('SIGKILL')
    const end = await this.#ended
    if (end !== 'SIGKILL') throw new Error(`${this.domain} was to be killed and had ended already: ${end}`)
  }

  /** It hangs, without closing anything, until it is told to go on. */
  hang() {
    this.#child?.kill('SIGSTOP')
  }

  goOn() {
    this.#child?.kill('SIGCONT')
  }

  /** Of a server that has ended: its data are lost, its configuration and certificates are not. */
  loseData() {
    rmSync(join(this.directory, 'data'), { recursive: true })
  }

  /** SIGTERM; rejects unless it ends with exit code 0. */
  async stop() {
    if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGTERM')
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve('it did not stop'), patienceMs)
    })
    const end = await Promise.race([this.#ended, late])
    clearTimeout(timer)
    if (end !== 0) throw new Error(`${this.domain} did not stop as asked: ${end}\n${this.notes.join('\n')}`)
  }

  /** Whatever state it is in: nothing of it is left. */
  async remove() {
    this.#child?.kill('SIGKILL')
    await this.#ended
    rmSync(this.directory, { recursive: true, force: true })
    directories.delete(this.directory)
  }

  /**
   * An account, by the command that `dmucctl` sends, over the same socket.
   * @param {string} jid
   * @param {string} password
   */
  async addUser(jid, password) {
    const reply = await ask(join(this.directory, 'data', 'dmucd.sock'), {
      command: 'adduser',
      args: { jid, password },
    })
    if (!reply.ok) throw new Error(`no account ${jid}: ${reply.error}`)
  }

  /**
   * The operator's own command line.
   * @param {readonly string[]} args
   * @param {string} [input] what is typed
   * @returns {Promise<string>} what it printed
   */
  dmucctl(args, input = '') {
    return new Promise((resolve, reject) => {
      const child = execFile(
        process.execPath,
        [bin('dmucctl.js'), '-c', this.#file, ...args],
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout)
          else reject(new Error(`${args.join(' ')}: ${stdout}${stderr}`))
        },
      )
      child.stdin?.end(`${input}\n`)
    })
  }

  /** Of a copy of its database, write-ahead log and all, as it lies on the disk now. @returns {string} `ok`, or what is wrong */
  integrity() {
    const copy = join(this.directory, 'copy')
    mkdirSync(copy)
    try {
      const data = join(this.directory, 'data')
      for (const name of readdirSync(data))
        if (/^dmucd\.sqlite(-wal)?$/.test(name)) cpSync(join(data, name), join(copy, name))
      const database = new Database(join(copy, 'dmucd.sqlite'))
      const found = database.pragma('integrity_check', { simple: true })
      database.close()
      return String(found)
    } finally {
      rmSync(copy, { recursive: true })
    }
  }

  /** @param {string} line @returns {string} its message */
  #take(line) {
    this.log.push(line)
    /** @type {{ level: number, msg: string, err?: { stack?: string } }} */
    let entry
    try {
      entry = JSON.parse(line)
    } catch {
      this.notes.push(line)
      return line
    }
    if (entry.level >= 40) {
      const { level, msg, err } = entry
      this.notes.push(`${level >= 50 ? 'error' : 'warn'} ${msg}${err?.stack ? `\n${err.stack}` : ''}`)
    }
    return entry.msg
  }
}

/** @param {string} ready @param {string} name */
function port(ready, name) {
  return Number(new RegExp(`\\b${name} 127\\.0\\.0\\.1:(\\d+)`).exec(ready)?.[1] ?? 0)
}

/**
 * @param {string} path of the admin socket
 * @param {{ command: string, args: Record<string, string> }} request
 * @returns {Promise<{ ok: boolean, error?: string }>}
 */
function ask(path, request) {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(`${JSON.stringify(request)}\n`))
    let received = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => {
      try {
        resolve(JSON.parse(received))
      } catch (error) {
        reject(error)
      }
    })
  })
}
