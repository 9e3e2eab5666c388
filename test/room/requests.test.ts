import { describe, expect, test } from '@jest/globals'
import { bare, configIq, presence, Stage } from './stage.js'

const room = 'coven@chat.shakespeare.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const wicca = 'wiccarocks@shakespeare.lit/laptop'
const hag = 'hag66@shakespeare.lit/pda'
const stranger = 'hecate@shakespeare.lit/broom'
const user = 'http://jabber.org/protocol/muc#user'

const message = (from: string, content: string): string =>
  `<message xmlns='jabber:client' from='${from}' to='${room}' id='nzd143v8'>${content}</message>`
const invite = (from: string, content = `<invite to='hecate@shakespeare.lit'><reason>Hey</reason></invite>`): string =>
  message(from, `<x xmlns='${user}'>${content}</x>`)

const registerForm = 'http://jabber.org/protocol/muc#register'
const form = (fields: Readonly<Record<string, string>>, type = 'http://jabber.org/protocol/muc#request'): string =>
  `<x xmlns='jabber:x:data' type='submit'>${Object.entries({ FORM_TYPE: type, ...fields })
    .map(([name, value]) => `<field var='${name}'><value>${value}</value></field>`)
    .join('')}</x>`

const three = (): Stage => {
  const stage = new Stage().found()
  stage.join(wicca, 'secondwitch')
  stage.join(hag, 'thirdwitch')
  return stage
}

describe('XEP-0045 §7.8.2 mediated invitations', () => {
  test('go to the invitee from the room, with the inviter, the reason and the password', () => {
    const stage = three()
    expect(stage.send(invite(hag))).toEqual([
      `hecate@shakespeare.lit <- <message from='${room}' id='nzd143v8'><x xmlns='${user}'><invite from='${room}/thirdwitch'><reason>Hey</reason></invite></x></message>`,
    ])
    stage.configure(crone, { 'muc#roomconfig_roomsecret': 'cauldronburn', 'muc#roomconfig_whois': 'anyone' })
    const [line] = stage.send(invite(hag, `<invite to='hecate@shakespeare.lit'><continue thread='e0ff'/></invite>`))
    expect(line).toContain(
      `<invite from='hag66@shakespeare.lit'><continue thread='e0ff'/></invite><password>cauldronburn</password>`,
    )
  })

  test('from a stranger: forbidden; to no JID: jid-malformed; to an outcast: not-allowed', () => {
    const stage = three()
    expect(stage.refusal(invite(stranger))).toBe('forbidden/auth')
    expect(stage.refusal(invite(hag, `<invite to=''/>`))).toBe('jid-malformed/modify')
    stage.admin(crone, `<item affiliation='outcast' jid='hecate@shakespeare.lit'/>`)
    expect(stage.refusal(invite(hag))).toBe('not-allowed/cancel')
    expect(stage.refusal(invite(hag, `<invite to='a@b.c'/>`.repeat(21)))).toBe('policy-violation/modify')
  })

  test('§9.5 in a members-only room by admins, and by members where the room lets them; it makes a member', () => {
    const stage = three()
    stage.admin(crone, `<item affiliation='member' jid='hag66@shakespeare.lit'/>`)
    stage.configure(crone, { 'muc#roomconfig_membersonly': '1' })
    expect(stage.refusal(invite(hag))).toBe('forbidden/auth')
    stage.configure(crone, { 'muc#roomconfig_allowinvites': '1' })
    expect(stage.refusal(invite(hag))).toBe('ok')
    expect(stage.state.register.get('hecate@shakespeare.lit')).toEqual({ affiliation: 'member' })
    expect(stage.refusal(presence(room, stranger, 'hecate'))).toBe('ok')
  })

  test('§9.5 in an open room it makes no member', () => {
    const stage = three()
    stage.send(invite(crone))
    expect(stage.state.register.has('hecate@shakespeare.lit')).toBe(false)
  })

  test('a decline goes back to the inviter in the room, and to nobody else', () => {
    const stage = three()
    const decline = (to: string): string =>
      message(stranger, `<x xmlns='${user}'><decline to='${to}'><reason>Sorry</reason></decline></x>`)
    expect(stage.send(decline(`${room}/thirdwitch`))).toEqual([
      `${hag} <- <message from='${room}' id='nzd143v8'><x xmlns='${user}'><decline from='hecate@shakespeare.lit'><reason>Sorry</reason></decline></x></message>`,
    ])
    expect(stage.send(decline('hag66@shakespeare.lit'))).toHaveLength(1)
    expect(stage.send(decline('victim@elsewhere.lit'))).toEqual([])
  })
})

