/**
 * Connections between the sites as TCP would make them, over simulated time: bytes in order, with delays of their own and the faults of
 * ./network.ts. Nothing is lost or doubled within a connection; it breaks, or falls silent for good.
 */
import type { Transport, TransportHandler, UpgradableTransport } from '../../src/net/transport.js'
import { SeededRandom } from '../../src/util/random.js'
import { type Fault, type Links, type Port, Slowness } from './network.js'
import type { SimTime } from './time.js'

interface Direction {
  fault: Fault | undefined
  lastArrival: number
  stalled: (() => void)[]
  readonly random: SeededRandom
}

const nobody: TransportHandler = { data: () => {}, closed: () => {} }

export class Wires implements Links {
  /** Of stanzas, which this knows nothing of. */
  tamper: Links['tamper'] = () => 'deliver'
  doubling = 0
  losing = 0
  readonly #time: SimTime
  readonly #seed: number
  readonly #ports: (Port | undefined)[] = []
  readonly #directions = new Map<string, Direction>()
  readonly #open = new Set<Wire>()
  readonly #slowness = new Slowness()

  constructor(time: SimTime, seed: number) {
    this.#time = time
    this.#seed = seed
  }

  plug(site: number, port: Port | undefined): void {
    this.#ports[site] = port
  }

  /** Rejects where there is no way, at once or after `timeoutMs`. */
  connect(from: number, to: number, timeoutMs: number): Promise<UpgradableTransport> {
    const faults = [this.#direction(from, to).fault, this.#direction(to, from).fault]
    const delay = this.#delay(this.#direction(from, to))
    return new Promise((resolve, reject) => {
      if (faults.includes('silent') || faults.includes('stall'))
        this.#time.after(timeoutMs, () => reject(new Error('no answer')))
      else
        this.#time.after(delay, () => {
          const accept = this.#ports[to]?.accept
          if (accept === undefined || faults.includes('bounce')) return reject(new Error('connection refused'))
          const wire = new Wire(this, this.#time, from, to, () => this.#open.delete(wire))
          this.#open.add(wire)
          accept(wire.accepted)
          resolve(wire.connected)
        })
    })
  }

  /** Lets `arrive` happen at the other end, unless the way is silent now; then the rest of that connection is lost, too. */
  carry(wire: Wire, from: number, to: number, arrive: () => void): void {
    const way = this.#direction(from, to)
    if (way.fault === 'silent') wire.silent.add(from)
    if (wire.silent.has(from)) return
    const go = (): void => {
      way.lastArrival = Math.max(way.lastArrival, this.#time.now + this.#delay(way) * this.#slowness.of(from, to))
      this.#time.after(way.lastArrival - this.#time.now, arrive)
    }
    if (way.fault === 'stall') way.stalled.push(go)
    else go()
  }

  cut(from: number, to: number, fault: Fault): void {
    this.#direction(from, to).fault = fault
    if (fault === 'bounce') for (const wire of this.#between(from, to)) wire.tear()
  }

  heal(from: number, to: number): void {
    const way = this.#direction(from, to)
    way.fault = undefined
    for (const go of way.stalled.splice(0)) go()
  }

  slow(site: number, factor: number): void {
    this.#slowness.set(site, factor)
  }

  healAll(): void {
    this.#slowness.clear()
    for (const key of this.#directions.keys()) {
      const [from, to] = key.split(' ').map(Number) as [number, number]
      this.heal(from, to)
    }
  }

  died(site: number): void {
    for (const wire of this.#open) if (wire.has(site)) wire.tear(site)
  }

  #between(a: number, b: number): Wire[] {
    return [...this.#open].filter((wire) => wire.has(a) && wire.has(b))
  }

  #delay({ random }: Direction): number {
    return random.fraction() < 0.9 ? 1 + random.fraction() * 40 : 40 + random.fraction() * 600
  }

  #direction(from: number, to: number): Direction {
    const key = `${from} ${to}`
    const known = this.#directions.get(key)
    if (known !== undefined) return known
    const random = new SeededRandom((this.#seed ^ (from * 7919 + to * 104729 + 1)) >>> 0)
    const way: Direction = { fault: undefined, lastArrival: 0, stalled: [], random }
    this.#directions.set(key, way)
    return way
  }
}

/** One connection and its two ends. */
class Wire {
  readonly connected: End
  readonly accepted: End
  /** The sites from which nothing arrives on it any more. */
  readonly silent = new Set<number>()
  readonly #time: SimTime

  constructor(
    readonly wires: Wires,
    time: SimTime,
    from: number,
    to: number,
    readonly over: () => void,
  ) {
    this.#time = time
    this.connected = new End(this, from, to)
    this.accepted = new End(this, to, from)
  }

  has(site: number): boolean {
    return this.connected.site === site || this.accepted.site === site
  }

  other(end: End): End {
    return end === this.connected ? this.accepted : this.connected
  }

  later(delayMs: number, run: () => void): void {
    this.#time.after(delayMs, run)
  }

  /** Breaks; the end at `dead`, whose process is gone, hears nothing of it. */
  tear(dead?: number): void {
    for (const end of [this.connected, this.accepted])
      if (end.site === dead) end.handler = nobody
      else this.later(1, () => end.finish(new Error('the connection broke')))
    this.over()
  }
}

class End implements UpgradableTransport {
  readonly kind: Transport['kind'] = 'tcp'
  readonly remoteAddress: string
  readonly remotePort = 5269
  readonly localPort = 5269
  readonly tls = undefined
  readonly backlog = 0
  handler: TransportHandler = nobody
  #state: 'open' | 'ending' | 'closed' = 'open'
  #paused = false
  #waiting: string[] = []

  constructor(
    readonly wire: Wire,
    readonly site: number,
    readonly peer: number,
  ) {
    this.remoteAddress = addressOf(peer)
  }

  write(text: string): void {
    if (this.#state === 'open') this.#carry((other) => other.receive(text))
  }

  receive(text: string): void {
    if (this.#state === 'closed') return
    if (this.#paused) this.#waiting.push(text)
    else this.handler.data(Buffer.from(text))
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    for (const text of this.#waiting.splice(0)) this.receive(text)
  }

  end(deadlineMs = 5000): void {
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#carry((other) => other.hungUp())
    this.wire.later(deadlineMs, () => this.finish())
  }

  destroy(): void {
    if (this.#state === 'closed') return
    this.#carry((other) => other.finish(new Error('the other end was closed')))
    this.wire.later(0, () => this.finish())
  }

  startTls(): Promise<never> {
    return Promise.reject(new Error('there is no TLS here'))
  }

  /** The other end sends no more. */
  hungUp(): void {
    if (this.#state === 'open') this.end()
    this.wire.later(0, () => this.finish())
  }

  finish(error?: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.wire.over()
    this.handler.closed(error)
  }

  #carry(arrive: (other: End) => void): void {
    const other = this.wire.other(this)
    this.wire.wires.carry(this.wire, this.site, this.peer, () => arrive(other))
  }
}

export const addressOf = (site: number): string => `10.0.0.${site + 1}`
export const siteAt = (address: string): number => Number(address.slice('10.0.0.'.length)) - 1
