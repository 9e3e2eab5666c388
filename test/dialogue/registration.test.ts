/** XEP-0077: accounts are made before login where the operator lets strangers, within bounds; who has one changes and ends it. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { verifyPassword } from '../../src/sasl/scram-keys.js'
import { Stage } from './stage.js'
import { Wire, type WireClient } from './wire-client.js'

const registerNs = 'jabber:iq:register'
const feature = `<register xmlns='http://jabber.org/features/iq-register'/>`
let stage: Stage
let wire: Wire
afterEach(() => stage.close())

async function opens(options: Readonly<Record<string, unknown>> = {}, encryptionRequired = false): Promise<void> {
  stage = await Stage.open({
    accounts: ['alice', 'bob'],
    hosts: [
      {
        domain: 'a.example',
        type: 'user',
        modules: modules.filter(({ hosts }) => hosts.includes('user')),
        options: { register: options },
        admins: ['root@a.example'],
      },
    ],
  })
  wire = new Wire(stage)
  if (encryptionRequired) Object.assign(wire.parts.stream, { encryptionRequired })
}

const query = (content: string): string => `<query xmlns='${registerNs}'>${content}</query>`
const account = (name: string, password = 'secret'): string =>
  query(`<username>${name}</username><password>${password}</password>`)

/** The answer, which may take the time of deriving keys. */
async function asks(client: WireClient, type: 'get' | 'set', content: string): Promise<string> {
  client.sends(`<iq type='${type}' id='r' to='a.example'>${content}</iq>`)
  let heard = ''
  const end = Date.now() + 20_000
  while (!/<iq |stream:error/.test(heard) && Date.now() < end) heard += await client.hears()
  return heard
}

describe('a stranger', () => {
  test('§3.1 is offered registration, asks for the fields, and makes an account that logs in', async () => {
    await opens({ allow_registration: true })
    const client = wire.stranger()
    expect(await client.hears()).toContain(feature)
    expect(await asks(client, 'get', query(''))).toBe(
      `<iq type='result' id='r' from='a.example'><query xmlns='${registerNs}'><instructions>Choose a name and a password</instructions><username/><password/></query></iq>`,
    )
    expect(await asks(client, 'set', account('Carol'))).toBe(`<iq type='result' id='r' from='a.example'/>`)
    const carol = await wire.client('carol')
    await carol.binds('phone')
    expect(stage.server.sessions.get('carol@a.example/phone')).toBeDefined()
  })

  test('is offered nothing and refused by default', async () => {
    await opens()
    const client = wire.stranger()
    expect(await client.hears()).not.toContain('iq-register')
    expect(await asks(client, 'get', query(''))).toContain('<not-allowed')
    expect(await asks(client, 'set', account('carol'))).toContain('<not-allowed')
    expect(await stage.store.account('carol@a.example')).toBeUndefined()
  })

  test('§6 without TLS, where that is needed, cannot send a password', async () => {
    await opens({ allow_registration: true }, true)
    const secured = wire.stranger()
    expect(await secured.hears()).not.toContain('iq-register')
    expect(await asks(secured, 'set', account('carol'))).toContain('<not-authorized')
    expect(await stage.store.account('carol@a.example')).toBeUndefined()
  })

  test.each([
    ['a name that is taken', account('bob'), 'conflict'],
    ['the name of an administrator whose account was not made yet', account('root'), 'conflict'],
    ['no name', query('<password>secret</password>'), 'not-acceptable'],
    ['no password', account('carol', ''), 'not-acceptable'],
    ['an address', account('carol@b.example'), 'not-acceptable'],
    ['a resource', account('carol/x'), 'not-acceptable'],
    ['a name that is too long', account('x'.repeat(65)), 'not-acceptable'],
    ['a password that nobody can type', account('carol', 'a&#xFFF9;'), 'not-acceptable'],
    ['removal of nothing', query('<remove/>'), 'registration-required'],
  ])('§3.1 refused: %s', async (_name, content, condition) => {
    await opens({ allow_registration: true })
    const client = wire.stranger()
    await client.clears()
    expect(await asks(client, 'set', content)).toContain(`<${condition}`)
    expect(await stage.store.accounts('a.example')).toEqual(['alice@a.example', 'bob@a.example'])
  })

  test('nothing else is answered before login', async () => {
    await opens({ allow_registration: true })
    const client = wire.stranger()
    expect(await asks(client, 'get', `<query xmlns='jabber:iq:roster'/>`)).toContain('<not-authorized')
    expect(client.closed).toBe(true)
  })

  test('two who want one name at once: one has it', async () => {
    await opens({ allow_registration: true })
    const [one, other] = [wire.stranger(), wire.stranger()]
    await Promise.all([one.clears(), other.clears()])
    const answers = await Promise.all([
      asks(one, 'set', account('carol')),
      asks(other, 'set', account('carol', 'other')),
    ])
    expect(answers.filter((text) => text.includes("type='result'"))).toHaveLength(1)
    expect(answers.filter((text) => text.includes('<conflict'))).toHaveLength(1)
  })

  test('registration_throttle_max: so many of one address, and again after a while', async () => {
    await opens({ allow_registration: true, registration_throttle_max: 2, registration_throttle_period: 600 })
    const make = async (name: string): Promise<string> => {
      const client = wire.stranger()
      await client.clears()
      return asks(client, 'set', account(name))
    }
    expect(await make('one')).toContain("type='result'")
    expect(await make('two')).toContain("type='result'")
    expect(await make('three')).toContain('<resource-constraint')
    stage.clock.advance(300_000)
    expect(await make('three')).toContain("type='result'")
  })
})

