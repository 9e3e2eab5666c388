import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { prepareDomain } from '../../src/xmpp/domain.js'
import { Jid } from '../../src/xmpp/jid.js'
import { escapeLocal, unescapeLocal } from '../../src/xmpp/jid-escaping.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'

const parts = (text: string): [string, string, string] | undefined => {
  const jid = Jid.tryParse(text)
  return jid && [jid.local, jid.domain, jid.resource]
}

describe('RFC 7622 §3.2: a domain', () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,64}$/)
  const inCapitals = (name: string): string => name.replace(/[a-z]/, (letter) => letter.toUpperCase())

  test('of lower-case ASCII goes a shorter way, and is taken or refused as it would be by every step', () => {
    const longest = ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63)].join('.')
    const names = ['a', 'a-', '-a', 'ab--c', 'xn--bcher-kva', 'x.xn--bcher-kva', 'a..b', 'a.b.', `a${'b'.repeat(63)}`]
    for (const name of [...names, `${longest}.${'d'.repeat(61)}`, `${longest}.${'d'.repeat(62)}`, '1.2.3.256'])
      expect([name, prepareDomain(name)]).toEqual([name, prepareDomain(inCapitals(name))])
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), (labels) => {
        const name = labels.join('.')
        fc.pre(/[a-z]/.test(name))
        expect(prepareDomain(name)).toBe(prepareDomain(inCapitals(name)))
      }),
      { seed: 7, numRuns: 2000 },
    )
  })
})

describe('RFC 7622 §3.5', () => {
  test.each<[number, string, string, string, string]>([
    [1, 'juliet@example.com', 'juliet', 'example.com', ''],
    [2, 'juliet@example.com/foo', 'juliet', 'example.com', 'foo'],
    [3, 'juliet@example.com/foo bar', 'juliet', 'example.com', 'foo bar'],
    [4, 'juliet@example.com/foo@bar', 'juliet', 'example.com', 'foo@bar'],
    [5, 'foo\\20bar@example.com', 'foo\\20bar', 'example.com', ''],
    [6, 'fussball@example.com', 'fussball', 'example.com', ''],
    [7, 'fu\u00dfball@example.com', 'fu\u00dfball', 'example.com', ''],
    [8, '\u03c0@example.com', '\u03c0', 'example.com', ''],
    [9, '\u03a3@example.com/foo', '\u03c3', 'example.com', 'foo'],
    [10, '\u03c3@example.com/foo', '\u03c3', 'example.com', 'foo'],
    [11, '\u03c2@example.com/foo', '\u03c2', 'example.com', 'foo'],
    [12, 'king@example.com/\u265a', 'king', 'example.com', '\u265a'],
    [13, 'example.com', '', 'example.com', ''],
    [14, 'example.com/foobar', '', 'example.com', 'foobar'],
    [15, 'a.example.com/b@example.net', '', 'a.example.com', 'b@example.net'],
  ])('table 1, example %d: %s', (_, text, local, domain, resource) => {
    expect(parts(text)).toEqual([local, domain, resource])
  })

  test.each([
    [16, '"juliet"@example.com'],
    [17, 'foo bar@example.com'],
    [18, 'juliet@example.com/ foo'],
    [19, '@example.com/'],
    [20, 'henry\u2163@example.com'],
    [21, '\u265a@example.com'],
    [22, 'juliet@'],
    [23, '/foobar'],
  ])('table 2, example %d: %s', (_, text) => {
    expect(Jid.tryParse(text)).toBeUndefined()
  })
})

