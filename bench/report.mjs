/** Results as a table for the terminal and for docs/performance.md. */
import { cpus, release, totalmem } from 'node:os'

export function machine() {
  const [cpu] = cpus()
  return `${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`
}

/** @param {number[]} values of the rounds */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, low: sorted[0], high: sorted.at(-1) }
}

/** The figures of all rounds of one server, each as its median and range. */
export function summary(rounds) {
  const good = rounds.filter(({ fault }) => fault === undefined)
  if (good.length === 0) return {}
  return Object.fromEntries(Object.keys(good[0]).map((key) => [key, spread(good.map((round) => round[key]))]))
}

const digits = (value) => (value >= 100 ? 0 : value >= 10 ? 1 : 2)
const number = (value) =>
  value.toLocaleString('en', { minimumFractionDigits: digits(value), maximumFractionDigits: digits(value) })
const whole = (value) => Math.round(value).toLocaleString('en')
const ranged = ({ median, low, high }) => `${number(median)} (${number(low)} to ${number(high)})`

const columns = (unit) => [
  { title: `CPU per ${unit}, µs`, key: 'cpuMicros', show: ranged },
  { title: 'dmucd = 1', key: 'ratio', show: ({ median }) => number(median) },
  { title: `${unit}s/s`.replace('delivery', 'deliverie'), key: 'perSecond', show: ({ median }) => whole(median) },
  { title: 'p50, ms', key: 'p50Ms', show: ({ median }) => number(median) },
  { title: 'p99, ms', key: 'p99Ms', show: ({ median }) => number(median) },
  { title: 'p99.9, ms', key: 'p999Ms', show: ({ median }) => number(median) },
  { title: 'memory, MiB', key: 'residentMiB', show: ({ median }) => whole(median) },
  { title: 'loop blocked p99.9, ms', key: 'loopMs', show: ({ median }) => number(median) },
  { title: 'KiB per connection', key: 'perConnectionKiB', show: ranged },
]

/** @returns {string[][]} the rows of one scenario, with the titles first; columns without figures are left out */
export function rows({ unit, results }) {
  const own = results.find(({ server }) => server === 'dmucd')?.figures.cpuMicros?.median
  const withRatio = results.map(({ server, figures }) => {
    const cpu = figures.cpuMicros?.median
    const ratio = own > 0 && cpu !== undefined ? { ratio: { median: cpu / own } } : {}
    return { server, figures: { ...figures, ...ratio } }
  })
  const shown = columns(unit).filter(({ key }) => withRatio.some(({ figures }) => figures[key] !== undefined))
  const cell = (figures, { key, show }) => (figures[key] === undefined ? '' : show(figures[key]))
  return [
    ['', ...shown.map(({ title }) => title)],
    ...withRatio.map(({ server, figures }) => [server, ...shown.map((column) => cell(figures, column))]),
  ]
}

export function asText(scenario) {
  const table = rows(scenario)
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)))
  const line = (row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ')
  return `${scenario.title}\n${table.map((row) => `  ${line(row)}`).join('\n')}\n`
}

function asMarkdown(scenario, about) {
  const [titles, ...body] = rows(scenario)
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rule = line(titles.map((_, column) => (column === 0 ? '---' : '--:')))
  return `## ${scenario.title}\n\n${[line(titles), rule, ...body.map(line)].join('\n')}\n\n${about}`
}

/** @returns {Map<string, string>} the sections of the page, by their titles */
export function sections({ date, machine, rounds, versions, scenarios }) {
  const servers = Object.entries(versions).map((pair) => pair.join(' '))
  const about = `Rounds: ${rounds}. ${[date, machine, ...servers].join('; ')}.`
  return new Map(scenarios.map((scenario) => [scenario.title, asMarkdown(scenario, about)]))
}

export const head = ({ pinned }) => `# Performance

Written by \`npm run bench -- --write\`; do not edit.

Each figure is the median of the rounds, with the range in parentheses; in each round the servers take turns in another
order, each in a fresh process with an empty database, and are warmed up first. CPU is user and system time of all threads of the server. ${
  pinned ? 'Server and load generator have a core each. ' : 'Server and load generator share the cores. '
}A run counts only if every recipient got every message of every sender exactly once and in order.

Rooms, with a history of 20 messages, and both sides of one-to-one messages are archived by all servers; dmucd shows a message only
when it is synced to the disk, except where it says \`"normal"\`. The floor is Node's sockets with no XMPP work behind them.
[How it grows](growth.md), and [what a session and a room take](memory.md), are measured apart.`
