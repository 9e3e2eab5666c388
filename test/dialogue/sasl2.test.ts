/** SASL2 (XEP-0388) with Bind 2 (XEP-0386), stream management (XEP-0198) and tokens (XEP-0484) in its one step. */
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { deriveKeys } from '../../src/sasl/scram-keys.js'
import { FastTokens } from '../../src/server/fast-tokens.js'
import { SeededRandom } from '../../src/util/random.js'
import { Stage } from './stage.js'
import { Wire, WireClient } from './wire-client.js'

const ns = 'urn:xmpp:sasl:2'
const agent = 'd4565fa7-4d72-4749-b3d3-740edbf87770'
const otherAgent = '0c1e2d3f-4d72-4749-b3d3-740edbf87770'
const dayMs = 86_400_000

let stage: Stage
let wire: Wire

beforeEach(async () => {
  stage = await Stage.open()
  wire = new Wire(stage)
  const { clock, store } = stage
  const tokens = new FastTokens({ store, clock, random: new SeededRandom(5), lifetimeMs: 21 * dayMs })
  Object.assign(wire.parts, { tokens })
  await wire.letIn('alice', 'bob')
})

afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64')

const authenticate = (mechanism: string, data: string | Buffer, inside = '', id: string = agent): string =>
  `<authenticate xmlns='${ns}' mechanism='${mechanism}'><initial-response>${base64(data)}</initial-response>` +
  `<user-agent id='${id}'><software>Test</software></user-agent>${inside}</authenticate>`

const plain = (inside = '', id = agent, password = 'secret'): string =>
  authenticate('PLAIN', `\0alice\0${password}`, inside, id)

const bind = (inside = ''): string => `<bind xmlns='urn:xmpp:bind:0'><tag>Test</tag>${inside}</bind>`
const enable = `<enable xmlns='urn:xmpp:sm:3' resume='true'/>`
const requestToken = `<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>`

/** A connection over TLS. */
function connect(): WireClient {
  const client = new WireClient('alice', wire, 'websocket')
  client.opens()
  return client
}

/** The answer to what a new connection asks. */
async function ask(text: string): Promise<{ readonly client: WireClient; readonly answer: string }> {
  const client = connect()
  await client.clears()
  client.sends(text)
  return { client, answer: await client.hearsOf(/<\/?(success|failure)[ >]/) }
}

const tokenIn = (answer: string): string => / token='([^']+)'/.exec(answer)?.[1] ?? ''
const jidIn = (answer: string): string => /<authorization-identifier>([^<]*)/.exec(answer)?.[1] ?? ''

const byToken = (token: string, attributes = '', inside = '', id = agent, mechanism = 'HT-SHA-256-NONE'): string => {
  const proof = createHmac('sha256', token).update('Initiator').digest()
  const message = Buffer.concat([Buffer.from('alice\0'), proof])
  return authenticate(mechanism, message, `<fast xmlns='urn:xmpp:fast:0' ${attributes}/>${inside}`, id)
}

describe('XEP-0388', () => {
  test('what is offered, and what can be done in the same step', async () => {
    expect(await connect().hears()).toContain(
      `<authentication xmlns='${ns}'><mechanism>SCRAM-SHA-512</mechanism><mechanism>SCRAM-SHA-256</mechanism>` +
        `<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism><inline><sm xmlns='urn:xmpp:sm:3'/>` +
        `<bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:sm:3'/><feature var='urn:xmpp:carbons:2'/>`,
    )
  })

  test('without TLS it is neither offered nor done', async () => {
    const client = new WireClient('alice', wire, 'tcp')
    client.opens()
    expect(await client.hears()).not.toContain(ns)
    client.sends(plain())
    expect(await client.hears()).toContain(
      `<failure xmlns='${ns}'><encryption-required xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>`,
    )
  })

  test('§2.6.1 a success names the account; the features follow, and no stream begins anew', async () => {
    const { client, answer } = await ask(plain())
    expect(answer).toMatch(
      /^<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>alice@a\.example<\/authorization-identifier><\/success><stream:features[^>]*><bind /,
    )
    await client.binds('desk')
    client.sends(`<iq type='get' id='p' to='a.example'><ping xmlns='urn:xmpp:ping'/></iq>`)
    expect(await client.hears()).toContain(`type='result'`)
  })

  test('§2.6.2 a failure leaves the stream as it was; the fifth ends it', async () => {
    const client = connect()
    await client.clears()
    for (let attempt = 0; attempt < 4; attempt += 1) {
      client.sends(plain(bind(), agent, 'wrong'))
      expect(await client.hearsOf(/failure/)).toBe(
        `<failure xmlns='${ns}'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>`,
      )
    }
    expect([...stage.server.sessions.all()]).toEqual([])
    client.sends(plain(bind(), agent, 'wrong'))
    expect(await client.hearsOf(/policy-violation/)).toContain('policy-violation')
  })

  test('§2.3 a mechanism that was not offered; bad base64; =, which stands for nothing here', async () => {
    expect((await ask(authenticate('DIGEST-MD5', 'x'))).answer).toContain('<invalid-mechanism ')
    const broken = plain().replace(/(<initial-response>)[^<]*/, '$1AGFs')
    expect((await ask(broken)).answer).toContain('<malformed-request ')
    expect((await ask(plain().replace(/(<initial-response>)[^<]*/, '$1='))).answer).toContain('<incorrect-encoding ')
  })

  test('§2.3 the name in the header must be the one that logs in, and of this domain', async () => {
    const client = new WireClient('alice', wire, 'websocket')
    client.opens(`from='bob@a.example'`)
    await client.clears()
    client.sends(plain(bind()))
    expect(await client.hearsOf(/failure/)).toContain('<invalid-authzid ')
    const foreign = new WireClient('alice', wire, 'websocket')
    foreign.opens(`from='alice@b.example'`)
    expect(await foreign.hears()).toContain('<invalid-from ')
  })
})