describe('localparts (RFC 7622 §3.3, RFC 8265 §3.3)', () => {
  test.each([
    ['capitals', 'Juliet', 'juliet'],
    ['capitals beyond ASCII', '\u00c4\u0416\u0532', '\u00e4\u0436\u0562'],
    ['fullwidth letters', '\uff2a\uff35\uff2c', 'jul'],
    ['halfwidth katakana', '\uff76\uff85', '\u30ab\u30ca'],
    ['halfwidth katakana with a sound mark', '\uff76\uff9e', '\u30ac'],
    ['decomposed letters', 'a\u0308', '\u00e4'],
    ['a final sigma', '\u039f\u0394\u039f\u03a3', '\u03bf\u03b4\u03bf\u03c2'],
    ['all ASCII that is allowed', '!#$%()*+,-.;=?[\\]^_`{|}~', '!#$%()*+,-.;=?[\\]^_`{|}~'],
    ['Hebrew', '\u05d0\u05d1\u05d2', '\u05d0\u05d1\u05d2'],
    ['Hebrew with digits at its end', '\u05d0\u05d17', '\u05d0\u05d17'],
    ['Hebrew with points', '\u05d0\u05d1\u05b0', '\u05d0\u05d1\u05b0'],
    ['Arabic with Arabic digits', '\u0627\u0628\u0661', '\u0627\u0628\u0661'],
    ['a virama and a non-joiner', '\u0915\u094d\u200c\u0937', '\u0915\u094d\u200c\u0937'],
    ['a virama and a joiner', '\u0915\u094d\u200d', '\u0915\u094d\u200d'],
    ['a non-joiner between joining letters', '\u0645\u06cc\u200c\u062e', '\u0645\u06cc\u200c\u062e'],
    ['a Catalan middle dot', 'col\u00b7lecci\u00f3', 'col\u00b7lecci\u00f3'],
    ['a Greek numeral sign', '\u0375\u03b1', '\u0375\u03b1'],
    ['a Hebrew geresh', '\u05d0\u05f3', '\u05d0\u05f3'],
    ['a katakana middle dot', '\u30a2\u30fb', '\u30a2\u30fb'],
  ])('%s', (_, given, wanted) => {
    expect(parts(`${given}@example.com`)).toEqual([wanted, 'example.com', ''])
    expect(Jid.of(given, 'example.com').local).toBe(wanted)
  })

  test.each([
    ...[...'"&\':<>'].map((character): [string, string] => [`the excluded ${character}`, `a${character}b`]),
    ['a space', 'a b'],
    ['an ideographic space', 'a\u3000b'],
    ['a no-break space', 'a\u00a0b'],
    ['a NUL', 'a\0b'],
    ['a soft hyphen', 'a\u00adb'],
    ['a zero-width space', 'a\u200bb'],
    ['a variation selector', 'a\ufe0f'],
    ['a ligature', 'o\ufb03ce'],
    ['a superscript', 'm\u00b2'],
    ['an emoji', '\u{1f600}'],
    ['a currency sign', '\u20ac'],
    ['a titlecase letter', '\u01c5'],
    ['a fullwidth at sign', 'a\uff20b'],
    ['a fullwidth quotation mark', 'a\uff02b'],
    ['old Hangul jamo', '\u1100\u1161'],
    ['a private character', '\ue000'],
    ['a noncharacter', '\ufdd0'],
    ['an unassigned character', '\u0378'],
    ['a tatweel', '\u0640\u0627'],
    ['a joiner without a virama', 'a\u200db'],
    ['a non-joiner without context', 'a\u200cb'],
    ['a middle dot elsewhere', 'a\u00b7b'],
    ['a Greek numeral sign elsewhere', '\u0375a'],
    ['a Hebrew geresh elsewhere', 'a\u05f3'],
    ['a katakana middle dot elsewhere', 'a\u30fb'],
    ['both kinds of Arabic digits', '\u0627\u0661\u06f1'],
    ['left-to-right in right-to-left', '\u05d0a\u05d1'],
    ['right-to-left in left-to-right', 'a\u05d0'],
    ['a digit before right-to-left', '1\u05d0'],
    ['a neutral end of right-to-left', '\u05d0-'],
    ['European and Arabic numbers', '\u06271\u0661'],
    ['Arabic numbers alone', '\u0661'],
  ])('refuses %s', (_, local) => {
    expect(Jid.tryParse(`${local}@example.com`)).toBeUndefined()
    expect(() => Jid.of(local, 'example.com')).toThrow(StanzaError)
  })

  test('refuses an at sign and a slash given as part of one', () => {
    expect(() => Jid.of('a@b', 'example.com')).toThrow(StanzaError)
    expect(() => Jid.of('a/b', 'example.com')).toThrow(StanzaError)
    expect(() => Jid.of('a', 'b.example/c')).toThrow(StanzaError)
    expect(() => Jid.of('', 'a@b.example')).toThrow(StanzaError)
  })
})

