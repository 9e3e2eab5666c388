/** One process a data directory, also after the other was killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { lockDataDirectory } from '../../src/store/lock.js'
import { temporaryDirectory } from './sqlite/directory.js'

const holder = fileURLToPath(new URL('./hold-lock.mjs', import.meta.url))

describe('the lock of a data directory', () => {
  test('is refused to a second part of this process, and free again after closing twice', () => {
    const directory = join(temporaryDirectory(), 'new', 'data')
    const lock = lockDataDirectory(directory)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(() => lockDataDirectory(directory)).toThrow(
      `the data directory ${directory} is in use by this process (pid ${process.pid}): stop it first`,
    )
    void lock.close()
    void lock.close()
    void lockDataDirectory(directory).close()
  })

  test('a directory that cannot be made is named, with what to do', () => {
    const file = join(temporaryDirectory(), 'file')
    writeFileSync(file, '')
    expect(() => lockDataDirectory(join(file, 'data'))).toThrow(
      /data directory .*file\/data cannot be written \(.*data_path/,
    )
  })

  test('held by another process names it and the directory; kill -9 frees it', async () => {
    const directory = temporaryDirectory()
    const child = spawn(process.execPath, [holder, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await once(child.stdout, 'data')
      expect(() => lockDataDirectory(directory)).toThrow(
        expect.objectContaining({
          code: 'locked',
          message: `the data directory ${directory} is in use by process ${child.pid}: stop it first`,
        }),
      )
    } finally {
      child.kill('SIGKILL')
    }
    await once(child, 'exit')
    expect(existsSync(join(directory, 'dmucd.pid'))).toBe(true)
    const lock = lockDataDirectory(directory)
    void lock.close()
  })

  test('a directory that cannot be made is told with its name', () => {
    expect(() => lockDataDirectory('/dev/null/data')).toThrow('/dev/null/data')
  })
})
