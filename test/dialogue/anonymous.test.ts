/** RFC 4505, XEP-0175: a host for guests. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { deriveKeys } from '../../src/sasl/scram-keys.js'
import { Stage, settled } from './stage.js'
import { Wire, WireClient } from './wire-client.js'

let stage: Stage
let wire: Wire

beforeEach(async () => {
  stage = await Stage.open({ options: { anonymous: { authentication: 'anonymous', allow_anonymous_s2s: false } } })
  wire = new Wire(stage)
})

afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const auth = (mechanism: string, text = ''): string =>
  `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='${mechanism}'>${text}</auth>`

async function guest(): Promise<{ readonly client: WireClient; readonly jid: string }> {
  const client = new WireClient('guest', wire, 'tcp')
  client.opens()
  client.sends(auth('ANONYMOUS'))
  expect(await client.hears()).toContain('<success')
  client.opens()
  await client.clears()
  client.sends("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
  const jid = /<jid>(.*)<\/jid>/.exec(await client.hears())?.[1] ?? ''
  return { client, jid }
}

const accounts = async (): Promise<string[]> =>
  (await stage.store.accounts('a.example')).filter((jid) => !/^(alice|bob)@/.test(jid))

test('nothing else is offered, and nobody gets in otherwise', async () => {
  await stage.store.commit([
    {
      type: 'account.put',
      account: { jid: 'alice@a.example', ...(await deriveKeys('secret', 4096)), createdAt: 0, disabled: false },
    },
  ])
  const client = new WireClient('alice', wire, 'tcp')
  client.opens()
  expect(await client.hears()).toContain('<mechanism>ANONYMOUS</mechanism></mechanisms>')
  client.sends(auth('PLAIN', Buffer.from('\0alice\0secret').toString('base64')))
  expect(await client.hears()).toContain('<invalid-mechanism/>')
})

test('each guest has a name of his own, and they speak with each other', async () => {
  const [one, other] = [await guest(), await guest()]
  expect(one.jid).toMatch(/^[0-9a-f-]{36}@a\.example\/./)
  expect(one.jid.split('/')[0]).not.toBe(other.jid.split('/')[0])
  one.client.sends(`<message to='${other.jid}' type='chat'><body>hello</body></message>`)
  expect(await other.client.hears()).toContain('hello')
})

test('§5 the account says that it is a guest’s', async () => {
  const { client, jid } = await guest()
  const bare = jid.split('/')[0]
  client.sends(`<iq type='get' id='d' to='${bare}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
  expect(await client.hears()).toContain("<identity category='account' type='anonymous'/>")
})

test('another server is not spoken to', async () => {
  const { client } = await guest()
  client.sends(`<message to='carol@b.example' id='m' type='chat'><body>hello</body></message>`)
  expect(await client.hears()).toContain(`<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>`)
  await stage.peer('b.example').receivesNothing()
})

test('who has gone leaves nothing: closed, lost, or never bound', async () => {
  const [one, other] = [await guest(), await guest()]
  one.client.sends(`<iq type='set' id='p'><query xmlns='jabber:iq:private'><x xmlns='note'>kept</x></query></iq>`)
  await one.client.clears()
  const third = new WireClient('guest', wire, 'tcp')
  third.opens()
  third.sends(auth('ANONYMOUS', '='))
  await third.clears()
  expect(await accounts()).toHaveLength(3)
  one.client.leaves()
  other.client.loses()
  third.loses()
  await settled()
  expect(await accounts()).toEqual([])
  const bare = one.jid.split('/')[0] ?? ''
  expect(await stage.store.dataKeys(bare, 'private')).toEqual([])
  const late = await guest()
  late.client.sends(`<message to='${bare}' id='l' type='chat'><body>too late</body></message>`)
  expect(await late.client.hears()).toContain('<service-unavailable')
})

test('those who were here when the server stopped are forgotten at its start; accounts that are no guests stay', async () => {
  await guest()
  const { store } = stage
  const again = await Stage.open({ accounts: [], store, options: { anonymous: { authentication: 'anonymous' } } })
  expect(await accounts()).toEqual([])
  expect(await store.accounts('a.example')).toEqual(['alice@a.example', 'bob@a.example'])
  await again.server.close()
})
