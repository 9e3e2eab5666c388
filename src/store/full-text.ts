/**
 * Full-text search: what a word is, what somebody looks for, and when it is found. Words are made here, at indexing and at asking, so
 * that every store finds the same. Letters count without case and accents; writing without spaces is cut into its characters.
 */

/** What is looked for: these words one after the other; with `prefix`, the last one may go on. */
export interface Term {
  readonly words: readonly string[]
  readonly prefix: boolean
}

/** To be counted up when `wordsOf` or `textOf` change: indexes are then made anew. */
export const textVersion = 3

/** Characters of a text that are looked at; the rest is not found. */
const maxLength = 32_768

const spaceless =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}'
const word = new RegExp(`[${spaceless}]\\p{M}*|(?:(?![${spaceless}])[\\p{L}\\p{N}\\p{M}])+`, 'gu')
const accents = /[\u0300-\u036f]/g
/** No writing piles up more marks than this on one letter (Unicode's Stream-Safe Text Format); normalising takes them squared. */
const piled = /(\p{M}{30})\p{M}+/gu

/** The words of a text, in order. */
export const wordsOf = (text: string): readonly string[] => fold(text.slice(0, maxLength)).match(word) ?? []

/** Upper case first: it knows more of what is the same (ß and SS, both small sigmas). */
const fold = (text: string): string =>
  text.replace(piled, '$1').normalize('NFKD').replace(accents, '').toUpperCase().toLowerCase().replaceAll('ς', 'σ')

/** Why a search cannot be made; completes "The search …". */
export class BadSearch {
  constructor(readonly why: string) {}
}

const maxSearch = 500
const maxTerms = 20
/** Each of them is looked up under all words that begin so, in all archives together. */
const maxPrefixes = 3
/** Shorter beginnings than this are those of too many words. */
const minPrefix = 2

/**
 * Reads what somebody typed: words that must all be there, "words in quotes" that must follow each other, beginnings of words
 * with a star (`witch*`).
 */
export function readSearch(text: string): readonly Term[] | BadSearch {
  if (text.length > maxSearch) return new BadSearch(`has more than ${maxSearch} characters`)
  if ((text.match(/"/g)?.length ?? 0) % 2 === 1) return new BadSearch('has a quote that is not closed')
  const terms: Term[] = []
  for (const [piece] of text.matchAll(/"[^"]*"\*?|[^\s"]+/g)) {
    const words = wordsOf(piece)
    if (words.length === 0) continue
    const prefix = piece.endsWith('*')
    if (prefix && words.at(-1)!.length < minPrefix)
      return new BadSearch(`has a star after fewer than ${minPrefix} letters`)
    terms.push({ words, prefix })
  }
  if (terms.length === 0) return new BadSearch('has no word in it')
  if (terms.filter(({ prefix }) => prefix).length > maxPrefixes)
    return new BadSearch(`has more than ${maxPrefixes} beginnings of words`)
  return terms.length > maxTerms ? new BadSearch(`has more than ${maxTerms} words`) : terms
}

/** Are all the terms among these words? */
export const isFound = (terms: readonly Term[], words: readonly string[]): boolean =>
  terms.every((term) => words.some((_, start) => standsAt(term, words, start)))

function standsAt({ words: wanted, prefix }: Term, words: readonly string[], start: number): boolean {
  return wanted.every((one, index) => {
    const there = words[start + index]
    if (prefix && index === wanted.length - 1) return there?.startsWith(one) === true
    return there === one
  })
}
