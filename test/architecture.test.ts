/**
 * Holds the house's plan: a file imports only from its own floor's folder and from floors below, no folder from another on
 * its own floor, no two files from each other. Type imports count, since they too decide what can be read alone.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { parseSync } from '@swc/core'

/** From the ground up. `web` is the page's files, which nothing imports; `main.ts` stands below the command lines. */
const floors: readonly (readonly string[])[] = [
  ['util', 'web'],
  ['xml'],
  ['xmpp'],
  ['sasl', 'room'],
  ['dmuc', 'stream', 'store'],
  ['net'],
  ['server'],
  ['modules'],
  ['config', 'admin'],
  ['start'],
  ['main.ts'],
  ['cli'],
]

const network = ['node:net', 'node:tls', 'node:dns', 'node:dns/promises', 'node:http', 'node:https', 'node:http2', 'ws']
const disk = ['node:fs', 'node:fs/promises', 'better-sqlite3']

/** What a folder knows nothing of. A package that only one file may wrap names that file. */
const unknown: Readonly<Record<string, readonly string[]>> = {
  xml: [...network, ...disk],
  // node:net is there for isIP, which opens nothing.
  xmpp: [...network.filter((name) => name !== 'node:net'), ...disk],
  sasl: [...network, ...disk],
  room: [...network, ...disk, 'node:timers', 'node:timers/promises', 'node:worker_threads'],
  dmuc: [...network, ...disk, 'node:timers', 'node:timers/promises', 'node:worker_threads'],
  stream: [...network, ...disk],
  store: network,
}
const wrapped: Readonly<Record<string, RegExp>> = {
  '@xmpp/jid': /^xmpp\//,
  'better-sqlite3': /^store\//,
  ltx: /^xml\//,
}

/** A source's path under `src`, and what it imports as it is written there. */
type Sources = Readonly<Record<string, readonly string[]>>

/** Every module that a source names: imports, re-exports, `import()` and `import('…')` in a type. */
function importsOf(source: string): string[] {
  const found: string[] = []
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit)
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return
    const { type, source: from, argument, callee, arguments: args } = node as Record<string, unknown>
    const add = (literal: unknown) => {
      const value = (literal as { value?: unknown } | null | undefined)?.value
      if (typeof value === 'string') found.push(value)
    }
    if (type === 'ImportDeclaration' || type === 'ExportNamedDeclaration' || type === 'ExportAllDeclaration') add(from)
    if (type === 'TsImportType') add(argument)
    if (type === 'CallExpression' && (callee as { type?: unknown }).type === 'Import') {
      add((args as { expression: unknown }[])[0]?.expression)
    }
    Object.values(node).forEach(visit)
  }
  visit(parseSync(source, { syntax: 'typescript', target: 'es2022' }).body)
  return found
}

const folderOf = (file: string) => file.split('/')[0]!
const floorOf = (file: string) => floors.findIndex((folders) => folders.includes(folderOf(file)))
const isOurs = (name: string) => name.startsWith('.')
const targetOf = (file: string, name: string) => posix.join(posix.dirname(file), name).replace(/\.js$/, '.ts')

function wrongFloor(file: string, name: string): string | undefined {
  const target = targetOf(file, name)
  if (target.startsWith('..')) return `${file} imports ${name}, which is outside src`
  if (floorOf(target) < 0 || folderOf(file) === folderOf(target)) return undefined
  if (floorOf(target) < floorOf(file)) return undefined
  const where = floorOf(target) > floorOf(file) ? 'on a floor above' : 'on the same floor'
  return `${file} imports ${target}, ${where}`
}

function wrongPackage(file: string, name: string): string | undefined {
  if (unknown[folderOf(file)]?.includes(name))
    return `${file} imports ${name}, of which ${folderOf(file)} knows nothing`
  const wrapper = wrapped[name]
  return wrapper && !wrapper.test(file) ? `${file} imports ${name}, which others wrap` : undefined
}

/** Each set of files that import each other, named by one way round. */
function cycles(sources: Sources): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const way: string[] = []
  const walk = (file: string): void => {
    if (way.includes(file)) found.push([...way.slice(way.indexOf(file)), file].join(' → '))
    if (way.includes(file) || done.has(file)) return
    way.push(file)
    for (const name of sources[file]?.filter(isOurs) ?? []) walk(targetOf(file, name))
    way.pop()
    done.add(file)
  }
  Object.keys(sources).forEach(walk)
  return found
}

