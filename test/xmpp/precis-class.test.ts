import { describe, expect, test } from '@jest/globals'
import { opaqueString, usernameCaseMapped } from '../../src/xmpp/precis.js'
import {
  type DerivedProperty,
  derivedProperty,
  isFreeformClass,
  isIdentifierClass,
} from '../../src/xmpp/precis-class.js'

describe('RFC 8264 §8: derived properties', () => {
  test.each<[string, string, DerivedProperty]>([
    ['§9.1 LATIN SMALL LETTER A WITH DIAERESIS', '\u00e4', 'PVALID'],
    ['§9.1 CYRILLIC CAPITAL LETTER ZHE', '\u0416', 'PVALID'],
    ['§9.1 DEVANAGARI DIGIT ONE', '\u0967', 'PVALID'],
    ['§9.1 COMBINING ACUTE ACCENT', '\u0301', 'PVALID'],
    ['§9.1 DESERET CAPITAL LETTER LONG I', '\u{10400}', 'PVALID'],
    ['§9.6 LATIN SMALL LETTER SHARP S', '\u00df', 'PVALID'],
    ['§9.6 GREEK SMALL LETTER FINAL SIGMA', '\u03c2', 'PVALID'],
    ['§9.6 ARABIC SIGN SINDHI AMPERSAND', '\u06fd', 'PVALID'],
    ['§9.6 TIBETAN MARK INTERSYLLABIC TSHEG', '\u0f0b', 'PVALID'],
    ['§9.6 IDEOGRAPHIC NUMBER ZERO', '\u3007', 'PVALID'],
    ['§9.6 MIDDLE DOT', '\u00b7', 'CONTEXTO'],
    ['§9.6 GREEK LOWER NUMERAL SIGN', '\u0375', 'CONTEXTO'],
    ['§9.6 HEBREW PUNCTUATION GERESH', '\u05f3', 'CONTEXTO'],
    ['§9.6 HEBREW PUNCTUATION GERSHAYIM', '\u05f4', 'CONTEXTO'],
    ['§9.6 KATAKANA MIDDLE DOT', '\u30fb', 'CONTEXTO'],
    ['§9.6 ARABIC-INDIC DIGIT ZERO', '\u0660', 'CONTEXTO'],
    ['§9.6 EXTENDED ARABIC-INDIC DIGIT NINE', '\u06f9', 'CONTEXTO'],
    ['§9.6 ARABIC TATWEEL', '\u0640', 'DISALLOWED'],
    ['§9.6 NKO LAJANYALAN', '\u07fa', 'DISALLOWED'],
    ['§9.6 HANGUL SINGLE DOT TONE MARK', '\u302e', 'DISALLOWED'],
    ['§9.6 VERTICAL IDEOGRAPHIC ITERATION MARK', '\u303b', 'DISALLOWED'],
    ['§9.8 ZERO WIDTH NON-JOINER', '\u200c', 'CONTEXTJ'],
    ['§9.8 ZERO WIDTH JOINER', '\u200d', 'CONTEXTJ'],
    ['§9.9 HANGUL CHOSEONG KIYEOK', '\u1100', 'DISALLOWED'],
    ['§9.9 HANGUL JUNGSEONG A', '\u1161', 'DISALLOWED'],
    ['§9.9 HANGUL JONGSEONG KIYEOK', '\u11a8', 'DISALLOWED'],
    ['§9.9 HANGUL CHOSEONG TIKEUT-MIEUM', '\ua960', 'DISALLOWED'],
    ['§9.9 HANGUL JUNGSEONG O-YEO', '\ud7b0', 'DISALLOWED'],
    ['§9.9 HANGUL JONGSEONG PHIEUPH-THIEUTH', '\ud7fb', 'DISALLOWED'],
    ['§9.1 HANGUL SYLLABLE GA', '\uac00', 'PVALID'],
    ['§9.10 unassigned U+0378', '\u0378', 'UNASSIGNED'],
    ['§9.11 EXCLAMATION MARK', '!', 'PVALID'],
    ['§9.11 TILDE', '~', 'PVALID'],
    ['§9.12 NULL', '\0', 'DISALLOWED'],
    ['§9.12 DELETE', '\x7f', 'DISALLOWED'],
    ['§9.12 NEXT LINE', '\x85', 'DISALLOWED'],
    ['§9.13 SOFT HYPHEN', '\u00ad', 'DISALLOWED'],
    ['§9.13 COMBINING GRAPHEME JOINER', '\u034f', 'DISALLOWED'],
    ['§9.13 ZERO WIDTH SPACE', '\u200b', 'DISALLOWED'],
    ['§9.13 VARIATION SELECTOR-16', '\ufe0f', 'DISALLOWED'],
    ['§9.13 noncharacter U+FDD0', '\ufdd0', 'DISALLOWED'],
    ['§9.13 noncharacter U+10FFFF', '\u{10ffff}', 'DISALLOWED'],
    ['§9.14 SPACE', ' ', 'FREE_PVAL'],
    ['§9.14 OGHAM SPACE MARK', '\u1680', 'FREE_PVAL'],
    ['§9.15 EURO SIGN', '\u20ac', 'FREE_PVAL'],
    ['§9.15 BLACK CHESS KING', '\u265a', 'FREE_PVAL'],
    ['§9.15 GRINNING FACE', '\u{1f600}', 'FREE_PVAL'],
    ['§9.16 INVERTED QUESTION MARK', '\u00bf', 'FREE_PVAL'],
    ['§9.16 EM DASH', '\u2014', 'FREE_PVAL'],
    ['§9.17 NO-BREAK SPACE', '\u00a0', 'FREE_PVAL'],
    ['§9.17 SUPERSCRIPT TWO', '\u00b2', 'FREE_PVAL'],
    ['§9.17 ROMAN NUMERAL FOUR', '\u2163', 'FREE_PVAL'],
    ['§9.17 KELVIN SIGN', '\u212a', 'FREE_PVAL'],
    ['§9.17 LATIN SMALL LIGATURE FFI', '\ufb03', 'FREE_PVAL'],
    ['§9.17 FULLWIDTH LATIN CAPITAL LETTER A', '\uff21', 'FREE_PVAL'],
    ['§9.18 COMBINING ENCLOSING CIRCLE', '\u20dd', 'FREE_PVAL'],
    ['§9.18 RUNIC ARLAUG SYMBOL', '\u16ee', 'FREE_PVAL'],
    ['§8 LINE SEPARATOR', '\u2028', 'DISALLOWED'],
    ['§8 ARABIC NUMBER SIGN', '\u0600', 'DISALLOWED'],
    ['§8 private use U+E000', '\ue000', 'DISALLOWED'],
    ['§8 surrogate U+D800', '\ud800', 'DISALLOWED'],
  ])('%s', (_, character, property) => {
    expect(derivedProperty(character)).toBe(property)
    if (property.startsWith('CONTEXT')) return
    expect(isIdentifierClass(character)).toBe(property === 'PVALID')
    expect(isFreeformClass(character)).toBe(property === 'PVALID' || property === 'FREE_PVAL')
  })
})

