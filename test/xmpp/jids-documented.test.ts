import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { Jid } from '../../src/xmpp/jid.js'

/** A cell of docs/jids.md: `text` with \uXXXX and \u{X} for what cannot be seen, or the word refused. */
function read(cell: string): string | undefined {
  const text = /^`(.*)`$/.exec(cell)?.[1]
  return text?.replace(/\\u(?:\{([0-9a-f]+)\}|([0-9a-f]{4}))/g, (_, long?: string, short?: string) =>
    String.fromCodePoint(Number.parseInt(long ?? short ?? '', 16)),
  )
}

const rows = readFileSync(new URL('../../docs/jids.md', import.meta.url), 'utf8')
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter(([, , sent]) => sent?.startsWith('`'))
  .map(([, what = '', sent = '', older = '', ours = '']): [string, string, string, string] => [what, sent, older, ours])

describe('docs/jids.md: differences from nodeprep and resourceprep', () => {
  test('has its table', () => expect(rows.length).toBeGreaterThan(15))

  test.each(rows)('%s: %s', (_, sent, older, ours) => {
    expect(Jid.tryParse(read(sent))?.toString()).toBe(read(ours))
    expect(read(ours) === undefined ? ours : '').toMatch(/^(refused)?$/)
    expect(older).not.toBe(ours)
  })
})
