/** Instants on the wire (XEP-0082, the DateTime profile), as milliseconds since the Unix epoch in memory. */
import type { Xep } from './xep.js'

export const dateTimeXep: Xep = { number: 82, version: '1.1.1', test: 'xmpp/date-time.test.ts' }

const pattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/

/** In UTC, with milliseconds: `2026-01-31T12:00:00.000Z`. Throws RangeError outside of the years 0 to 9999. */
export function writeDateTime(ms: number): string {
  const text = new Date(ms).toISOString()
  if (text.length !== 24) throw new RangeError(`the year of ${text} has more than four digits`)
  return text
}

/** Undefined for what is not a DateTime of the profile, or no day of the calendar. Digits below milliseconds are cut off. */
export function parseDateTime(text: string): number | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  // 31 April has become 1 May.
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const ms = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const offset = offsetMinutes(match[8], Number(match[9] ?? 0), Number(match[10] ?? 0))
  return offset === undefined ? undefined : date.setUTCHours(hour, minute - offset, second, ms)
}

/** XML Schema bounds it at 14 hours. */
function offsetMinutes(sign: string | undefined, hours: number, minutes: number): number | undefined {
  const total = hours * 60 + minutes
  if (minutes > 59 || total > 14 * 60) return undefined
  return sign === '-' ? -total : total
}
