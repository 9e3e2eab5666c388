/**
 * SASL mechanisms of hashed tokens (draft-schmaus-kitten-sasl-ht): one message each way, in which either side proves that it knows a
 * token, and on which channel it is. Who may have which token is not their affair (XEP-0484).
 */
import type { BindingType } from './channel-binding.js'
import { decodeText } from './identity.js'
import { equalSecrets, hmac } from './scram-keys.js'

export interface HashedTokenMechanism {
  readonly name: string
  /** Undefined where it is bound to no channel. */
  readonly binding: BindingType | undefined
}

/** The strongest first. */
export const hashedTokenMechanisms: readonly HashedTokenMechanism[] = [
  { name: 'HT-SHA-256-EXPR', binding: 'tls-exporter' },
  { name: 'HT-SHA-256-ENDP', binding: 'tls-server-end-point' },
  { name: 'HT-SHA-256-NONE', binding: undefined },
]

export interface InitiatorMessage {
  /** Not prepared. */
  readonly username: string
  readonly proof: Buffer
}

/** Undefined for what does not follow the grammar. */
export function readInitiator(data: Buffer): InitiatorMessage | undefined {
  const end = data.indexOf(0)
  const username = end < 1 ? undefined : decodeText(data.subarray(0, end))
  return username === undefined ? undefined : { username, proof: data.subarray(end + 1) }
}

const proofOf = (token: string, who: 'Initiator' | 'Responder', channel: Buffer): Buffer =>
  hmac('sha256', Buffer.from(token), Buffer.concat([Buffer.from(who), channel]))

/** `channel`: the data of the binding, empty where there is none. In constant time. */
export const knowsToken = ({ proof }: InitiatorMessage, token: string, channel: Buffer): boolean =>
  equalSecrets(proofOf(token, 'Initiator', channel), proof)

/** Our own proof, which goes with the success. */
export const responderProof = (token: string, channel: Buffer): Buffer => proofOf(token, 'Responder', channel)
