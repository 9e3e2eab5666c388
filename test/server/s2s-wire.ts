/** A pool whose connections end in the test: literal XML in and out, a clock that stands still, DNS as a table. */
import { ResolveError, type ServerTarget } from '../../src/net/resolver.js'
import type { ConnectOptions } from '../../src/net/tcp.js'
import type { TlsContexts } from '../../src/net/tls.js'
import type { TlsInfo, TransportHandler, UpgradableTransport } from '../../src/net/transport.js'
import type { LinkWatcher } from '../../src/server/s2s-links.js'
import type { S2sOptions } from '../../src/server/s2s-options.js'
import { S2sPool } from '../../src/server/s2s-pool.js'
import { ManualClock } from '../../src/util/clock.js'
import { SeededRandom } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { leftOut } from '../support/left-out.js'
import { type Logged, recordingLogger } from './s2s-peer.js'

/** The peer's end of a connection that the pool made. */
export class PeerEnd implements UpgradableTransport {
  readonly kind = 'tcp'
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort = 1
  tls: TlsInfo | undefined
  handler: TransportHandler = { data: () => {}, closed: () => {} }
  backlog = 0
  /** Ended in order, cut by us, or still there. */
  state: 'open' | 'ended' | 'destroyed' = 'open'
  #written = ''

  constructor(options: ConnectOptions) {
    this.remoteAddress = options.host
    this.remotePort = options.port
  }

  /** What the pool wrote since the last call. */
  take(): string {
    const written = this.#written
    this.#written = ''
    return written
  }

  sends(text: string): void {
    this.handler.data(Buffer.from(text))
  }

  /** The header and features of a server of today; TLS is left out. */
  greets(options: { readonly errors?: boolean; readonly id?: string; readonly more?: string } = {}): void {
    const errors = options.errors === false ? '' : '<errors/>'
    this.sends(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' ` +
        `xmlns:stream='http://etherx.jabber.org/streams' id='${options.id ?? 's1'}' version='1.0'>` +
        `<stream:features><dialback xmlns='urn:xmpp:features:dialback'>${errors}</dialback>${options.more ?? ''}</stream:features>`,
    )
  }

  answers(from: string, to: string, type = 'valid', error = ''): void {
    const content = error === '' ? '' : `<error><${error} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`
    this.sends(`<db:result from='${from}' to='${to}' type='${type}'>${content}</db:result>`)
  }

  breaks(error?: Error): void {
    this.state = 'destroyed'
    this.handler.closed(error)
  }

  write(text: string): void {
    if (this.state === 'open') this.#written += text
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    if (this.state === 'open') this.state = 'ended'
  }
  destroy(): void {
    if (this.state !== 'destroyed') this.breaks()
  }
  /** What the handshake will yield; it fails if this is left out. */
  handshake: TlsInfo | undefined
  startTls(): Promise<TlsInfo> {
    if (this.handshake === undefined) return Promise.reject(new Error('no TLS here'))
    this.tls = this.handshake
    return Promise.resolve(this.handshake)
  }
}

export interface WirePool {
  readonly pool: S2sPool
  readonly clock: ManualClock
  /** Connections that were made, in order; they begin open. */
  readonly connections: PeerEnd[]
  /** Addresses that were tried, in order. */
  readonly tried: string[]
  /** By domain: targets as `address:port`, an error, or `hang`. */
  readonly dns: Record<string, readonly string[] | ResolveError | 'hang'>
  /** `address:port` that do not accept: the code of the socket's error. */
  readonly down: Record<string, string>
  /** What came back to our senders. */
  readonly bounced: Element[]
  bounces(): string[]
  readonly events: string[]
  /** Why something was refused, as it is counted. */
  readonly refused: string[]
  readonly log: Logged[]
  /** Lets everything that is pending happen. */
  settle(): Promise<void>
}

export function wirePool(
  options: Partial<S2sOptions> = {},
  watcher: LinkWatcher = {},
  certificates?: TlsContexts,
): WirePool {
  const clock = new ManualClock()
  const connections: PeerEnd[] = []
  const tried: string[] = []
  const bounced: Element[] = []
  const events: string[] = []
  const refused: string[] = []
  const log: Logged[] = []
  const dns: WirePool['dns'] = {}
  const down: WirePool['down'] = {}
  const pool = new S2sPool(
    { policy: { requireEncryption: false, secureAuth: false }, dialbackSecret: 'secret', leftOut, ...options },
    {
      gateway: {
        hasHost: (domain) => domain.endsWith('a.example'),
        receive: (stanza) => {
          bounced.push(stanza)
        },
      },
      certificates,
      resolver: {
        resolve(domain) {
          const found = dns[domain] ?? new ResolveError('not-found', `DNS knows no server for ${domain}`)
          if (found === 'hang') return new Promise(() => {})
          if (found instanceof ResolveError) return Promise.reject(found)
          return Promise.resolve(found.map(target))
        },
      },
      clock,
      random: new SeededRandom(1),
      refused: (reason) => refused.push(reason),
      log: recordingLogger(log),
      connect(to) {
        const address = `${to.host}:${to.port}`
        tried.push(address)
        const code = down[address]
        if (code !== undefined) return Promise.reject(Object.assign(new Error(`connect ${code}`), { code }))
        const end = new PeerEnd(to)
        connections.push(end)
        return Promise.resolve(end)
      },
    },
  )
  pool.watch({
    up: (remote, local) => events.push(`up ${local} ${remote}`),
    down: (remote, local, reason) => events.push(`down ${local} ${remote}: ${reason}`),
    heard: (remote, local) => events.push(`heard ${local} ${remote}`),
    ...watcher,
  })
  return {
    ...{ pool, clock, connections, tried, dns, down, bounced, events, refused, log },
    bounces: () =>
      bounced.map((stanza) => {
        const condition = stanza.getChild('error')?.getChildElements()[0]?.name
        return `${stanza.attrs.id} ${condition}`
      }),
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

const target = (text: string): ServerTarget => {
  const [address = '', port] = text.split(':')
  return { host: address, address, port: Number(port) }
}

/** The bodies' ids of the stanzas in a text. */
export const idsIn = (text: string): string[] =>
  [...text.matchAll(/<message [^>]*id='([^']*)'/g)].map((found) => found[1]!)

export { serialize }
