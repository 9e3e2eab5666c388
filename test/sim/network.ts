/**
 * The links between the servers: first in, first out, with delays of their own, and with faults. What is on its way when a
 * link breaks is lost without a word, as on a TCP connection that ends.
 */
import type { UpgradableTransport } from '../../src/net/transport.js'
import type { Random } from '../../src/util/random.js'
import { copy, type Element } from '../../src/xml/element.js'
import { errorReply } from '../../src/xmpp/stanza.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import type { SimTime } from './time.js'

/**
 * `bounce`: both ends notice, and what is sent comes back. `silent`: it is lost and nobody is told. `stall`: it waits and arrives
 * when the link heals.
 */
export type Fault = 'bounce' | 'silent' | 'stall'

export interface Port {
  /** A connection that another site makes, where connections are real. */
  readonly accept?: ((transport: UpgradableTransport) => void) | undefined
  receive(stanza: Element): void
  /** Something of our own comes back. */
  bounce(stanza: Element): void
  /** The stream with that site broke. */
  interrupted(site: number): void
}

interface Direction {
  fault: Fault | undefined
  lastArrival: number
  /** Rises when what is on its way is lost. */
  breaks: number
  stalled: Element[]
}

/** For tests of the simulator itself: what becomes of a stanza that would arrive. */
export type Tamper = (stanza: Element, from: number, to: number) => 'deliver' | 'lose' | 'double'

/** What joins the sites: this model, or ./wires.ts. */
export interface Links {
  tamper: Tamper
  doubling: number
  losing: number
  plug(site: number, port: Port | undefined): void
  cut(from: number, to: number, fault: Fault): void
  heal(from: number, to: number): void
  healAll(): void
  died(site: number): void
  /** What goes to that site or comes from it takes so many times as long; 1 again in the end. */
  slow(site: number, factor: number): void
}

/** Of each site, how many times as long everything takes. */
export class Slowness {
  readonly #factors = new Map<number, number>()

  set(site: number, factor: number): void {
    this.#factors.set(site, factor)
  }

  clear(): void {
    this.#factors.clear()
  }

  of(...sites: readonly number[]): number {
    return Math.max(...sites.map((site) => this.#factors.get(site) ?? 1))
  }
}

export class Network implements Links {
  tamper: Tamper = () => 'deliver'
  /** The chance that a stanza arrives twice, or not at all without anybody being told. */
  doubling = 0
  losing = 0
  readonly #time: SimTime
  readonly #random: Random
  readonly #slowness = new Slowness()
  readonly #ports: (Port | undefined)[] = []
  readonly #directions = new Map<string, Direction>()

  constructor(time: SimTime, random: Random) {
    this.#time = time
    this.#random = random
  }

  /** `undefined`: the site is down. */
  plug(site: number, port: Port | undefined): void {
    this.#ports[site] = port
  }

  /** The stanza is the network's from now on. */
  send(from: number, to: number, stanza: Element): void {
    const way = this.#direction(from, to)
    if (this.#ports[to] === undefined || way.fault === 'bounce') return this.#comeBack(from, stanza)
    if (way.fault === 'silent') return
    if (way.fault === 'stall') way.stalled.push(stanza)
    else this.#carry(from, to, stanza)
  }

  cut(from: number, to: number, fault: Fault): void {
    const way = this.#direction(from, to)
    way.fault = fault
    if (fault === 'stall') return
    way.breaks += 1
    way.stalled = []
    if (fault === 'bounce') this.#breakOff(from, to)
  }

  heal(from: number, to: number): void {
    const way = this.#direction(from, to)
    const { stalled } = way
    way.fault = undefined
    way.stalled = []
    for (const stanza of stalled) this.#carry(from, to, stanza)
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

  /** The site died: its streams with it. */
  died(site: number): void {
    for (let other = 0; other < this.#ports.length; other++) {
      if (other === site) continue
      for (const way of [this.#direction(site, other), this.#direction(other, site)]) {
        way.breaks += 1
        way.stalled = []
      }
      if (this.#direction(site, other).fault === undefined) this.#breakOff(other, site)
    }
  }

  #breakOff(a: number, b: number): void {
    this.#time.after(this.#delay(), () => this.#ports[a]?.interrupted(b))
    this.#time.after(this.#delay(), () => this.#ports[b]?.interrupted(a))
  }

  #carry(from: number, to: number, stanza: Element): void {
    const way = this.#direction(from, to)
    const { breaks } = way
    way.lastArrival = Math.max(way.lastArrival, this.#time.now + this.#delay() * this.#slowness.of(from, to))
    const lost = this.#random.fraction() < this.losing
    const doubled = this.#random.fraction() < this.doubling
    const fate = this.tamper(stanza, from, to)
    if (lost || fate === 'lose') return
    this.#time.after(way.lastArrival - this.#time.now, () => {
      if (breaks !== way.breaks) return
      this.#ports[to]?.receive(copy(stanza))
      if (doubled || fate === 'double') this.#ports[to]?.receive(copy(stanza))
    })
  }

  #comeBack(from: number, stanza: Element): void {
    const bounce = errorReply(stanza, new StanzaError('remote-server-not-found', { text: 'there is no way' }))
    if (bounce !== undefined) this.#time.after(this.#delay(), () => this.#ports[from]?.bounce(bounce))
  }

  /** Mostly short, sometimes long. */
  #delay(): number {
    return this.#random.fraction() < 0.9 ? 1 + this.#random.fraction() * 40 : 40 + this.#random.fraction() * 600
  }

  #direction(from: number, to: number): Direction {
    const key = `${from} ${to}`
    const known = this.#directions.get(key)
    if (known !== undefined) return known
    const way: Direction = { fault: undefined, lastArrival: 0, breaks: 0, stalled: [] }
    this.#directions.set(key, way)
    return way
  }
}
