/** `npm run demo` as a newcomer runs it. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const demo = fileURLToPath(new URL('../../bench/demo.mjs', import.meta.url))

test('ends with 0 lost, 0 duplicated, and exit code 0', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [demo], { encoding: 'utf8', timeout: 300_000 })
  console.log(stdout.split('\n').slice(-10).join('\n'))
  expect(stderr).toBe('')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('0 lost, 0 duplicated')
  expect(status).toBe(0)
})

test('sees a message that appears twice: exit code 1', () => {
  const args = [demo, '--people', '6', '--pace', '0', '--fault', 'forge']
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 300_000 })
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('0 lost, 2 duplicated')
  expect(status).toBe(1)
})
