/**
 * What grows, and what is looked at while it does. Each series is one line of one chart; `measure(x)` gives its figures. Messages are
 * fewer where each has more recipients, so that a point takes seconds.
 */
import { readFileSync } from 'node:fs'
import { measure } from '../measure.mjs'
import { dmucdFull } from '../servers/dmucd.mjs'
import { archivePages } from './archive.mjs'
import { distributed } from './distributed.mjs'
import { manyRooms } from './rooms.mjs'

/** Each takes a descriptor of server and load; so many as this process may open, a few for everything else. */
function mostConnections(wanted) {
  const [, limit = wanted] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
  return Math.min(wanted, Number(limit) - 500)
}

const run = (certificate, load, users, settings) =>
  measure(dmucdFull, { name: load, load, users, settings }, certificate)

export const series = [
  {
    name: 'occupants',
    title: 'A message in a room',
    xTitle: 'occupants',
    yTitle: 'CPU per delivery, µs',
    points: [10, 100, 1000, 5000],
    y: ({ cpuMicros }) => cpuMicros,
    measure: (n, certificate) => {
      const messages = Math.max(6, Math.round(50_000 / n))
      const settings = {
        n,
        senders: 10,
        window: n > 1000 ? 2 : 8,
        messages,
        warmUp: Math.round(messages / 2),
        quiet: true,
      }
      return run(certificate, 'fanout', n, settings)
    },
  },
  {
    name: 'joins',
    title: 'All enter one room at once',
    xTitle: 'occupants',
    yTitle: 'CPU per presence delivered, µs',
    points: [100, 400, 1000, 2000],
    y: ({ cpuMicros }) => cpuMicros,
    measure: (n, certificate) => run(certificate, 'join', n, { n }),
  },
  {
    name: 'rooms',
    title: 'A message in each of many rooms of two',
    xTitle: 'rooms',
    yTitle: 'CPU per delivery, µs',
    points: [1, 10, 100, 1000, 10_000],
    y: ({ cpuMicros }) => cpuMicros,
    measure: manyRooms,
  },
  {
    name: 'connections',
    title: 'Idle TLS connections',
    xTitle: 'connections',
    yTitle: 'KiB per connection',
    points: [100, 1000, 5000, mostConnections(20_000)],
    y: ({ perConnectionKiB }) => perConnectionKiB,
    measure: (n, certificate) => run(certificate, 'idle', n, { n, base: n / 2, tls: true, scram: true }),
  },
  {
    name: 'archive',
    title: 'A page of 50 from the middle of an archive, found by time, by id or by user',
    xTitle: 'messages in the archive',
    yTitle: 'median of the slowest of the three, ms',
    points: [1000, 10_000, 100_000, 1_000_000, 10_000_000],
    y: ({ timeMs, idMs, userMs }) => Math.max(timeMs, idMs, userMs),
    measure: archivePages,
  },
  {
    name: 'instances',
    title: 'A message in a room on several servers, 100 occupants on each',
    xTitle: 'servers',
    yTitle: 'CPU per message of the server where it was said, µs',
    points: [1, 3, 10],
    y: ({ cpuMicros }) => cpuMicros,
    measure: distributed,
  },
]
