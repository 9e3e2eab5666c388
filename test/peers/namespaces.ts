/** Network namespaces with a network of their own between them, on which packets are late and get lost. Needs root. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Place } from '../live/federation.mjs'
import type { Ports } from '../live/server.mjs'
import { systemPython } from './require-peer.js'

export interface Network {
  readonly delayMs: number
  readonly jitterMs: number
  /** The part of all packets that never arrives. */
  readonly loss: number
  readonly seed: number
}

/** Why there can be none on this machine; undefined where there can. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    const probe = `dmucd-${process.pid}`
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' })
    execFileSync('ip', ['netns', 'del', probe])
    return undefined
  } catch (error) {
    return `network namespaces cannot be made here (${String((error as Error).message).split('\n')[0]})`
  }
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

export class Namespaces implements Place {
  readonly #names: readonly string[]
  readonly #prefix = `dmucd-${process.pid}-`
  readonly #directory = mkdtempSync(join(tmpdir(), 'dmucd-netns-'))
  readonly #children: ChildProcess[] = []
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  #network: ChildProcess | undefined

  private constructor(names: readonly string[]) {
    this.#names = names
  }

  static async make(names: readonly string[], network: Network): Promise<Namespaces> {
    const made = new Namespaces(names)
    try {
      await made.#begin(network)
      return made
    } catch (error) {
      await made.close()
      throw error
    }
  }

  readonly address = (name: string): string => `10.99.0.${this.#names.indexOf(name) + 1}`

  readonly within = (name: string): readonly string[] => ['ip', 'netns', 'exec', this.#prefix + name]

  /** A way into the namespace for clients, without delay or loss. */
  readonly reach = async (name: string, ports: Ports): Promise<Ports> => {
    const path = join(this.#directory, `${name}.sock`)
    await this.#run([
      ...this.within(name),
      process.execPath,
      here('namespace-relay.mjs'),
      path,
      `${ports.c2sDirectTls}`,
    ])
    const server = createServer((outside) => {
      const inside = connect(path)
      outside.pipe(inside).pipe(outside)
      for (const socket of [outside, inside]) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.on('close', () => this.#sockets.delete(socket))
      }
    })
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { ...ports, c2sDirectTls: (server.address() as { port: number }).port }
  }

  /** Nothing passes to or from it, once this has resolved. */
  async cut(name: string): Promise<void> {
    this.#network?.stdin?.write(`cut ${this.#prefix}${name}\n`)
    await this.count()
  }

  heal(): void {
    this.#network?.stdin?.write('heal\n')
  }

  /** Packets so far. */
  async count(): Promise<{ readonly passed: number; readonly lost: number }> {
    const answer = this.#line(this.#network!)
    this.#network?.stdin?.write('count\n')
    return JSON.parse(await answer)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    for (const server of this.#servers) server.close()
    for (const child of this.#children) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      const over = child.exitCode !== null || child.signalCode !== null
      child.kill('SIGKILL')
      if (!over) await ended
    }
    for (const name of this.#names)
      try {
        execFileSync('ip', ['netns', 'del', this.#prefix + name], { stdio: 'ignore' })
      } catch {
        // It was never made.
      }
    rmSync(this.#directory, { recursive: true, force: true })
  }

  async #begin({ delayMs, jitterMs, loss, seed }: Network): Promise<void> {
    for (const name of this.#names) execFileSync('ip', ['netns', 'add', this.#prefix + name])
    const hosts = Object.fromEntries(this.#names.map((name) => [this.#prefix + name, this.address(name)]))
    const options = { hosts, delay: delayMs / 1000, jitter: jitterMs / 1000, loss, seed }
    this.#network = await this.#run([systemPython, here('lossy-network.py'), JSON.stringify(options)])
  }

  /** Resolves when it says that it is ready. */
  async #run([command = '', ...args]: readonly string[]): Promise<ChildProcess> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#children.push(child)
    const said = await this.#line(child)
    if (said !== 'ready') throw new Error(`${args.join(' ')} said ${said}`)
    return child
  }

  #line(child: ChildProcess): Promise<string> {
    return new Promise((resolve, reject) => {
      const lines = createInterface({ input: child.stdout! })
      const ended = (): void => reject(new Error('a program of the network ended'))
      child.once('exit', ended)
      lines.once('line', (line) => {
        child.off('exit', ended)
        lines.close()
        resolve(line)
      })
    })
  }
}
