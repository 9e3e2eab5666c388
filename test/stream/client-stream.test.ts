import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { mechanisms } from '../../src/sasl/mechanisms.js'
import { deriveKeys } from '../../src/sasl/scram-keys.js'
import type { Channel, ClientStreamOptions } from '../../src/stream/client-handler.js'
import { ClientStream } from '../../src/stream/client-stream.js'
import type { Extension } from '../../src/stream/extension.js'
import { clientLimits, defaultTimeouts } from '../../src/stream/limits.js'
import type { StreamEnd } from '../../src/stream/stream.js'
import { ManualClock } from '../../src/util/clock.js'
import { SeededRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { StreamError } from '../../src/xmpp/stream-error.js'
import { clientHeader, noChannel, plainSession, streamError } from './record.js'

const saslNs = 'urn:ietf:params:xml:ns:xmpp-sasl'
const password = 'r0m30myr0m30'
let keys: Awaited<ReturnType<typeof deriveKeys>>

beforeAll(async () => {
  keys = await deriveKeys(password, 4096)
})

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const auth = (mechanism: string, data = ''): string => `<auth xmlns='${saslNs}' mechanism='${mechanism}'>${data}</auth>`
const plain = (user: string, secret: string, authzid = ''): string =>
  auth('PLAIN', base64(`${authzid}\0${user}\0${secret}`))
const saslFailure = (condition: string): string => `<failure xmlns='${saslNs}'><${condition}/></failure>`

interface Setup {
  readonly options?: Partial<ClientStreamOptions>
  readonly channel?: Partial<Channel>
  readonly tls?: boolean
  readonly disabled?: boolean
}

class Client {
  written = ''
  readonly stanzas: string[] = []
  readonly ends: StreamEnd[] = []
  readonly events: string[] = []
  readonly clock = new ManualClock()
  readonly stream: ClientStream
  credentials: () => Promise<unknown> = () => Promise.resolve()
  refuseBind: StanzaError | undefined
  onStanza: () => void = () => {}

  constructor({ options, channel, tls = true, disabled = false }: Setup = {}) {
    this.stream = new ClientStream(
      {
        encryptionRequired: true,
        mechanisms,
        secret: Buffer.from('a secret of the server'),
        iterations: 4096,
        limits: clientLimits,
        timeouts: defaultTimeouts,
        clock: this.clock,
        random: new SeededRandom(1),
        ...options,
      },
      { framing: 'stream', secure: false, plainWithoutTls: false, ...channel },
      {
        output: (text) => {
          this.written += text
        },
        hasHost: (domain) => domain === 'a.example' || domain === 'b.example',
        canStartTls: () => tls,
        startTls: (domain) => this.events.push(`tls ${domain}`),
        login: {
          ...noChannel,
          credentials: async (account, hash) => {
            await this.credentials()
            return account.toString() === 'juliet@a.example' ? { keys: keys[hash], disabled } : undefined
          },
        },
        session: {
          ...plainSession,
          bind: (account, resource) => {
            if (this.refuseBind !== undefined) throw this.refuseBind
            return `${account}/${resource ?? 'minted'}`
          },
          bound: () => this.events.push('bound'),
          resumed: () => this.events.push('resumed'),
          requested: () => this.events.push('requested'),
          acknowledged: (h) => this.events.push(`acknowledged ${h}`),
          stanza: (stanza) => {
            this.stanzas.push(serialize(stanza))
            this.onStanza()
          },
        },
        features: () => [xml('sub', { xmlns: 'urn:xmpp:features:pre-approval' })],
        failed: (error) => this.events.push(`failed ${error}`),
        ended: (end) => this.ends.push(end),
      },
    )
  }

  /** Sends, and returns what was answered at once, without our header. */
  say(text: string): string {
    this.written = ''
    this.stream.receive(text)
    return this.written.replace(/^<\?xml.*?><stream:stream.*?>/, '')
  }

  /** Sends, and waits for an answer that takes longer. */
  async ask(text: string): Promise<string> {
    const answer = this.say(text)
    const end = Date.now() + 20_000
    while (this.written === '' && this.ends.length === 0 && Date.now() < end)
      await new Promise((resolve) => setImmediate(resolve))
    return answer === '' ? this.written : answer
  }

  async logIn(): Promise<void> {
    this.say(clientHeader())
    expect(await this.ask(plain('juliet', password))).toBe(`<success xmlns='${saslNs}'/>`)
    this.say(clientHeader())
  }

  async bind(): Promise<void> {
    await this.logIn()
    this.say(`<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)
  }
}

const secure: Setup = { channel: { secure: true } }

describe('RFC 6120 §4.3.2 features', () => {
  const limits = `<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>262144</max-bytes></limits>`

  test('before TLS where it is required: STARTTLS, and the limits (XEP-0478 §3); compression never', () => {
    const client = new Client()
    expect(client.say(clientHeader())).toBe(
      `<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>${limits}</stream:features>`,
    )
  })

  test('over TLS: mechanisms, the strongest first', () => {
    const client = new Client(secure)
    expect(client.say(clientHeader())).toBe(
      `<stream:features><mechanisms xmlns='${saslNs}'><mechanism>SCRAM-SHA-512</mechanism><mechanism>SCRAM-SHA-256</mechanism>` +
        `<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms>` +
        `<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-512</mechanism><mechanism>SCRAM-SHA-256</mechanism>` +
        `<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism><inline><sm xmlns='urn:xmpp:sm:3'/>` +
        `<bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:sm:3'/></inline></bind></inline></authentication>` +
        `${limits}</stream:features>`,
    )
  })

  test('where TLS is not required: STARTTLS and mechanisms, PLAIN not among them', () => {
    const client = new Client({ options: { encryptionRequired: false } })
    const features = client.say(clientHeader())
    expect(features).toContain(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    expect(features).toContain('SCRAM-SHA-1<')
    expect(features).not.toContain('PLAIN')
  })

  test('PLAIN without TLS only where the operator allows it', () => {
    const client = new Client({ options: { encryptionRequired: false }, channel: { plainWithoutTls: true } })
    expect(client.say(clientHeader())).toContain('PLAIN')
  })

  test('after authentication: bind, the inert session, and what modules add; no STARTTLS, no mechanisms', async () => {
    const client = new Client(secure)
    client.say(clientHeader())
    await client.ask(plain('juliet', password))
    expect(client.say(clientHeader())).toBe(
      `<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>` +
        `<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>` +
        `<sm xmlns='urn:xmpp:sm:3'/><sub xmlns='urn:xmpp:features:pre-approval'/>${limits}</stream:features>`,
    )
  })
})

