/** XEP-0045 §7.3 to §7.14: what occupants do beside entering, rule by rule; the examples are in occupant.test.ts. */
import { describe, expect, test } from '@jest/globals'
import { codes, groupchat, type Stage } from '../../room/stage.js'
import { coven, crone, everyone, hag, hecate, itemOf, outsider, room, to, wicca } from './cast.js'

const exit = (from: string, nick: string, content = ''): string =>
  `<presence from='${from}' to='${room}/${nick}' type='unavailable'>${content}</presence>`
const iq = (from: string, type: string, query: string, at = room): string =>
  `<iq from='${from}' to='${at}' id='i' type='${type}'>${query}</iq>`
const registration = (nick: string): string =>
  `<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>
  <field var='muc#register_roomnick'><value>${nick}</value></field></x></query>`
const locked = (): Stage => {
  const stage = coven()
  stage.policy = { ...stage.policy, lockNicks: true }
  return stage
}

describe('talking', () => {
  test('§7.3, §8.1 participants change the subject where the room lets them; without the right: forbidden', () => {
    const stage = coven()
    const change = groupchat(room, hecate, '<subject>Toil</subject>')
    expect(stage.refusal(change)).toBe('forbidden/auth')
    stage.configure(crone, { 'muc#roomconfig_changesubject': '1' })
    expect(stage.refusal(change)).toBe('ok')
  })

  test('§8.1 a change is reflected to all', () => {
    const lines = coven().send(groupchat(room, wicca, '<subject>Toil</subject>'))
    for (const jid of everyone) expect(to(jid, lines)).toEqual([expect.stringContaining('<subject>Toil</subject>')])
  })

  test('§7.4 reflected to each occupant, from the occupant JID, with the same id', () => {
    const lines = coven().send(groupchat(room, hecate, '<body>Double</body>', 'hex1'))
    for (const jid of everyone)
      expect(to(jid, lines)).toEqual([
        expect.stringContaining(`<message from='${room}/hecate' type='groupchat' id='hex1'>`),
      ])
    expect(lines).toHaveLength(4)
  })

  test('§7.4 where the client gave no id, none is made up', () => {
    const lines = coven().send(`<message from='${hecate}' to='${room}' type='groupchat'><body>Double</body></message>`)
    expect(lines[0]).toContain(`<message from='${room}/hecate' type='groupchat'><body>`)
  })

  test.each([['§7.4 a visitor in a moderated room: forbidden', 'forbidden/auth']])('%s', (_title, expected) => {
    const stage = coven({ 'muc#roomconfig_moderatedroom': '1' })
    stage.admin(crone, `<item nick='hecate' role='visitor'/>`)
    expect(stage.refusal(groupchat(room, hecate, '<body>Double</body>'))).toBe(expected)
  })

  test.each([
    ['§7.5 of type groupchat to one occupant: bad-request', hecate, 'hecate', 'groupchat', 'bad-request/modify'],
    ['§7.5 to nobody: item-not-found', hecate, 'nobody', 'chat', 'item-not-found/cancel'],
    ['§7.5 from outside: not-acceptable', outsider, 'hecate', 'chat', 'not-acceptable/modify'],
    ['§17.2 to one occupant from outside: not delivered', outsider, 'hecate', 'normal', 'not-acceptable/modify'],
    ['§17.2 to the room from outside: not delivered', outsider, '', 'groupchat', 'not-acceptable/modify'],
    ['§17.2 to the room and of type chat: bad-request', hecate, '', 'chat', 'bad-request/modify'],
  ])('%s', (_title, from, nick, type, expected) => {
    const address = nick === '' ? room : `${room}/${nick}`
    expect(coven().refusal(`<message from='${from}' to='${address}' type='${type}'><body>psst</body></message>`)).toBe(
      expected,
    )
  })
})