describe('XEP-0045 §7.13, §8.6 voice', () => {
  test('a visitor asks, each moderator gets the form, one grants', () => {
    const stage = three()
    stage.configure(crone, { 'muc#roomconfig_moderatedroom': '1' })
    stage.admin(crone, `<item nick='thirdwitch' role='visitor'/><item nick='secondwitch' role='moderator'/>`)
    const asked = stage.send(message(hag, form({ 'muc#role': 'participant' })))
    expect(asked.map((line) => line.split(' ')[0])).toEqual([crone, wicca])
    expect(asked[0]).toContain(
      `<field var='muc#roomnick' type='text-single' label='Room Nickname'><value>thirdwitch</value>`,
    )
    expect(asked[0]).toContain(`<value>${hag}</value>`)
    const grant = { 'muc#role': 'participant', 'muc#jid': hag, 'muc#roomnick': 'thirdwitch' }
    expect(stage.refusal(message(hag, form({ ...grant, 'muc#request_allow': 'true' })))).toBe('forbidden/auth')
    expect(stage.send(message(wicca, form({ ...grant, 'muc#request_allow': 'false' })))).toEqual([])
    const granted = stage.send(message(wicca, form({ ...grant, 'muc#request_allow': 'true' })))
    expect(granted).toHaveLength(3)
    expect(granted.every((line) => line.includes("role='participant'"))).toBe(true)
  })

  test('from a stranger: forbidden; with voice: bad-request', () => {
    const stage = three()
    expect(stage.refusal(message(stranger, form({ 'muc#role': 'participant' })))).toBe('forbidden/auth')
    expect(stage.refusal(message(hag, form({ 'muc#role': 'participant' })))).toBe('bad-request/modify')
  })
})

