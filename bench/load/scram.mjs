/** SCRAM-SHA-1 (RFC 5802) from the client's side. Keys are derived once for each salt, as clients keep them: the load is the server's. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

const hmac = (key, data) => createHmac('sha1', key).update(data).digest()

/** By password, salt and iterations. */
const keys = new Map()

function clientKey(password, salt, iterations) {
  const name = `${password} ${salt} ${iterations}`
  if (!keys.has(name)) {
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), 20, 'sha1')
    keys.set(name, hmac(salted, 'Client Key'))
  }
  return keys.get(name)
}

/** @returns {{ first: string, last: (challenge: string) => string }} messages without base64 */
export function scramSha1(user, password) {
  const bare = `n=${user},r=${randomBytes(12).toString('base64')}`
  const last = (challenge) => {
    const [, nonce, salt, iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(challenge) ?? []
    const withoutProof = `c=biws,r=${nonce}`
    const key = clientKey(password, salt, iterations)
    const stored = createHash('sha1').update(key).digest()
    const signature = hmac(stored, `${bare},${challenge},${withoutProof}`)
    return `${withoutProof},p=${Buffer.from(key.map((byte, at) => byte ^ signature[at])).toString('base64')}`
  }
  return { first: `n,,${bare}`, last }
}