describe('what is left out is not offered, and unknown where it is asked for', () => {
  test('stream management', async () => {
    const client = new Client({ ...secure, options: { leftOut: new Set(['smacks'] as const) } })
    client.say(clientHeader())
    await client.ask(plain('juliet', password))
    expect(client.say(clientHeader())).not.toContain('urn:xmpp:sm:3')
    client.say(`<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)
    expect(client.say(`<enable xmlns='urn:xmpp:sm:3'/>`)).toContain('<unsupported-stanza-type ')
  })

  test('SASL2, or single steps in it', () => {
    const inline = (...names: readonly Extension[]) => {
      const client = new Client({ ...secure, options: { leftOut: new Set(names) } })
      return /<inline>.*?<\/inline><\/authentication>/.exec(client.say(clientHeader()))?.[0]
    }
    expect(inline()).toMatch(/<sm .*<bind .*var='urn:xmpp:sm:3'/)
    expect(inline('sasl2_bind2')).not.toContain('<bind ')
    expect(inline('smacks')).toMatch(/<bind /)
    expect(inline('smacks')).not.toContain('urn:xmpp:sm:3')
    expect(inline('sasl2')).toBeUndefined()
  })
})

describe('RFC 6120 §4.7 hosts', () => {
  test.each([
    ['an unknown host', `to='c.example' version='1.0'`, 'host-unknown'],
    ['no host', `version='1.0'`, 'improper-addressing'],
    ['what is no domain', `to='a..example' version='1.0'`, 'host-unknown'],
  ])('%s', (_, attributes, condition) => {
    const client = new Client()
    expect(client.say(clientHeader(attributes))).toContain(`<stream:error><${condition} `)
    expect(client.ends).toMatchObject([{ error: { condition } }])
  })

  test('the host is prepared before it is compared', () => {
    const client = new Client()
    expect(client.say(clientHeader(`to='A.Example' version='1.0'`))).toContain('<stream:features>')
    client.say(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    client.stream.secured()
    expect(client.say(clientHeader())).toContain('<stream:features>')
  })

  test('a changed "to" after TLS, and after SASL, is not-authorized', async () => {
    const client = new Client()
    client.say(clientHeader())
    client.say(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    client.stream.secured()
    expect(client.say(clientHeader(`to='b.example' version='1.0'`))).toContain(streamError('not-authorized'))

    const later = new Client(secure)
    later.say(clientHeader())
    await later.ask(plain('juliet', password))
    expect(later.say(clientHeader(`to='b.example' version='1.0'`))).toContain(streamError('not-authorized'))
  })
})

describe('RFC 6120 §5 STARTTLS', () => {
  const request = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`
  const failure = `<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>`

  test('§5.4.2.3: proceed, and the host whose certificate is wanted', () => {
    const client = new Client()
    client.say(clientHeader())
    expect(client.say(request)).toBe(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    expect(client.events).toEqual(['tls a.example'])
  })

  test('bytes behind it are never read as XML', () => {
    const client = new Client()
    client.say(clientHeader())
    client.say(`${request}${clientHeader()}${plain('juliet', password)}`)
    expect(client.ends).toMatchObject([{ is: 'error', by: 'us', error: { condition: 'policy-violation' } }])
    expect(client.written).toBe(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)

    const later = new Client()
    later.say(clientHeader())
    later.say(request)
    expect(later.say(plain('juliet', password))).toBe('')
    expect(later.ends).toHaveLength(1)
  })

  test('§5.4.2.2: not twice, not without a certificate, not after authentication', async () => {
    const twice = new Client(secure)
    twice.say(clientHeader())
    expect(twice.say(request)).toBe(failure)
    const without = new Client({ tls: false })
    expect(without.say(clientHeader())).not.toContain('starttls')
    expect(without.say(request)).toBe(failure)
    const late = new Client({ options: { encryptionRequired: false }, channel: { plainWithoutTls: true } })
    await late.logIn()
    expect(late.say(request)).toBe(failure)
  })

  test('60 s in the handshake: the connection ends without a word', () => {
    const client = new Client()
    client.say(clientHeader())
    client.say(request)
    client.written = ''
    client.clock.advance(60_000)
    expect(client.written).toBe('')
    expect(client.ends).toMatchObject([{ error: { condition: 'connection-timeout' } }])
  })
})

describe('RFC 6120 §6 SASL', () => {
  test('SASL before required TLS: encryption-required', () => {
    const client = new Client()
    client.say(clientHeader())
    expect(client.say(auth('SCRAM-SHA-256', base64('n,,n=juliet,r=abc')))).toBe(saslFailure('encryption-required'))
    expect(client.say(auth('PLAIN'))).toBe(saslFailure('encryption-required'))
  })

  test('PLAIN without TLS where TLS is optional: encryption-required', () => {
    const client = new Client({ options: { encryptionRequired: false } })
    client.say(clientHeader())
    expect(client.say(plain('juliet', password))).toBe(saslFailure('encryption-required'))
  })

  test.each([
    ['§6.5.5 bad base64', auth('PLAIN', 'AGp1bGlldAByMG0zMG15cjBtMzA'), 'incorrect-encoding'],
    ['§6.5.5 white space in base64', auth('PLAIN', ` ${base64('\0a\0b')}`), 'incorrect-encoding'],
    ['§6.5.7 a mechanism not offered', auth('DIGEST-MD5'), 'invalid-mechanism'],
    ['§6.5.7 no mechanism', `<auth xmlns='${saslNs}'/>`, 'invalid-mechanism'],
    ['§6.5.6 another authzid', plain('juliet', password, 'romeo@a.example'), 'invalid-authzid'],
    ['§6.5.8 malformed PLAIN', auth('PLAIN', base64('juliet')), 'malformed-request'],
    ['§6.5.8 empty, as =', auth('PLAIN', '='), 'malformed-request'],
    ['§6.5.8 a response to nothing', `<response xmlns='${saslNs}'/>`, 'malformed-request'],
    ['§6.4.4 abort', `<abort xmlns='${saslNs}'/>`, 'aborted'],
    ['§6.5.10 a wrong password', plain('juliet', 'wrong'), 'not-authorized'],
    ['§6.5.10 an unknown user', plain('romeo', password), 'not-authorized'],
  ])('%s', async (_, text, condition) => {
    const client = new Client(secure)
    client.say(clientHeader())
    expect(await client.ask(text)).toBe(saslFailure(condition))
    expect(client.ends).toEqual([])
  })

  test('without an initial response there is an empty challenge', async () => {
    const client = new Client(secure)
    client.say(clientHeader())
    expect(client.say(auth('PLAIN'))).toBe(`<challenge xmlns='${saslNs}'>=</challenge>`)
    const response = `<response xmlns='${saslNs}'>${base64(`\0juliet\0${password}`)}</response>`
    expect(await client.ask(response)).toBe(`<success xmlns='${saslNs}'/>`)
  })

  test('SCRAM: a challenge with salt and iterations, for known and unknown users alike', async () => {
    const challenge = async (user: string): Promise<string> => {
      const client = new Client(secure)
      client.say(clientHeader())
      const text = await client.ask(auth('SCRAM-SHA-256', base64(`n,,n=${user},r=abc`)))
      return Buffer.from(/<challenge xmlns='[^']*'>(.*)<\/challenge>/.exec(text)?.[1] ?? '', 'base64').toString()
    }
    const [known, unknown, again] = [await challenge('juliet'), await challenge('nobody'), await challenge('nobody')]
    expect(known).toMatch(/^r=abc[^,]+,s=[A-Za-z0-9+/]+=*,i=4096,h=[^,]+$/)
    expect(unknown).toMatch(/^r=abc[^,]+,s=[A-Za-z0-9+/]+=*,i=4096,h=[^,]+$/)
    expect(/s=[^,]*/.exec(again)).toEqual(/s=[^,]*/.exec(unknown))
  })

  /** The client's side of RFC 5802, written from the RFC. */
  function finalMessage(
    hash: 'sha1' | 'sha256',
    challenge: string,
    nonce?: string,
  ): { text: string; signature: string } {
    const [, serverNonce = '', salt = '', iterations = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(challenge) ?? []
    const mac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest()
    const length = hash === 'sha1' ? 20 : 32
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), length, hash)
    const clientKey = mac(salted, 'Client Key')
    const withoutProof = `c=biws,r=${nonce ?? serverNonce}`
    const signed = `n=juliet,r=abc,${challenge},${withoutProof}`
    const signature = mac(createHash(hash).update(clientKey).digest(), signed)
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!)).toString('base64')
    return {
      text: `<response xmlns='${saslNs}'>${base64(`${withoutProof},p=${proof}`)}</response>`,
      signature: `v=${mac(mac(salted, 'Server Key'), signed).toString('base64')}`,
    }
  }

  test.each(['sha1', 'sha256'] as const)('RFC 5802, RFC 7677: SCRAM to its end with %s', async (hash) => {
    const client = new Client(secure)
    client.say(clientHeader())
    const mechanism = hash === 'sha1' ? 'SCRAM-SHA-1' : 'SCRAM-SHA-256'
    const answer = await client.ask(auth(mechanism, base64('n,,n=juliet,r=abc')))
    const challenge = Buffer.from(/>(.*)</.exec(answer)?.[1] ?? '', 'base64').toString()
    const { text, signature } = finalMessage(hash, challenge)
    expect(client.say(text)).toBe(`<success xmlns='${saslNs}'>${base64(signature)}</success>`)
    expect(client.stream.account?.toString()).toBe('juliet@a.example')
  })

  test('SCRAM with a changed nonce is not-authorized', async () => {
    const client = new Client(secure)
    client.say(clientHeader())
    const answer = await client.ask(auth('SCRAM-SHA-256', base64('n,,n=juliet,r=abc')))
    const challenge = Buffer.from(/>(.*)</.exec(answer)?.[1] ?? '', 'base64').toString()
    expect(client.say(finalMessage('sha256', challenge, 'abcdef').text)).toContain('<not-authorized/>')
    expect(client.stream.facts.has('authenticated')).toBe(false)
  })

  test('RFC 6120 §6.4.2 a further <auth/> takes the place of the exchange that is under way', async () => {
    const client = new Client(secure)
    client.say(clientHeader())
    const first = await client.ask(auth('SCRAM-SHA-256', base64('n,,n=juliet,r=abc')))
    const challenge = Buffer.from(/>(.*)</.exec(first)?.[1] ?? '', 'base64').toString()
    expect(await client.ask(auth('SCRAM-SHA-1', base64('n,,n=juliet,r=def')))).toContain('<challenge')
    expect(client.say(finalMessage('sha256', challenge).text)).toContain('<failure')
    expect(await client.ask(plain('juliet', password))).toBe(`<success xmlns='${saslNs}'/>`)
  })

  test('RFC 6120 §6.4.6 who is named in the header over TLS is who logs in, without TLS it is nobody’s claim', async () => {
    const named = `from='Romeo@a.example' to='a.example' version='1.0'`
    const client = new Client(secure)
    client.say(clientHeader(named))
    expect(await client.ask(plain('juliet', password))).toContain('<invalid-authzid/>')
    expect(client.stream.facts.has('authenticated')).toBe(false)
    const open = new Client({ options: { encryptionRequired: false }, channel: { plainWithoutTls: true } })
    open.say(clientHeader(named))
    expect(await open.ask(plain('juliet', password))).toBe(`<success xmlns='${saslNs}'/>`)
  })

  test('§6.4.5: the fifth failure ends the stream with policy-violation', () => {
    const client = new Client(secure)
    client.say(clientHeader())
    for (let n = 0; n < 4; n++) expect(client.say(auth('X'))).toBe(saslFailure('invalid-mechanism'))
    expect(client.say(auth('X'))).toBe(
      saslFailure('invalid-mechanism') + streamError('policy-violation', 'too many failed attempts to authenticate'),
    )
  })

  test('§6.4.5: each mechanism that was offered may fail once, with one wrong password; what is tried again counts', async () => {
    const client = new Client(secure)
    client.say(clientHeader())
    const wrong = plain('juliet', 'wrong')
    expect(await client.ask(wrong)).toBe(saslFailure('not-authorized'))
    for (const name of ['SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])
      expect(client.say(auth(name, base64('x')))).toBe(saslFailure('malformed-request'))
    for (let n = 0; n < 3; n++) expect(await client.ask(wrong)).toBe(saslFailure('not-authorized'))
    expect(client.say(auth('SCRAM-SHA-1', base64('x')))).toContain('<policy-violation ')
  })

  test('a disabled account: told only to who knows the password', async () => {
    const client = new Client({ ...secure, disabled: true })
    client.say(clientHeader())
    expect(await client.ask(plain('juliet', 'wrong'))).toBe(saslFailure('not-authorized'))
    expect(await client.ask(plain('juliet', password))).toBe(saslFailure('account-disabled'))
  })

  test('a store that fails: temporary-auth-failure, and we hear of it', async () => {
    const client = new Client(secure)
    client.credentials = () => Promise.reject(new Error('disk on fire'))
    client.say(clientHeader())
    expect(await client.ask(plain('juliet', password))).toBe(saslFailure('temporary-auth-failure'))
    expect(client.events).toEqual(['failed Error: disk on fire'])
  })

  test('a client that goes away during the lookup', async () => {
    const client = new Client(secure)
    let found = (): void => {}
    client.credentials = () => new Promise<void>((resolve) => (found = resolve))
    client.say(clientHeader())
    client.say(auth('SCRAM-SHA-1', base64('n,,n=juliet,r=abc')))
    client.stream.transportClosed()
    found()
    for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve))
    expect(client.written).toBe('')
    expect(client.ends).toEqual([{ is: 'lost', error: undefined }])
  })

  test('a header sent before the success was read is that of the new stream', async () => {
    const client = new Client(secure)
    client.say(clientHeader())
    client.written = ''
    client.stream.receive(plain('juliet', password) + clientHeader())
    client.stream.receive(`<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)
    const end = Date.now() + 20_000
    while (!client.events.includes('bound') && Date.now() < end) await new Promise((resolve) => setImmediate(resolve))
    expect(client.written).toMatch(/^<success [^>]*\/><\?xml.*<stream:features>.*<jid>juliet@a.example\/minted<\/jid>/)
  })

  test('again after success is refused', async () => {
    const client = new Client(secure)
    await client.logIn()
    expect(client.say(plain('juliet', password))).toContain('<policy-violation ')
  })
})

describe('RFC 6120 §7 binding', () => {
  const bindNs = 'urn:ietf:params:xml:ns:xmpp-bind'
  const request = (inner = '', id = `id='1'`): string =>
    `<iq type='set' ${id}><bind xmlns='${bindNs}'>${inner}</bind></iq>`

  test('§7.6, §7.7: a resource of the server or of the client', async () => {
    const client = new Client(secure)
    await client.logIn()
    expect(client.say(request())).toBe(
      `<iq type='result' id='1'><bind xmlns='${bindNs}'><jid>juliet@a.example/minted</jid></bind></iq>`,
    )
    const chosen = new Client(secure)
    await chosen.logIn()
    expect(chosen.say(request('<resource>balcony</resource>'))).toContain('<jid>juliet@a.example/balcony</jid>')
    expect(chosen.events).toEqual(['bound'])
  })

  test('§7.6.2.1, §7.7.2.2: a refusal is an error, and the client may try again', async () => {
    const client = new Client(secure)
    await client.logIn()
    client.refuseBind = new StanzaError('resource-constraint')
    expect(client.say(request())).toContain(`<error type='wait'><resource-constraint `)
    client.refuseBind = undefined
    expect(client.say(request())).toContain('<jid>')
  })

  test('RFC 6120 §7.7.3 the tenth refusal ends the stream with policy-violation', async () => {
    const client = new Client(secure)
    await client.logIn()
    client.refuseBind = new StanzaError('conflict')
    for (let n = 0; n < 9; n++) expect(client.say(request())).toMatch(/<\/iq>$/)
    expect(client.say(request())).toMatch(/<\/iq><stream:error><policy-violation .*<\/stream:stream>$/)
    expect(client.ends).toMatchObject([{ by: 'us', error: { condition: 'policy-violation' } }])
  })

  test('§7.6.2.2: only once; without an id never', async () => {
    const client = new Client(secure)
    await client.logIn()
    expect(client.say(request('', ''))).toContain('<bad-request ')
    client.say(request())
    expect(client.say(request())).toContain('<not-allowed ')
    expect(client.events).toEqual(['bound'])
  })

  test('a defect of ours in binding', async () => {
    const client = new Client(secure)
    await client.logIn()
    client.refuseBind = new TypeError('ours') as StanzaError
    expect(client.say(request())).toContain('<internal-server-error ')
    expect(client.events).toEqual(['failed TypeError: ours'])
  })

  test('COMPAT RFC 3921 §3: the session is granted and means nothing', async () => {
    const client = new Client(secure)
    await client.bind()
    expect(client.say(`<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>`)).toBe(
      `<iq type='result' id='s'/>`,
    )
  })
})

describe('stanzas', () => {
  test.each(['<message/>', '<presence/>', `<iq type='get' id='1'><query xmlns='jabber:iq:auth'/></iq>`])(
    'before authentication, before binding: not-authorized: %s',
    async (stanza) => {
      const client = new Client(secure)
      client.say(clientHeader())
      expect(client.say(stanza)).toBe(streamError('not-authorized'))
      const later = new Client(secure)
      await later.logIn()
      expect(later.say(stanza)).toBe(streamError('not-authorized'))
      expect(later.stanzas).toEqual([])
    },
  )

  test('binding before authentication is not-authorized', () => {
    const client = new Client(secure)
    client.say(clientHeader())
    expect(client.say(`<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`)).toBe(
      streamError('not-authorized'),
    )
  })

  test.each([
    ['an unknown element', '<foo/>'],
    ['compression', `<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>`],
  ])('%s is unsupported-stanza-type', async (_, element) => {
    const client = new Client(secure)
    client.say(clientHeader())
    expect(client.say(element)).toBe(streamError('unsupported-stanza-type'))
    const bound = new Client(secure)
    await bound.bind()
    expect(bound.say(element)).toBe(streamError('unsupported-stanza-type'))
  })

  test('after binding they are handed on in order; an error of theirs ends the stream', async () => {
    const client = new Client(secure)
    await client.bind()
    client.say(`<message to='b'/> <presence/><iq type='set' id='x'><query xmlns='jabber:iq:roster'/></iq>`)
    expect(client.stanzas).toEqual([
      `<message to='b'/>`,
      '<presence/>',
      `<iq type='set' id='x'><query xmlns='jabber:iq:roster'/></iq>`,
    ])
    client.onStanza = () => {
      throw new StreamError('invalid-from')
    }
    expect(client.say(`<message from='romeo@a.example'/><message/>`)).toBe(streamError('invalid-from'))
    expect(client.stanzas).toHaveLength(4)
  })
})

describe('RFC 7395', () => {
  test('a whole login in frames; no STARTTLS there', async () => {
    const client = new Client({ channel: { framing: 'framed', secure: true } })
    const open = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0'/>`
    const features = client.say(open)
    expect(features).toContain(`<stream:features xmlns:stream='http://etherx.jabber.org/streams'><mechanisms `)
    expect(features).not.toContain('starttls')
    expect(await client.ask(plain('juliet', password))).toBe(`<success xmlns='${saslNs}'/>`)
    expect(client.say(open)).toContain('<bind ')
    expect(
      client.say(`<iq xmlns='jabber:client' type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`),
    ).toBe(
      `<iq xmlns='jabber:client' type='result' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@a.example/minted</jid></bind></iq>`,
    )
    client.say(`<presence xmlns='jabber:client'/>`)
    expect(client.stanzas).toEqual(['<presence/>'])
  })
})