describe('XEP-0045 §7.10 registration', () => {
  const iq = (from: string, content = '', type = 'get'): string =>
    `<iq xmlns='jabber:client' from='${from}' to='${room}' id='r' type='${type}'><query xmlns='jabber:iq:register'>${content}</query></iq>`
  const submit = (nick: string): string =>
    `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field><field var='muc#register_roomnick'><value>${nick}</value></field></x>`

  test('form, submission, membership shown to all, registered the next time, removed', () => {
    const stage = three()
    expect(stage.send(iq(hag))[0]).toContain(`var='muc#register_roomnick'`)
    const lines = stage.send(iq(hag, submit('thirdwitch'), 'set'))
    expect(lines[0]).toBe(`${hag} <- <iq type='result' id='r' from='${room}'/>`)
    expect(lines.slice(1)).toHaveLength(3)
    expect(lines[1]).toContain("affiliation='member'")
    expect(stage.send(iq(hag))[0]).toContain('<registered/><username>thirdwitch</username>')
    stage.send(iq(hag, '<remove/>', 'set'))
    expect(stage.state.register.get('hag66@shakespeare.lit')).toEqual({ affiliation: 'member' })
    expect(stage.refusal(iq(hag, '<remove/>', 'set'))).toBe('registration-required/auth')
  })

  test('a nick that is reserved or in use: conflict; no valid form: bad-request', () => {
    const stage = three()
    stage.send(iq(hag, submit('mine'), 'set'))
    expect(stage.refusal(iq(stranger, submit('mine'), 'set'))).toBe('conflict/cancel')
    expect(stage.refusal(iq(stranger, submit('secondwitch'), 'set'))).toBe('conflict/cancel')
    expect(stage.refusal(iq(stranger, '', 'set'))).toBe('bad-request/modify')
    expect(stage.refusal(iq(stranger, submit(''), 'set'))).toBe('bad-request/modify')
  })

  test('not allowed: not-allowed; no registration at all: service-unavailable', () => {
    const stage = three()
    stage.configure(crone, { 'muc#roomconfig_membersonly': '1' })
    stage.admin(crone, `<item jid='${bare(stranger)}' affiliation='outcast'/>`)
    expect(stage.refusal(iq(stranger))).toBe('not-allowed/cancel')
    expect(stage.refusal(iq(stranger, submit('x'), 'set'))).toBe('not-allowed/cancel')
    expect(new Stage(room, { registration: 'none' }).found().refusal(iq(hag))).toBe('service-unavailable/cancel')
    expect(new Stage(room, { registration: 'members' }).found().refusal(iq(hag))).toBe('not-allowed/cancel')
  })

  const decision = (from: string, allow: string, jid = bare(stranger)): string =>
    message(
      from,
      form({ 'muc#jid': jid, 'muc#register_roomnick': 'newwitch', 'muc#register_allow': allow }, registerForm),
    )

  test('§9.9 in a members-only room an admin in the room gets the form; who is allowed is a member and invited', () => {
    const stage = three()
    stage.configure(crone, { 'muc#roomconfig_membersonly': '1' })
    expect(stage.refusal(iq(stranger))).toBe('ok')
    const lines = stage.send(iq(stranger, submit('newwitch'), 'set'))
    expect(lines[0]).toBe(`${stranger} <- <iq type='result' id='r' from='${room}'/>`)
    expect(lines.slice(1).map((line) => line.split(' <- ')[0])).toEqual([crone])
    expect(lines[1]).toContain(
      `<field var='muc#jid' type='jid-single' label='User ID'><value>${bare(stranger)}</value>`,
    )
    expect(stage.state.register.has(bare(stranger))).toBe(false)
    expect(stage.send(decision(crone, '0'))).toEqual([])
    expect(stage.state.register.has(bare(stranger))).toBe(false)
    const told = stage.send(decision(crone, '1')).filter((line) => line.startsWith(bare(stranger)))
    expect(told).toEqual([expect.stringContaining('<invite ')])
    expect(stage.state.register.get(bare(stranger))).toEqual({ affiliation: 'member', nick: 'newwitch' })
  })

  test('§9.9 where no admin is in the room their accounts get it; who asks again at once is told to wait', () => {
    const stage = three()
    stage.configure(crone, { 'muc#roomconfig_moderatedroom': '1', 'muc#roomconfig_persistentroom': '1' })
    stage.send(`<presence xmlns='jabber:client' from='${crone}' to='${room}/firstwitch' type='unavailable'/>`)
    const lines = stage.send(iq(stranger, submit('newwitch'), 'set'))
    expect(lines[1]).toMatch(new RegExp(`^${bare(crone)} <- <message`))
    expect(stage.refusal(iq(stranger, submit('newwitch'), 'set'))).toBe('resource-constraint/wait')
    stage.at += 600_000
    expect(stage.refusal(iq(stranger, submit('newwitch'), 'set'))).toBe('ok')
  })

  test('§9.9 only admins decide; never for an outcast; a form that names nobody: bad-request', () => {
    const stage = three()
    expect(stage.refusal(decision(hag, '1'))).toBe('forbidden/auth')
    expect(stage.refusal(decision(crone, '1', 'a b@c'))).toBe('bad-request/modify')
    stage.admin(crone, `<item jid='${bare(stranger)}' affiliation='outcast'/>`)
    expect(stage.refusal(decision(crone, '1'))).toBe('not-allowed/cancel')
  })

  test('§9.9 many who ask do not keep the admins busy: the hundred and first waits, and who asks for voice does not', () => {
    const stage = three()
    stage.configure(crone, { 'muc#roomconfig_moderatedroom': '1' })
    const asks = (index: number): string => stage.refusal(iq(`u${index}@x.lit/1`, submit(`n${index}`), 'set'))
    for (let index = 1; index <= 100; index++) expect(asks(index)).toBe('ok')
    expect(asks(101)).toBe('resource-constraint/wait')
    stage.admin(crone, `<item nick='thirdwitch' role='visitor'/>`)
    expect(stage.refusal(message(hag, form({ 'muc#role': 'participant' })))).toBe('ok')
  })

  test('locked nicks: an occupant takes the registered one at once, with 210', () => {
    const stage = new Stage(room, { lockNicks: true }).found()
    stage.join(hag, 'thirdwitch')
    const lines = stage.send(iq(hag, submit('oldhag'), 'set'))
    expect(stage.state.occupants.has('oldhag')).toBe(true)
    expect(lines.some((line) => line.startsWith(hag) && line.includes("code='210'"))).toBe(true)
  })
})

