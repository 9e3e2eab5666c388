/** XEP-0401 and XEP-0445: who is invited makes one account, by client or on the page; nobody else does. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { type InviteService, inviteService } from '../../src/modules/register/invites.js'
import { HttpServer } from '../../src/net/http.js'
import { silentLogger } from '../../src/util/logger.js'
import { type Client, type Peer, Stage, settled } from './stage.js'
import { Wire, type WireClient } from './wire-client.js'

const commandsNs = 'http://jabber.org/protocol/commands'
let stage: Stage
let wire: Wire
let http: HttpServer
let admin: Client

async function opens(options: Readonly<Record<string, unknown>> = {}, store?: Stage['store']): Promise<void> {
  stage = await Stage.open({
    accounts: ['admin', 'bob'],
    ...(store && { store }),
    hosts: [
      {
        domain: 'a.example',
        type: 'user',
        modules: modules.filter(({ hosts }) => hosts.includes('user')),
        options: { register: options },
        admins: ['admin@a.example'],
      },
    ],
    httpBase: () => `http://127.0.0.1:${http.port}/`,
  })
  http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  stage.server.serveHttp(http)
  wire = new Wire(stage)
  admin = stage.client('admin')
}
beforeEach(() => opens())
afterEach(async () => {
  await http.close(100)
  await stage.close()
})

async function anew(options: Readonly<Record<string, unknown>>): Promise<void> {
  await http.close(100)
  await stage.close()
  await opens(options)
}

/** The fields of the result. */
async function invites(client: Client, node: string, fields?: Readonly<Record<string, string>>) {
  const form = Object.entries(fields ?? {}).map(([name, one]) => `<field var='${name}'><value>${one}</value></field>`)
  const submitted = fields === undefined ? '' : `<x xmlns='jabber:x:data' type='submit'>${form.join('')}</x>`
  await client.sends(
    `<iq type='set' id='c' to='a.example'><command xmlns='${commandsNs}' node='urn:xmpp:invite#${node}'>${submitted}</command></iq>`,
  )
  const answer = await client.next()
  const told = answer.getChild('command')?.getChild('x')?.getChildren('field') ?? []
  const found = Object.fromEntries(told.map((field) => [field.attrs.var, field.getChildText('value')]))
  return { answer, uri: found.uri ?? '', page: found['landing-url'] ?? '', expire: found.expire }
}

async function asks(client: WireClient, content: string): Promise<string> {
  client.sends(`<iq type='set' id='r' to='a.example'>${content}</iq>`)
  let heard = ''
  const end = Date.now() + 20_000
  while (!/<iq /.test(heard) && Date.now() < end) heard += await client.hears()
  return heard
}
const preauth = (token: string): string => `<preauth xmlns='urn:xmpp:pars:0' token='${token}'/>`
const account = (name: string): string =>
  `<query xmlns='jabber:iq:register'><username>${name}</username><password>secret</password></query>`
const tokenOf = (uri: string): string => /preauth=([\w-]+)/.exec(uri)?.[1] ?? ''

describe('XEP-0401', () => {
  test('§6.1 an account’s own invitation: who comes by it is its contact', async () => {
    await anew({ allow_user_invites: true })
    const bob = stage.client('bob')
    await bob.isInterested()
    const { uri, page, expire } = await invites(bob, 'invite')
    expect(uri).toMatch(/^xmpp:bob@a\.example\?roster;preauth=[\w-]{32};ibr=y$/)
    expect(page).toBe(`http://127.0.0.1:${http.port}/invite/a.example/#${tokenOf(uri)}`)
    expect(expire).toBe('2026-01-08T00:00:00.000Z')
    const guest = wire.stranger()
    const greeting = await guest.hears()
    expect(greeting).toContain(`<register xmlns='urn:xmpp:ibr-token:0'/>`)
    expect(await asks(guest, preauth(tokenOf(uri)))).toBe(`<iq type='result' id='r' from='a.example'/>`)
    expect(await asks(guest, account('carol'))).toBe(`<iq type='result' id='r' from='a.example'/>`)
    const of = async (owner: string) =>
      (await stage.store.roster(owner)).map(({ jid, subscription }) => `${jid} ${subscription}`)
    expect(await of('carol@a.example')).toEqual(['bob@a.example both'])
    expect(await of('bob@a.example')).toEqual(['carol@a.example both'])
    expect(String((await bob.drain())[0])).toContain('jid="carol@a.example" subscription="both"')
  })

  test('§5 by default administrators alone invite', async () => {
    const bob = stage.client('bob')
    for (const node of ['invite', 'create-account'])
      expect(String((await invites(bob, node)).answer)).toContain('<forbidden')
  })

  test('§7 an account of this name and no other; the name is kept', async () => {
    const { uri } = await invites(admin, 'create-account', { username: 'Carol', 'roster-subscription': '0' })
    expect(uri).toMatch(/^xmpp:carol@a\.example\?register;preauth=[\w-]{32}$/)
    const again = await invites(admin, 'create-account', { username: 'carol' })
    expect(String(again.answer)).toContain('<conflict')
    expect(String((await invites(admin, 'create-account', { username: 'bob' })).answer)).toContain('<conflict')
    const open = await invites(admin, 'create-account', {})
    const other = wire.stranger()
    await other.clears()
    await asks(other, preauth(tokenOf(open.uri)))
    expect(await asks(other, account('carol'))).toContain('<conflict')
    const guest = wire.stranger()
    await guest.clears()
    await asks(guest, preauth(tokenOf(uri)))
    expect(await asks(guest, account('dora'))).toContain('<not-acceptable')
    expect(await asks(guest, account('carol'))).toContain("type='result'")
    expect(await stage.store.roster('carol@a.example')).toEqual([])
  })

  test('of one who invites, a bounded number is outstanding', async () => {
    for (let made = 0; made < 20; made++) expect((await invites(admin, 'invite')).uri).not.toBe('')
    expect(String((await invites(admin, 'invite')).answer)).toContain('<resource-constraint')
  })
})

