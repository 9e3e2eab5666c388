/**
 * The titles of tests as they stand in the sources, without running them, and the clauses that they carry: `§7.2.9` after
 * "XEP-0045", or alone in the folders where that is what all is about. The innermost title with a clause counts.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseSync } from '@swc/core'

export interface Titled {
  /** The file, below test/, without `.test.ts`. */
  readonly file: string
  /** Titles from the outermost `describe` to the test. */
  readonly path: readonly string[]
}

interface Node {
  readonly type: string
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value
const root = fileURLToPath(new URL('../../', import.meta.url))

export function allTests(): Titled[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'))
  return files
    .filter((file) => file.endsWith('.test.ts'))
    .sort()
    .flatMap((file) => testsOf(file.replace(/\.test\.ts$/, '')))
}

export const testsOf = (file: string): Titled[] =>
  titlesOf(readFileSync(`${root}${file}.test.ts`, 'utf8')).map((path) => ({ file, path }))

/** Every test of a source; a table (`test.each`) gives one for each of its rows that is written out. */
export function titlesOf(source: string): string[][] {
  const module: unknown = parseSync(source, { syntax: 'typescript', target: 'es2022' })
  const tables = constants(module)
  const found: string[][] = []
  const visit = (node: unknown, path: readonly string[]): void => {
    const called = isNode(node) ? callOf(node, tables) : undefined
    if (called === undefined) {
      if (typeof node === 'object' && node !== null) for (const part of Object.values(node)) visit(part, path)
      return
    }
    for (const title of called.titles) {
      if (called.kind === 'test') found.push([...path, title])
      else visit(called.body, [...path, title])
    }
  }
  visit(module, [])
  return found
}

interface Call {
  readonly kind: 'describe' | 'test'
  readonly titles: readonly string[]
  readonly body: unknown
}

/** `test('…', …)`, `describe('…', …)`, and both with `.each(table)`. */
function callOf(node: Node, tables: ReadonlyMap<string, Node>): Call | undefined {
  if (node.type !== 'CallExpression') return undefined
  const args = argumentsOf(node)
  const title = args[0] === undefined ? undefined : textOf(args[0])
  if (title === undefined || !isNode(node.callee)) return undefined
  const plain = kindOf(node.callee)
  if (plain !== undefined) return { kind: plain, titles: [title], body: args.slice(1) }
  const { callee } = node
  if (callee.type !== 'CallExpression' || !isNode(callee.callee) || callee.callee.type !== 'MemberExpression')
    return undefined
  const { object, property } = callee.callee
  const kind = isNode(object) ? kindOf(object) : undefined
  if (kind === undefined || !isNode(property) || property.value !== 'each') return undefined
  const rows = rowsOf(argumentsOf(callee)[0], tables)
  return { kind, titles: rows === undefined ? [title] : rows.map((row) => filled(title, row)), body: args.slice(1) }
}

function kindOf({ type, value }: Node): Call['kind'] | undefined {
  return type === 'Identifier' && (value === 'test' || value === 'describe') ? value : undefined
}

const argumentsOf = (call: Node): Node[] =>
  (call.arguments as readonly { readonly expression: Node }[]).map(({ expression }) => bared(expression))

/** Without `as const` and the like. */
function bared(node: Node): Node {
  const within = node.type.startsWith('Ts') || node.type === 'ParenthesisExpression' ? node.expression : undefined
  return isNode(within) ? bared(within) : node
}

/** What is written out of a literal; an expression in it is left out as `…`. */
function textOf(node: Node): string | undefined {
  if (node.type === 'StringLiteral' || node.type === 'NumericLiteral' || node.type === 'BooleanLiteral')
    return String(node.value)
  if (node.type !== 'TemplateLiteral') return undefined
  return (node.quasis as readonly { readonly cooked: string }[]).map(({ cooked }) => cooked).join('…')
}

/** By name, what is declared once with a value. */
function constants(module: unknown): Map<string, Node> {
  const found = new Map<string, Node>()
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    if (isNode(node) && node.type === 'VariableDeclarator' && isNode(node.id) && isNode(node.init))
      found.set(String(node.id.value), bared(node.init))
    Object.values(node).forEach(visit)
  }
  visit(module)
  return found
}

type Row = readonly (string | undefined)[] | ReadonlyMap<string, string>

function rowsOf(table: Node | undefined, tables: ReadonlyMap<string, Node>): Row[] | undefined {
  const literal = table?.type === 'Identifier' ? tables.get(String(table.value)) : table
  if (literal?.type !== 'ArrayExpression') return undefined
  const rows = elementsOf(literal)
  return rows.map((row) => {
    if (row.type === 'ArrayExpression') return elementsOf(row).map(textOf)
    if (row.type === 'ObjectExpression') return propertiesOf(row)
    return [textOf(row)]
  })
}

const elementsOf = (array: Node): Node[] =>
  (array.elements as readonly ({ readonly expression: Node } | undefined)[])
    .filter((element) => element !== undefined)
    .map(({ expression }) => bared(expression))

function propertiesOf(object: Node): Map<string, string> {
  const found = new Map<string, string>()
  for (const property of object.properties as readonly Node[]) {
    const text = isNode(property.value) ? textOf(bared(property.value)) : undefined
    if (isNode(property.key) && text !== undefined) found.set(String(property.key.value), text)
  }
  return found
}

/** jest's own placeholders. */
function filled(title: string, row: Row): string {
  if (row instanceof Map) return title.replace(/\$(\w+)/g, (whole, name: string) => row.get(name) ?? whole)
  const cells = [...(row as readonly (string | undefined)[])]
  return title.replace(/%[sdijpo]/g, () => cells.shift() ?? '…')
}

const ours = /^(room|conformance\/muc)\//
const mention = /(XEP-\d{4}|RFC \d+|[\w-]+\.md)|§{1,2}\s?(\d+(?:\.\d+)*)/g

/** The clauses of XEP-0045 that a test shows, e.g. `7.2.9`. */
export function clausesOf({ file, path }: Titled): ReadonlySet<string> {
  let specification = ours.test(file) ? 'XEP-0045' : ''
  let innermost = new Set<string>()
  for (const title of path) {
    const here = new Set<string>()
    for (const [, named, clause] of title.matchAll(mention)) {
      if (named !== undefined) specification = named
      else if (clause !== undefined && specification === 'XEP-0045') here.add(clause)
    }
    if (here.size > 0) innermost = here
  }
  return innermost
}
