/** Logs of made-up origins as they are proved: chained, and signed by a key that follows from the name of the instance. */
import { createHash } from 'node:crypto'
import { chained, contentDigest, genesis, linkOf } from '../../src/dmuc/chain.js'
import { signHead } from '../../src/dmuc/heads.js'
import { type Signer, signerOf } from '../../src/dmuc/signing.js'
import type { Proof } from '../../src/dmuc/wire/proof.js'
import type { LoggedEvent } from '../../src/room/types.js'

export const signerFor = (instance: string): Signer => signerOf(createHash('sha256').update(instance).digest())

export interface Chain {
  readonly events: readonly LoggedEvent[]
  readonly proof: Proof
}

/** `events` are a run of one incarnation, in order; `signer` signs the last. */
export function chain(
  roomId: string,
  events: readonly LoggedEvent[],
  signer = signerFor(events[0]!.id.instance),
): Chain {
  const { id } = events[0]!
  const before = genesis(roomId, id)
  let hash = before
  const made = events.map((event) => {
    const prev = hash
    const whole = { ...event, digest: event.digest ?? contentDigest(event.operation), prev }
    hash = chained(prev, linkOf(whole)!)
    return whole
  })
  const { instance, incarnation, seq } = events.at(-1)!.id
  const head = signHead(signer, roomId, { instance, incarnation, seq }, hash)
  return { events: made, proof: { head, from: id.seq, before, links: [] } }
}