describe('resourceparts (RFC 7622 §3.4, RFC 8265 §4.2)', () => {
  test.each([
    ['capitals stay', 'Foo', 'Foo'],
    ['fullwidth stays', '\uff26', '\uff26'],
    ['spaces of all kinds become spaces', 'a\u00a0b\u3000c', 'a b c'],
    ['NFC', 'a\u0308', '\u00e4'],
    ['symbols and emoji', '\u2654 \u{1f600}', '\u2654 \u{1f600}'],
    ['an emoji with a variation selector', '\u2764\ufe0f', '\u2764'],
    ['one on a key', '1\ufe0f\u20e3', '1\u20e3'],
    ['emoji joined to one', '\u{1f468}\u{1f3fd}\u200d\u2764\ufe0f\u200d\u{1f469}', '\u{1f468}\u{1f3fd}\u2764\u{1f469}'],
    ['compatibility characters stay', '\u2163\ufb03', '\u2163\ufb03'],
    ['mixed directions', 'a\u05d0', 'a\u05d0'],
    ['everything in ASCII', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ ', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ '],
  ])('%s', (_, given, wanted) => {
    expect(parts(`a@example.com/${given}`)).toEqual(['a', 'example.com', wanted])
    expect(Jid.parse('a@example.com').withResource(given).resource).toBe(wanted)
  })

  test.each([
    ['nothing', ''],
    ['a tab', 'a\tb'],
    ['a DEL', 'a\x7f'],
    ['a soft hyphen', 'a\u00ad'],
    ['a lone surrogate', '\ud800'],
    ['a variation selector after a letter', 'a\ufe0f'],
    ['one after a digit', '1\ufe0f'],
    ['two of them', '\u2764\ufe0f\ufe0f'],
    ['a joiner after an emoji and before a letter', '\u2764\u200da'],
    ['a tag character', '\u{e0041}'],
    ['a space of another kind at the beginning', '\u00a0a'],
  ])('refuses %s', (_, resource) => {
    expect(Jid.tryParse(`a@example.com/${resource}`)).toBeUndefined()
    expect(() => Jid.parse('a@example.com').withResource(resource)).toThrow(StanzaError)
  })
})

describe('domainparts (RFC 7622 §3.2)', () => {
  test.each([
    ['EXAMPLE.com', 'example.com'],
    ['example.com.', 'example.com'],
    ['xn--bcher-kva.example', 'b\u00fccher.example'],
    ['B\u00dcCHER.example', 'b\u00fccher.example'],
    ['bu\u0308cher.example', 'b\u00fccher.example'],
    ['fu\u00dfball.example', 'fu\u00dfball.example'],
    ['a\u3002example', 'a.example'],
    ['\uff45xample.com', 'example.com'],
    ['localhost', 'localhost'],
    ['a-b.c-d-e', 'a-b.c-d-e'],
    ['192.0.2.1', '192.0.2.1'],
    ['[2001:DB8::1]', '[2001:db8::1]'],
    [`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`],
    ['\u05d0\u05d1.example', '\u05d0\u05d1.example'],
  ])('%s', (given, wanted) => {
    expect(parts(given)).toEqual(['', wanted, ''])
    expect(parts(`a@${given}/r`)).toEqual(['a', wanted, 'r'])
  })

  test.each([
    ['empty', ''],
    ['a dot', '.'],
    ['an empty label', 'x..com'],
    ['an empty first label', '.com'],
    ['two final dots', 'x.com..'],
    ['an underscore', 'a_b.com'],
    ['a space', 'a b.com'],
    ['a percent sign', 'a%41.com'],
    ['a colon', 'example.com:5222'],
    ['a NUL', 'a\0.com'],
    ['a hyphen first', '-a.com'],
    ['a hyphen last', 'a-.com'],
    ['reserved hyphens', 'ab--c.com'],
    ['broken punycode', 'xn--a.com'],
    ['punycode of plain ASCII', 'xn--abc-.com'],
    ['an emoji', '\u{1f600}.com'],
    ['a long label', `${'a'.repeat(64)}.com`],
    ['a long name', Array.from({ length: 64 }, () => 'abc').join('.')],
    ['an unfinished literal', '[::1'],
    ['a wrong literal', '[::g]'],
    ['a zone', '[fe80::1%eth0]'],
    ['a second at sign', 'b@example.com'],
    ['a combining mark first', '\u0308a.com'],
  ])('refuses %s', (_, domain) => {
    expect(Jid.tryParse(`a@${domain}`)).toBeUndefined()
    expect(() => Jid.of('a', domain)).toThrow(StanzaError)
  })
})

describe('lengths', () => {
  test('each part has 1 to 1023 bytes', () => {
    const long = 'a'.repeat(1023)
    expect(parts(`${long}@example.com/${long}`)).toEqual([long, 'example.com', long])
    expect(Jid.tryParse(`${long}a@example.com`)).toBeUndefined()
    expect(Jid.tryParse(`a@example.com/${long}a`)).toBeUndefined()
    expect(Jid.tryParse(`a@example.com/${'\u20ac'.repeat(341)}`)?.resource).toHaveLength(341)
    expect(Jid.tryParse(`a@example.com/${'\u20ac'.repeat(342)}`)).toBeUndefined()
    expect(Jid.tryParse('a'.repeat(10_000_000))).toBeUndefined()
  })

  test('no text makes it slow', () => {
    const before = process.cpuUsage()
    for (const text of ['a.'.repeat(1000), 'a-'.repeat(1000), `${'a'.repeat(1000)}@`, `a@${'-'.repeat(1000)}`])
      for (let i = 0; i < 20; i++) Jid.tryParse(`${text}${i}\u00ad`)
    // By the CPU: the machine may have more to do.
    expect(process.cpuUsage(before).user).toBeLessThan(5_000_000)
  })
})

