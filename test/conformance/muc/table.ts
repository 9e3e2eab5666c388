/**
 * The clauses of XEP-0045 (clauses.md) beside the tests that show them, as docs/muc.md has it. A rule is shown by a test whose
 * title carries its clause and what the rule marks.
 */
import { readFileSync } from 'node:fs'
import { clausesOf, type Titled, testsOf } from './titles.js'

interface Rule {
  /** As it stands in clauses.md; empty: the clause as a whole. */
  readonly text: string
  /** What the title of a test must have, in lower case. */
  readonly marks: readonly string[]
  /** Why we do not do it. */
  readonly notDone?: string
}

export interface Clause {
  readonly number: string
  readonly title: string
  readonly rules: readonly Rule[]
}

export interface Chapter {
  readonly title: string
  readonly clauses: readonly Clause[]
}

export interface Shown {
  readonly clause: Clause
  readonly rule: Rule
  readonly tests: readonly Titled[]
}

export const readChapters = (): Chapter[] =>
  parseChapters(readFileSync(new URL('./clauses.md', import.meta.url), 'utf8'))

export function parseChapters(text: string): Chapter[] {
  const [, ...chapters] = text.split(/^# /m)
  return chapters.map((chapter) => {
    const [title = '', ...clauses] = chapter.split(/^## /m)
    return { title: title.trim(), clauses: clauses.map(parseClause) }
  })
}

function parseClause(text: string): Clause {
  const [heading = '', ...lines] = text.trim().split('\n')
  const [, number = '', title = ''] = /^(\S+) (.*)$/.exec(heading) ?? []
  const rules = lines.filter((line) => line.startsWith('- ')).map((line) => parseRule(line.slice(2)))
  return { number, title, rules: rules.length > 0 ? rules : [{ text: '', marks: [] }] }
}

function parseRule(line: string): Rule {
  const [text = '', notDone] = line.split(' — not done: ')
  const marks = [...text.matchAll(/`([^`]+)`|\*([^*]+)\*/g)].map(([, code, word]) => (code ?? word ?? '').toLowerCase())
  return { text, marks, ...(notDone === undefined ? {} : { notDone }) }
}

/** Every rule with its tests, in the order of the chapters. */
export function match(chapters: readonly Chapter[], tests: readonly Titled[]): Shown[] {
  const byClause = new Map<string, Titled[]>()
  for (const test of tests)
    for (const clause of clausesOf(test)) byClause.set(clause, [...(byClause.get(clause) ?? []), test])
  const rules = chapters.flatMap(({ clauses }) =>
    clauses.flatMap((clause) => clause.rules.map((rule) => ({ clause, rule }))),
  )
  return rules.map(({ clause, rule }) => {
    const tests = (byClause.get(clause.number) ?? []).filter(({ path }) => {
      const title = path.join(' ').toLowerCase()
      return rule.marks.every((mark) => title.includes(mark))
    })
    return { clause, rule, tests }
  })
}

/** Each rule that no test shows; and what is said not to be done although a test shows it. */
export const gaps = (shown: readonly Shown[]): string[] =>
  shown
    .filter(({ rule, tests }) => tests.length > 0 === (rule.notDone !== undefined))
    .map(({ clause, rule }) => `§${clause.number} ${clause.title}${rule.text === '' ? '' : `: ${rule.text}`}`)

/** Clauses that titles carry and clauses.md does not have: misprints, most likely. */
export function strays(chapters: readonly Chapter[], tests: readonly Titled[]): string[] {
  const known = new Set(chapters.flatMap(({ clauses }) => clauses.map(({ number }) => number)))
  const isKnown = (number: string): boolean =>
    [...known].some((each) => each === number || each.startsWith(`${number}.`))
  return tests.flatMap((test) =>
    [...clausesOf(test)].filter((number) => !isKnown(number)).map((number) => `§${number} in ${test.path.join(' › ')}`),
  )
}

const preface = `# Multi-user chat, clause by clause

Every use case, business rule and registered value of [XEP-0045](https://xmpp.org/extensions/xep-0045.html) 1.35 that asks something of
a room or its service, beside the tests that show it. Made by \`npm run conformance\` from the titles of the tests and
test/conformance/muc/clauses.md. What rooms do beyond it is in [rooms.md](rooms.md).
`

/** docs/muc.md */
export function document(chapters: readonly Chapter[], shown: readonly Shown[]): string {
  const parts = [preface]
  for (const { title, clauses } of chapters) {
    parts.push(`## ${title}\n`, '| Clause | Rule | Shown by |\n|---|---|---|')
    const rows = shown.filter(({ clause }) => clauses.includes(clause)).map(rowOf)
    parts.push(...rows, '')
  }
  parts.push('## With other programs\n', '| Program | What people do in a room, at a live server |\n|---|---|')
  for (const [program, file] of programs)
    parts.push(...testsOf(file).map(({ path }) => `| ${program} | ${cell(path.at(-1) ?? '')} |`))
  return `${parts.join('\n').trim()}\n`
}

/** Whose dialogues with rooms are listed, too (`npm run test:peers`). */
const programs = [
  ['slixmpp', 'peers/slixmpp-rooms'],
  ['Converse.js in Chromium', 'peers/converse'],
  ['profanity', 'peers/profanity'],
  ['Prosody', 'peers/prosody-rooms'],
] as const

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

/** As many tests as make the point. */
const most = 3

function rowOf({ clause, rule, tests }: Shown): string {
  const named = tests.slice(0, most).map(({ file, path }) => `${file}: ${cell(path.at(-1) ?? '')}`)
  const more = tests.length > most ? [`and ${tests.length - most} more`] : []
  const proof =
    rule.notDone === undefined ? [...named, ...more].join('<br>') || '**missing**' : `not done: ${rule.notDone}`
  return `| §${clause.number} ${clause.title} | ${cell(rule.text)} | ${proof} |`
}
