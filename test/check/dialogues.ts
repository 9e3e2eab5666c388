/**
 * Which tests are the dialogue of a XEP: in the file that a declaration names (src/xmpp/xep.ts) those whose titles carry its number;
 * all of them where the file shows no other XEP.
 */
import { extensions } from '../../src/config/extensions.js'
import { fourDigits, specifications } from '../../src/config/specifications.js'
import type { Module } from '../../src/server/module.js'
import { extensionNames } from '../../src/stream/extension.js'

export interface Dialogue {
  /** `XEP-0045`, or clauses of an RFC. */
  readonly name: string
  /** Below test/. */
  readonly file: string
  /** A test belongs to the dialogue if its full title contains this: `XEP-0045`, or nothing for the whole file. */
  readonly title: string
}

/** What can be switched off. */
export type Declaring = Pick<Module, 'name' | 'xeps' | 'rfc'>

/** Modules, and what else `modules_disabled` may name. */
export const switchable = (modules: readonly Module[]): readonly Declaring[] => [
  ...modules,
  ...extensionNames.map((name) => ({ name, ...extensions[name] })),
]

export interface Played {
  readonly title: string
  readonly status: string
}

/** By file below test/; a file that did not load has no tests. */
export type Report = ReadonlyMap<string, readonly Played[]>

/** Of all XEPs that are declared, by modules or not. */
export function declaredDialogues(modules: readonly Module[]): Dialogue[] {
  const all = specifications(modules)
  const shows = (file: string): number => all.filter(({ tests }) => tests.includes(file)).length
  return all.flatMap(({ number, tests }) =>
    tests.map((file) => ({ name: nameOf(number), file, title: shows(file) === 1 ? '' : nameOf(number) })),
  )
}

const nameOf = (number: number): string => `XEP-${fourDigits(number)}`

/** Of what one module declares, or a part of streams. */
export function dialoguesOf(module: Declaring, modules: readonly Module[]): Dialogue[] {
  const own = (module.xeps ?? []).map(({ number, test }) => `${nameOf(number)} ${test}`)
  const xeps = declaredDialogues(modules).filter(({ name, file }) => own.includes(`${name} ${file}`))
  return module.rfc === undefined ? xeps : [...xeps, { name: module.rfc.clauses, file: module.rfc.test, title: '' }]
}

export const playedOf = ({ file, title }: Dialogue, report: Report): Played[] =>
  (report.get(file) ?? []).filter((played) => played.title.includes(title))

export const spelled = ({ name, file }: Dialogue): string => `${name} (test/${file})`

/** What is wrong with a run of all tests: dialogues that are not there, were not run, or failed. */
export function unplayed(dialogues: readonly Dialogue[], report: Report): string[] {
  return dialogues.flatMap((dialogue) => {
    const played = playedOf(dialogue, report)
    if (!report.has(dialogue.file)) return [`${spelled(dialogue)}: the file did not run`]
    if (played.every(({ status }) => status === 'pending'))
      return [`${spelled(dialogue)}: no test of it ran${dialogue.title && ` (titles have to name ${dialogue.title})`}`]
    return played
      .filter(({ status }) => status !== 'passed')
      .map(({ title, status }) => `${spelled(dialogue)}: ${status}: ${title}`)
  })
}

/** What is wrong with a run without a module: dialogues that are as green as with it. */
export function unmoved(module: string, dialogues: readonly Dialogue[], report: Report): string[] {
  return dialogues
    .filter((dialogue) => !playedOf(dialogue, report).some(({ status }) => status === 'failed'))
    .map((dialogue) => `${spelled(dialogue)}: no test of it fails when the module "${module}" is off`)
}
