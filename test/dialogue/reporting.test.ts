/** XEP-0377: why somebody is blocked is told to the administrators. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { type Client, Stage } from './stage.js'

let stage: Stage
let admin: Client
let bob: Client

beforeEach(async () => {
  const users = modules.filter(({ hosts }) => hosts.includes('user'))
  stage = await Stage.open({
    hosts: [{ domain: 'a.example', type: 'user', name: 'A', modules: users, admins: ['alice@a.example'] }],
  })
  admin = stage.client('alice', 'desk')
  bob = stage.client('bob', 'phone')
  await admin.comesOnline()
  await bob.sends(`<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>`)
  await bob.clears()
})

afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const blocks = (report: string): Promise<void> =>
  bob.sends(`
    <iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='eve@b.example'>${report}</item></block></iq>`)

const spam = (content = ''): string =>
  `<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'>${content}</report>`

test('§5 the address is blocked, the administrators are told why, other clients of the user only that', async () => {
  await blocks(spam(`<text>Never came trouble</text><stanza-id xmlns='urn:xmpp:sid:0' by='bob@a.example' id='28482'/>`))
  await bob.receivesAll(
    `<iq type='result' id='b' from='bob@a.example' to='bob@a.example/phone'/>`,
    `<iq type='set' id='{any}' from='bob@a.example' to='bob@a.example/phone'>
      <block xmlns='urn:xmpp:blocking'><item jid='eve@b.example'/></block></iq>`,
  )
  const told = await admin.next()
  expect(told.attrs).toMatchObject({ from: 'a.example', to: 'alice@a.example' })
  expect(told.getChildText('body')).toBe(
    'bob@a.example has blocked eve@b.example and reports: spam\n"Never came trouble"\nMessages: 28482 (bob@a.example)',
  )
})

test('an administrator who is away finds it later', async () => {
  admin.disconnects()
  await blocks(spam())
  await bob.clears()
  expect(await stage.store.offlineCount('alice@a.example')).toBe(1)
})

test.each([
  ['', 'no report'],
  [`<report xmlns='urn:xmpp:reporting:1'/>`, 'no reason'],
  [`<report xmlns='urn:xmpp:reporting:1' reason='urn:x:boredom'/>`, 'an unknown reason'],
])('§5 blocked all the same, and nobody is told: %s (%s)', async (report) => {
  await blocks(report)
  expect((await bob.next()).attrs.type).toMatch(/set|result/)
  await admin.receivesNothing()
})

test('what is not blocked is not reported', async () => {
  stage.store.failing = ['data.put']
  await blocks(spam())
  stage.store.failing = false
  await admin.receivesNothing()
  stage.errors.length = 0
})

test('nobody floods the administrators: a dozen an hour', async () => {
  for (let n = 0; n < 20; n++) await blocks(spam())
  expect((await admin.drain()).length).toBe(12)
  stage.clock.advance(300_000)
  await blocks(spam())
  expect((await admin.drain()).length).toBe(1)
})

test('§3 the host says that it takes reports', async () => {
  await bob.sends(`<iq type='get' id='d' to='a.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
  const features = (await bob.next()).getChild('query')?.getChildren('feature') ?? []
  expect(features.map(({ attrs }) => attrs.var)).toContain('urn:xmpp:reporting:1')
})
