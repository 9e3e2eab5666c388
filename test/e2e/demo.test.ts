/** The demo can fail: a link that loses one message, from outside, is seen. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from '@jest/globals'

const demo = fileURLToPath(new URL('../../bench/demo.mjs', import.meta.url))

test('the demo counts a lost message, and ends with exit code 1', async () => {
  const args = [demo, '--people', '6', '--pace', '0', '--patience', '5', '--fault', 'lose']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const lines = printed.trimEnd().split('\n')
  expect(lines.filter((line) => line.startsWith('lost: '))).toEqual([
    'lost: cleo@c.example never heard ada: Good night, everybody',
    'lost: carl@c.example never heard ada: Good night, everybody',
  ])
  expect(lines.at(-1)).toBe('2 lost, 0 duplicated')
  expect(status).toBe(1)
}, 400_000)
