import { describe, expect, test } from '@jest/globals'
import { Metrics } from '../../src/util/metrics.js'

describe('the text format of Prometheus', () => {
  test('counters and gauges, with labels and without', async () => {
    const metrics = new Metrics()
    const refusals = metrics.counter('refusals_total', 'What was refused.')
    metrics.gauge('sessions', 'Who is there.', () => 3)
    metrics.gauge('rooms', 'Rooms.', async () => [{ labels: { service: 'rooms.a.example' }, value: 7 }])
    refusals.inc({ what: 'c2s', reason: 'policy-violation' })
    refusals.inc({ what: 'c2s', reason: 'policy-violation' })
    refusals.inc({ what: 's2s', reason: 'a "quoted"\\\nreason' })
    expect(await metrics.render()).toBe(`# HELP refusals_total What was refused.
# TYPE refusals_total counter
refusals_total{what="c2s",reason="policy-violation"} 2
refusals_total{what="s2s",reason="a \\"quoted\\"\\\\\\nreason"} 1
# HELP sessions Who is there.
# TYPE sessions gauge
sessions 3
# HELP rooms Rooms.
# TYPE rooms gauge
rooms{service="rooms.a.example"} 7
`)
  })

  test('what strangers choose cannot make any number of series', async () => {
    const metrics = new Metrics()
    const counter = metrics.counter('x_total', 'X.')
    for (let n = 0; n < 10_000; n++) counter.inc({ reason: String(n) })
    const lines = (await metrics.render()).split('\n')
    expect(lines.length).toBeLessThan(510)
    expect(lines).toContain('x_total{reason="other"} 9500')
  })

  test('a name is used once', () => {
    const metrics = new Metrics()
    metrics.counter('x_total', 'X.')
    expect(() => metrics.counter('x_total', 'X.')).toThrow('two metrics x_total')
  })
})