describe('RFC 5892 appendix A: contextual rules, in both classes', () => {
  test.each<[string, string, boolean]>([
    ['A.1 ZWNJ after a virama', '\u0915\u094d\u200c', true],
    ['A.1 ZWNJ after a virama of Unicode 16, TULU-TIGALARI', '\u{11392}\u{113ce}\u200c', true],
    ['A.1 ZWNJ between joining letters, marks between', '\u0628\u064e\u200c\u064e\u0628', true],
    ['A.1 ZWNJ after ALEF, which does not join onwards', '\u0627\u200c\u0628', false],
    ['A.1 ZWNJ between Syriac BETH and GAMAL', '\u0712\u200c\u0713', true],
    ['A.1 ZWNJ between Mongolian letters', '\u1820\u200c\u1821', true],
    ['A.1 ZWNJ between N\u2019Ko letters', '\u07ca\u200c\u07cb', true],
    ['A.1 ZWNJ before Syriac ALAPH, a mark between', '\u0712\u200c\u0730\u0710', true],
    ['A.1 ZWNJ after Syriac ALAPH, which does not join onwards', '\u0710\u200c\u0712', false],
    ['A.1 ZWNJ between Latin letters', 'a\u200cb', false],
    ['A.1 ZWNJ at the end', '\u0628\u200c', false],
    ['A.1 ZWNJ alone', '\u200c', false],
    ['A.2 ZWJ after a virama', '\u0d15\u0d4d\u200d', true],
    ['A.2 ZWJ between joining letters', '\u0628\u200d\u0628', false],
    ['A.3 MIDDLE DOT between two l', 'l\u00b7l', true],
    ['A.3 MIDDLE DOT after l', 'l\u00b7a', false],
    ['A.3 MIDDLE DOT before l', 'a\u00b7l', false],
    ['A.4 GREEK LOWER NUMERAL SIGN before Greek', '\u0375\u03b2', true],
    ['A.4 GREEK LOWER NUMERAL SIGN after Greek', '\u03b2\u0375', false],
    ['A.5 GERESH after Hebrew', '\u05d2\u05f3', true],
    ['A.5 GERESH before Hebrew', '\u05f3\u05d2', false],
    ['A.6 GERSHAYIM within Hebrew', '\u05e6\u05f4\u05dc', true],
    ['A.6 GERSHAYIM after Latin', 'a\u05f4', false],
    ['A.7 KATAKANA MIDDLE DOT with Hiragana', '\u30fb\u3042', true],
    ['A.7 KATAKANA MIDDLE DOT with Han', 'a\u30fb\u4e00', true],
    ['A.7 KATAKANA MIDDLE DOT alone', '\u30fb', false],
    ['A.8 ARABIC-INDIC DIGITS', '\u0661\u0662', true],
    ['A.9 EXTENDED ARABIC-INDIC DIGITS', '\u06f1\u06f2', true],
    ['A.8 and A.9 both', '\u0661a\u06f2', false],
  ])('%s', (_, text, valid) => {
    expect(isIdentifierClass(text)).toBe(valid)
    expect(isFreeformClass(text)).toBe(valid)
  })
})

