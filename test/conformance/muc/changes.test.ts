/** XEP-0045 §§8 to 10: what changes roles and affiliations, as all see it, and the lists. */
import { describe, expect, test } from '@jest/globals'
import { adminIq, codes } from '../../room/stage.js'
import {
  affiliation,
  coven,
  crone,
  everyone,
  hag,
  hecate,
  itemOf,
  list,
  outsider,
  role,
  room,
  to,
  wicca,
} from './cast.js'

describe('the result to who asked, and presence of the one concerned to all', () => {
  test.each([
    [
      '§8.3 Granting Voice: the result, and the role participant to all',
      role('hecate', 'visitor'),
      wicca,
      'hecate',
      role('hecate', 'participant'),
      { affiliation: 'none', role: 'participant' },
    ],
    [
      '§8.4 Revoking Voice: the result, and the role visitor to all',
      role('hecate', 'participant'),
      wicca,
      'hecate',
      role('hecate', 'visitor'),
      { affiliation: 'none', role: 'visitor' },
    ],
    [
      '§9.3 Granting Membership: the result, and the affiliation member to all',
      role('hecate', 'participant'),
      wicca,
      'hecate',
      affiliation('hecate', 'member'),
      { affiliation: 'member', role: 'participant' },
    ],
    [
      '§9.4 Revoking Membership: the result, and the affiliation none to all',
      role('hecate', 'participant'),
      wicca,
      'thirdwitch',
      affiliation('thirdwitch', 'none'),
      { affiliation: 'none', role: 'visitor' },
    ],
    [
      '§9.6 Granting Moderator Status: the result, and the role moderator to all',
      role('hecate', 'participant'),
      wicca,
      'hecate',
      role('hecate', 'moderator'),
      { affiliation: 'none', role: 'moderator' },
    ],
    [
      '§9.7 Revoking Moderator Status: the result, and the role participant to all',
      role('thirdwitch', 'moderator'),
      wicca,
      'thirdwitch',
      role('thirdwitch', 'participant'),
      { affiliation: 'member', role: 'participant' },
    ],
    [
      '§10.3 Granting Owner Status: the result, and the affiliation owner to all',
      role('hecate', 'participant'),
      crone,
      'hecate',
      affiliation('hecate', 'owner'),
      { affiliation: 'owner', role: 'moderator' },
    ],
    [
      '§10.4 Revoking Owner Status: the result, and the new affiliation to all',
      affiliation('secondwitch', 'owner'),
      wicca,
      'firstwitch',
      affiliation('firstwitch', 'admin'),
      { affiliation: 'admin', role: 'moderator' },
    ],
    [
      '§10.6 Granting Admin Status: the result, and the affiliation admin to all',
      role('hecate', 'participant'),
      crone,
      'hecate',
      affiliation('hecate', 'admin'),
      { affiliation: 'admin', role: 'moderator' },
    ],
    [
      '§10.7 Revoking Admin Status: the result, and the new affiliation to all',
      role('hecate', 'participant'),
      crone,
      'secondwitch',
      affiliation('secondwitch', 'member'),
      { affiliation: 'member', role: 'participant' },
    ],
  ])('%s', (_title, before, actor, nick, item, expected) => {
    const stage = coven({ 'muc#roomconfig_moderatedroom': '1' })
    stage.admin(crone, before)
    const [first, ...shown] = stage.admin(actor, `${item.replace('/>', '><reason>So be it</reason></item>')}`)
    expect(first).toBe(`${actor} <- <iq type='result' id='admin' from='${room}'/>`)
    expect(shown.map((line) => line.split(' ')[0]).sort()).toEqual([...everyone].sort())
    for (const line of shown) {
      expect(line).toContain(` <- <presence from='${room}/${nick}'`)
      expect(itemOf(line)).toMatchObject(expected)
      expect(line).toContain('<reason>So be it</reason>')
    }
  })
})

