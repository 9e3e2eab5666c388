import { expect, test } from '@jest/globals'
import { makeLog } from '../../src/cli/log.js'

function capture(isTTY: boolean) {
  const lines: string[] = []
  const log = makeLog('info', { isTTY, write: (text) => lines.push(text) })
  return { log, lines }
}

test('is JSON where nobody looks', () => {
  const { log, lines } = capture(false)
  log.child({ host: 'example.org' }).info({ port: 5222 }, 'Listening')
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 30, host: 'example.org', port: 5222, msg: 'Listening' })
  expect(lines[0]!.endsWith('}\n')).toBe(true)
})

test('is lines for people on a terminal, with the stack of an error below', () => {
  const { log, lines } = capture(true)
  log.warn({ peer: 'b.example', reason: 'no certificate' }, 'Refused')
  log.error({ err: new Error('it broke') }, 'Failed')
  const plain = lines.map((line) => line.replace(/\x1b\[\d*m/g, ''))
  expect(plain[0]).toMatch(/^\d\d:\d\d:\d\d warning Refused peer=b\.example reason="no certificate"\n$/)
  expect(plain[1]).toMatch(/ error {3}Failed\nError: it broke\n {4}at /)
})

test('writes no passwords, wherever they turn up', () => {
  const { log, lines } = capture(false)
  log.info({ password: 'hunter2', login: { password: 'hunter2', secret: 'hunter2' } }, 'x')
  expect(lines[0]).not.toContain('hunter2')
})

test('leaves out what is less important than its level, which can change', () => {
  const { log, lines } = capture(false)
  log.debug({}, 'one')
  log.setLevel('debug')
  log.debug({}, 'two')
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['two'])
})