describe('XEP-0386', () => {
  test('a resource with the tag, the same for each login of one client, which is there once; another for another client', async () => {
    const first = await ask(plain(bind()))
    expect(jidIn(first.answer)).toMatch(/^alice@a\.example\/Test\/[\w-]{12}$/)
    expect(first.answer).toContain(`<bound xmlns='urn:xmpp:bind:0'/>`)
    expect(first.answer).not.toContain(agent.slice(0, 12))
    const other = await ask(plain(bind(), otherAgent))
    expect(jidIn(other.answer)).not.toBe(jidIn(first.answer))
    const again = await ask(plain(bind()))
    expect(jidIn(again.answer)).toBe(jidIn(first.answer))
    expect(await first.client.hears()).toContain('<conflict ')
    const renamed = await ask(plain(bind().replace('Test', 'Else')))
    expect(await again.client.hears()).toContain('<conflict ')
    expect(other.client.closed).toBe(false)
    expect(renamed.client.closed).toBe(false)
  })

  test('the features after it have no bind, and stanzas go at once', async () => {
    const { client, answer } = await ask(plain(bind()))
    expect(answer).toMatch(/<\/success><stream:features/)
    expect(answer.slice(answer.indexOf('<stream:features'))).not.toContain('bind')
    client.sends(`<iq type='get' id='p' to='a.example'><ping xmlns='urn:xmpp:ping'/></iq>`)
    expect(await client.hears()).toContain(`id='p'`)
  })

  test('carbons are on from the first stanza', async () => {
    const { client } = await ask(plain(bind(`<enable xmlns='urn:xmpp:carbons:2'/>`)))
    const desk = stage.client('alice', 'desk')
    await desk.sends(`<message to='bob@a.example' type='chat'><body>hello</body></message>`)
    expect(await client.hears()).toContain(`<sent xmlns='urn:xmpp:carbons:2'>`)
  })

  test('a resource that cannot be bound: the login fails, and nothing is left of it', async () => {
    const { answer } = await ask(plain(bind(enable).replace('Test', 'x'.repeat(1020))))
    expect(answer).toContain('<temporary-auth-failure ')
    expect([...stage.server.sessions.all()]).toEqual([])
  })
})

describe('XEP-0198 §7', () => {
  test('enabled with the resource, and resumed with the next login', async () => {
    const first = await ask(plain(bind(enable)))
    const id = /<enabled xmlns='urn:xmpp:sm:3' id='([^']+)' resume='true' max='600'\/>/.exec(first.answer)?.[1] ?? ''
    expect(id).not.toBe('')
    first.client.sends('<presence/>')
    await first.client.clears()
    first.client.loses()
    const bob = stage.client('bob')
    await bob.sends(`<message to='${jidIn(first.answer)}' type='chat'><body>while you were away</body></message>`)
    const resume = `<resume xmlns='urn:xmpp:sm:3' previd='${id}' h='1'/>`
    const second = await ask(plain(`${resume}${bind(enable)}`))
    expect(second.answer).toContain(`<resumed xmlns='urn:xmpp:sm:3' previd='${id}' h='1'/>`)
    expect(second.answer).not.toContain('<bound')
    expect(jidIn(second.answer)).toBe(jidIn(first.answer))
    expect(second.answer).toMatch(/<\/success><stream:features.*while you were away/)
    expect([...stage.server.sessions.all()].filter(({ jid }) => jid.local === 'alice')).toHaveLength(1)
  })

  test('what cannot be resumed is bound anew in the same step', async () => {
    const { answer } = await ask(plain(`<resume xmlns='urn:xmpp:sm:3' previd='gone' h='1'/>${bind()}`))
    expect(answer).toMatch(/<bound .*<failed xmlns='urn:xmpp:sm:3'><item-not-found |<failed .*<bound /)
    expect(jidIn(answer)).toContain('/Test/')
  })

  test("another's stream is not resumed", async () => {
    const first = await ask(plain(bind(enable)))
    const id = /<enabled [^>]*id='([^']+)'/.exec(first.answer)?.[1] ?? ''
    const resume = `<resume xmlns='urn:xmpp:sm:3' previd='${id}' h='0'/>`
    const { answer } = await ask(authenticate('PLAIN', '\0bob\0secret', resume, otherAgent))
    expect(answer).toContain('<item-not-found ')
    expect(first.client.closed).toBe(false)
  })
})