describe('lists', () => {
  const affiliations = { affiliation: expect.any(String), jid: expect.any(String) }

  test.each([
    [
      '§8.5 the Voice List: nick, role, affiliation and jid',
      wicca,
      `<item role='participant'/>`,
      [
        ['thirdwitch', hag],
        ['hecate', hecate],
      ],
    ],
    [
      '§9.8 the Moderator List: nick, role, affiliation and jid',
      wicca,
      `<item role='moderator'/>`,
      [
        ['firstwitch', crone],
        ['secondwitch', wicca],
      ],
    ],
    [
      '§17.4 results on roles carry nick, role, affiliation and jid',
      wicca,
      `<item role='moderator'/>`,
      [
        ['firstwitch', crone],
        ['secondwitch', wicca],
      ],
    ],
  ])('%s', (_title, from, item, expected) => {
    const items = list(coven(), from, item)
    expect(items.map(({ nick, jid }) => [nick, jid])).toEqual(expected)
    for (const each of items)
      expect(each).toEqual({ ...affiliations, nick: expect.any(String), role: expect.any(String) })
  })

  test.each([
    ['§9.2 the Ban List: affiliation and jid', wicca, 'outcast', [{ affiliation: 'outcast', jid: 'earl@b.c' }]],
    [
      '§9.5 the Member List: affiliation, jid and nick',
      wicca,
      'member',
      [
        { affiliation: 'member', jid: 'hag66@shakespeare.lit' },
        { affiliation: 'member', jid: 'a@b.c', nick: 'kept' },
      ],
    ],
    [
      '§10.5 the Owner List: affiliation and jid',
      crone,
      'owner',
      [{ affiliation: 'owner', jid: 'crone1@shakespeare.lit' }],
    ],
    [
      '§10.8 the Admin List: affiliation and jid',
      crone,
      'admin',
      [{ affiliation: 'admin', jid: 'wiccarocks@shakespeare.lit' }],
    ],
    [
      '§17.4 results on affiliations carry affiliation, jid and nick',
      crone,
      'member',
      [
        { affiliation: 'member', jid: 'hag66@shakespeare.lit' },
        { affiliation: 'member', jid: 'a@b.c', nick: 'kept' },
      ],
    ],
  ])('%s', (_title, from, name, expected) => {
    const stage = coven()
    stage.admin(
      crone,
      `<item affiliation='outcast' jid='earl@b.c'/><item affiliation='member' jid='a@b.c' nick='kept'/>`,
    )
    expect(list(stage, from, `<item affiliation='${name}'/>`)).toEqual(expected)
  })

  test('§7.11 the member list is for occupants with a role that the configuration names', () => {
    const stage = coven({ 'muc#roomconfig_whois': 'anyone', 'muc#roomconfig_getmemberlist': 'moderator' })
    const asked = (from: string): string => stage.refusal(adminIq(room, from, `<item affiliation='member'/>`, 'get'))
    expect([asked(wicca), asked(hecate), asked(outsider)]).toEqual(['ok', 'forbidden/auth', 'forbidden/auth'])
    stage.configure(crone, { 'muc#roomconfig_getmemberlist': ['moderator', 'participant'] })
    expect([asked(hecate), asked(outsider)]).toEqual(['ok', 'forbidden/auth'])
  })

  test.each([
    [
      '§8.5 the Voice List: several at once, and all are shown',
      role('hecate', 'visitor') + role('thirdwitch', 'visitor'),
      ['visitor', 'visitor'],
    ],
    [
      '§9.5 the Member List: several at once',
      affiliation('hecate', 'member') + affiliation('thirdwitch', 'none'),
      ['participant', 'participant'],
    ],
    [
      '§9.8 the Moderator List: several at once',
      role('hecate', 'moderator') + role('thirdwitch', 'moderator'),
      ['moderator', 'moderator'],
    ],
    [
      '§10.5 the Owner List: several at once',
      affiliation('hecate', 'owner') + affiliation('thirdwitch', 'owner'),
      ['moderator', 'moderator'],
    ],
    [
      '§10.8 the Admin List: several at once',
      affiliation('hecate', 'admin') + affiliation('thirdwitch', 'admin'),
      ['moderator', 'moderator'],
    ],
    [
      '§9.2 the Ban List: several at once',
      affiliation('hecate', 'outcast') + affiliation('thirdwitch', 'outcast'),
      ['none', 'none'],
    ],
  ])('%s', (_title, items, expected) => {
    const shown = to(crone, coven().admin(crone, items)).slice(0)
    expect(shown.filter((line) => line.startsWith('<presence')).map((line) => itemOf(line).role)).toEqual(expected)
  })
})

