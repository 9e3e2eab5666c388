/** A SCRAM client for tests, and a context to log in to. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import type { SaslContext, SaslExchange, SaslMechanism, SaslStep } from '../../src/sasl/mechanism.js'
import type { ScramHash, ScramKeys } from '../../src/sasl/scram-keys.js'
import { SeededRandom } from '../../src/util/random.js'

export const context: SaslContext = {
  domain: 'a.example',
  random: new SeededRandom(1),
  secret: Buffer.from('a secret of the server'),
  iterations: 1000,
  offered: { mechanisms: ['SCRAM-SHA-1', 'PLAIN'], bindings: [] },
  binding: () => undefined,
  certified: [],
}

/** The same with `nonce` as the server's part of the nonce, and without the extension of XEP-0474, as the RFCs' examples are. */
export function withNonce(nonce: string): SaslContext {
  const random = new SeededRandom(1)
  random.token = () => nonce
  return { ...context, random, offered: { mechanisms: [], bindings: [] } }
}

export const send = (exchange: SaslExchange, text: string): SaslStep => exchange.step(Buffer.from(text))

/** The text of a challenge or a success; throws for anything else. */
export function textOf(step: SaslStep): string {
  if (step.type === 'challenge' || step.type === 'success') return String(step.data)
  throw new Error(`not a message but ${JSON.stringify(step)}`)
}

export interface Attempt {
  readonly hash: ScramHash
  readonly password: string
  readonly username?: string
  readonly header?: string
  /** Of the channel. */
  readonly channel?: Buffer
  /** What the final message says instead of what it should. */
  readonly alter?: (message: { binding: string; nonce: string; extra: string; proof: Buffer }) => {
    binding: string
    nonce: string
    extra: string
    proof: Buffer
  }
}

/** Runs an exchange to its end; a server that gives `keys` for whatever user is asked for. */
export async function login(
  mechanism: SaslMechanism,
  keys: ScramKeys | undefined,
  attempt: Attempt,
  against: SaslContext = context,
): Promise<{ readonly step: SaslStep; readonly serverFirst: string; readonly signature: string }> {
  const {
    hash,
    password,
    username = 'user',
    header = 'n,,',
    channel = Buffer.alloc(0),
    alter = (message) => message,
  } = attempt
  const exchange = mechanism.start(against)
  const bare = `n=${username},r=clientnonce`
  const asked = send(exchange, header + bare)
  if (asked.type !== 'lookup') return { step: asked, serverFirst: '', signature: '' }
  const serverFirst = textOf(await exchange.resume(keys && { username, keys }))
  const [, nonce = '', salt = '', iterations = ''] = /^r=(.*),s=(.*),i=(\d+)/.exec(serverFirst) ?? []
  const hmac = (key: Buffer, data: string) => createHmac(hash, key).update(data).digest()
  const length = { sha1: 20, sha256: 32, sha512: 64 }[hash]
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), length, hash)
  const clientKey = hmac(salted, 'Client Key')
  const plain = alter({
    binding: Buffer.concat([Buffer.from(header), channel]).toString('base64'),
    nonce,
    extra: '',
    proof: Buffer.alloc(0),
  })
  const withoutProof = `c=${plain.binding},r=${plain.nonce}${plain.extra}`
  const signed = `${bare},${serverFirst},${withoutProof}`
  const mask = hmac(createHash(hash).update(clientKey).digest(), signed)
  const proof = Buffer.from(clientKey.map((byte, at) => byte ^ mask[at]!))
  const final = alter({ binding: '', nonce: '', extra: '', proof }).proof
  return {
    step: send(exchange, `${withoutProof},p=${final.toString('base64')}`),
    serverFirst,
    signature: hmac(hmac(salted, 'Server Key'), signed).toString('base64'),
  }
}
