/** XEP-0050: commands of the server, as modules register them: found, filled in, run, by those who may. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import type { Module } from '../../src/server/module.js'
import { value } from '../../src/xmpp/data-form.js'
import { type Client, Stage } from './stage.js'

const commandsNs = 'http://jabber.org/protocol/commands'
let stage: Stage
let alice: Client
let bob: Client

/** Two commands, which alice may run. */
const brewing: Module = {
  name: 'brewing',
  hosts: ['user'],
  setup: () => [
    {
      kind: 'command',
      command: {
        node: 'brew',
        name: 'Brew something',
        may: (from) => from.local === 'alice',
        form: () => ({ type: 'form', fields: [{ var: 'what', type: 'text-single', values: [] }] }),
        run: async (_from, form) => ({ note: `${value(form, 'what')} is brewing` }),
      },
    },
    {
      kind: 'command',
      command: {
        node: 'look',
        name: 'Look into the cauldron',
        may: () => true,
        run: () => ({ form: { type: 'result', fields: [{ var: 'seen', values: ['newt'] }] } }),
      },
    },
  ],
}

beforeEach(async () => {
  stage = await Stage.open({ modules: [...modules, brewing] })
  alice = stage.client('alice')
  bob = stage.client('bob')
})
afterEach(() => stage.close())

const run = (client: Client, content: string): Promise<void> =>
  client.sends(`<iq type='set' id='c' to='a.example'>${content}</iq>`)
const answered = (client: Client, content: string): Promise<unknown> =>
  client.receives(`<iq type='result' id='c' from='a.example' to='${client.jid}'>${content}</iq>`)
const refused = async (client: Client, condition: string, detail = ''): Promise<void> => {
  const error = (await client.next()).getChild('error')
  expect(String(error)).toContain(`<${condition} `)
  if (detail !== '') expect(error?.getChild(detail, commandsNs)).toBeDefined()
}

test('§2 the list shows what one may run, and each tells that it is a command', async () => {
  const ask = (client: Client, kind: string, node: string): Promise<void> =>
    client.sends(
      `<iq type='get' id='d' to='a.example'><query xmlns='http://jabber.org/protocol/disco#${kind}' node='${node}'/></iq>`,
    )
  const items = async (client: Client): Promise<string[]> => {
    await ask(client, 'items', commandsNs)
    return ((await client.next()).getChild('query')?.getChildren('item') ?? []).map(({ attrs }) => attrs.node)
  }
  expect(await items(alice)).toEqual(expect.arrayContaining(['brew', 'look']))
  expect(await items(bob)).toContain('look')
  expect(await items(bob)).not.toContain('brew')
  await ask(alice, 'info', 'brew')
  await alice.receives(
    `<iq type='result' id='d' from='a.example' to='${alice.jid}'><query xmlns='http://jabber.org/protocol/disco#info' node='brew'><identity category='automation' type='command-node' name='Brew something'/><feature var='${commandsNs}'/><feature var='jabber:x:data'/></query></iq>`,
  )
  await ask(bob, 'info', 'brew')
  await refused(bob, 'item-not-found')
})

test('§4 a form is asked for, filled in, and done', async () => {
  await run(alice, `<command xmlns='${commandsNs}' node='brew' action='execute'/>`)
  await answered(
    alice,
    `<command xmlns='${commandsNs}' node='brew' sessionid='{$session}' status='executing'><actions execute='complete'><complete/></actions><x xmlns='jabber:x:data' type='form'><field var='what' type='text-single'/></x></command>`,
  )
  const session = stage.captures.session
  await run(
    alice,
    `<command xmlns='${commandsNs}' node='brew' sessionid='${session}' action='complete'><x xmlns='jabber:x:data' type='submit'><field var='what'><value>Tea</value></field></x></command>`,
  )
  await answered(
    alice,
    `<command xmlns='${commandsNs}' node='brew' sessionid='${session}' status='completed'><note type='info'>Tea is brewing</note></command>`,
  )
})

test('§4 one without a form answers at once; one may be cancelled', async () => {
  await run(bob, `<command xmlns='${commandsNs}' node='look'/>`)
  await answered(
    bob,
    `<command xmlns='${commandsNs}' node='look' sessionid='{any}' status='completed'><x xmlns='jabber:x:data' type='result'><field var='seen'><value>newt</value></field></x></command>`,
  )
  await run(alice, `<command xmlns='${commandsNs}' node='brew' sessionid='s' action='cancel'/>`)
  await answered(alice, `<command xmlns='${commandsNs}' node='brew' sessionid='s' status='canceled'/>`)
})

test('§4.4 refusals', async () => {
  await run(bob, `<command xmlns='${commandsNs}' node='brew'/>`)
  await refused(bob, 'forbidden')
  await run(alice, `<command xmlns='${commandsNs}' node='fly'/>`)
  await refused(alice, 'item-not-found')
  await run(alice, `<command xmlns='${commandsNs}' node='brew' action='stir'/>`)
  await refused(alice, 'bad-request', 'malformed-action')
  await run(alice, `<command xmlns='${commandsNs}' node='brew' action='prev'/>`)
  await refused(alice, 'bad-request', 'bad-action')
  await run(alice, `<command xmlns='${commandsNs}' node='brew'><x xmlns='urn:x'/></command>`)
  await refused(alice, 'bad-request', 'bad-payload')
})