describe('what follows from it', () => {
  test('§5.2.2 a change of affiliation is communicated to all occupants, whoever made it', () => {
    const stage = coven()
    const lines = stage.configure(crone, {
      'muc#roomconfig_roomadmins': ['wiccarocks@shakespeare.lit', 'hecate@shakespeare.lit'],
    })
    for (const jid of everyone)
      expect(to(jid, lines).map(itemOf)).toContainEqual(expect.objectContaining({ affiliation: 'admin' }))
  })

  test('§9.1 a ban is by bare JID, and the reserved nickname is free', () => {
    const stage = coven()
    stage.join('hag66@shakespeare.lit/phone', 'thirdwitch')
    stage.admin(crone, `<item affiliation='member' jid='hag66@shakespeare.lit' nick='thirdwitch'/>`)
    const lines = stage.admin(wicca, `<item affiliation='outcast' jid='hag66@shakespeare.lit/elsewhere'/>`)
    for (const jid of [hag, 'hag66@shakespeare.lit/phone']) expect(to(jid, lines).map(codes)).toEqual([['110', '301']])
    expect(
      stage.refusal(
        `<presence from='${outsider}' to='${room}/thirdwitch'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
      ),
    ).toBe('ok')
  })

  test('§9.5 a removed member cannot return to a members-only room', () => {
    const stage = coven({ 'muc#roomconfig_membersonly': '1' })
    const enter = `<presence from='${hag}' to='${room}/thirdwitch'><x xmlns='http://jabber.org/protocol/muc'/></presence>`
    expect(stage.refusal(enter)).toBe('ok')
    stage.admin(wicca, affiliation('thirdwitch', 'none'))
    expect(stage.refusal(enter)).toBe('registration-required/auth')
  })

  test('§10.3 by full JID: the bare one counts', () => {
    const stage = coven()
    stage.admin(crone, `<item affiliation='owner' jid='${hecate}'/>`)
    expect(stage.state.register.get('hecate@shakespeare.lit')).toEqual({ affiliation: 'owner' })
  })

  test.each([
    ['§10.3 somebody not in the room becomes owner: those who may see JIDs are told', 'owner', 'none'],
    ['§10.6 somebody not in the room becomes admin: those who may see JIDs are told', 'admin', 'none'],
    ['§10.7 somebody not in the room was admin: those who may see JIDs are told', 'none', 'admin'],
  ])('%s', (_title, now, before) => {
    const stage = coven()
    stage.admin(crone, `<item affiliation='${before}' jid='macbeth@shakespeare.lit'/>`)
    const lines = stage.admin(
      crone,
      `<item affiliation='${now}' jid='macbeth@shakespeare.lit'><reason>Fate</reason></item>`,
    )
    const said = `<message from='${room}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='${now}' jid='macbeth@shakespeare.lit'><reason>Fate</reason></item></x></message>`
    expect(
      [crone, wicca, hag, hecate].map((jid) => to(jid, lines).filter((line) => line.startsWith('<message'))),
    ).toEqual([[said], [said], [], []])
    stage.configure(crone, { 'muc#roomconfig_whois': 'anyone' })
    expect(to(hecate, stage.admin(crone, `<item affiliation='member' jid='macbeth@shakespeare.lit'/>`))).toHaveLength(1)
  })

  test('§18.1 who is not in the room is told with 101, by the room, but not of a ban, nor by long lists', () => {
    const stage = coven()
    const told = (item: string): string[] => to('macbeth@shakespeare.lit', stage.admin(crone, item))
    expect(told(`<item affiliation='member' jid='${outsider}'><reason>Fate</reason></item>`)).toEqual([
      `<message from='${room}'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='macbeth@shakespeare.lit'><reason>Fate</reason></item><status code='101'/></x></message>`,
    ])
    expect(told(`<item affiliation='none' jid='${outsider}'/>`).map(codes)).toEqual([['101']])
    expect(told(`<item affiliation='none' jid='${outsider}'/>`)).toEqual([])
    expect(told(`<item affiliation='outcast' jid='${outsider}'/>`)).toEqual([])
    const many = Array.from({ length: 20 }, (_, index) => `<item affiliation='member' jid='a${index}@b.c'/>`).join('')
    expect(told(`<item affiliation='member' jid='${outsider}'/>${many}`)).toEqual([])
  })
})
