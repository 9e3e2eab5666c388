/**
 * What a browser is told of a file that a stranger put here. What may be shown in place is told as what it claims to be; everything else
 * is bytes to be saved, so that nothing on this origin is ever a script, a style sheet or a page.
 */

const token = /^[a-z0-9!#$&^_.+-]{1,64}\/[a-z0-9!#$&^_.+-]{1,64}$/

/** Without its parameters; `application/octet-stream` for what is no media type. */
export function mediaType(given: string | undefined): string {
  const type = (given ?? '').split(';')[0]!.trim().toLowerCase()
  return token.test(type) ? type : unknownType
}

export const unknownType = 'application/octet-stream'

/** Of patterns such as `image/*`. */
export const matchesType = (type: string, patterns: readonly string[]): boolean =>
  patterns.some(
    (pattern) =>
      pattern === type || pattern === '*/*' || (pattern.endsWith('/*') && type.startsWith(pattern.slice(0, -1))),
  )

/** Formats that can carry scripts are never shown in place, whatever the operator allows. */
const active = /xml|html|svg|script|css|pdf|flash|json|wasm/

export const isShown = (type: string, safe: readonly string[]): boolean => matchesType(type, safe) && !active.test(type)

/** RFC 6266, both forms. */
export function disposition(type: string, safe: readonly string[], fileName: string): string {
  const how = isShown(type, safe) ? 'inline' : 'attachment'
  const ascii = fileName.replace(/[^\w .()-]/g, '_')
  return `${how}; filename="${ascii}"; filename*=UTF-8''${encodeURIComponent(fileName).replace(/['()*]/g, percent)}`
}

const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

/** The last part of a path, without what could be taken for one or for a command; never empty, 120 characters at most. */
export function plainFileName(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? ''
  const plain = last
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}<>:"|?*]/gu, '_')
    .replace(/^\.+/, '')
    .trim()
  if (plain === '') return 'file'
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(plain)?.[0] ?? ''
  const characters = [...plain.slice(0, plain.length - extension.length)]
  return `${characters.slice(0, 120 - extension.length).join('')}${extension}`
}
