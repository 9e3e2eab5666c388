// `npm run demo`: see ./demo/play.mjs for what happens. Ends with the digests of the three servers, `0 lost, 0 duplicated`
// and exit code 0 if that is so, the digests are the same, and anything was counted at all.
import { parseArgs } from 'node:util'
import { faultsOf } from '../test/live/judge.mjs'
import { Link } from '../test/live/link.mjs'
import { seeded } from '../test/live/random.mjs'
import { forging, losing, TappedLink } from '../test/live/tapped-link.mjs'
import { Board } from './demo/board.mjs'
import { farewell } from './demo/lines.mjs'
import { Play } from './demo/play.mjs'

const usage = `npm run demo -- [options]

  --seed N         who says what (default 281)
  --people N       in all, 3 to 15 (default 5)
  --pace MS        a pause after each line, for reading (default 350)
  --patience S     how long to wait for the last message (default 60)
  --fault WHAT     lose or forge: the links to c do so with the last message, to show that it would be seen
`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '281' },
    people: { type: 'string', default: '5' },
    pace: { type: 'string', default: '350' },
    patience: { type: 'string', default: '60' },
    fault: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, () => process.exit(1))

const meddles = new Map([
  ['lose', losing],
  ['forge', forging],
])
const meddle = values.fault === undefined ? undefined : meddles.get(values.fault)
if (values.fault !== undefined && meddle === undefined) {
  process.stderr.write(`--fault is lose or forge\n\n${usage}`)
  process.exit(2)
}

const board = new Board(process.stdout, [
  'a.example, as ada sees it',
  'b.example, as ben sees it',
  'c.example, as cleo sees it',
])
const began = performance.now()
const play = await Play.open({
  board,
  random: seeded(Number(values.seed)),
  people: Math.max(3, Math.min(15, Number(values.people))),
  paceMs: Number(values.pace),
  patienceMs: Number(values.patience) * 1000,
  link: async (from, to) => {
    if (meddle === undefined || (from !== 'c' && to !== 'c')) return Link.open()
    const link = await TappedLink.open()
    link.meddle = meddle(farewell[1])
    return link
  },
})
/** @type {Awaited<ReturnType<typeof play.digests>>} */
let digests
try {
  await play.run()
  digests = await play.digests()
  await play.stop()
} catch (error) {
  board.flush()
  await play.remove()
  process.stderr.write(`\nThe demo broke off: ${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
}
const { said, acknowledged, expected, seen, ...verdict } = play.verdict()
/** @type {readonly (readonly [number, string])[]} */
const counts = [
  [play.people.length, 'people on three servers'],
  [said, 'messages said'],
  [play.saidApart, 'of them while c.example was cut off'],
  [acknowledged, 'acknowledged: their senders saw them come back'],
  [expected, 'expected to be seen: these, times the people who had to see each'],
  [seen, 'seen'],
  [play.kicks, 'put out while c.example was cut off'],
  [play.renamed === undefined ? 0 : 1, 'nickname taken at both sides, kept by one of the two'],
  [play.cuts, 'links cut and healed, one for each direction'],
]
for (const [count, what] of counts) board.line(`${String(count).padStart(8)} ${what}`)
board.line(`${((performance.now() - began) / 1000).toFixed(1).padStart(8)} seconds`)
for (const { at, parts } of digests) board.line(`  ${at} holds the room as ${parts.whole}`)
const [first] = digests
const differing = Object.keys(first?.parts ?? {}).filter((part) =>
  digests.some(({ parts }) => parts[part] !== first?.parts[part]),
)
const faults = [
  ...faultsOf(verdict),
  ...play.errors.map((note) => `logged: ${note}`),
  ...differing.map((part) => `the servers differ in: ${part}`),
]
const nothing = counts.flatMap(([count, what]) => (count > 0 ? [] : [`none: ${what}`]))
for (const fault of [...faults, ...nothing]) board.line(fault)
board.line(`${verdict.lost.length} lost, ${verdict.duplicated.length} duplicated`)
process.exitCode = faults.length + nothing.length > 0 || seen !== expected ? 1 : 0
