/**
 * `npm run bench -- --memory`: what a session and a room take, part by part. Each subject stands twice, on fresh servers: once to see what the
 * process has of it, and once for snapshots of the heap, which would disturb that.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { measure } from '../measure.mjs'
import { putSections } from '../sections.mjs'
import { dmucdLookedAt } from '../servers/dmucd.mjs'
import { put, temporaryDirectory } from '../servers/process.mjs'
import { bars } from './bars.mjs'
import { heapByPart } from './heap.mjs'
import { subjects } from './subjects.mjs'

const docs = (path) => fileURLToPath(new URL(`../../docs/${path}`, import.meta.url))

/**
 * @param {{ only: readonly string[], write: boolean, say: (text: string) => void, certificate: object, about: readonly string[] }} options
 * @returns {Promise<boolean>} whether every run was good
 */
export async function profileMemory({ only, write, say, certificate, about }) {
  const chosen = subjects.filter(({ name }) => only.length === 0 || only.includes(name))
  let good = true
  const sections = new Map()
  for (const subject of chosen) {
    const { name, title, note } = subject
    say(title)
    try {
      const rows = await rowsOf(subject, certificate)
      for (const [part, bytes] of rows) say(`  ${String(Math.round(bytes)).padStart(8)}  ${part}`)
      if (write) put(docs(`memory/${name}.svg`), picture(title, rows))
      sections.set(
        title,
        [`## ${title}`, `![${title}, by part](memory/${name}.svg)`, table(rows), note ?? [], `${about.join('; ')}.`]
          .flat()
          .join('\n\n'),
      )
    } catch (error) {
      good = false
      say(`  ${error.message}`)
    }
  }
  const titles = subjects.map(({ title }) => title)
  if (write) putSections(docs('memory.md'), head, titles, sections)
  return good
}

/** Bytes of one unit by part; the last is what the process has of it in all. */
async function rowsOf(subject, certificate) {
  const seen = await look(subject, subject.base, certificate, false, ({ used }) => slopes(subject.base, used))
  const { snapshotBase = subject.base, parts } = subject
  const heap = await look(subject, snapshotBase, certificate, true, ({ snapshots }) =>
    slopesByPart(parts, snapshotBase, snapshots),
  )
  return [
    ...heap,
    ["free in V8's heap", seen.heapTotal - seen.heapUsed],
    ['outside of the heap: OpenSSL, buffers, SQLite', seen.rss - seen.heapTotal],
    ['all of it, as the kernel sees it', seen.rss],
  ]
}

/** Stands for a while; `read` gets what was seen at the two looks, and how it is found. */
async function look({ load, settings }, base, certificate, withSnapshots, read) {
  const directory = temporaryDirectory()
  try {
    const looks = join(directory, 'look')
    const server = dmucdLookedAt(looks, withSnapshots)
    const users = settings.n ?? 2 * base
    const run = await measure(server, { load, users, settings: { ...settings, base, looks } }, certificate)
    if (run.fault !== undefined) throw new Error(run.fault)
    const both = [0, 1]
    return read({
      used: both.map((number) => JSON.parse(readFileSync(`${looks}.${number}.json`, 'utf8'))),
      snapshots: both.map((number) => `${looks}.${number}.heapsnapshot`),
    })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const slopes = (base, [before, after]) =>
  Object.fromEntries(Object.entries(after).map(([key, bytes]) => [key, (bytes - before[key]) / base]))

function slopesByPart(parts, base, files) {
  const [before, after] = files.map((file) => heapByPart(file, parts))
  return [...after].map(([part, bytes]) => [part ?? 'anything else in the heap', (bytes - before.get(part)) / base])
}

const kib = (bytes) => (bytes / 1024).toFixed(1)

const picture = (title, rows) =>
  bars({
    title: title.split(':', 1)[0],
    rows: rows.slice(0, -1).map(([part, bytes]) => [part.split(/[:,]/, 1)[0], Math.max(0, bytes), `${kib(bytes)} KiB`]),
  })

function table(rows) {
  const lines = rows.map(([part, bytes]) => `| ${part} | ${Math.round(bytes).toLocaleString('en')} |`)
  return ['| part | bytes of each |', '| --- | --: |', ...lines].join('\n')
}

const head = `# What a session and a room take

Written by \`npm run bench -- --memory --write\`; do not edit. So many stand, and then twice as many: the difference, divided by their number,
is what each takes; what all share does not count, nor what caches hold of the latest few thousand. Before each look garbage is collected.
Parts of V8's heap are told from each other by the classes and properties that hold them (\`bench/memory/subjects.mjs\`), in snapshots of
it; what the process has in all is seen on another server, without snapshots. An idle TLS connection of Node with nothing behind it takes some
30 KiB ([performance](performance.md), the floor). Rooms that everybody has left, and accounts that nobody uses, are not in memory.`
