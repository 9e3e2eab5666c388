/** XEP-0045 §16: the features and fields of its registries. What a field of the configuration does is in test/room/owner.test.ts. */
import { describe, expect, test } from '@jest/globals'
import type { Stage } from '../../room/stage.js'
import { coven, crone, hag, hecate, outsider, room, to, wicca } from './cast.js'

const disco = (stage: Stage, from = outsider): string =>
  stage.send(
    `<iq from='${from}' to='${room}' id='d' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  )[0]!

/** A field of a form: its values. */
function field(text: string, name: string): string[] | undefined {
  const [, content] = new RegExp(`<field var='${name}'[^>]*?(?:/>|>(.*?)</field>)`).exec(text) ?? []
  if (!text.includes(`var='${name}'`)) return undefined
  return [...(content ?? '').replace(/<option.*?<\/option>/g, '').matchAll(/<value>(.*?)<\/value>/g)].map(
    ([, value]) => value!,
  )
}

describe('§16.3 Service Discovery Features', () => {
  test.each([
    ['muc_hidden', 'muc#roomconfig_publicroom', '0', 'muc_public'],
    ['muc_public', 'muc#roomconfig_publicroom', '1', 'muc_hidden'],
    ['muc_membersonly', 'muc#roomconfig_membersonly', '1', 'muc_open'],
    ['muc_open', 'muc#roomconfig_membersonly', '0', 'muc_membersonly'],
    ['muc_moderated', 'muc#roomconfig_moderatedroom', '1', 'muc_unmoderated'],
    ['muc_unmoderated', 'muc#roomconfig_moderatedroom', '0', 'muc_moderated'],
    ['muc_nonanonymous', 'muc#roomconfig_whois', 'anyone', 'muc_semianonymous'],
    ['muc_semianonymous', 'muc#roomconfig_whois', 'moderators', 'muc_nonanonymous'],
    ['muc_passwordprotected', 'muc#roomconfig_roomsecret', 'burn', 'muc_unsecured'],
    ['muc_unsecured', 'muc#roomconfig_passwordprotectedroom', '0', 'muc_passwordprotected'],
    ['muc_persistent', 'muc#roomconfig_persistentroom', '1', 'muc_temporary'],
    ['muc_temporary', 'muc#roomconfig_persistentroom', '0', 'muc_persistent'],
  ])('§16.3 %s where %s is %s, and not %s', (feature, name, value, other) => {
    const text = disco(coven({ [name]: value }))
    expect(text).toContain(`<feature var='${feature}'/>`)
    expect(text).not.toContain(`<feature var='${other}'/>`)
  })
})

describe('§16.5.1 muc#register', () => {
  test('§16.5.1 the form asks for muc#register_roomnick', () => {
    const [text = ''] = coven().send(
      `<iq from='${hecate}' to='${room}' id='r' type='get'><query xmlns='jabber:iq:register'/></iq>`,
    )
    expect(field(text, 'FORM_TYPE')).toEqual(['http://jabber.org/protocol/muc#register'])
    expect(text).toMatch(/<field var='muc#register_roomnick'[^>]*><required\/>/)
  })
})

test('§16.5.1 the form for admins has muc#register_allow, and the nickname that is asked for', () => {
  const stage = coven({ 'muc#roomconfig_membersonly': '1' })
  const lines = stage.send(`<iq from='${outsider}' to='${room}' id='r' type='set'><query xmlns='jabber:iq:register'>
    <x xmlns='jabber:x:data' type='submit'><field var='muc#register_roomnick'><value>king</value></field></x></query></iq>`)
  const [form = ''] = to(wicca, lines)
  expect(field(form, 'FORM_TYPE')).toEqual(['http://jabber.org/protocol/muc#register'])
  expect(field(form, 'muc#register_roomnick')).toEqual(['king'])
  expect(field(form, 'muc#register_allow')).toEqual(['0'])
})

describe('§16.5.2 muc#request', () => {
  const asked = (): string => {
    const stage = coven({ 'muc#roomconfig_moderatedroom': '1' })
    stage.admin(crone, `<item nick='thirdwitch' role='visitor'/>`)
    const request = `<message from='${hag}' to='${room}'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>
      <value>http://jabber.org/protocol/muc#request</value></field><field var='muc#role'><value>participant</value></field></x></message>`
    return to(wicca, stage.send(request))[0]!
  }
  test.each([
    ['FORM_TYPE', 'http://jabber.org/protocol/muc#request'],
    ['muc#role', 'participant'],
    ['muc#jid', hag],
    ['muc#roomnick', 'thirdwitch'],
    ['muc#request_allow', 'false'],
  ])('§16.5.2 the form for moderators has %s', (name, value) => {
    expect(field(asked(), name)).toEqual([value])
  })
})

