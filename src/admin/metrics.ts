/** What operators see of the running server at `/metrics`, and who may see it. */
import { readdirSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isLoopback } from '../net/address.js'
import type { HttpHandler } from '../net/http.js'
import { clientAddress, peerAddress } from '../net/request.js'
import type { Counts } from '../server/counts.js'
import type { LinkInfo } from '../server/s2s-links.js'
import type { Session } from '../server/session.js'
import type { Closeable } from '../util/lifecycle.js'
import { Metrics, type Sample } from '../util/metrics.js'

/** What is counted elsewhere and read when somebody asks. */
export interface Measured {
  readonly version: string
  readonly startedAt: number
  sessions(): Iterable<Session>
  links(): readonly LinkInfo[]
  /** Public and other rooms that are stored, by service. */
  rooms(): Promise<readonly { readonly service: string; readonly rooms: number }[]>
  /** Batches that wait for the disk. */
  pendingWrites(): number
}

export class ServerMetrics implements Closeable {
  readonly counts: Counts
  readonly #metrics = new Metrics()
  readonly #delay = monitorEventLoopDelay({ resolution: 20 })

  constructor() {
    const stanzas = this.#metrics.counter('dmucd_stanzas_received_total', 'Stanzas that came in.')
    const refusals = this.#metrics.counter(
      'dmucd_refusals_total',
      'Streams, connections, stanzas and requests that were refused, by reason.',
    )
    this.counts = {
      stanza: (from, stanza) => stanzas.inc({ from, stanza }),
      refused: (what, reason) => refusals.inc({ what, reason }),
    }
    this.#delay.enable()
    this.#process()
  }

  /** Once. */
  measure(measured: Measured): void {
    const metrics = this.#metrics
    metrics.gauge('dmucd_info', 'The version, as a label.', () => [
      { labels: { version: measured.version, node: process.version }, value: 1 },
    ])
    metrics.gauge(
      'process_start_time_seconds',
      'When the server started, as Unix time.',
      () => measured.startedAt / 1000,
    )
    metrics.gauge('dmucd_sessions', 'Clients that are bound, by host and whether they are connected now.', () =>
      tally([...measured.sessions()], ({ jid, outbox }) => ({
        host: jid.domain,
        state: outbox.connected === false ? 'waiting' : 'connected',
      })),
    )
    metrics.gauge('dmucd_s2s_links', 'Links to other servers, by direction and state.', () =>
      tally(measured.links(), ({ direction, state }) => ({ direction, state })),
    )
    metrics.gauge('dmucd_s2s_queued_stanzas', 'Stanzas that wait for links to other servers.', () =>
      measured.links().reduce((sum, { queue }) => sum + queue, 0),
    )
    metrics.gauge('dmucd_rooms', 'Rooms that are kept, by service.', async () =>
      (await measured.rooms()).map(({ service, rooms }) => ({ labels: { service }, value: rooms })),
    )
    metrics.gauge('dmucd_store_pending_writes', 'Batches that wait for the disk.', () => measured.pendingWrites())
  }

  render(): Promise<string> {
    return this.#metrics.render()
  }

  close(): void {
    this.#delay.disable()
  }

  #process(): void {
    const metrics = this.#metrics
    metrics.gauge('dmucd_event_loop_delay_seconds', 'How late the event loop was since this was asked last.', () => {
      const at = (percentile: number): number => this.#delay.percentile(percentile) / 1e9
      const samples = [50, 99, 100].map((each) => ({ labels: { quantile: String(each / 100) }, value: at(each) }))
      this.#delay.reset()
      return samples
    })
    metrics.gauge('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage().rss)
    metrics.gauge('nodejs_heap_size_used_bytes', 'Memory that JavaScript uses.', () => process.memoryUsage().heapUsed)
    metrics.counted('process_cpu_seconds_total', 'CPU time of the process.', () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1e6
    })
    metrics.gauge('process_open_fds', 'Open files and sockets; none where the system does not tell.', openFiles)
  }
}

function openFiles(): readonly Sample[] {
  try {
    return [{ value: readdirSync('/proc/self/fd').length }]
  } catch {
    return []
  }
}

function tally<T>(items: readonly T[], labelsOf: (item: T) => Readonly<Record<string, string>>): readonly Sample[] {
  const found = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>()
  for (const item of items) {
    const labels = labelsOf(item)
    const key = Object.values(labels).join('\n')
    const known = found.get(key)
    if (known === undefined) found.set(key, { labels, value: 1 })
    else known.value += 1
  }
  return [...found.values()]
}

/** For the path `/metrics`: 403 for all but these addresses. */
export function metricsPage(metrics: ServerMetrics, allowed: readonly string[]): HttpHandler {
  return async (request, response, { pathname }) => {
    const text = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body)
    }
    if (!mayRead(request, allowed)) text(403, 'text/plain; charset=utf-8', 'openmetrics_allow_ips does not name you\n')
    else if (pathname !== '/metrics') text(404, 'text/plain; charset=utf-8', 'Not found\n')
    else if (request.method !== 'GET') text(405, 'text/plain; charset=utf-8', 'Only GET\n')
    else text(200, 'text/plain; version=0.0.4; charset=utf-8', await metrics.render())
  }
}

/**
 * What comes through a proxy on this machine comes from whom the proxy says; where it does not say, from nobody who may. A name that is
 * not this machine's in a request of its own is a page's whose DNS points here.
 */
function mayRead(request: IncomingMessage, allowed: readonly string[]): boolean {
  const { forwarded, via, host = '' } = request.headers
  const local = isLoopback(peerAddress(request))
  const named = /^(localhost|\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\])(:\d+)?$/i.test(host)
  if (
    local &&
    request.headers['x-forwarded-for'] === undefined &&
    (!named || forwarded !== undefined || via !== undefined)
  )
    return false
  return allowed.includes(clientAddress(request))
}
