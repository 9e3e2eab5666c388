/** What carries stanzas to another server: a connection that we made, or one that it made to us and takes stanzas on, too (XEP-0288). */
import type { TlsInfo } from '../net/transport.js'
import type { DomainPair } from '../stream/dialback.js'
import type { Failure } from './s2s-failure.js'
import type { Waiting } from './s2s-queue.js'

export interface Carrier {
  /** The first that was, or is to be, authorized here. */
  readonly pair: DomainPair
  readonly state: 'connecting' | 'ready' | 'closing' | 'ended'
  readonly tls: TlsInfo | undefined
  readonly streamId: string | undefined
  readonly remoteAddress: string | undefined
  readonly bidi: boolean
  join(user: CarrierUser): void
  leave(user: CarrierUser): void
  isAuthorized(pair: DomainPair): boolean
  authorize(pair: DomainPair): void
  /** How we proved `pair.local` here; undefined where the peer came to us. */
  shown(pair: DomainPair): 'certificate' | 'dialback' | undefined
  /** False where the peer takes too little: nothing was written. */
  write(text: string, waiting?: Waiting): boolean
  /** In order: what was written before is still delivered. */
  close(): void
  /** At once. */
  abandon(failure: Failure): void
}

/** Somebody who needs a carrier. All are called synchronously; after `moved`, `closed` or `lost` the user is no longer one. */
export interface CarrierUser<C extends Carrier = Carrier> {
  /** Dialback may begin. Called in `join` where it is so already. */
  ready(carrier: C): void
  /** The same machine is connected already, by this other carrier. */
  moved(from: C, to: C): void
  /** The peer ended one that it had opened, in order: what was written to it is the peer's, or is sent again. */
  closed(carrier: Carrier): void
  lost(carrier: C, failure: Failure): void
}
