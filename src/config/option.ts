/**
 * One option of the configuration: its type, its default beside it, and a check that says what is wrong with a value.
 * The typed value of a whole table of options is derived from their declarations (`Values`).
 */
import type { OptionDeclaration } from '../server/module.js'

/** What is wrong at a place inside the value; `must` completes "NAME must …". */
export interface Complaint {
  readonly at: readonly (string | number)[]
  readonly must: string
}

export interface Option<T> {
  /** For the reference: `boolean`, `integer`, `list of domains`, … */
  readonly type: string
  readonly default: T
  /** A sentence or more for the operator, in Markdown. */
  readonly doc: string
  /** Nothing to complain of means that the value is a T. */
  check(value: unknown): readonly Complaint[]
}

export type Options = Readonly<Record<string, Option<unknown>>>
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never }

const fine: readonly Complaint[] = []
const must = (sentence: string): readonly Complaint[] => [{ at: [], must: sentence }]

export const boolean = (value: boolean, doc: string): Option<boolean> => ({
  type: 'boolean',
  default: value,
  doc,
  check: (given) => (typeof given === 'boolean' ? fine : must('be true or false (without quotes)')),
})

export const integer = (value: number, min: number, max: number, doc: string): Option<number> => ({
  type: `integer, ${min} to ${max}`,
  default: value,
  doc,
  check: (given) => (isIntegerIn(given, min, max) ? fine : must(`be a whole number from ${min} to ${max}`)),
})

const isIntegerIn = (given: unknown, min: number, max: number): given is number =>
  typeof given === 'number' && Number.isInteger(given) && given >= min && given <= max

/** `wrong` completes "must …" for a text that does not fit. */
export const text = (
  value: string,
  doc: string,
  type = 'text',
  wrong?: (given: string) => string | undefined,
): Option<string> => ({
  type,
  default: value,
  doc,
  check(given) {
    if (typeof given !== 'string') return must('be a text in quotes')
    const sentence = wrong?.(given)
    return sentence === undefined ? fine : must(sentence)
  },
})

export const oneOf = <const T extends string>(words: readonly T[], value: T, doc: string): Option<T> => ({
  type: words.map((word) => `\`"${word}"\``).join(' or '),
  default: value,
  doc,
  check: (given) =>
    words.some((word) => word === given) ? fine : must(`be one of ${words.map((word) => `"${word}"`).join(', ')}`),
})

export const textList = (
  value: readonly string[],
  doc: string,
  type = 'list of texts',
  wrong?: (given: string) => string | undefined,
): Option<readonly string[]> => ({
  type,
  default: value,
  doc,
  check: (given) =>
    eachOf(given, (element) => (typeof element === 'string' ? wrong?.(element) : 'be a text in quotes'), '["…", "…"]'),
})

export const portList = (value: readonly number[], doc: string): Option<readonly number[]> => ({
  type: 'list of ports',
  default: value,
  doc,
  check: (given) =>
    eachOf(
      given,
      (port) => (isIntegerIn(port, 0, 65_535) ? undefined : 'be a port: 1 to 65535, or 0 for any free one'),
      '[5222]',
    ),
})

/** A table whose keys the operator chooses, as in `redirect = { "b.example" = "rooms.b.example" }`. */
export const textTable = (
  value: Readonly<Record<string, string>>,
  doc: string,
  type: string,
  wrong: (key: string, given: string) => string | undefined,
): Option<Readonly<Record<string, string>>> => ({
  type,
  default: value,
  doc,
  check(given) {
    if (!isTable(given)) return must('be a table')
    return Object.entries(given).flatMap(([key, entry]) => {
      const sentence = typeof entry === 'string' ? wrong(key, entry) : 'be a text in quotes'
      return sentence === undefined ? [] : [{ at: [key], must: sentence }]
    })
  },
})

function eachOf(
  given: unknown,
  wrong: (element: unknown) => string | undefined,
  example: string,
): readonly Complaint[] {
  if (!Array.isArray(given)) return must(`be a list, as in ${example}`)
  return given.flatMap((element: unknown, index) => {
    const sentence = wrong(element)
    return sentence === undefined ? [] : [{ at: [index], must: sentence }]
  })
}

export type Table = Readonly<Record<string, unknown>>
export const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)

/** An option that a module declares, as one of ours. */
export const declared = (declaration: OptionDeclaration): Option<unknown> => ({
  type: declaration.type.replace('-', ' '),
  default: declaration.default,
  doc: declaration.doc,
  check(given) {
    const complaints = shapes[declaration.type](given)
    if (complaints.length > 0) return complaints
    const sentence = declaration.check?.(given)
    return sentence === undefined ? fine : must(sentence)
  },
})

const shapes: Readonly<Record<OptionDeclaration['type'], (given: unknown) => readonly Complaint[]>> = {
  boolean: (given) => boolean(false, '').check(given),
  integer: (given) => (Number.isSafeInteger(given) ? fine : must('be a whole number')),
  string: (given) => text('', '').check(given),
  'string-list': (given) => textList([], '').check(given),
  table: (given) => (isTable(given) ? fine : must('be a table')),
  'table-list': (given) => (Array.isArray(given) && given.every(isTable) ? fine : must('be a list of tables')),
}
