/** Names: XML 1.0 (fifth edition) §2.3, and what Namespaces in XML 1.0 §3 leaves of them: at most one colon, with something around it. */
import { XmlError } from './xml-error.js'

const letters =
  'A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c-\\u200d\\u2070-\\u218f' +
  '\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd\\u{10000}-\\u{effff}'
const unqualified = `[${letters}][${letters}\\-.0-9\\u00b7\\u0300-\\u036f\\u203f-\\u2040]*`
const qualified = new RegExp(`^${unqualified}(?::${unqualified})?$`, 'u')
const beginning = new RegExp(`^[${letters}]`, 'u')

/** By ASCII code: 1 may stand in a name, 3 may begin one. */
const ascii = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (/[A-Z_a-z]/.test(character)) return 3
  return /[-.0-9:]/.test(character) ? 1 : 0
})
const colon = 0x3a

/** May a name begin with the character at `at`? */
export function beginsName(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code < 128 ? ascii[code] === 3 : beginning.test(String.fromCodePoint(text.codePointAt(at) ?? 0))
}

/** The end of the name that begins at `at`; the end of the text where it may go on. Throws XmlError where none is. */
export function nameEnd(text: string, at: number): number {
  let end = at
  let simple = beginsName(text, at)
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code >= 128 || code === colon) simple = false
    else if (ascii[code] === 0) break
  }
  if (!simple && end < text.length && !qualified.test(text.slice(at, end)))
    throw new XmlError('not-well-formed', 'a malformed name')
  return end
}
