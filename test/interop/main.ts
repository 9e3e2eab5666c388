/**
 * `npm run interop`: what works between dmucd and other servers, as a matrix of scenarios by peers. Each peer's scenarios
 * run one after the other. The last line is `N passed, M failed`; with `--write` the matrix goes to docs/interop.md.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { features } from './features.js'
import { links } from './links.js'
import { type PeerName, peers, Stage } from './stage.js'
import { trust } from './trust.js'

const usage = `npm run interop -- [options]
  --peer NAME   one of ${peers.join(', ')} alone
  --only TEXT   scenarios whose name has this text
  --write       write docs/interop.md`

type Outcome = { readonly passed: true } | { readonly passed: false; readonly why: string }

/** The exit code: 0 only if all passed, and there was something to pass. */
export async function main(args: readonly string[], say: (text: string) => void = console.log): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { peer: { type: 'string' }, only: { type: 'string', default: '' }, write: { type: 'boolean' } },
  })
  const chosen = peers.filter((peer) => values.peer === undefined || peer.toLowerCase() === values.peer.toLowerCase())
  if (chosen.length === 0) {
    say(usage)
    return 2
  }
  const outcomes = new Map<string, Map<PeerName, Outcome>>()
  for (const peer of chosen) await runPeer(peer, values.only, outcomes, say)
  const all = [...outcomes.values()].flatMap((row) => [...row.values()])
  const failed = all.filter(({ passed }) => !passed).length
  say(`\n${matrix(outcomes, chosen)}\n`)
  if (values.write === true) writeFileSync(new URL('../../docs/interop.md', import.meta.url), page(outcomes, chosen))
  say(`${all.length - failed} passed, ${failed} failed`)
  return failed === 0 && all.length > 0 ? 0 : 1
}

async function runPeer(
  peer: PeerName,
  only: string,
  outcomes: Map<string, Map<PeerName, Outcome>>,
  say: (text: string) => void,
): Promise<void> {
  const record = async (name: string, run: () => Promise<void>): Promise<void> => {
    const startedAt = Date.now()
    const outcome = await run().then(
      (): Outcome => ({ passed: true }),
      (error: unknown): Outcome => ({ passed: false, why: String(error) }),
    )
    const row = outcomes.get(name) ?? new Map<PeerName, Outcome>()
    outcomes.set(name, row.set(peer, outcome))
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
    say(`${peer}: ${name}: ${outcome.passed ? 'ok' : `FAILED\n${outcome.why}`} (${seconds} s)`)
  }
  for (const { name, run, peers: able = peers } of [...trust, ...links].filter((each) => each.name.includes(only)))
    if (able.includes(peer)) await record(name, () => run(peer))
  const shared = features.filter((each) => each.name.includes(only))
  if (shared.length === 0) return
  let stage: Stage
  try {
    stage = await Stage.set(peer)
  } catch (error) {
    for (const { name } of shared) await record(name, () => Promise.reject(error))
    return
  }
  try {
    const users = { ann: await stage.ann(), juliet: await stage.juliet() }
    for (const { name, run } of shared) await record(name, () => run(stage, users))
  } finally {
    await stage.close()
  }
}

function matrix(outcomes: ReadonlyMap<string, ReadonlyMap<PeerName, Outcome>>, chosen: readonly PeerName[]): string {
  const mark = (outcome: Outcome | undefined): string =>
    outcome === undefined ? 'has it not' : outcome.passed ? 'yes' : '**no**'
  return [
    `| | ${chosen.map((peer) => `${peer} ${versionOf(peer)}`).join(' | ')} |`,
    `|---|${chosen.map(() => '---|').join('')}`,
    ...[...outcomes].map(([name, row]) => `| ${name} | ${chosen.map((peer) => mark(row.get(peer))).join(' | ')} |`),
  ].join('\n')
}

function versionOf(peer: PeerName): string {
  const { stdout } = spawnSync('dpkg-query', ['--status', peer.toLowerCase()], { encoding: 'utf8' })
  return /^Version: ([\d.]+)/m.exec(stdout ?? '')?.[1] ?? ''
}

const page = (
  outcomes: Parameters<typeof matrix>[0],
  chosen: readonly PeerName[],
): string => `# Federation with other servers

What was tried between dmucd and the servers of Debian, on one machine: each line is a scenario of \`test/interop\`, run
against the real program. \`npm run interop\` runs them again and prints this table; \`-- --write\` makes this page. *has it not*: that release of that server does
not know the protocol that the line is about.

${matrix(outcomes, chosen)}
`
