/**
 * Strict UTF-8 (RFC 3629) in chunks. Unlike a fatal TextDecoder it also gives the text before the first bad byte, so that
 * what is understood of a stream does not depend on how the network cut it.
 */
import { isUtf8 } from 'node:buffer'

const nothing = Buffer.alloc(0)

export class Utf8Decoder {
  /** The first bytes of a sequence whose end has not arrived. */
  #partial = nothing
  #broken = false

  /** A byte was no UTF-8; nothing is decoded any more. */
  get broken(): boolean {
    return this.#broken
  }

  /** Inside a sequence. */
  get incomplete(): boolean {
    return this.#partial.length > 0
  }

  /** The characters that `chunk` completes, up to the first bad byte. */
  decode(chunk: Uint8Array): string {
    if (this.#broken) return ''
    const bytes = this.#partial.length === 0 ? asBuffer(chunk) : Buffer.concat([this.#partial, chunk])
    const tail = incompleteTail(bytes)
    // Nearly always all of it is whole, and no view of it has to be made.
    const whole = tail === 0 ? bytes : bytes.subarray(0, bytes.length - tail)
    if (isUtf8(whole)) {
      this.#partial = tail === 0 ? nothing : Buffer.from(bytes.subarray(whole.length))
      return whole.toString('utf8')
    }
    this.#broken = true
    this.#partial = nothing
    return validPrefix(whole).toString('utf8')
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** How many bytes at the end begin a sequence without ending it: 0 to 3. */
function incompleteTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return sequenceLength(byte) > back ? back : 0
  }
  return 0
}

function sequenceLength(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2
  if (lead >= 0xe0 && lead <= 0xef) return 3
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1
}

/** The longest prefix of whole characters before the first bad byte, by bisection. */
function validPrefix(bytes: Buffer): Buffer {
  let valid = 0
  let invalid = bytes.length
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >> 1
    const head = bytes.subarray(0, middle)
    if (isUtf8(head.subarray(0, middle - incompleteTail(head)))) valid = middle
    else invalid = middle
  }
  const head = bytes.subarray(0, valid)
  return head.subarray(0, valid - incompleteTail(head))
}
