/** The card of a room (XEP-0486): kept over a restart, gone with the room, and at every server that holds the room. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openFailingStore } from '../support/failing-store.js'
import { Federation } from './federation.js'
import { found, openRooms, room } from './muc-stage.js'
import { type Client, settled } from './stage.js'

const card = (data = 'iVBORw0KGgo='): string =>
  `<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>${data}</BINVAL></PHOTO></vCard>`

const sets = (client: Client, to: string, content: string): Promise<void> =>
  client.sends(`<iq type='set' id='vset' to='${to}'>${content}</iq>`)

/** The photo that the room has, by its answer; the condition of the error where there is one. */
async function gets(client: Client, from: string): Promise<string | undefined> {
  await client.clears()
  await client.sends(`<iq type='get' id='vget' to='${from}'><vCard xmlns='vcard-temp'/></iq>`)
  await settled()
  const answer = await client.next()
  const error = answer.getChild('error')
  if (error !== undefined) return error.getChildElements()[0]?.name
  return answer.getChild('vCard', 'vcard-temp')?.getChild('PHOTO')?.getChildText('BINVAL') ?? undefined
}

describe('at one server', () => {
  test('it is there after a restart, is replaced, taken away, and deleted with the room', async () => {
    const store = openFailingStore()
    let stage = await openRooms({}, { store })
    await found(stage.client('alice'), 'ann', { 'muc#roomconfig_persistentroom': '1' })
    expect(await gets(stage.client('bob'), room)).toBeUndefined()
    await sets(stage.client('alice', 'owner'), room, card())
    await stage.server.close()
    stage = await openRooms({}, { store })
    const alice = stage.client('alice')
    const bob = stage.client('bob')
    expect(await gets(bob, room)).toBe('iVBORw0KGgo=')
    await sets(alice, room, card('iVBORw0KGgoA'))
    expect(await gets(bob, room)).toBe('iVBORw0KGgoA')
    expect(await store.dataKeys(room, 'vcard')).toHaveLength(1)
    await sets(alice, room, `<vCard xmlns='vcard-temp'/>`)
    expect(await gets(bob, room)).toBeUndefined()
    expect(await store.dataKeys(room, 'vcard')).toEqual([])
    await sets(alice, room, card())
    await settled()
    await alice.sends(
      `<iq type='set' id='end' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query></iq>`,
    )
    await settled()
    expect(await store.dataKeys(room, 'vcard')).toEqual([])
    await stage.close()
  })

  test('a write that fails changes nothing, and the owner is told', async () => {
    const stage = await openRooms()
    const alice = stage.client('alice')
    await found(alice, 'ann')
    stage.store.failing = 'commits'
    await sets(alice, room, card())
    const answer = (await alice.drain()).find(({ attrs }) => attrs.id === 'vset')
    expect(answer?.getChild('error')?.getChild('internal-server-error')).toBeDefined()
    stage.store.failing = false
    expect(await gets(alice, room)).toBeUndefined()
    await stage.close()
  })
})

describe('XEP-0281 at two servers', () => {
  let federation: Federation
  let ann: Client
  let bob: Client
  const at = (site: string): string => `coven@rooms.${site}.example`
  const wait = async (): Promise<void> => {
    for (let turn = 0; turn < 6; turn++) await settled()
  }

  beforeEach(async () => {
    federation = await Federation.open(['a.example', 'b.example'])
    ann = await federation.client('ann@a.example/x')
    bob = await federation.client('bob@b.example/x')
    await ann.sends(`<presence to='${at('a')}/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await ann.sends(`<iq type='set' id='cfg' to='${at('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
      <x xmlns='jabber:x:data' type='submit'>
        <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
        <field var='muc#roomconfig_persistentroom'><value>1</value></field>
        <field var='muc#roomconfig_distributed'><value>true</value></field>
        <field var='{urn:xmpp:dmuc-sync:0}peers'><value>rooms.b.example</value></field>
        <field var='muc#roomconfig_roomowners'><value>ann@a.example</value><value>bob@b.example</value></field>
      </x></query></iq>`)
    await wait()
    await bob.sends(`<presence to='${at('b')}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await wait()
  })
  afterEach(() => federation.close())

  test('set at the source, it is at the shadow, also when the source is out of reach; who is there is told', async () => {
    await bob.clears()
    await sets(ann, at('a'), card())
    await wait()
    const told = (await bob.drain()).map(({ name, attrs }) => `${name} ${attrs.from}`)
    expect(told).toEqual([`message ${at('b')}`, `presence ${at('b')}`])
    federation.cut('a.example', 'b.example')
    expect(await gets(bob, at('b'))).toBe('iVBORw0KGgo=')
  })

  test('set by an owner at the shadow, it is at the source, and on the disk of both', async () => {
    await sets(bob, at('b'), card())
    await wait()
    expect(await gets(ann, at('a'))).toBe('iVBORw0KGgo=')
    await federation.crash('b.example')
    federation.cut('a.example', 'b.example')
    const again = await federation.client('bob@b.example/y')
    expect(await gets(again, at('b'))).toBe('iVBORw0KGgo=')
    for (const site of ['a', 'b'])
      expect(await federation.site(`${site}.example`).store.dataKeys(at(site), 'vcard')).toHaveLength(1)
  })

  test('where it did not arrive it is asked for when somebody wants it', async () => {
    const { store } = federation.site('b.example')
    await sets(ann, at('a'), card())
    await wait()
    const [key = ''] = await store.dataKeys(at('b'), 'vcard')
    await store.commit([{ type: 'data.put', owner: at('b'), kind: 'vcard', key, value: undefined }])
    expect(await gets(bob, at('b'))).toBe('iVBORw0KGgo=')
    expect(await store.dataKeys(at('b'), 'vcard')).toEqual([key])
  })
})
