/** Strict base64 (RFC 4648 §4; RFC 6120 §13.9.1): no white space, no missing padding, no stray bits. */

const wellFormed = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Undefined for what is not base64. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!wellFormed.test(text)) return undefined
  const data = Buffer.from(text, 'base64')
  return data.toString('base64') === text ? data : undefined
}

/** The text of `<auth/>` or `<response/>`: a single `=` stands for data of no length (RFC 6120 §6.4.2). */
export const decodeSaslData = (text: string): Buffer | undefined =>
  text === '=' ? Buffer.alloc(0) : decodeBase64(text)

/** The same the other way. */
export const encodeSaslData = (data: Buffer): string => (data.length === 0 ? '=' : data.toString('base64'))

export const encodeBase64 = (data: Buffer): string => data.toString('base64')