describe('XEP-0379: a guest who has an account already', () => {
  const asksFor = (token: string, to = 'bob@a.example', from = 'dan@b.example'): string =>
    `<presence type='subscribe' from='${from}' to='${to}'>${preauth(token)}</presence>`
  let bob: Client
  let peer: Peer
  let token: string

  beforeEach(async () => {
    await anew({ allow_user_invites: true })
    bob = stage.client('bob')
    peer = stage.peer('b.example')
    token = tokenOf((await invites(bob, 'invite')).uri)
    await bob.comesOnline()
    await bob.isInterested()
  })

  test('is let in by the token, without a word of the user, and asked in turn', async () => {
    await peer.sends(asksFor(token))
    await peer.receives(`<presence type='subscribed' from='bob@a.example' to='dan@b.example'/>`)
    await peer.receives(`<presence from='bob@a.example/phone' to='dan@b.example'/>`)
    await peer.receives(`<presence type='subscribe' from='bob@a.example' to='dan@b.example'/>`)
    await peer.sends(`<presence type='subscribed' from='dan@b.example' to='bob@a.example'/>`)
    const pushed = (await bob.drain()).filter(({ name }) => name === 'iq').map(String)
    expect(pushed[0]).toContain('jid="dan@b.example" subscription="from" ask="subscribe"')
    expect(pushed.at(-1)).toContain('jid="dan@b.example" subscription="both"')
    expect(await stage.store.dataKeys('a.example', 'invite')).toEqual([])
  })

  test.each([
    ['a token that is used up', async () => void (await peer.sends(asksFor(token)))],
    ['one that is too old', async () => stage.clock.advance(7 * 86_400_000 + 1)],
    [
      'one that nobody gave',
      async () => {
        token = 'guess'
      },
    ],
  ])('%s is a request like any other', async (_name, before) => {
    await before()
    await peer.clears()
    await bob.clears()
    await peer.sends(asksFor(token, 'bob@a.example', 'eve@b.example'))
    await peer.receivesNothing()
    expect((await bob.drain()).map(({ attrs }) => `${attrs.type} ${attrs.from}`)).toEqual(['subscribe eve@b.example'])
  })

  test('here as well as elsewhere', async () => {
    await admin.comesOnline()
    await admin.isInterested()
    await admin.sends(asksFor(token).replace(` from='dan@b.example'`, ''))
    await settled()
    const told = (await admin.drain()).filter(({ name }) => name === 'presence')
    expect(told.map(({ attrs }) => attrs.type)).toEqual(['subscribed', undefined, 'subscribe'])
    await admin.sends(`<presence type='subscribed' to='bob@a.example'/>`)
    await settled()
    expect((await stage.store.roster('bob@a.example')).map(({ subscription }) => subscription)).toEqual(['both'])
  })

  test('nor does it open the door of somebody else', async () => {
    await peer.sends(asksFor(token, 'admin@a.example'))
    await peer.receivesNothing()
    expect(await stage.store.dataKeys('a.example', 'invite')).toHaveLength(1)
  })

  test('what cannot be written uses nothing up', async () => {
    stage.store.failing = 'commits'
    await peer.sends(asksFor(token))
    await settled()
    stage.store.failing = false
    await peer.clears()
    await peer.sends(asksFor(token))
    expect((await peer.drain()).map(({ attrs }) => attrs.type)).toEqual(['subscribed', undefined, 'subscribe'])
  })
})

