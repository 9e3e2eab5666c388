/** When each domain was heard of last, and a heartbeat for each connection by which something goes to it. */
import type { Clock } from '../util/clock.js'
import type { Carrier } from './s2s-carrier.js'
import { Heartbeat } from './s2s-heartbeat.js'
import type { S2sWaits } from './s2s-options.js'

export interface PulseContext {
  readonly clock: Clock
  readonly waits: S2sWaits
  /** How many domains are remembered beside those that are connected. */
  readonly remembered: number
  /** Of every connection there is. */
  connected(): Iterable<Carrier>
  /** Asks the domain for a sign of life; false where that cannot be done now. */
  ping(carrier: Carrier): boolean
}

export class Pulse {
  readonly #context: PulseContext
  /** By remote domain, by the monotonic clock. */
  readonly #heardAt = new Map<string, number>()
  readonly #heartbeats = new Map<Carrier, Heartbeat>()

  constructor(context: PulseContext) {
    this.#context = context
  }

  hear(remote: string): void {
    const { clock, remembered, connected } = this.#context
    if (this.#heardAt.size >= remembered && !this.#heardAt.has(remote)) {
      const needed = new Set([...connected(), ...this.#heartbeats.keys()].map((carrier) => carrier.pair.remote))
      for (const domain of this.#heardAt.keys()) if (!needed.has(domain)) this.#heardAt.delete(domain)
    }
    this.#heardAt.set(remote, clock.monotonic())
  }

  /** From now on it is given up when its domain stays silent. */
  watch(carrier: Carrier): void {
    if (!this.#heartbeats.has(carrier)) this.#heartbeats.set(carrier, this.#heartbeat(carrier))
  }

  suspect(carrier: Carrier, silentMs: number): void {
    this.#heartbeats.get(carrier)?.suspect(silentMs)
  }

  stop(carrier: Carrier): void {
    this.#heartbeats.get(carrier)?.stop()
    this.#heartbeats.delete(carrier)
  }

  #heartbeat(carrier: Carrier): Heartbeat {
    const { clock, waits, ping } = this.#context
    const { pingMs, pongMs } = waits
    const { remote } = carrier.pair
    return new Heartbeat({
      clock,
      pingMs,
      pongMs,
      heardAt: () => this.#heardAt.get(remote) ?? 0,
      ping: () => ping(carrier),
      dead: () => {
        const reason = `${remote} answered to no ping within ${pongMs} ms`
        carrier.abandon({ condition: 'remote-server-timeout', reason })
      },
    })
  }
}
