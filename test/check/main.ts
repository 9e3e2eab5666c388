/**
 * Holds the declarations of XEPs against tests. Every dialogue has to have run and passed, which jest's own report says: that of
 * `npm test`, given by --report, or one that is made here. Then each module, and each part of streams that may be left out, is switched
 * off in turn, and its dialogues have to fail.
 * The last line is "N passed, M failed".
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { modules } from '../../src/modules/index.js'
import {
  type Dialogue,
  declaredDialogues,
  dialoguesOf,
  type Report,
  spelled,
  switchable,
  unmoved,
  unplayed,
} from './dialogues.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const jest = join(root, 'node_modules/jest/bin/jest.js')

/** The exit code. `--module NAME` checks that module alone. */
export async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: { report: { type: 'string' }, module: { type: 'string', multiple: true } },
  })
  const directory = await mkdtemp(join(tmpdir(), 'dmucd-check-'))
  try {
    const faults: string[] = []
    let checked = 0
    const judge = (part: string, dialogues: readonly Dialogue[], found: readonly string[]): void => {
      checked += dialogues.length
      faults.push(...found)
      console.log([`${part}: ${found.length === 0 ? 'as it should be' : 'FAULTS'}`, ...found].join('\n  '))
    }
    if (values.module === undefined) {
      const declared = declaredDialogues(modules)
      const report = values.report ?? (await played(directory, declared))
      judge(`${declared.length} dialogues ran and passed`, declared, unplayed(declared, await readReport(report)))
    }
    await switchOff(directory, values.module, judge)
    console.log(`${checked - faults.length} passed, ${faults.length} failed`)
    return faults.length === 0 && checked > 0 ? 0 : 1
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** Runs the dialogues as they are; the path of jest's report. */
async function played(directory: string, dialogues: readonly Dialogue[]): Promise<string> {
  const report = join(directory, 'all.json')
  await runJest(report, dialogues, [`--maxWorkers=${availableParallelism()}`])
  return report
}

async function switchOff(
  directory: string,
  only: readonly string[] | undefined,
  judge: (part: string, dialogues: readonly Dialogue[], faults: readonly string[]) => void,
): Promise<void> {
  const waiting = switchable(modules).filter(({ name }) => only?.includes(name) ?? true)
  const work = async (): Promise<void> => {
    for (let module = waiting.shift(); module !== undefined; module = waiting.shift()) {
      const dialogues = dialoguesOf(module, modules)
      const report = await without(module.name, directory, dialogues)
      judge(
        `without ${module.name}: ${dialogues.map(spelled).join(', ')}`,
        dialogues,
        unmoved(module.name, dialogues, report),
      )
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
}

async function without(module: string, directory: string, dialogues: readonly Dialogue[]): Promise<Report> {
  const [report, list] = [join(directory, `${module}.json`), join(directory, `${module}-dialogues.json`)]
  await writeFile(list, JSON.stringify(dialogues))
  await runJest(
    report,
    dialogues,
    [
      '--runInBand',
      `--setupFiles=${join(root, 'test/check/switch-off.ts')}`,
      `--env=${join(root, 'test/check/until-red.mjs')}`,
    ],
    { DMUCD_CHECK_OFF: module, DMUCD_CHECK_DIALOGUES: list, DMUCD_PATIENCE_MS: '1000' },
  )
  return readReport(report)
}

/** Resolves when it has ended, whatever failed; rejects where there is no report of it. */
async function runJest(
  report: string,
  dialogues: readonly Dialogue[],
  options: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const files = [...new Set(dialogues.map(({ file }) => join(root, 'test', file)))]
  const told: string[] = []
  const child = spawn(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--no-warnings',
      jest,
      '--json',
      `--outputFile=${report}`,
      ...options,
      '--runTestsByPath',
      ...files,
    ],
    { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  child.stderr.setEncoding('utf8').on('data', (text: string) => told.push(text))
  await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  await readFile(report).catch((cause: unknown) => {
    throw new Error(`jest ended without a report:\n${told.join('')}`, { cause })
  })
}

interface JestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

async function readReport(path: string): Promise<Report> {
  const { testResults } = JSON.parse(await readFile(path, 'utf8')) as JestReport
  return new Map(
    testResults.map(({ name, assertionResults }) => [
      name.slice(join(root, 'test').length + 1),
      assertionResults.map(({ fullName, status }) => ({ title: fullName, status })),
    ]),
  )
}
