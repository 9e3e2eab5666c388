/** The key pair of a service (dmuc.md §3, Proof of origin), made at its first start and kept in the store. */
import { type Signer, signerOf } from '../../dmuc/signing.js'
import type { Store } from '../../store/store.js'
import type { Random } from '../../util/random.js'

const kind = 'urn:xmpp:dmuc-sync:0'
const name = 'signing-key'

export async function signingKey(store: Store, service: string, random: Random): Promise<Signer> {
  const known = await store.data(service, kind, name)
  if (known !== undefined) return signerOf(Buffer.from(known, 'base64'))
  const secret = random.bytes(32)
  await store.commit([{ type: 'data.put', owner: service, kind, key: name, value: secret.toString('base64') }], {
    synced: true,
  })
  return signerOf(secret)
}