describe('a Jid', () => {
  const jid = Jid.parse('Romeo@Example.com/Balcony')

  test('is its prepared string', () => {
    expect(`${jid}`).toBe('romeo@example.com/Balcony')
    expect(JSON.stringify({ jid })).toBe('{"jid":"romeo@example.com/Balcony"}')
    expect(jid.equals(Jid.of('ROMEO', 'example.com.', 'Balcony'))).toBe(true)
    expect(jid.equals(Jid.of('romeo', 'example.com', 'balcony'))).toBe(false)
  })

  test('is bare or full', () => {
    expect([jid.isFull, jid.isBare]).toEqual([true, false])
    const bare = jid.bare()
    expect([bare.isFull, bare.isBare, `${bare}`]).toEqual([false, true, 'romeo@example.com'])
    expect(bare.bare()).toBe(bare)
    expect(jid.bare()).toBe(bare)
    expect(`${bare.withResource('Orchard')}`).toBe('romeo@example.com/Orchard')
    expect(`${Jid.of('', 'example.com', 'x').bare()}`).toBe('example.com')
  })

  test('that is malformed is a stanza error', () => {
    let thrown: unknown
    try {
      Jid.parse('a b@example.com')
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(StanzaError)
    expect(thrown instanceof StanzaError && [thrown.condition, thrown.type, thrown.text]).toEqual([
      'jid-malformed',
      'modify',
      'the localpart is not valid',
    ])
    expect(Jid.tryParse(undefined)).toBeUndefined()
  })

  test('is the same object while it is remembered, and right when it is not', () => {
    expect(Jid.parse('a@cached.example/x')).toBe(Jid.parse('a@cached.example/x'))
    let wrong = 0
    for (let i = 0; i < 40_000; i++) if (Jid.parse(`User${i}@example.com`).local !== `user${i}`) wrong++
    expect(wrong).toBe(0)
    expect(Jid.parse('a@cached.example/x').resource).toBe('x')
  })
})

describe('properties', () => {
  const character = fc.oneof(
    fc.constantFrom(...'aA0-._@/ \\"\u00e4\u00c4\u03a3\u03c2\u05d0\u0661\u0627\uff21\u00a0\u200c\u265a'),
    fc.integer({ min: 0x20, max: 0xffff }).map((code) => String.fromCharCode(code)),
  )
  const text = fc.string({ unit: character, maxLength: 20 })

  test('preparing what is prepared changes nothing, and the short way agrees with the long one', () => {
    let accepted = 0
    fc.assert(
      fc.property(
        fc.oneof(
          text,
          text.map((local) => `${local}@Example.com/r`),
          text.map((r) => `a@b.c/${r}`),
        ),
        (given) => {
          const jid = Jid.tryParse(given)
          if (jid === undefined) return
          accepted++
          expect(Jid.parse(jid.toString()).toString()).toBe(jid.toString())
          expect(Jid.of(jid.local, jid.domain, jid.resource).toString()).toBe(jid.toString())
        },
      ),
      { seed: 7622, numRuns: 5000 },
    )
    expect(accepted).toBeGreaterThan(300)
  })

  test('the short way accepts in ASCII only what the long one leaves unchanged', () => {
    const ascii = fc.string({ unit: fc.constantFrom(...'ab1-.@/ A_"\\~'), minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(ascii, (given) => {
        const jid = Jid.tryParse(given)
        if (jid !== undefined) expect(Jid.of(jid.local, jid.domain, jid.resource).toString()).toBe(jid.toString())
      }),
      { seed: 3, numRuns: 5000 },
    )
  })
})

describe('XEP-0106: escaping', () => {
  test.each([
    ['space cadet', 'space\\20cadet'],
    ['call me "ishmael"', 'call\\20me\\20\\22ishmael\\22'],
    ['at&t guy', 'at\\26t\\20guy'],
    ["d'artagnan", 'd\\27artagnan'],
    ['/.fanboy', '\\2f.fanboy'],
    ['::foo::', '\\3a\\3afoo\\3a\\3a'],
    ['<foo>', '\\3cfoo\\3e'],
    ['user@host', 'user\\40host'],
    ['c:\\5commas', 'c\\3a\\5c5commas'],
  ])('%s', (text, local) => {
    expect(escapeLocal(text)).toBe(local)
    expect(unescapeLocal(local)).toBe(text)
    expect(Jid.of(local, 'example.com').local).toBe(local)
  })
})
