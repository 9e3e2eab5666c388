/** A secret that is made at the first start and stays the same: answers about unknown users depend on it (RFC 5802 §9). */
import type { Store } from '../store/store.js'
import type { Random } from '../util/random.js'

const place = { owner: '', kind: 'dmucd:secret', key: 'sasl' } as const

/** 32 bytes; durable before it is returned. */
export async function lastingSecret(store: Store, random: Random): Promise<Buffer> {
  const known = await store.data(place.owner, place.kind, place.key)
  if (known !== undefined) return Buffer.from(known, 'base64')
  const secret = random.bytes(32)
  await store.commit([{ type: 'data.put', ...place, value: secret.toString('base64') }])
  return secret
}