describe('XEP-0045 §6.4, §6.5, §7.12 disco', () => {
  const iq = (from: string, what: 'info' | 'items' = 'info', node = ''): string =>
    `<iq xmlns='jabber:client' from='${from}' to='${room}' id='d' type='get'><query xmlns='http://jabber.org/protocol/disco#${what}'${node && ` node='${node}'`}/></iq>`

  test('identity, features of the room type, and roominfo', () => {
    const stage = three()
    stage.configure(crone, { 'muc#roomconfig_roomname': 'A Dark Cave', 'muc#roomconfig_roomdesc': 'for witches' })
    const text = stage.send(iq(stranger))[0]!
    expect(text).toContain(`<identity category='conference' type='text' name='A Dark Cave'/>`)
    for (const feature of [
      'http://jabber.org/protocol/muc',
      'http://jabber.org/protocol/muc#stable_id',
      'http://jabber.org/protocol/muc#self-ping-optimization',
      'urn:xmpp:occupant-id:0',
      'urn:xmpp:sid:0',
      'jabber:iq:register',
      'muc_public',
      'muc_open',
      'muc_unmoderated',
      'muc_semianonymous',
      'muc_unsecured',
      'muc_temporary',
    ])
      expect(text).toContain(`<feature var='${feature}'/>`)
    expect(text).toContain(`<value>for witches</value>`)
    expect(text).toMatch(/roominfo_occupants'.*?<value>3<\/value>/)
    expect(text).not.toContain('dmuc-source')
    expect(text).not.toContain('crone1')
  })

  test.each([
    ['muc#roomconfig_publicroom', '0', 'muc_hidden'],
    ['muc#roomconfig_membersonly', '1', 'muc_membersonly'],
    ['muc#roomconfig_moderatedroom', '1', 'muc_moderated'],
    ['muc#roomconfig_whois', 'anyone', 'muc_nonanonymous'],
    ['muc#roomconfig_roomsecret', 'x', 'muc_passwordprotected'],
    ['muc#roomconfig_persistentroom', '1', 'muc_persistent'],
  ])('%s = %s gives %s', (name, value, feature) => {
    const stage = three()
    stage.send(configIq(room, crone, { [name]: value }))
    expect(stage.send(iq(crone))[0]).toContain(`<feature var='${feature}'/>`)
  })

  test('§14.4 the subject and the number of occupants of a room one may not enter are not told', () => {
    const stage = three()
    stage.configure(crone, { 'muc#roomconfig_membersonly': '1' })
    const text = stage.send(iq(stranger))[0]!
    expect(text).not.toContain("roominfo_subject'")
    expect(text).not.toContain('roominfo_occupants')
    expect(stage.send(iq(crone))[0]).toContain('roominfo_occupants')
  })

  test('XEP-0281 row 30: a shadow names its source', () => {
    const disco = { features: ['urn:xmpp:dmuc:0'], source: 'coven@first.lit' }
    const text = three().send(iq(stranger), { disco })[0]!
    expect(text).toContain(
      `<field var='dmuc-source' type='jid-single' label='Source Room'><value>coven@first.lit</value></field>`,
    )
    expect(text).toContain(`<feature var='urn:xmpp:dmuc:0'/>`)
  })

  test('§7.12 x-roomuser-item: the registered nick, or empty', () => {
    const stage = three()
    stage.admin(crone, `<item affiliation='member' jid='hag66@shakespeare.lit' nick='thirdwitch'/>`)
    expect(stage.send(iq(hag, 'info', 'x-roomuser-item'))[0]).toContain(
      `node='x-roomuser-item'><identity category='conference' name='thirdwitch' type='text'/></query>`,
    )
    expect(stage.send(iq(stranger, 'info', 'x-roomuser-item'))[0]).toContain(`node='x-roomuser-item'/>`)
  })

  test('§18.1.1 #traffic: service-unavailable; another node: item-not-found', () => {
    const stage = three()
    expect(stage.refusal(iq(hag, 'info', 'http://jabber.org/protocol/muc#traffic'))).toBe('service-unavailable/cancel')
    expect(stage.refusal(iq(hag, 'info', 'x'))).toBe('item-not-found/cancel')
  })

  test('§6.5 occupants are listed to occupants, to strangers only where the service says so', () => {
    const stage = three()
    expect(stage.send(iq(hag, 'items'))[0]).toContain(`<item jid='${room}/secondwitch' name='secondwitch'/>`)
    expect(stage.send(iq(stranger, 'items'))[0]).toContain(`<query xmlns='http://jabber.org/protocol/disco#items'/>`)
    stage.configure(crone, { public_list: '1' })
    expect(stage.send(iq(stranger, 'items'))[0]).toContain('secondwitch')
  })
})
