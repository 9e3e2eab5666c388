/**
 * `npm run bench`: dmucd, the servers that are installed beside it, and the floor, each under the same load; `--help` lists the options.
 *
 * Exit code 1 where a run was void: a message was lost, doubled or reordered, or a server failed.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { grow } from './growth/main.mjs'
import { series } from './growth/series.mjs'
import { measure } from './measure.mjs'
import { profileMemory } from './memory/main.mjs'
import { subjects } from './memory/subjects.mjs'
import { plan } from './plan.mjs'
import { asText, head, machine, sections, summary } from './report.mjs'
import { putSections } from './sections.mjs'
import { dmucdFull, dmucdNormal } from './servers/dmucd.mjs'
import { ejabberd } from './servers/ejabberd.mjs'
import { floor } from './servers/floor.mjs'
import { pinned, put, temporaryDirectory } from './servers/process.mjs'
import { prosody } from './servers/prosody.mjs'

const servers = [dmucdFull, dmucdNormal, prosody, ejabberd, floor]

const usage = `npm run bench -- [options]
  --quick      the three shortest scenarios, about a minute
  --only NAME  one scenario, or one server (dmucd, prosody, ejabberd, floor), or one series of growth or memory; may be repeated
  --rounds N   how often (5, with --quick 2)
  --json       figures for programs
  --write      writes what was measured into docs/performance.md, with --growth into docs/growth.md, with --memory into docs/memory.md
  --growth     dmucd alone, while rooms, archives, connections or servers grow
  --memory     what sessions and rooms of dmucd take, part by part
Exit code 1 where a run was void: a message was lost, doubled or reordered, or a server failed.`

function given() {
  try {
    return parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        rounds: { type: 'string' },
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        growth: { type: 'boolean', default: false },
        memory: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    console.error(`${error.message}\n${usage}`)
    process.exit(2)
  }
}

const options = given()
if (options.help) {
  console.log(usage)
  process.exit(0)
}

const say = (text) => process.stderr.write(`${text}\n`)

/** Of a list, those that `--only` names; all where it names none of them. */
function chosen(all, otherwise = all) {
  const named = all.filter(({ name }) => options.only.includes(name))
  return named.length > 0 ? named : otherwise
}

function installed(wanted) {
  return wanted.filter((server) => {
    if (server.version() !== undefined) return true
    say(`${server.name} is not installed here, so it is left out`)
    return false
  })
}

async function certificateIn(directory) {
  const { selfSigned } = await import('../dist/net/self-signed.js')
  const pair = await selfSigned(['localhost', 'conference.localhost'], Date.now())
  const files = { certificate: join(directory, 'localhost.crt'), key: join(directory, 'localhost.key') }
  put(files.certificate, pair.certificate)
  put(files.key, pair.key)
  return files
}

/** All rounds of a scenario, the order of the servers rotated from round to round. */
async function measureAll(scenario, competitors, rounds, certificate) {
  const runs = new Map(competitors.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < competitors.length; turn++) {
      const server = competitors[(round + turn) % competitors.length]
      const run = await measure(server, scenario, certificate)
      if (run.fault !== undefined) say(`${scenario.name}, ${server.name}, round ${round + 1}: ${run.fault}`)
      runs.get(server.name).push(run)
    }
  }
  const { name, title, unit } = scenario
  const results = competitors.map((server) => {
    const all = runs.get(server.name)
    return { server: server.name, figures: summary(all), rounds: all }
  })
  return { name, title, unit, results }
}

/** What is wrong with the command line, in words. */
function wrongOption() {
  const all = options.growth ? series : options.memory ? subjects : [...plan, ...servers]
  const known = all.map(({ name }) => name)
  const unknown = options.only.find((name) => !known.includes(name))
  if (unknown !== undefined) return `--only ${unknown}: there are ${known.join(', ')}`
  if (options.rounds !== undefined && !(Number(options.rounds) >= 1)) return '--rounds needs a number'
  return undefined
}

async function measureEverything(directory) {
  const rounds = Number(options.rounds ?? (options.quick ? 2 : 5))
  const forQuick = servers.filter((server) => server !== dmucdNormal && server !== ejabberd)
  const competitors = installed(chosen(servers, options.quick ? forQuick : servers))
  const versions = Object.fromEntries(competitors.map((server) => [server.name, server.version()]))
  const date = new Date().toISOString().slice(0, 10)
  const report = { date, machine: machine(), pinned, rounds, versions, scenarios: [] }
  const places = pinned ? 'a core each for server and load' : 'server and load share the cores'
  say(`${report.machine}; ${rounds} rounds; ${places}`)
  say(
    `${Object.entries(versions)
      .map((pair) => pair.join(' '))
      .join('; ')}\n`,
  )
  const certificate = await certificateIn(directory)
  const forPlan = options.quick ? plan.filter(({ quick }) => quick) : plan
  for (const scenario of chosen(plan, forPlan)) {
    const measured = await measureAll(scenario, competitors, rounds, certificate)
    report.scenarios.push(measured)
    if (!options.json) console.log(asText(measured))
  }
  return report
}

async function main() {
  const wrong = wrongOption()
  if (wrong !== undefined) {
    say(wrong)
    return 2
  }
  const directory = temporaryDirectory()
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  if (options.growth || options.memory) {
    const about = [new Date().toISOString().slice(0, 10), machine(), `dmucd ${dmucdFull.version()}`]
    const certificate = await certificateIn(directory)
    const run = options.growth ? grow : profileMemory
    return (await run({ only: options.only, write: options.write, say, certificate, about })) ? 0 : 1
  }
  const report = await measureEverything(directory)
  if (options.json) console.log(JSON.stringify(report, null, 2))
  if (options.write) {
    const file = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
    const titles = plan.map(({ title }) => title)
    putSections(file, head(report), titles, sections(report))
  }
  const runs = report.scenarios.flatMap(({ results }) => results.flatMap(({ rounds }) => rounds))
  return runs.some(({ fault }) => fault !== undefined) ? 1 : 0
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
process.exitCode = await main()