function violations(sources: Sources): string[] {
  const homeless = Object.keys(sources).filter((file) => floorOf(file) < 0)
  const wrong = Object.entries(sources).flatMap(([file, names]) =>
    names.map((name) => (isOurs(name) ? wrongFloor(file, name) : wrongPackage(file, name))),
  )
  const circles = cycles(sources).map((circle) => `in a circle: ${circle}`)
  return [
    ...homeless.map((file) => `${file} is on no floor`),
    ...wrong.filter((text) => text !== undefined),
    ...circles,
  ]
}

function readSources(): Sources {
  const root = fileURLToPath(new URL('../src/', import.meta.url))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'))
  const sources = files.filter((file) => file.endsWith('.ts')).sort()
  return Object.fromEntries(sources.map((file) => [file, importsOf(readFileSync(`${root}${file}`, 'utf8'))]))
}

test('src keeps to the plan', () => {
  const sources = readSources()
  // A reader that found nothing would find nothing wrong either.
  expect(Object.keys(sources).length).toBeGreaterThan(20)
  expect(Object.values(sources).flat().filter(isOurs).length).toBeGreaterThan(20)
  expect(violations(sources)).toEqual([])
})

describe('the checker', () => {
  test('reads every way to name a module, and no comment', () => {
    const source = `
      import a, { type B } from './a.js'
      import type { C } from './c.js'
      import './side-effect.js'
      export { d } from './d.js'
      export * from './e.js'
      // import x from './comment.js'
      const text = "import y from './string.js'"
      type F = import('./f.js').F
      export async function g() { return (await import('./g.js')).g as F }
    `
    const names = ['a', 'c', 'side-effect', 'd', 'e', 'f', 'g'].map((name) => `./${name}.js`)
    expect(importsOf(source).sort()).toEqual(names.sort())
  })

  test('lets a file look down, and around in its own folder', () => {
    const sources = {
      'cli/dmucd.ts': ['../main.js', 'commander'],
      'main.ts': ['./modules/index.js', './util/clock.js'],
      'modules/muc/join.ts': ['../ping.js', '../../room/types.js'],
      'dmuc/replica.ts': ['../room/types.js', './wire/hello.js'],
      'xmpp/jid.ts': ['@xmpp/jid'],
      'store/sqlite/writer.ts': ['better-sqlite3', 'node:fs'],
    }
    expect(violations(sources)).toEqual([])
  })

  test.each([
    ['xml/reader.ts', '../net/tcp.js', 'xml/reader.ts imports net/tcp.ts, on a floor above'],
    ['room/room.ts', '../dmuc/replica.js', 'room/room.ts imports dmuc/replica.ts, on a floor above'],
    ['stream/stream.ts', '../store/store.js', 'stream/stream.ts imports store/store.ts, on the same floor'],
    ['main.ts', './cli/run.js', 'main.ts imports cli/run.ts, on a floor above'],
    ['util/clock.ts', '../../bin/launch.js', 'util/clock.ts imports ../../bin/launch.js, which is outside src'],
    ['room/room.ts', 'node:net', 'room/room.ts imports node:net, of which room knows nothing'],
    ['server/router.ts', 'better-sqlite3', 'server/router.ts imports better-sqlite3, which others wrap'],
    ['attic/box.ts', 'ws', 'attic/box.ts is on no floor'],
  ])('%s must not import %s', (file, name, words) => {
    expect(violations({ [file]: [name] })).toEqual([words])
  })

  test('finds files that import each other', () => {
    const circle = { 'xml/a.ts': ['./b.js'], 'xml/b.ts': ['./c.js'], 'xml/c.ts': ['./a.js'], 'xml/d.ts': ['./a.js'] }
    expect(violations(circle)).toEqual(['in a circle: xml/a.ts → xml/b.ts → xml/c.ts → xml/a.ts'])
    expect(violations({ 'xml/a.ts': ['./a.js'] })).toEqual(['in a circle: xml/a.ts → xml/a.ts'])
  })
})
