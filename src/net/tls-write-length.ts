/**
 * How much text goes into one write to a TLS socket. What Node encrypts waits in a buffer of 1 KiB (of the handshake's length, where that is
 * longer), which it uses again and again; the first write that does not fit adds one of 16 KiB, which stays as long as the connection: 16 of
 * the 55 KiB that an idle session took. So a connection's first longer texts go in pieces that fit, one after the other.
 */

/** What the 1 KiB holds beside a record's own bytes: 29 in TLS 1.2, 22 in TLS 1.3. */
const smallLength = 990
/** So many writes more a connection may cost: about 10 µs each, and a turn of the event loop. */
const mostCuts = 16
/** So many pieces at a time: who is sent more than that has no idle session. */
const mostPieces = 4
/** One TLS record: with more OpenSSL and Node would need larger buffers still. */
const recordLength = 16_000

/** Of one connection, from its handshake on. */
export class TlsWriteLength {
  #cuts = mostCuts

  /** In characters, which are bytes for all but other scripts; `waiting` is what there is to write. */
  next(waiting: number): number {
    if (waiting <= smallLength) return smallLength
    if (waiting > mostPieces * smallLength) this.#cuts = 0
    if (this.#cuts === 0) return recordLength
    this.#cuts--
    return smallLength
  }
}
