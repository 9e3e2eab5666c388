import { describe, expect, test } from '@jest/globals'
import { parse } from 'smol-toml'
import { tomlLines } from '../../src/config/toml-lines.js'

const text = `# comment with [brackets] and = signs
a = 1
"quoted key" = "x # not a comment"
dotted.inner = [ # comment
  "one",  # ]
  'two',
]
text = """
[not.a.table]
b = "2"
"""
literal = '''
c = 3'''
inline = { x = 1, y = [1, 2], z = { deep = true } }

[table."with.dot"]
key = 2026-01-01T00:00:00Z

[[list]]
n = 1
[list.sub]
k = 1
[[list]]
n = 2
`

describe('tomlLines', () => {
  const lines = tomlLines(text)

  test('the text it is tried on is TOML', () => {
    expect(Object.keys(parse(text))).toEqual([
      'a',
      'quoted key',
      'dotted',
      'text',
      'literal',
      'inline',
      'table',
      'list',
    ])
  })

  test.each([
    [['a'], 2],
    [['quoted key'], 3],
    [['dotted'], 4],
    [['dotted', 'inner'], 4],
    [['dotted', 'inner', 0], 5],
    [['dotted', 'inner', 1], 6],
    [['text'], 8],
    [['literal'], 12],
    [['inline', 'z', 'deep'], 14],
    [['inline', 'y', 1], 14],
    [['table', 'with.dot'], 16],
    [['table', 'with.dot', 'key'], 17],
    [['list', 0, 'n'], 20],
    [['list', 0, 'sub', 'k'], 22],
    [['list', 1, 'n'], 24],
  ])('%j stands on line %d', (path, line) => {
    expect(lines.at(path)).toBe(line)
  })

  test('what has no line of its own has that of its nearest ancestor', () => {
    expect(lines.at(['table', 'with.dot', 'missing'])).toBe(16)
    expect(lines.at(['dotted', 'inner', 7])).toBe(4)
    expect(lines.at(['nowhere'])).toBe(0)
  })

  test('reading ends on any text, also on what is not TOML', () => {
    for (const broken of ['[', '[[', '"', 'a = [', 'a = {', 'a = """', '= 1', ']', 'a.b.', '\u0000', "a = '''"])
      expect(tomlLines(broken).at(['x'])).toBe(0)
  })
})