describe('XEP-0484', () => {
  const logIn = async (): Promise<string> => tokenIn((await ask(plain(requestToken))).answer)

  test('a token for who asks, and a login by it in one step, proved by both sides', async () => {
    const first = await ask(plain(requestToken))
    expect(first.answer).toMatch(/<token xmlns='urn:xmpp:fast:0' token='[\w-]{43}' expiry='\d{4}-/)
    const token = tokenIn(first.answer)
    const { answer } = await ask(byToken(token, '', bind()))
    const proof = createHmac('sha256', token).update('Responder').digest('base64')
    expect(answer).toContain(`<additional-data>${proof}</additional-data>`)
    expect(jidIn(answer)).toContain('alice@a.example/Test/')
    expect(tokenIn(answer)).toBe('')
  })

  test('without an id of the client there is none; nor for a mechanism that we have not', async () => {
    expect((await ask(plain(requestToken, 'no-uuid'))).answer).not.toContain('<token')
    expect((await ask(plain(requestToken.replace('NONE', 'UNIQ')))).answer).not.toContain('<token')
    // No channel to bind to.
    expect((await ask(plain(requestToken.replace('NONE', 'EXPR')))).answer).not.toContain('<token')
  })

  test.each([
    ['another token', () => byToken('x'.repeat(43)), 'not-authorized'],
    ['another client', (token: string) => byToken(token, '', '', otherAgent), 'not-authorized'],
    ['no client', (token: string) => byToken(token, '', '', 'nobody'), 'malformed-request'],
    ['another mechanism', (token: string) => byToken(token, '', '', agent, 'HT-SHA-256-ENDP'), 'invalid-mechanism'],
    ['without <fast/>', (token: string) => byToken(token).replace(/<fast[^>]*>/, ''), 'invalid-mechanism'],
    ['the token as a password', (token: string) => authenticate('PLAIN', `\0alice\0${token}`), 'not-authorized'],
  ])('%s is refused', async (_, message, condition) => {
    const token = await logIn()
    expect((await ask(message(token))).answer).toContain(`<${condition} `)
    expect((await ask(byToken(token))).answer).toContain('<success')
  })

  test('it ends: credentials-expired; the password still lets in', async () => {
    const token = await logIn()
    stage.clock.advance(21 * dayMs)
    expect((await ask(byToken(token))).answer).toContain('<credentials-expired ')
    expect((await ask(plain())).answer).toContain('<success')
  })

  test('after a day another one follows; the former is good until that is used', async () => {
    const token = await logIn()
    expect(tokenIn((await ask(byToken(token))).answer)).toBe('')
    stage.clock.advance(dayMs)
    const next = tokenIn((await ask(byToken(token))).answer)
    expect(next).toMatch(/^[\w-]{43}$/)
    expect((await ask(byToken(token))).answer).toContain('<success')
    // Which gave another one: of those that were never used the last counts.
    const last = tokenIn((await ask(byToken(token))).answer)
    expect((await ask(byToken(next))).answer).toContain('<not-authorized ')
    expect((await ask(byToken(last))).answer).toContain('<success')
    expect((await ask(byToken(token))).answer).toContain('<not-authorized ')
  })

  test('given up by its client: never again', async () => {
    const token = await logIn()
    stage.clock.advance(dayMs)
    const { answer } = await ask(byToken(token, `invalidate='true'`))
    expect(answer).toContain('<success')
    expect(answer).not.toContain('<token')
    expect((await ask(byToken(token))).answer).toContain('<not-authorized ')
  })

  test('worth nothing once the password was changed, the account disabled or deleted', async () => {
    const token = await logIn()
    const account = await stage.store.account('alice@a.example')
    if (account === undefined) throw new Error('there is no alice')
    await stage.store.commit([{ type: 'account.put', account: { ...account, disabled: true } }])
    expect((await ask(byToken(token))).answer).toContain('<account-disabled ')
    const keys = await deriveKeys('another', 4096)
    await stage.store.commit([{ type: 'account.put', account: { ...account, ...keys } }])
    expect((await ask(byToken(token))).answer).toContain('<not-authorized ')
    await stage.store.commit([{ type: 'account.delete', jid: account.jid }])
    expect(await stage.store.dataKeys(account.jid, 'fast')).toEqual([])
  })

  test('installations with tokens are bounded', async () => {
    for (let count = 10; count < 45; count += 1)
      await ask(plain(requestToken, `d4565fa7-4d72-4749-b3d3-7400000000${count}`))
    expect(await stage.store.dataKeys('alice@a.example', 'fast')).toHaveLength(32)
  })
})
