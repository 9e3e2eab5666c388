import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'

type Unlock = (() => void) & { covers(pid: number): void }
const require = createRequire(import.meta.url)
const { isStale, lock } = require('../../bin/setup/lock.cjs') as {
  isStale(text: string, ageMs: number): boolean
  lock(file: string, onWait: () => void): Promise<Unlock>
}

let directory: string
let file: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dmucd-lock-'))
  file = join(directory, 'lock')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const never = () => {
  throw new Error('waited')
}

/** The number of a process that has ended and was waited for. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid!
}

const held = (...processes: object[]) => JSON.stringify({ host: hostname(), processes })

describe('one set-up at a time', () => {
  test('the second waits until the first is done', async () => {
    const order: string[] = []
    const first = await lock(file, never)
    let waits: () => void = () => {}
    const waiting = new Promise<void>((resolve) => {
      waits = resolve
    })
    const second = lock(file, waits).then((unlock) => {
      order.push('second')
      unlock()
    })
    await waiting
    order.push('first')
    first()
    await second
    expect(order).toEqual(['first', 'second'])
    expect(existsSync(file)).toBe(false)
  })

  test('of many waiters behind a dead holder exactly one at a time gets in', async () => {
    writeFileSync(file, held({ pid: await endedProcess(), start: '1' }))
    let inside = 0
    let most = 0
    const enter = async () => {
      const unlock = await lock(file, () => {})
      inside += 1
      most = Math.max(most, inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside -= 1
      unlock()
    }
    await Promise.all(Array.from({ length: 8 }, enter))
    expect(most).toBe(1)
  })

  test('an orphaned npm keeps the lock of a set-up that was killed', async () => {
    const npm = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    const dead = { pid: await endedProcess(), start: '1' }
    const text = held(dead, { pid: npm.pid, start: '', group: true })
    try {
      expect(isStale(text, 0)).toBe(false)
    } finally {
      npm.stdin?.end()
      await once(npm, 'exit')
    }
    expect(isStale(text, 0)).toBe(true)
  })

  test('the lock names the set-up and the command that it runs', async () => {
    const unlock = await lock(file, never)
    unlock.covers(process.pid)
    const { processes } = JSON.parse(readFileSync(file, 'utf8')) as { processes: { pid: number }[] }
    expect(processes.map(({ pid }) => pid)).toEqual([process.pid, process.pid])
    unlock()
  })
})

describe('a lock that nobody stands behind', () => {
  test('its process has ended', async () => {
    expect(isStale(held({ pid: await endedProcess(), start: '' }), 0)).toBe(true)
    expect(isStale(held({ pid: process.pid, start: '' }), 1e9)).toBe(false)
  })

  const onLinux = process.platform === 'linux' ? test : test.skip
  onLinux('its number has gone to another process', () => {
    expect(isStale(held({ pid: process.pid, start: '1' }), 0)).toBe(true)
  })

  test('it is of another machine and has been silent for over a minute', () => {
    const other = JSON.stringify({ host: `not-${hostname()}`, processes: [{ pid: process.pid, start: '' }] })
    expect(isStale(other, 59_000)).toBe(false)
    expect(isStale(other, 61_000)).toBe(true)
  })

  test('it has been empty for more than a moment', async () => {
    expect(isStale('', 1_000)).toBe(false)
    expect(isStale('', 6_000)).toBe(true)
    writeFileSync(file, '')
    utimesSync(file, new Date(0), new Date(0))
    ;(await lock(file, never))()
  })
})
