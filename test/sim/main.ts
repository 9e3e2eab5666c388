/** The command line of the simulator. */
import { parseArgs } from 'node:util'
import { real } from './ground.js'
import { injections } from './inject.js'
import type { Fault, Kind } from './invariants.js'
import { drawScope, type Options, play, scheduleOf, shrink, simulate } from './simulate.js'
import { type Counts, common } from './world.js'

const usage = `npm run simulate -- [options]
  --instances N   servers, the source among them (3)
  --schedules K   how many (1000)
  --seed S        the first seed; the others follow it (1)
  --real          on SQLite and the real pool of s2s, over connections in memory; a crash opens the database again
  --inject FAULT  with a fault that has to be found: ${Object.keys(injections).join(', ')}
  --trace         shows all that happens (for one schedule)
  --keep-going    does not stop at the first schedule that fails`

/** The exit code: 0 only if all held, and something was shown. */
export async function main(args: readonly string[], say: (text: string) => void = console.log): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      instances: { type: 'string', default: '3' },
      schedules: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      real: { type: 'boolean', default: false },
      inject: { type: 'string' },
      trace: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const [sites, schedules, first] = [values.instances, values.schedules, values.seed].map(Number) as [
    number,
    number,
    number,
  ]
  const inject = values.inject === undefined ? undefined : injections[values.inject]
  const isKnown = values.inject === undefined || (inject !== undefined && !values.real)
  if (values.help || !(sites >= 2) || !(schedules >= 1) || !Number.isSafeInteger(first) || !isKnown) {
    say(usage)
    return values.help ? 0 : 2
  }
  const totals: Partial<Record<keyof Counts, number>> = {}
  const found: Record<Kind, number> = { lost: 0, duplicated: 0, 'out of order': 0, diverged: 0, broken: 0 }
  let played = 0
  const options: Options = { inject, ...(values.real ? { ground: real } : {}) }
  const healed: number[] = []
  for (let seed = first; seed < first + schedules; seed++) {
    const { faults, counts, healedMs } = await simulate(seed, sites, {
      ...options,
      trace: values.trace ? say : undefined,
    })
    played++
    healed.push(healedMs)
    for (const [name, count] of Object.entries(counts) as [keyof Counts, number][])
      totals[name] = (totals[name] ?? 0) + count
    for (const { kind } of faults) found[kind]++
    if (faults.length === 0) continue
    if (values['keep-going'])
      say(`seed ${seed}: ${[...new Set(faults.map(({ kind }) => kind))].join(', ')}: ${brief(faults[0]!.text)}`)
    else {
      await tell(seed, sites, faults[0]!, options, say)
      break
    }
  }
  say(
    Object.entries(totals)
      .map(([name, count]) => `${count} ${name}`)
      .join(', '),
  )
  const idle = Object.keys(totals).filter((name) => totals[name as keyof Counts] === 0 && isDue(name, schedules))
  say(`healed within ${inSeconds(healed, 0.5)} in the median, ${inSeconds(healed, 0.9)} nine times of ten`)
  if (found.broken > 0) say(`${found.broken} faults within a server`)
  say(
    `${played} schedules: ${found.lost} lost, ${found.duplicated} duplicated, ${found['out of order']} out of order, ${found.diverged} diverged`,
  )
  if (idle.length > 0) say(`nothing was shown: 0 ${idle.join(', 0 ')}`)
  return Object.values(found).every((count) => count === 0) && idle.length === 0 ? 0 : 1
}

/** Of so many schedules, must any have had that? */
const isDue = (name: string, schedules: number): boolean =>
  (schedules >= 300 && name !== 'restored') ||
  name === 'operations' ||
  (schedules >= 50 && (common as readonly string[]).includes(name))

const inSeconds = (times: readonly number[], part: number): string => {
  const sorted = [...times].sort((a, b) => a - b)
  return `${1 + (sorted[Math.floor(part * (sorted.length - 1))] ?? 0) / 1000} s`
}

const brief = (text: string): string => (text.length > 160 ? `${text.slice(0, 160)}…` : text)

/** The shortest story that shows the same kind of fault. */
async function tell(
  seed: number,
  sites: number,
  fault: Fault,
  options: Options,
  say: (text: string) => void,
): Promise<void> {
  const scope = drawScope(seed, sites)
  say(`seed ${seed} fails; looking for its shortest form`)
  const schedule = await shrink(seed, scope, scheduleOf(seed, scope), fault, options)
  say(`with ${JSON.stringify(scope)}:`)
  for (const { at, type, ...rest } of schedule) say(`  ${String(at).padStart(6)} ms  ${type} ${JSON.stringify(rest)}`)
  const { faults } = await play(seed, scope, schedule, options)
  for (const { kind: what, text } of faults) say(`${what}: ${text}`)
}
