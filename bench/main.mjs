/**
 * `npm run bench`: dmucd, the servers that are installed beside it, and the floor, each under the same load.
 *
 *     npm run bench -- --quick            the three shortest scenarios, about a minute
 *     npm run bench -- --only fanout      one scenario, or one server (dmucd, prosody, ejabberd, floor); may be repeated
 *     npm run bench -- --rounds 5         default 5, with --quick 2
 *     npm run bench -- --json             figures for programs
 *     npm run bench -- --write            docs/performance.md
 *
 * Exit code 1 where a run was void: a message was lost, doubled or reordered, or a server failed.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { measure } from './measure.mjs'
import { plan } from './plan.mjs'
import { asText, machine, page, summary } from './report.mjs'
import { dmucdFull, dmucdNormal } from './servers/dmucd.mjs'
import { ejabberd } from './servers/ejabberd.mjs'
import { floor } from './servers/floor.mjs'
import { pinned, put, temporaryDirectory } from './servers/process.mjs'
import { prosody } from './servers/prosody.mjs'

const servers = [dmucdFull, dmucdNormal, prosody, ejabberd, floor]

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})

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

async function main() {
  const unknown = options.only.filter((name) => ![...plan, ...servers].some((each) => each.name === name))
  if (unknown.length > 0)
    throw new Error(`--only ${unknown[0]}: there are ${[...plan, ...servers].map(({ name }) => name).join(', ')}`)
  const rounds = Number(options.rounds ?? (options.quick ? 2 : 5))
  const quickServers = servers.filter((server) => server !== dmucdNormal && server !== ejabberd)
  const competitors = installed(chosen(servers, options.quick ? quickServers : servers))
  const quickPlan = plan.filter(({ quick }) => quick)
  const directory = temporaryDirectory()
  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    pinned,
    rounds,
    versions: Object.fromEntries(competitors.map((server) => [server.name, server.version()])),
    scenarios: [],
  }
  say(
    `${report.machine}; ${rounds} rounds; ${pinned ? 'a core each for server and load' : 'server and load share the cores'}`,
  )
  say(
    `${Object.entries(report.versions)
      .map((pair) => pair.join(' '))
      .join('; ')}\n`,
  )
  try {
    const certificate = await certificateIn(directory)
    for (const scenario of chosen(plan, options.quick ? quickPlan : plan)) {
      const measured = await measureAll(scenario, competitors, rounds, certificate)
      report.scenarios.push(measured)
      if (!options.json) console.log(asText(measured))
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  if (options.json) console.log(JSON.stringify(report, null, 2))
  if (options.write) {
    const docs = new URL('../docs/', import.meta.url)
    mkdirSync(docs, { recursive: true })
    writeFileSync(new URL('performance.md', docs), page(report))
  }
  const faults = report.scenarios.flatMap(({ results }) =>
    results.flatMap(({ rounds }) => rounds.filter(({ fault }) => fault)),
  )
  return faults.length > 0 ? 1 : 0
}

process.exitCode = await main()
