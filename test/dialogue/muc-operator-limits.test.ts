/** What the operator sets for all rooms of a service: `muc_room_defaults`, `muc_room_fixed`, `muc_registration`, `muc_lock_nicks`. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { mucOptions } from '../../src/modules/muc/options.js'
import { openFailingStore } from '../support/failing-store.js'
import { found, join, openRooms, room } from './muc-stage.js'
import type { Client, Stage } from './stage.js'

let stage: Stage | undefined
afterEach(async () => {
  await stage?.close()
  stage = undefined
})

async function form(client: Client): Promise<Map<string, string[]>> {
  await client.clears()
  await client.sends(`<iq type='get' id='f' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'/></iq>`)
  const fields = (await client.next()).getChild('query')?.getChild('x')?.getChildren('field') ?? []
  return new Map(fields.map((field) => [String(field.attrs.var), field.getChildren('value').map((v) => v.getText())]))
}

test('defaults are what a new room starts with', async () => {
  stage = await openRooms({ muc_room_defaults: { whois: 'anyone', getmemberlist: ['moderator'], maxusers: 30 } })
  const alice = stage.client('alice')
  await found(alice, 'ann')
  const fields = await form(alice)
  expect(fields.get('muc#roomconfig_whois')).toEqual(['anyone'])
  expect(fields.get('muc#roomconfig_getmemberlist')).toEqual(['moderator'])
  expect(fields.get('muc#roomconfig_maxusers')).toEqual(['30'])
})

test('what is fixed is in no form, is refused when it differs, and holds for rooms made before', async () => {
  const store = openFailingStore()
  stage = await openRooms({}, { store })
  await found(stage.client('alice'), 'ann', { 'muc#roomconfig_persistentroom': '1', 'muc#roomconfig_whois': 'anyone' })
  await stage.server.close()
  stage = await openRooms({ muc_room_fixed: { whois: 'moderators' } }, { store })
  const alice = stage.client('alice')
  await join(alice, 'ann')
  const codes = (await alice.drain()).flatMap((stanza) => {
    const user = stanza.getChild('x', 'http://jabber.org/protocol/muc#user')
    return user?.getChildren('status').map(({ attrs }) => attrs.code) ?? []
  })
  expect(codes).toContain('110')
  expect(codes).not.toContain('100')
  expect([...(await form(alice)).keys()]).not.toContain('muc#roomconfig_whois')
  await alice.sends(`<iq type='set' id='c' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_whois'><value>anyone</value></field></x></query></iq>`)
  const error = (await alice.next()).getChild('error')
  expect(error?.getChild('not-acceptable')).toBeDefined()
  expect(error?.getChildText('text')).toBe('muc#roomconfig_whois cannot be changed at this service')
})

test('muc_max_affiliations: for lists of admins and for those who register; a reason is kept in part', async () => {
  stage = await openRooms({ muc_max_affiliations: 10 })
  const [alice, bob] = [stage.client('alice'), stage.client('bob')]
  await found(alice, 'ann')
  const bans = (...names: readonly string[]): Promise<void> =>
    alice.sends(
      `<iq type='set' id='a' to='${room}'><query xmlns='http://jabber.org/protocol/muc#admin'>${names
        .map(
          (name) => `<item affiliation='outcast' jid='${name}@x.example'><reason>${'y'.repeat(5000)}</reason></item>`,
        )
        .join('')}</query></iq>`,
    )
  const condition = async (client: Client): Promise<unknown> => {
    const stanzas = (await client.drain()).filter(({ name, attrs }) => name === 'iq' && attrs.id === 'a')
    expect(stanzas).toHaveLength(1)
    return stanzas[0]?.attrs.type === 'result' || stanzas[0]?.getChild('error')?.getChild('resource-constraint')?.name
  }
  await alice.clears()
  await bans(...Array.from({ length: 10 }, (_, n) => `u${n}`))
  expect(await condition(alice)).toBe('resource-constraint')
  await bans(...Array.from({ length: 9 }, (_, n) => `u${n}`))
  expect(await condition(alice)).toBe(true)
  await bans('u9')
  expect(await condition(alice)).toBe('resource-constraint')
  await join(bob, 'bob')
  await bob.clears()
  await bob.sends(`<iq type='set' id='a' to='${room}'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>
    <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>
    <field var='muc#register_roomnick'><value>bob</value></field></x></query></iq>`)
  expect(await condition(bob)).toBe('resource-constraint')
  await alice.clears()
  await alice.sends(
    `<iq type='get' id='l' to='${room}'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast'/></query></iq>`,
  )
  const items = (await alice.next()).getChild('query')?.getChildren('item') ?? []
  expect(items.map((item) => item.getChildText('reason')?.length)).toEqual(Array(9).fill(1000))
})

describe('a configuration that cannot be says which option and what would be right', () => {
  test.each([
    [{ whois: 'nobody' }, 'let whois be moderators or anyone'],
    [{ whos: 'anyone' }, expect.stringMatching(/^not have whos; there are roomname, /)],
    [{ maxusers: -3 }, 'let maxusers be a number or none'],
    [{ membersonly: { yes: true } }, 'let membersonly be a text, a number, true or false, or a list'],
    [{ presencebroadcast: ['king'] }, 'let presencebroadcast name moderator, participant, visitor'],
    [{ allow_modpm: true, maxhistoryfetch: 50 }, undefined],
  ])('%j', (table, complaint) => {
    expect(mucOptions.muc_room_fixed.check(table)).toEqual(complaint)
  })
})