describe('who has an account', () => {
  const asked = (content: string, type = 'set', to = ''): string => `<iq type='${type}' id='r'${to}>${content}</iq>`

  test('§3.1 is told so', async () => {
    await opens()
    const alice = stage.client('alice')
    await alice.sends(asked(query(''), 'get', ` to='a.example'`))
    await alice.receives(
      `<iq type='result' id='r' from='a.example' to='${alice.jid}'>${query('<registered/><username>alice</username><password/>')}</iq>`,
    )
  })

  test('§3.3 changes the password: this client stays, the others log in anew', async () => {
    await opens()
    const [phone, desk] = [stage.client('alice'), stage.client('alice', 'desk')]
    await phone.sends(asked(account('alice', 'new secret')))
    expect((await phone.next()).attrs.type).toBe('result')
    const stored = await stage.store.account('alice@a.example')
    expect(await verifyPassword('sha256', stored!.sha256, 'new secret')).toBe(true)
    expect([phone.closed, desk.closed]).toEqual([undefined, 'not-authorized'])
    for (const [content, condition] of [
      [account('bob', 'mine'), 'forbidden'],
      [account('alice', ''), 'not-acceptable'],
    ] as const) {
      await phone.sends(asked(content))
      expect(String(await phone.next())).toContain(`<${condition}`)
    }
    await phone.sends(asked(account('bob', 'mine'), 'set', ` to='bob@a.example'`))
    expect(String(await phone.next())).toContain('<service-unavailable')
  })

  test('§3.2 ends it: contacts see it go, nothing is kept, the stream ends', async () => {
    await opens()
    await stage.befriend('alice', 'bob')
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await bob.isInterested()
    await bob.comesOnline()
    await alice.comesOnline()
    await bob.clears()
    await alice.sends(asked(query('<remove/>')))
    const seen = (await bob.drain()).map(({ name, attrs }) => `${name} ${attrs.type} ${attrs.from ?? ''}`.trim())
    expect(seen).toEqual(
      expect.arrayContaining([
        'presence unavailable alice@a.example/phone',
        'presence unsubscribe alice@a.example',
        'presence unsubscribed alice@a.example',
      ]),
    )
    expect((await alice.drain()).map(({ attrs }) => attrs.type)).toContain('result')
    expect(alice.closed).toBe('not-authorized')
    expect(await stage.store.account('alice@a.example')).toBeUndefined()
  })

  test('the operator may keep both to himself', async () => {
    await opens({ allow_password_change: false, allow_account_deletion: false })
    const alice = stage.client('alice')
    for (const content of [account('alice', 'new'), query('<remove/>')]) {
      await alice.sends(asked(content))
      expect(String(await alice.next())).toContain('<not-allowed')
    }
    expect(await stage.store.account('alice@a.example')).toBeDefined()
  })

  test('strangers of other servers are no accounts', async () => {
    await opens({ allow_registration: true })
    const eve = stage.peer('b.example')
    await eve.sends(`<iq type='set' id='r' from='eve@b.example/x' to='a.example'>${account('carol')}</iq>`)
    expect(String(await eve.next())).toContain('<forbidden')
    expect(await stage.store.account('carol@a.example')).toBeUndefined()
  })
})