describe('XEP-0445', () => {
  test('§4 a token that is none, used, or too old', async () => {
    const { uri } = await invites(admin, 'create-account', {})
    const guest = wire.stranger()
    await guest.clears()
    expect(await asks(guest, preauth('guess'))).toContain('<item-not-found')
    expect(await asks(guest, account('carol'))).toContain('<not-allowed')
    await asks(guest, preauth(tokenOf(uri)))
    expect(await asks(guest, account('carol'))).toContain("type='result'")
    expect(await asks(guest, account('dora'))).toContain('<not-allowed')
    expect(await asks(guest, preauth(tokenOf(uri)))).toContain('<item-not-found')
    const late = await invites(admin, 'create-account', {})
    stage.clock.advance(7 * 86_400_000 + 1)
    const another = wire.stranger()
    await another.clears()
    expect(await asks(another, preauth(tokenOf(late.uri)))).toContain('<item-not-found')
  })

  test('two with one invitation at once: one account', async () => {
    const { uri } = await invites(admin, 'create-account', {})
    const guests = [wire.stranger(), wire.stranger()]
    for (const guest of guests) {
      await guest.clears()
      await asks(guest, preauth(tokenOf(uri)))
    }
    const answers = await Promise.all(guests.map((guest, index) => asks(guest, account(`guest${index}`))))
    expect(answers.filter((text) => text.includes("type='result'"))).toHaveLength(1)
    expect(answers.filter((text) => text.includes('<not-allowed'))).toHaveLength(1)
    expect((await stage.store.accounts('a.example')).filter((jid) => jid.startsWith('guest'))).toHaveLength(1)
  })

  test('a refused name does not use it up; it lasts over a restart, of which the store knows a hash alone', async () => {
    const { uri } = await invites(admin, 'create-account', {})
    const guest = wire.stranger()
    await guest.clears()
    await asks(guest, preauth(tokenOf(uri)))
    expect(await asks(guest, account('bob'))).toContain('<conflict')
    expect(await stage.store.dataKeys('a.example', 'invite')).not.toContain(tokenOf(uri))
    const { store } = stage
    await http.close(100)
    await stage.server.close()
    await opens({}, store)
    const later = wire.stranger()
    await later.clears()
    await asks(later, preauth(tokenOf(uri)))
    expect(await asks(later, account('carol'))).toContain("type='result'")
  })
})

describe('the page', () => {
  const post = (what: string, fields: object, headers = { 'Content-Type': 'application/json' }): Promise<Response> =>
    fetch(`http://127.0.0.1:${http.port}/invite/a.example/${what}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(fields),
    })

  test('says what the invitation is for, and makes the account', async () => {
    const { page, uri } = await invites(admin, 'invite')
    const [address = '', token = ''] = page.split('#')
    const front = await fetch(address)
    expect(front.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    expect(await front.text()).toContain('src="invite.js"')
    expect((await fetch(`${address}invite.js`)).headers.get('content-type')).toContain('javascript')
    expect(await (await post('look', { token })).json()).toEqual({
      domain: 'a.example',
      contact: 'admin@a.example',
      uri,
    })
    const refused = await post('register', { token, name: 'bob', password: 'secret' })
    expect([refused.status, await refused.json()]).toEqual([409, { error: 'There is an account with this name.' }])
    expect(await (await post('register', { token, name: 'Carol', password: 'secret' })).json()).toEqual({
      jid: 'carol@a.example',
    })
    expect((await post('look', { token })).status).toBe(410)
    await wire.client('carol')
  })

  test('refuses guesses, forms of other pages, long bodies and other paths', async () => {
    expect((await post('register', { token: 'guess', name: 'carol', password: 'x' })).status).toBe(410)
    expect((await post('look', {}, { 'Content-Type': 'text/plain' })).status).toBe(415)
    expect((await post('look', { token: 'x'.repeat(5000) })).status).toBe(410)
    expect((await post('look', ['x'])).status).toBe(410)
    for (const path of ['../../dmucd.toml', '%2e%2e/page.js', 'constructor', 'invite.html'])
      expect((await fetch(`http://127.0.0.1:${http.port}/invite/a.example/${path}`)).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${http.port}/invite/a.example/look`)).status).toBe(405)
  })
})

test('the operator’s own (dmucctl invite)', async () => {
  const service = stage.server.service<InviteService>('a.example', inviteService)
  const made = await service?.make({ by: '', name: 'carol' })
  expect(made?.uri).toContain('xmpp:carol@a.example?register;preauth=')
  expect(made?.page).toContain(made?.token)
})
