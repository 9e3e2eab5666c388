/** /metrics: what operators see of the running server, and that others do not. */
import { request } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { metricsPage, ServerMetrics } from '../../src/admin/metrics.js'
import { HttpServer } from '../../src/net/http.js'
import type { LinkInfo } from '../../src/server/s2s-links.js'
import type { Session } from '../../src/server/session.js'
import { silentLogger } from '../../src/util/logger.js'
import { Jid } from '../../src/xmpp/jid.js'

let http: HttpServer
let metrics: ServerMetrics

beforeEach(async () => {
  http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  metrics = new ServerMetrics()
  const session = (jid: string, connected: boolean) =>
    ({ jid: Jid.parse(jid), outbox: { connected } }) as unknown as Session
  const link = (direction: string, state: string, queue: number) => ({ direction, state, queue }) as LinkInfo
  metrics.measure({
    version: '1.2.3',
    startedAt: 1_000_000,
    sessions: () => [session('a@a.example/1', true), session('b@a.example/1', true), session('c@a.example/1', false)],
    links: () => [link('in', 'up', 0), link('out', 'waiting', 5)],
    rooms: async () => [{ service: 'rooms.a.example', rooms: 4 }],
    pendingWrites: () => 2,
  })
})
afterEach(async () => {
  metrics.close()
  await http.close(100)
})

const serve = (...allowed: string[]): void => void http.route('/metrics', metricsPage(metrics, allowed))
const ask = (headers: Record<string, string> = {}, path = '/metrics', method = 'GET'): Promise<[number, string]> =>
  new Promise((resolve) => {
    request({ host: '127.0.0.1', port: http.port, path, method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve([response.statusCode ?? 0, text]))
    }).end()
  })

test('sessions, links, rooms, stanzas, refusals by reason, and the process', async () => {
  serve('127.0.0.1')
  metrics.counts.stanza('c2s', 'message')
  metrics.counts.stanza('c2s', 'message')
  metrics.counts.refused('s2s', 'policy-violation')
  const [status, text] = await ask()
  expect(status).toBe(200)
  for (const line of [
    'dmucd_sessions{host="a.example",state="connected"} 2',
    'dmucd_sessions{host="a.example",state="waiting"} 1',
    'dmucd_s2s_links{direction="in",state="up"} 1',
    'dmucd_s2s_queued_stanzas 5',
    'dmucd_rooms{service="rooms.a.example"} 4',
    'dmucd_store_pending_writes 2',
    'dmucd_stanzas_received_total{from="c2s",stanza="message"} 2',
    'dmucd_refusals_total{what="s2s",reason="policy-violation"} 1',
    'process_start_time_seconds 1000',
  ])
    expect(text.split('\n')).toContain(line)
  expect(text).toMatch(/^dmucd_info\{version="1\.2\.3",node="v\d+[^"]*"\} 1$/m)
  expect(text).toMatch(/^dmucd_event_loop_delay_seconds\{quantile="0\.99"\} [\d.e-]+$/m)
  expect(text).toMatch(/^process_resident_memory_bytes \d{7,}$/m)
})

describe('who may read', () => {
  test('an address that is not named may not; nothing else is there', async () => {
    serve('192.0.2.1')
    expect((await ask())[0]).toBe(403)
  })

  test('other methods and paths', async () => {
    serve('127.0.0.1')
    expect((await ask({}, '/metrics', 'POST'))[0]).toBe(405)
    expect((await ask({}, '/metrics/x'))[0]).toBe(404)
  })

  test.each([
    ['a page whose DNS points here', { Host: 'evil.example' }],
    ['a proxy that speaks for somebody', { 'X-Forwarded-For': '203.0.113.9' }],
    ['one that says a lie in front', { 'X-Forwarded-For': '127.0.0.1, 203.0.113.9' }],
    ['a proxy that does not say for whom', { Via: '1.1 proxy' }],
    ['one in other words', { Forwarded: 'for=127.0.0.1' }],
  ])('not %s', async (_name, headers) => {
    serve('127.0.0.1', '::1')
    expect((await ask(headers))[0]).toBe(403)
  })

  test('whom the proxy speaks for, where that one is named', async () => {
    serve('203.0.113.9')
    expect((await ask({ Host: 'chat.example.org', 'X-Forwarded-For': '203.0.113.9' }))[0]).toBe(200)
  })
})
