/** A server under measurement: a process in the foreground with a directory of its own, pinned to the first core. */
import { spawn, spawnSync } from 'node:child_process'
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
export const pinned = availableParallelism() > 1 && works('taskset', '-c', '0', 'true')

const startMs = 60_000

/** What is to be done with each that runs when the benchmark ends before it. */
const abandoned = new Set()
process.once('exit', () => {
  for (const abandon of abandoned) abandon()
})

/** The command on one core alone, where that is possible. @returns {[string, string[]]} */
export const onCore = (core, command, args) =>
  pinned ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]

export const temporaryDirectory = () => mkdtempSync(join(tmpdir(), 'dmucd-bench-'))

export function put(file, text) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

/** One that was free a moment ago. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/**
 * Starts and waits until the port answers and `ready` says so too. `stop` ends it and removes the directory; it resolves with what
 * `afterwards` finds there before that.
 *
 * @param {{ command: string, args: string[], directory: string, port: number, env?: Record<string, string>, ready?: () => boolean, afterwards?: () => object }} options
 */
export async function startProcess({
  command,
  args,
  directory,
  port,
  env = {},
  ready = () => true,
  afterwards = () => ({}),
}) {
  const file = join(directory, 'output.log')
  const output = createWriteStream(file)
  await new Promise((resolve) => output.once('open', resolve))
  const [program, all] = onCore(0, command, args)
  const child = spawn(program, all, {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  })
  // When the benchmark is interrupted, nothing of it stays.
  const abandon = () => {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  }
  abandoned.add(abandon)
  let ended = false
  const end = new Promise((resolve) => {
    const over = () => {
      ended = true
      resolve()
    }
    child.once('exit', over)
    child.once('error', over)
  })
  const stop = async () => {
    if (!ended) child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await end
    clearTimeout(hard)
    abandoned.delete(abandon)
    output.close()
    try {
      return child.exitCode === 0 ? afterwards() : {}
    } finally {
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    }
  }
  const until = Date.now() + startMs
  while (!ready() || !(await answers(port))) {
    if (ended || Date.now() > until) {
      const said = readFileSync(file, 'utf8').slice(-3000)
      await stop()
      throw new Error(`${command} did not start:\n${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { pid: child.pid, port, stop }
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