describe('RFC 5893 §2: the Bidi Rule of UsernameCaseMapped', () => {
  test.each<[string, string, boolean]>([
    ['1: MODIFIER LETTER PRIME begins', '\u02b9\u05d0', false],
    ['2: MODIFIER LETTER PRIME within Hebrew has no direction', '\u05d0\u02b9\u05d1', true],

    ['2: KANNADA VOWEL SIGN I is left-to-right, though a mark', '\u05d0\u0cbf\u05d1', false],
    ['2: IDEOGRAPHIC NUMBER ZERO is left-to-right', '\u05d0\u3007\u05d1', false],
    ['2: punctuation of ASCII within Hebrew', '\u05d0-._$+\u05d1', true],
    ['3: MODIFIER LETTER PRIME ends', '\u05d0\u02b9', false],
    ['3: marks after the last letter', '\u05d0\u05b0\u05b1', true],
    ['4: EXTENDED ARABIC-INDIC and European digits are both EN', '\u06271\u06f1', true],
    ['4: ARABIC-INDIC and European digits', '\u06271\u0661', false],
    ['5: N\u2019Ko within Latin', 'a\u07ca', false],
    ['no right-to-left character: the rule does not bind', '1-', true],
  ])('%s', (_, text, valid) => {
    expect(usernameCaseMapped(text)).toBe(valid ? text : undefined)
  })
})

describe('RFC 8265: the mappings', () => {
  test.each<[string, string, string | undefined, string | undefined]>([
    ['HALFWIDTH HANGUL LETTER KIYEOK', '\uffa1', undefined, '\uffa1'],
    ['FULLWIDTH CENT SIGN', '\uffe0', undefined, '\uffe0'],
    ['LATIN CAPITAL LETTER I WITH DOT ABOVE', '\u0130', 'i\u0307', '\u0130'],
    ['ANGSTROM SIGN', '\u212b', undefined, '\u00c5'],
    ['COMBINING marks in another order', 'q\u0307\u0323', 'q\u0323\u0307', 'q\u0323\u0307'],
    ['a composition exclusion, DEVANAGARI LETTER QA', '\u0958', undefined, '\u0915\u093c'],
    ['NARROW NO-BREAK SPACE', 'a\u202fb', undefined, 'a b'],
    ['empty', '', undefined, undefined],
  ])('%s', (_, given, username, opaque) => {
    expect(usernameCaseMapped(given)).toBe(username)
    expect(opaqueString(given)).toBe(opaque)
  })
})
