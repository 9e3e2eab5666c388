/**
 * The number of a nick grant rides in the presence of who was granted it; the source has signed whose it is (dmuc.md §3, Nicks). Looked at
 * where a number decides something: when two homes hold one nick.
 */
import type { Occupant } from '../room/types.js'
import type { Replica } from './replica.js'
import { isSigned, type Signer } from './signing.js'

type Granted = Pick<Occupant, 'nick' | 'jid' | 'home' | 'grant'>

const grantText = (roomId: string, { grant, nick, jid, home }: Granted): string =>
  ['urn:xmpp:dmuc-sync:0 grant', roomId, grant, nick, jid, home].join('\n')

export const signGrant = (signer: Signer | undefined, roomId: string, granted: Granted): string | undefined =>
  signer?.sign(grantText(roomId, granted))

/**
 * Did the source give it, or one that was it before? Nobody but the source gives numbers to its own, and one whose key nobody knows is
 * taken at its word.
 */
export function isGranted({ identity, table }: Replica, occupant: Occupant): boolean {
  const { home, grantProof } = occupant
  const source = table.instances.get(identity.source)
  if (home === identity.source || source?.key === undefined) return true
  if (grantProof === undefined) return false
  const text = grantText(identity.roomId, occupant)
  const { key, formerKeys = [] } = source
  const others = [...table.instances.values()].filter(({ jid }) => jid !== home && jid !== identity.source)
  return [key, ...formerKeys, ...others.map((row) => row.key)].some(
    (known) => known !== undefined && isSigned(known, text, grantProof),
  )
}
