/**
 * What the RFCs ask of a server (clauses.md) beside the tests that show it, as docs/rfcs.md has it. A rule is shown by the tests that it names,
 * each of which has to be there, or by those whose titles carry its clause and what it marks.
 */
import { readFileSync } from 'node:fs'
import type { Titled } from '../muc/titles.js'

interface Rule {
  readonly text: string
  /** What the title of a test must have, in lower case. */
  readonly marks: readonly string[]
  readonly named: readonly Named[]
  /** Why we do not do it. */
  readonly notDone?: string
}

/** A file below test/, and parts of the paths of titles in it. */
interface Named {
  readonly file: string
  readonly parts: readonly string[]
}

export interface Clause {
  /** `RFC 6120`. */
  readonly rfc: string
  readonly number: string
  readonly title: string
  readonly rules: readonly Rule[]
}

export interface Shown {
  readonly clause: Clause
  readonly rule: Rule
  readonly tests: readonly Titled[]
  /** Parts that no title has. */
  readonly lost: readonly string[]
}

export const readClauses = (): Clause[] => parseClauses(readFileSync(new URL('./clauses.md', import.meta.url), 'utf8'))

export function parseClauses(text: string): Clause[] {
  const [, ...chapters] = text.split(/^# /m)
  return chapters.flatMap((chapter) => {
    const [heading = '', ...clauses] = chapter.split(/^## /m)
    const rfc = /^RFC \d+/.exec(heading)?.[0] ?? ''
    return clauses.map((clause) => parseClause(rfc, clause))
  })
}

function parseClause(rfc: string, text: string): Clause {
  const [heading = '', ...lines] = text.trim().split('\n')
  const [, number = '', title = ''] = /^(\S+) (.*)$/.exec(heading) ?? []
  const rules = lines.filter((line) => line.startsWith('- ')).map((line) => parseRule(line.slice(2)))
  return { rfc, number, title, rules }
}

function parseRule(line: string): Rule {
  const [said = '', notDone] = line.split(' — not done: ')
  const [, text = said, names] = /^(.*?) \[(.*)\]$/.exec(said) ?? []
  const marks = [...text.matchAll(/`([^`]+)`|\*([^*]+)\*/g)].map(([, code, word]) => (code ?? word ?? '').toLowerCase())
  const named = (names?.split(' | ') ?? []).map((each) => {
    const at = each.indexOf(': ')
    return { file: each.slice(0, at), parts: each.slice(at + 2).split('; ') }
  })
  return { text, marks, named, ...(notDone === undefined ? {} : { notDone }) }
}

const mention = /(RFC \d+|XEP-\d{4}|[\w-]+\.md)|§{1,2}\s?([\dA]+(?:\.\d+)*)/g

/** `RFC 6120 §4.7.2`, of all titles of a test. */
export function clausesOf({ path }: Titled): ReadonlySet<string> {
  const found = new Set<string>()
  let specification = ''
  for (const title of path)
    for (const [, named, clause] of title.matchAll(mention)) {
      if (named !== undefined) specification = named
      else if (specification.startsWith('RFC')) found.add(`${specification} §${clause}`)
    }
  return found
}

const pathOf = ({ path }: Titled): string => path.join(' ')

export function match(clauses: readonly Clause[], tests: readonly Titled[]): Shown[] {
  const byFile = new Map<string, Titled[]>()
  for (const test of tests) byFile.set(test.file, [...(byFile.get(test.file) ?? []), test])
  const carrying = tests.map((test) => ({ test, clauses: clausesOf(test) })).filter((each) => each.clauses.size > 0)
  return clauses.flatMap((clause) =>
    clause.rules.map((rule) => {
      const lost: string[] = []
      const named = rule.named.flatMap(({ file, parts }) =>
        parts.flatMap((part) => {
          const found = byFile.get(file)?.find((test) => pathOf(test).includes(part))
          if (found === undefined) lost.push(`${file}: ${part}`)
          return found ?? []
        }),
      )
      const id = `${clause.rfc} §${clause.number}`
      const carried = carrying.filter(
        ({ test, clauses: its }) =>
          [...its].some((each) => each === id || each.startsWith(`${id}.`)) &&
          rule.marks.every((mark) => pathOf(test).toLowerCase().includes(mark)),
      )
      return { clause, rule, tests: rule.named.length > 0 ? named : carried.map(({ test }) => test), lost }
    }),
  )
}

/** Each rule that no test shows, each test that is named and not there, and what is said not to be done although a test shows it. */
export const gaps = (shown: readonly Shown[]): string[] =>
  shown.flatMap(({ clause, rule, tests, lost }) => {
    const missing = rule.named.length === 0 && tests.length > 0 === (rule.notDone !== undefined)
    const place = `${clause.rfc} §${clause.number} ${clause.title}: ${rule.text}`
    return [...(missing ? [place] : []), ...lost.map((name) => `${place} [${name}]`)]
  })

const preface = `# The RFCs, clause by clause

What RFC 6120 and 6121 (XMPP), 7395 (WebSocket), 7590 (TLS) and 7622 (addresses) ask of a server, beside the tests that show it. Made by
\`npm run conformance\` from the titles of the tests and test/conformance/rfcs/clauses.md. What is not done says why. Limits are in
[limits.md](limits.md), addresses in [jids.md](jids.md).
`

const titles: Readonly<Record<string, string>> = {
  'RFC 6120': 'RFC 6120: XMPP Core',
  'RFC 6121': 'RFC 6121: Instant Messaging and Presence',
  'RFC 7395': 'RFC 7395: XMPP over WebSocket',
  'RFC 7590': 'RFC 7590: TLS in XMPP',
  'RFC 7622': 'RFC 7622: Addresses',
}

/** docs/rfcs.md */
export function document(shown: readonly Shown[]): string {
  const parts = [preface]
  for (const rfc of new Set(shown.map(({ clause }) => clause.rfc))) {
    parts.push(`## ${titles[rfc] ?? rfc}\n`, '| Clause | Rule | Shown by |\n|---|---|---|')
    parts.push(...shown.filter(({ clause }) => clause.rfc === rfc).map(rowOf), '')
  }
  return `${parts.join('\n').trim()}\n`
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

/** As many tests as make the point. */
const most = 3

function rowOf({ clause, rule, tests }: Shown): string {
  // As clauses.md has them: another word elsewhere in a title changes nothing here.
  const told =
    rule.named.length > 0
      ? rule.named.flatMap(({ file, parts }) => parts.map((part) => `${file}: ${cell(part)}`))
      : tests.map(({ file, path }) => `${file}: ${cell(path.at(-1) ?? '')}`)
  const named = [...new Set(told)]
  const more = named.length > most ? [`and ${named.length - most} more`] : []
  const proof =
    rule.notDone === undefined
      ? [...named.slice(0, most), ...more].join('<br>') || '**missing**'
      : `not done: ${rule.notDone}`
  const place = clause.number === 'A' ? 'Appendix A' : `§${clause.number}`
  // Within a clause, the code of an element is code.
  return `| ${place} ${clause.title} | ${rule.text.replaceAll('|', '\\|')} | ${proof} |`
}
