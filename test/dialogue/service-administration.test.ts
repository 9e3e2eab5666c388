/** XEP-0133: an administrator makes, changes and ends accounts and sessions, counts, and announces; nobody else does. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { verifyPassword } from '../../src/sasl/scram-keys.js'
import type { Element } from '../../src/xml/element.js'
import { type Client, Stage } from './stage.js'

const commandsNs = 'http://jabber.org/protocol/commands'
const adminNs = 'http://jabber.org/protocol/admin'
let stage: Stage
let admin: Client
let bob: Client

beforeEach(async () => {
  stage = await Stage.open({
    accounts: ['admin', 'bob'],
    hosts: [
      {
        domain: 'a.example',
        type: 'user',
        modules: modules.filter(({ hosts }) => hosts.includes('user')),
        admins: ['admin@a.example'],
      },
    ],
  })
  admin = stage.client('admin')
  bob = stage.client('bob')
})
afterEach(() => stage.close())

/** The fields as `{ accountjid: 'bob@a.example' }`; several values in a list. */
async function runs(
  client: Client,
  node: string,
  fields?: Readonly<Record<string, string | readonly string[]>>,
): Promise<Element> {
  const form = Object.entries(fields ?? {}).map(
    ([name, given]) =>
      `<field var='${name}'>${[given]
        .flat()
        .map((one) => `<value>${one}</value>`)
        .join('')}</field>`,
  )
  const submitted =
    fields === undefined
      ? ''
      : `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>${adminNs}</value></field>${form.join('')}</x>`
  await client.sends(
    `<iq type='set' id='c' to='a.example'><command xmlns='${commandsNs}' node='${adminNs}#${node}'>${submitted}</command></iq>`,
  )
  let answer = await client.next()
  while (answer.attrs.id !== 'c') answer = await client.next()
  return answer
}
const noteOf = (answer: Element): string | null | undefined => answer.getChild('command')?.getChildText('note')
const conditionOf = (answer: Element): string | undefined =>
  answer.getChild('error')?.children.map((node) => (typeof node === 'string' ? '' : node.name))[0]

test.each(['add-user', 'delete-user', 'announce', 'get-online-users-list', 'end-user-session'])(
  '§3 %s is for administrators only',
  async (node) => {
    expect(conditionOf(await runs(bob, node))).toBe('forbidden')
  },
)

describe('accounts', () => {
  test('§4.1 add a user, by a form', async () => {
    const asked = await runs(admin, 'add-user')
    const form = asked.getChild('command')?.getChild('x')
    expect(form?.getChildren('field').map(({ attrs }) => `${attrs.var} ${attrs.type}`)).toEqual([
      'FORM_TYPE hidden',
      'accountjid jid-single',
      'password text-private',
      'password-verify text-private',
    ])
    const fields = { accountjid: 'Carol@A.example', password: 'secret', 'password-verify': 'secret' }
    expect(noteOf(await runs(admin, 'add-user', fields))).toBe('carol@a.example was made')
    const account = await stage.store.account('carol@a.example')
    expect(await verifyPassword('sha256', account!.sha256, 'secret')).toBe(true)
    expect(conditionOf(await runs(admin, 'add-user', fields))).toBe('conflict')
    expect(conditionOf(await runs(admin, 'add-user', { ...fields, 'password-verify': 'other' }))).toBe('bad-request')
    expect(conditionOf(await runs(admin, 'add-user', { ...fields, accountjid: 'x@b.example' }))).toBe('not-acceptable')
    expect(conditionOf(await runs(admin, 'add-user', { ...fields, accountjid: 'a.example' }))).toBe('jid-malformed')
    const empty = { accountjid: 'dan@a.example', password: '', 'password-verify': '' }
    expect(conditionOf(await runs(admin, 'add-user', empty))).toBe('not-acceptable')
  })

  test('§4.2 delete users: their sessions end, nothing is kept', async () => {
    expect(noteOf(await runs(admin, 'delete-user', { accountjids: ['bob@a.example'] }))).toBe('Deleted: bob@a.example')
    expect(bob.closed).toBe('not-authorized')
    expect(await stage.store.account('bob@a.example')).toBeUndefined()
    expect(conditionOf(await runs(admin, 'delete-user', { accountjids: ['bob@a.example'] }))).toBe('item-not-found')
  })

  test('§4.3, §4.4 disable and enable', async () => {
    await runs(admin, 'disable-user', { accountjids: ['bob@a.example'] })
    expect(bob.closed).toBe('not-authorized')
    expect((await stage.store.account('bob@a.example'))?.disabled).toBe(true)
    await runs(admin, 'reenable-user', { accountjids: ['bob@a.example'] })
    expect((await stage.store.account('bob@a.example'))?.disabled).toBe(false)
  })

  test('§4.7 change a password: logged out everywhere', async () => {
    await runs(admin, 'change-user-password', { accountjid: 'bob@a.example', password: 'new' })
    expect(bob.closed).toBe('not-authorized')
    const account = await stage.store.account('bob@a.example')
    expect(await verifyPassword('sha256', account!.sha256, 'new')).toBe(true)
  })
})

test('§4.5 end one session of a user, or all', async () => {
  const other = stage.client('bob', 'desk')
  expect(noteOf(await runs(admin, 'end-user-session', { accountjids: ['bob@a.example/phone'] }))).toBe(
    '1 sessions were ended',
  )
  expect([bob.closed, other.closed]).toEqual(['not-authorized', undefined])
  await runs(admin, 'end-user-session', { accountjids: ['bob@a.example'] })
  expect(other.closed).toBe('not-authorized')
})

test('§4.18 to §4.21 numbers and lists', async () => {
  await bob.comesOnline()
  const told = async (node: string): Promise<string[] | undefined> =>
    (await runs(admin, node))
      .getChild('command')
      ?.getChild('x')
      ?.getChildren('field')
      .at(-1)
      ?.getChildren('value')
      .map((each) => each.getText())
  expect(await told('get-registered-users-num')).toEqual(['2'])
  expect(await told('get-registered-users-list')).toEqual(['admin@a.example', 'bob@a.example'])
  expect(await told('get-online-users-num')).toEqual(['1'])
  expect(await told('get-online-users-list')).toEqual(['bob@a.example'])
})

test('§4.23 an announcement to all who are online', async () => {
  await bob.comesOnline()
  expect(noteOf(await runs(admin, 'announce', { subject: 'Tonight', announcement: ['The server', 'moves'] }))).toBe(
    'Sent to 1 clients',
  )
  await bob.receives(
    `<message type='headline' from='a.example' id='{any}' to='${bob.jid}'><subject>Tonight</subject><body>The server\nmoves</body></message>`,
  )
  expect(conditionOf(await runs(admin, 'announce', { announcement: [' '] }))).toBe('bad-request')
})
