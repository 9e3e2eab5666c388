/**
 * The two PRECIS profiles that JIDs use (RFC 8265, RFC 7622 §§3.3, 3.4): UsernameCaseMapped for localparts, OpaqueString
 * for resourceparts. Each prepares a string so that equal ones are equal byte by byte.
 */
import { isFreeformClass, isIdentifierClass } from './precis-class.js'

/** The prepared string, or undefined where the profile does not allow it (RFC 8265 §3.3). */
export function usernameCaseMapped(text: string): string | undefined {
  return stable(text, (given) => {
    const narrow = given.replace(/[\u3000\uff01-\uffee]/g, (wide) => wide.normalize('NFKC'))
    if (!isIdentifierClass(narrow)) return undefined
    const mapped = narrow.toLowerCase().normalize('NFC')
    return isIdentifierClass(mapped) && obeysBidiRule(mapped) ? mapped : undefined
  })
}

/** The prepared string, or undefined where the profile does not allow it (RFC 8265 §4.2). */
export function opaqueString(text: string): string | undefined {
  return stable(text, (given) => {
    if (!isFreeformClass(given)) return undefined
    const mapped = given.replace(/\p{Zs}/gu, ' ').normalize('NFC')
    return isFreeformClass(mapped) ? mapped : undefined
  })
}

/** RFC 8264 §7: the rules are applied until nothing changes, at most four times. */
function stable(text: string, enforce: (text: string) => string | undefined): string | undefined {
  let current = text
  for (let round = 0; round < 4; round++) {
    const next = enforce(current)
    if (next === undefined || next === '') return undefined
    if (next === current) return next
    current = next
  }
  return undefined
}

/** Blocks whose characters are written from right to left (Bidi_Class R and AL; their digits see below). */
const rightToLeft =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10cff}\u{10d00}-\u{10fff}\u{1e800}-\u{1efff}]/u
const arabicNumber = /[\u0660-\u0669\u{10d30}-\u{10d39}]/u
const europeanNumber = /[0-9\u06f0-\u06f9]/u
/** Five signs of Kannada, Zanabazar Square and Bhaiksuki are marks of category Mn, and yet left-to-right. */
const nonspacing = /(?![\u0cbf\u0cc6\u{11a07}\u{11a08}\u{11c3f}])\p{Mn}/u
/** Modifier letters that have no direction (Bidi_Class ON). */
const neutralLetter = /[\u02b9\u02ba\u02c6-\u02cf\u02ec\u2e2f\ua67f\ua717-\ua71f\ua788]/u

type Direction = 'L' | 'R' | 'AN' | 'EN' | 'NSM' | 'neutral'

function directionOf(character: string): Direction {
  if (nonspacing.test(character)) return 'NSM'
  if (arabicNumber.test(character)) return 'AN'
  if (europeanNumber.test(character)) return 'EN'
  if (rightToLeft.test(character)) return 'R'
  if (neutralLetter.test(character)) return 'neutral'
  return /[\p{L}\p{M}\p{Nd}\u0f0b\u3007]/u.test(character) ? 'L' : 'neutral'
}

/**
 * RFC 5893 §2, for strings of the IdentifierClass. It binds only where something is written from right to left; then the
 * string has to begin that way (a left-to-right one must not hold such characters), hold nothing left-to-right, and end
 * in a letter or number.
 */
function obeysBidiRule(text: string): boolean {
  const directions = [...text].map(directionOf)
  if (!directions.includes('R') && !directions.includes('AN')) return true
  const last = directions.findLast((direction) => direction !== 'NSM')
  return (
    directions[0] === 'R' &&
    !directions.includes('L') &&
    (last === 'R' || last === 'AN' || last === 'EN') &&
    !(directions.includes('AN') && directions.includes('EN'))
  )
}
