/** Reading attributes that peers wrote: strict, and undefined for whatever is not as it should be. */

/** A whole number from 0 to 2^53 - 1 in plain decimal. */
export function readCount(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|[1-9]\d{0,15})$/.test(text)) return undefined
  const count = Number(text)
  return Number.isSafeInteger(count) ? count : undefined
}

/** An opaque id of 1 to 128 printable ASCII characters without spaces. */
export const readToken = (text: string | undefined): string | undefined =>
  text !== undefined && /^[\x21-\x7e]{1,128}$/.test(text) ? text : undefined

/** 64 bytes in Base64: an Ed25519 signature. */
export const readSignature = (text: string | undefined): string | undefined =>
  /^[A-Za-z0-9+/]{86}==$/.test(text ?? '') ? text : undefined

/** 32 bytes in Base64: an Ed25519 public key. */
export const readKey = (text: string | undefined): string | undefined =>
  /^[A-Za-z0-9+/]{43}=$/.test(text ?? '') ? text : undefined
