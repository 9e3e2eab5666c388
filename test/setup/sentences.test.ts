/** What a user reads when the set-up cannot go on: one sentence with what to do, whatever npm or a compiler printed. */
import { createRequire } from 'node:module'
import { describe, expect, test } from '@jest/globals'

const require = createRequire(import.meta.url)
const { tooOld } = require('../../bin/setup/node-version.cjs') as { tooOld(version: string): string }
const { agrees, npmProblem } = require('../../bin/setup/packages.cjs') as {
  agrees(wanted: string, present: string): boolean
  npmProblem(output: string, log: string): string
}
const { compileProblem, missingTools, toolSentence } = require('../../bin/setup/sqlite.cjs') as {
  compileProblem(output: string, log: string): string
  missingTools(works: (command: string) => boolean, env: NodeJS.ProcessEnv): string[]
  toolSentence(missing: string[], platform: string, has: (command: string) => boolean, isRoot: boolean): string
}
const { installProblem } = (await import('../../bin/launch.js' as string)) as {
  installProblem(error: unknown): string | undefined
}

describe('Node', () => {
  test.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0', '100.0.0'])('%s will do', (version) => {
    expect(tooOld(version)).toBe('')
  })

  test.each(['0.10.48', '4.9.1', '18.20.8', '20.18.9', '20.2.0', '9.99.0'])('%s is too old', (version) => {
    expect(tooOld(version)).toContain(`dmucd needs Node 20.19 or newer; this is ${version}.`)
  })
})

describe('npm ci', () => {
  test.each([
    ['npm error code ENOTFOUND\nnpm error syscall getaddrinfo', 'could not fetch the packages (ENOTFOUND)'],
    ['npm error code ECONNREFUSED', 'could not fetch the packages (ECONNREFUSED)'],
    ['npm ERR! code EUSAGE\nnpm ERR! `npm ci` can only install', 'do not agree: run npm install'],
    ['npm error code ENOSPC', 'The disk is full'],
    ['npm error code EACCES\nnpm error path /root/.npm', 'may not write here (EACCES)'],
    ['npm error code E404\nnpm error 404 Not Found - GET', 'failed (E404: 404 Not Found - GET)'],
    ['', 'was ended before it was done'],
  ])('%j', (output, words) => {
    const sentence = npmProblem(output, 'npm-ci.log')
    expect(sentence).toContain(words)
    expect(sentence).toContain('npm-ci.log')
    expect(sentence).not.toContain('\n')
  })
})

describe('the compile of better-sqlite3', () => {
  test.each([
    ['apt-get', 'sudo apt-get install g++ make python3'],
    ['dnf', 'sudo dnf install gcc-c++ make python3'],
    ['apk', 'sudo apk add g++ make python3'],
    ['pacman', 'sudo pacman -S gcc make python'],
  ])('with %s', (command, line) => {
    const has = (name: string) => name === command
    expect(toolSentence(['compiler', 'make', 'python3'], 'linux', has, false)).toContain(`run ${line}, then`)
  })

  test('only what is missing is named, and root needs no sudo', () => {
    const sentence = toolSentence(['compiler'], 'linux', (name) => name === 'apt-get', true)
    expect(sentence).toContain('a C++ compiler (g++) is missing: run apt-get install g++, then')
  })

  test('on a Mac', () => {
    expect(toolSentence(['compiler', 'make'], 'darwin', () => false, false)).toContain('xcode-select --install')
  })

  test('tools are looked for under the names that node-gyp uses', () => {
    expect(missingTools(() => true, {})).toEqual([])
    expect(missingTools(() => false, {})).toEqual(['compiler', 'make', 'python3'])
    const mine = new Set(['clang++', 'clang', 'gmake', 'python3.12'])
    const env = { CXX: 'clang++', CC: 'clang', MAKE: 'gmake', PYTHON: 'python3.12' }
    expect(missingTools((command) => mine.has(command), env)).toEqual([])
    expect(missingTools((command) => mine.has(command), { CXX: 'clang++', CC: 'clang' })).toEqual(['make', 'python3'])
  })

  test.each([
    ['cc1plus: fatal error: Killed signal terminated program', 'memory ran out'],
    ['fatal error: error writing to /tmp/x.s: No space left on device', 'the disk is full'],
    ["g++: error: unrecognized command line option '-std=c++20'", 'does not know C++20'],
    ['fatal error: node.h: No such file or directory', 'npm_config_nodedir'],
    ['gyp ERR! stack Error: 404 response downloading https://example.org/headers', 'npm_config_nodedir'],
    ['error: something else', 'make sure that g++ 10 or newer'],
  ])('%j', (output, words) => {
    const sentence = compileProblem(output, 'sqlite-compile.log')
    expect(sentence).toContain(words)
    expect(sentence).toContain('sqlite-compile.log')
    expect(sentence).not.toContain('\n')
  })
})

describe('what npm has put on the disk', () => {
  const wanted = JSON.stringify({
    packages: {
      '': { name: 'dmucd' },
      'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
      'node_modules/other-platform': { version: '1.0.0', optional: true },
    },
  })
  const present = (a: object) => JSON.stringify({ packages: { 'node_modules/a': a } })

  test('is enough without the optional packages of other platforms', () => {
    expect(agrees(wanted, present({ version: '1.0.0', integrity: 'sha512-a' }))).toBe(true)
  })

  test('is not enough in another version, with other content, without a package, or unfinished', () => {
    expect(agrees(wanted, present({ version: '1.0.1', integrity: 'sha512-a' }))).toBe(false)
    expect(agrees(wanted, present({ version: '1.0.0', integrity: 'sha512-b' }))).toBe(false)
    expect(agrees(wanted, JSON.stringify({ packages: {} }))).toBe(false)
    expect(agrees(wanted, '')).toBe(false)
  })
})

describe('an incomplete install, seen by the launchers', () => {
  test('without the build', () => {
    const error = Object.assign(new Error("Cannot find module '/x/dist/cli/dmucd.js' imported from /x/bin/launch.js"), {
      code: 'ERR_MODULE_NOT_FOUND',
    })
    expect(installProblem(error)).toContain('not built yet')
  })

  test('without the compiled half of better-sqlite3, or with that of another Node', () => {
    expect(installProblem(new Error('Could not locate the bindings file. Tried:'))).toContain('--allow-scripts')
    expect(installProblem(new Error('compiled against NODE_MODULE_VERSION 115'))).toContain('another Node')
  })

  test('any other error is not explained away', () => {
    expect(installProblem(new Error('listen EADDRINUSE'))).toBeUndefined()
    const missing = Object.assign(new Error("Cannot find package 'ws'"), { code: 'ERR_MODULE_NOT_FOUND' })
    expect(installProblem(missing)).toBeUndefined()
  })
})