describe('nicknames and presence', () => {
  test('§7.6 locked down: another than the registered one is not-acceptable', () => {
    const stage = locked()
    stage.send(iq(hecate, 'set', registration('hex')))
    expect(stage.refusal(`<presence from='${hecate}' to='${room}/other'/>`)).toBe('not-acceptable/cancel')
  })

  test('§7.6, §7.10 the service changes a nickname: 210, and the new affiliation is shown to all', () => {
    const lines = locked().send(iq(hecate, 'set', registration('hex')))
    expect(to(hecate, lines).map(codes)).toContainEqual(['110', '210'])
    for (const jid of everyone) {
      expect(to(jid, lines).map(itemOf)).toContainEqual(expect.objectContaining({ affiliation: 'member' }))
      expect(to(jid, lines).join()).toContain(`<presence from='${room}/hex'`)
    }
  })

  test('§7.7 a new status goes to all, with role and affiliation', () => {
    const lines = coven().send(
      `<presence from='${hag}' to='${room}/thirdwitch'><show>xa</show><status>gone where the goblins go</status></presence>`,
    )
    for (const jid of everyone) {
      expect(to(jid, lines)).toEqual([
        expect.stringContaining('<show>xa</show><status>gone where the goblins go</status>'),
      ])
      expect(to(jid, lines).map(itemOf)).toEqual([
        expect.objectContaining({ affiliation: 'member', role: 'participant' }),
      ])
    }
  })

  test('§7.14, §17.3 an exit message is shown, with role none, to all who stay', () => {
    const lines = coven().send(exit(hag, 'thirdwitch', '<status>gone where the goblins go</status>'))
    for (const jid of everyone) {
      const [line = ''] = to(jid, lines)
      expect(line).toContain('<status>gone where the goblins go</status>')
      expect(itemOf(line)).toMatchObject({ affiliation: 'member', role: 'none' })
      expect(codes(line)).toEqual(jid === hag ? ['110'] : [])
    }
  })
})

describe('invitations', () => {
  const invite = (from: string, content = ''): string =>
    `<message from='${from}' to='${room}'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='${outsider}'>${content}</invite></x></message>`

  test('§7.8.2 by a mere member of a members-only room: forbidden', () => {
    expect(coven({ 'muc#roomconfig_membersonly': '1' }).refusal(invite(hag))).toBe('forbidden/auth')
  })

  test('§7.9 an invitation keeps the thread that it goes on from', () => {
    const lines = coven().send(invite(crone, `<reason>Come</reason><continue thread='e0ff'/>`))
    expect(to(outsider, lines)).toEqual([expect.stringContaining(`<continue thread='e0ff'/>`)])
  })

  test('§7.9 earlier messages that the owner says with a delay pass with it, and without one of ours', () => {
    const delay = `<delay xmlns='urn:xmpp:delay' from='crone1@shakespeare.lit' stamp='2004-09-29T01:54:37Z'/>`
    const lines = coven().send(groupchat(room, crone, `<body>Thrice</body><thread>e0ff</thread>${delay}`))
    const [line = ''] = to(hag, lines)
    expect(line).toContain(delay)
    expect(line.match(/<delay/g)).toHaveLength(1)
    expect(line).toContain('<thread>e0ff</thread>')
  })
})

describe('registered nicknames', () => {
  const whoAmI = `<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>`

  test('§7.12 asked by who is in the room', () => {
    const stage = coven()
    stage.send(iq(hag, 'set', registration('thirdwitch')))
    expect(stage.send(iq(hag, 'get', whoAmI))[0]).toContain(`name='thirdwitch'`)
  })

  test('§18.1 locked nicknames are found as reserved ones', () => {
    const stage = locked()
    stage.send(iq(hecate, 'set', registration('hex')))
    stage.send(exit(hecate, 'hex'))
    expect(stage.send(iq(hecate, 'get', whoAmI))[0]).toContain(`name='hex'`)
    expect(to(hecate, stage.join(hecate, 'other')).flatMap(codes)).toContain('210')
  })
})

describe('asking for voice', () => {
  const form = (fields: Readonly<Record<string, string>>): string =>
    `<x xmlns='jabber:x:data' type='submit'>${Object.entries({
      FORM_TYPE: 'http://jabber.org/protocol/muc#request',
      'muc#role': 'participant',
      ...fields,
    })
      .map(([name, value]) => `<field var='${name}'><value>${value}</value></field>`)
      .join('')}</x>`
  const moderated = (): Stage => {
    const stage = coven({ 'muc#roomconfig_moderatedroom': '1' })
    stage.admin(crone, `<item nick='hecate' role='visitor'/>`)
    return stage
  }
  const decides = (from: string, allow: string): string =>
    `<message from='${from}' to='${room}'>${form({ 'muc#jid': hecate, 'muc#roomnick': 'hecate', 'muc#request_allow': allow })}</message>`

  test('§8.6 granted: the role is shown to all', () => {
    const lines = moderated().send(decides(wicca, '1'))
    for (const jid of everyone)
      expect(to(jid, lines).map(itemOf)).toEqual([expect.objectContaining({ role: 'participant' })])
  })

  test('§8.6 denied: nothing happens', () => expect(moderated().send(decides(wicca, '0'))).toEqual([]))

  test('§8.6 by who is no moderator: forbidden', () => {
    expect(moderated().refusal(decides(hag, '1'))).toBe('forbidden/auth')
  })
})