describe('§16.5.3 muc#roomconfig', () => {
  const form = (stage: Stage): string =>
    stage.send(
      `<iq from='${crone}' to='${room}' id='c' type='get'><query xmlns='http://jabber.org/protocol/muc#owner'/></iq>`,
    )[0]!
  test.each([
    ['muc#maxhistoryfetch', ['20'], ['5']],
    ['muc#roomconfig_allowinvites', ['0'], ['1']],
    ['muc#roomconfig_allowpm', ['anyone'], ['none']],
    ['muc#roomconfig_changesubject', ['0'], ['1']],
    ['muc#roomconfig_enablelogging', ['0'], ['1']],
    ['muc#roomconfig_getmemberlist', ['moderator', 'participant', 'visitor'], ['moderator']],
    ['muc#roomconfig_lang', [''], ['en']],
    ['muc#roomconfig_pubsub', [''], ['xmpp:pubsub.shakespeare.lit?;node=the-coven-node']],
    ['muc#roomconfig_maxusers', ['none'], ['10']],
    ['muc#roomconfig_membersonly', ['0'], ['1']],
    ['muc#roomconfig_moderatedroom', ['0'], ['1']],
    ['muc#roomconfig_passwordprotectedroom', ['0'], ['1']],
    ['muc#roomconfig_persistentroom', ['0'], ['1']],
    ['muc#roomconfig_presencebroadcast', ['moderator', 'participant', 'visitor'], ['moderator']],
    ['muc#roomconfig_publicroom', ['1'], ['0']],
    ['muc#roomconfig_roomadmins', ['wiccarocks@shakespeare.lit'], ['hecate@shakespeare.lit']],
    ['muc#roomconfig_roomdesc', [''], ['The place for all good witches!']],
    ['muc#roomconfig_roomname', [''], ['A Dark Cave']],
    ['muc#roomconfig_roomowners', ['crone1@shakespeare.lit'], ['crone1@shakespeare.lit', 'hecate@shakespeare.lit']],
    ['muc#roomconfig_roomsecret', [''], ['cauldronburn']],
    ['muc#roomconfig_whois', ['moderators'], ['anyone']],
  ])('§16.5.3 %s is in the form, and takes another value', (name, before, after) => {
    const stage = coven()
    expect(field(form(stage), name)).toEqual(before)
    stage.configure(crone, {
      [name]: after,
      ...(name.includes('password') ? { 'muc#roomconfig_roomsecret': 'x' } : {}),
    })
    expect(field(form(stage), name)).toEqual(after)
  })
})

describe('§16.5.4 muc#roominfo', () => {
  test.each([
    ['muc#maxhistoryfetch', ['5']],
    ['muc#roominfo_contactjid', ['crone1@shakespeare.lit']],
    ['muc#roominfo_description', ['A heath']],
    ['muc#roominfo_lang', ['en']],
    ['muc#roominfo_occupants', ['4']],
    ['muc#roominfo_subject', ['Spells']],
    ['muc#roominfo_subjectmod', ['1']],
  ])('§16.5.4 %s', (name, expected) => {
    const stage = coven({
      'muc#maxhistoryfetch': '5',
      'muc#roomconfig_roomdesc': 'A heath',
      'muc#roomconfig_lang': 'en',
      'muc#roomconfig_changesubject': '1',
      'muc#roomconfig_whois': 'anyone',
    })
    stage.send(`<message from='${crone}' to='${room}' type='groupchat'><subject>Spells</subject></message>`)
    expect(field(disco(stage), name)).toEqual(expected)
  })
})
