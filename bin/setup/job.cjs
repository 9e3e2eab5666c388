// One set-up at work: its directory (.setup, which keeps itself out of git), its log, and the commands that it runs.
// A command's output goes to the log; the terminal gets a line every 15 seconds, and one sentence if it fails.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const { spawn } = require('node:child_process')

const SAY_EVERY_MS = 15_000
const KEEP_OUTPUT = 256 * 1024
const GROUPS = process.platform !== 'win32'

/** An expected failure: its message is the one sentence that the user gets. */
class SetupError extends Error {}

/** A signal ended the set-up. */
class Interrupted extends Error {
  /** @param {string} signal */
  constructor(signal) {
    super('dmucd set-up was interrupted; run the same command again and it goes on from here.')
    this.exitCode = 128 + (require('node:os').constants.signals[signal] ?? 0)
  }
}

class Job {
  /** @param {string} root the checkout */
  constructor(root) {
    this.root = root
    this.onStart = () => {}
    fs.mkdirSync(this.path(''), { recursive: true })
    fs.writeFileSync(this.path('.gitignore'), '*\n')
  }

  /** @param {string} name of a file in the set-up's own directory */
  path(name) {
    return path.join(this.root, '.setup', name)
  }

  /** @param {string} text one line, without the full stop */
  say(text) {
    process.stderr.write(`dmucd set-up: ${text}\n`)
  }

  /**
   * Runs a command without input, in a process group of its own, and resolves when it has ended. A signal to the set-up
   * ends the whole group, so no compiler is left behind.
   *
   * @param {{ command: string, args: string[], env?: NodeJS.ProcessEnv, cwd?: string, log: string, doing: string }} what
   * @returns {Promise<{ code: number, output: string, log: string }>} `output` is the last 256 KiB of what it printed;
   *   `code` is -1 when it could not be started
   * @throws {Interrupted}
   */
  run({ command, args, env = process.env, cwd = this.root, log, doing }) {
    const file = this.path(log)
    const out = fs.openSync(file, 'w')
    return new Promise((resolve, reject) => {
      const began = Date.now()
      let output = ''
      let signalled = ''
      const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: GROUPS })
      if (child.pid) this.onStart(child.pid)
      const timer = setInterval(() => {
        this.say(
          `still ${doing}, ${Math.round((Date.now() - began) / 1000)} s so far (output in ${path.relative(this.root, file)})`,
        )
      }, SAY_EVERY_MS)
      const take = (chunk) => {
        try {
          fs.writeSync(out, chunk)
        } catch {
          // A full disk: the command will say so itself, and what it says is kept below.
        }
        output = (output + chunk.toString('utf8')).slice(-KEEP_OUTPUT)
      }
      child.stdout.on('data', take)
      child.stderr.on('data', take)
      const interrupt = (signal) => {
        signalled = signal
        try {
          process.kill(GROUPS ? -child.pid : child.pid, 'SIGTERM')
        } catch {
          // It ended by itself in this moment.
        }
      }
      const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
      for (const signal of signals) process.on(signal, interrupt)
      const end = (code, message = '') => {
        clearInterval(timer)
        for (const signal of signals) process.removeListener(signal, interrupt)
        fs.closeSync(out)
        if (signalled) reject(new Interrupted(signalled))
        else resolve({ code, output: output + message, log: path.relative(process.cwd(), file) || file })
      }
      child.on('error', (error) => end(-1, error.message))
      child.on('close', (code) => end(code ?? 1))
    })
  }
}

module.exports = { Interrupted, Job, SetupError }
