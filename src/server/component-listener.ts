/** Listening for external components (XEP-0114): one connection each, from its header to its end. */
import { isLoopback } from '../net/address.js'
import { AddressLimit, type AddressRate } from '../net/address-limit.js'
import { listenTcp } from '../net/tcp-listener.js'
import type { Transport, TransportHandler } from '../net/transport.js'
import { ComponentStream } from '../stream/component-stream.js'
import { defaultTimeouts, type StreamLimits, type StreamTimeouts, serverLimits } from '../stream/limits.js'
import type { StreamEnd } from '../stream/stream.js'
import type { Clock } from '../util/clock.js'
import type { Closeable } from '../util/lifecycle.js'
import type { Logger } from '../util/logger.js'
import type { Random } from '../util/random.js'
import type { Element } from '../xml/element.js'
import { serialize } from '../xml/writer.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { ComponentGateway, ComponentOutlet, ComponentPlace } from './component-gateway.js'
import { mostUnsettled, Unsettled } from './unsettled.js'

export interface ComponentListenerOptions {
  readonly host: string
  readonly port: number
  readonly limits?: StreamLimits
  readonly timeouts?: StreamTimeouts
  /** Bytes that wait for a component that reads too slowly, before it is disconnected; default 64 MiB. */
  readonly hardBacklog?: number
  /** Stanzas of it that may wait for the disk or for others (Unsettled); default 1000. */
  readonly unsettled?: number
  /** Connections from one address, loopback excepted; default 10 a second, 100 at once. */
  readonly addressRate?: AddressRate
  /** Connections on which no component has proved itself yet, of all addresses; default 50. */
  readonly strangers?: number
}

export interface ComponentListenerParts {
  readonly gateway: ComponentGateway
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** More waits for the disk than should (Unsettled); default: never. */
  readonly lagging?: () => boolean
  /** Counts by reason: a stream error that we sent, or `rate-limit`. */
  readonly refused?: (reason: string) => void
}

export interface ComponentListener extends Closeable {
  readonly host: string
  readonly port: number
  /** Ends all streams with `system-shutdown`; cuts those that are still there after `deadlineMs` (default 5000). Idempotent. */
  close(deadlineMs?: number): Promise<void>
}

interface Context extends ComponentListenerParts {
  readonly options: ComponentListenerOptions
  /** It has proved which component it is. */
  readonly proved: (connection: ComponentConnection) => void
  readonly closed: (connection: ComponentConnection) => void
}

/** Rejects with a message that names host, port and option when the address cannot be had. */
export async function startComponentListener(
  options: ComponentListenerOptions,
  parts: ComponentListenerParts,
): Promise<ComponentListener> {
  const { clock } = parts
  const open = new Set<ComponentConnection>()
  const strangers = new Set<ComponentConnection>()
  const limit = new AddressLimit(clock, options.addressRate ?? { rate: 10, burst: 100 })
  let emptied: (() => void) | undefined
  const closed = (connection: ComponentConnection): void => {
    open.delete(connection)
    strangers.delete(connection)
    if (open.size === 0) emptied?.()
  }
  const proved = (connection: ComponentConnection): void => void strangers.delete(connection)
  const admit = (address: string): boolean => {
    const admitted = isLoopback(address) || limit.admit(address)
    if (!admitted) parts.refused?.('rate-limit')
    return admitted
  }
  const { host, port } = options
  const listener = await listenTcp({ host, port, option: 'component_ports', clock, admit }, (transport) => {
    const connection = new ComponentConnection({ ...parts, options, closed, proved }, transport)
    open.add(connection)
    if (strangers.size < (options.strangers ?? 50)) strangers.add(connection)
    else connection.fail(new StreamError('policy-violation', 'too many connections that are no component yet'))
  })
  const close = async (deadlineMs: number): Promise<void> => {
    const accepted = listener.close()
    const ended = new Promise<void>((resolve) => {
      emptied = resolve
    })
    const timer = clock.after(deadlineMs, () => {
      for (const connection of open) connection.destroy()
    })
    for (const connection of [...open]) connection.fail(new StreamError('system-shutdown'))
    if (open.size > 0) await ended
    timer.cancel()
    await accepted
  }
  let closing: Promise<void> | undefined
  return {
    host,
    port: listener.port,
    close(deadlineMs = 5000) {
      closing ??= close(deadlineMs)
      return closing
    },
  }
}

class ComponentConnection implements TransportHandler, ComponentOutlet {
  readonly #context: Context
  readonly #transport: Transport
  readonly #stream: ComponentStream
  readonly #unsettled: Unsettled
  #place: ComponentPlace | undefined

  constructor(context: Context, transport: Transport) {
    const { options, clock, random, gateway, lagging = () => false } = context
    this.#context = context
    this.#transport = transport
    this.#unsettled = new Unsettled({
      most: options.unsettled ?? mostUnsettled,
      lagging,
      hold: (full) => {
        if (full) context.refused?.('unsettled')
        transport.pause()
      },
      goOn: () => transport.resume(),
    })
    this.#stream = new ComponentStream(
      {
        limits: options.limits ?? serverLimits,
        timeouts: options.timeouts ?? defaultTimeouts,
        clock,
        mintId: () => random.token(),
      },
      {
        output: (text) => transport.write(text),
        secretOf: (domain) => gateway.place(domain)?.secret,
        accepted: (domain) => this.#accepted(domain),
        stanza: (stanza) => this.#stanza(stanza),
        ended: (end) => this.#ended(end),
      },
    )
    transport.handler = this
  }

  // From the transport.

  data(chunk: Uint8Array | string): void {
    this.#stream.receive(chunk)
  }

  closed(error?: Error): void {
    this.#stream.transportClosed(error)
    this.#context.closed(this)
  }

  // From the server.

  send(stanza: Element): void {
    this.#stream.sendText(serialize(stanza))
    if (this.#transport.backlog > (this.#context.options.hardBacklog ?? 64 * 1024 * 1024))
      this.fail(new StreamError('resource-constraint', 'you read too slowly'))
  }

  replaced(): void {
    this.#place = undefined
    this.fail(new StreamError('conflict', 'the component has connected anew'))
  }

  fail(error: StreamError): void {
    this.#stream.fail(error)
  }

  destroy(): void {
    this.#transport.destroy()
  }

  #accepted(domain: string): void {
    const place = this.#context.gateway.place(domain)
    place?.attach(this)
    this.#place = place
    this.#context.proved(this)
    this.#context.log.info({ domain, address: this.#transport.remoteAddress }, `The component ${domain} is connected`)
  }

  #stanza(stanza: Element): void {
    const handled = this.#context.gateway.receive(stanza, this.#stream.domain ?? '')
    if (handled === undefined) return
    this.#unsettled.add()
    handled
      .catch((error: unknown) =>
        this.#context.log.error({ err: error, domain: this.#stream.domain }, 'A component could not be served'),
      )
      .finally(() => this.#unsettled.settle())
  }

  #ended(end: StreamEnd): void {
    const { domain } = this.#stream
    const address = this.#transport.remoteAddress
    const reason = end.is === 'error' ? end.error.message : end.is
    if (this.#place !== undefined) {
      this.#place.detach(this)
      this.#context.log.warn({ domain, address, reason }, `The component ${domain} has left`)
    } else if (end.is === 'error' && end.by === 'us')
      this.#context.log.warn({ domain, address, reason }, `A component was refused: ${reason}`)
    if (end.is === 'error' && end.by === 'us') this.#context.refused?.(end.error.condition)
    if (end.is !== 'lost') this.#transport.end()
  }
}
