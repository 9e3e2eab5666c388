/** XEP-0045 §5: what each role and affiliation may, and how one comes to a role. */
import { describe, expect, test } from '@jest/globals'
import { adminIq, configIq, groupchat, presence, type Stage } from '../../room/stage.js'
import { affiliation, coven, crone, everyone, hag, hecate, itemOf, outsider, role, room, to, wicca } from './cast.js'

/** A room with one of each role: hag is made a visitor. */
const moderated = (): Stage => {
  const stage = coven({ 'muc#roomconfig_moderatedroom': '1' })
  stage.admin(crone, role('hecate', 'visitor'))
  return stage
}

describe('§5.1 roles', () => {
  test('§5.1, §5.2 every presence, also of who leaves, carries role and affiliation', () => {
    const stage = coven()
    const lines = [
      ...stage.join(outsider, 'macbeth'),
      ...stage.send(`<presence from='${hag}' to='${room}/hagsbane'/>`),
      ...stage.admin(crone, role('hecate', 'none')),
      ...stage.admin(crone, affiliation('thirdwitch', 'outcast')),
      ...stage.send(`<presence from='${outsider}' to='${room}/macbeth' type='unavailable'/>`),
    ].filter((line) => line.includes('<presence'))
    expect(lines.length).toBeGreaterThan(20)
    for (const line of lines)
      expect(itemOf(line)).toMatchObject({ role: expect.any(String), affiliation: expect.any(String) })
  })

  /** Who may: visitor hecate, participant hag (a member), moderator wicca (an admin). */
  const ofRoles: readonly (readonly [
    string,
    (from: string, nick: string) => string,
    readonly [boolean, boolean, boolean],
  ])[] = [
    [
      "§5.1.1 the privilege to change one's status",
      (from, nick) => `<presence from='${from}' to='${room}/${nick}'><show>dnd</show></presence>`,
      [true, true, true],
    ],
    [
      "§5.1.1 the privilege to change one's nickname",
      (from, nick) => `<presence from='${from}' to='${room}/new ${nick}'/>`,
      [true, true, true],
    ],
    [
      '§5.1.1 the privilege of private messages',
      (from) => `<message from='${from}' to='${room}/firstwitch' type='chat'><body>psst</body></message>`,
      [true, true, true],
    ],
    [
      '§5.1.1 the privilege to invite',
      (from) =>
        `<message from='${from}' to='${room}'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='a@b.c'/></x></message>`,
      [true, true, true],
    ],
    ['§5.1.1 the privilege to speak to all', (from) => groupchat(room, from, '<body>Hail</body>'), [false, true, true]],
    [
      '§5.1.1 the privilege to change the subject',
      (from) => groupchat(room, from, '<subject>Toil</subject>'),
      [false, false, true],
    ],
    ['§5.1.1 the privilege to kick', (from) => adminIq(room, from, role('victim', 'none')), [false, false, true]],
    [
      '§5.1.1 the privilege to grant and revoke voice',
      (from) => adminIq(room, from, role('victim', 'visitor')),
      [false, false, true],
    ],
  ]
  test.each(ofRoles)('%s', (_title, stanza, expected) => {
    const may = (from: string, nick: string): boolean => {
      const stage = moderated()
      stage.join('victim@b.c/x', 'victim')
      return stage.refusal(stanza(from, nick)) === 'ok'
    }
    expect([may(hecate, 'hecate'), may(hag, 'thirdwitch'), may(wicca, 'secondwitch')]).toEqual(expected)
  })

  test('§5.1.1 the privilege of presence and messages of others, also for visitors', () => {
    const stage = moderated()
    expect(to(hecate, stage.send(groupchat(room, hag, '<body>Hail</body>')))).toHaveLength(1)
    expect(to(hecate, stage.join(outsider, 'macbeth'))).toHaveLength(1)
  })

  test.each([
    [
      '§5.1.3 change of role: none to visitor, entering a moderated room',
      'none',
      (stage: Stage) => stage.join(outsider, 'macbeth'),
      'visitor',
      true,
    ],
    [
      '§5.1.3 change of role: none to participant, entering an unmoderated room',
      'none',
      (stage: Stage) => stage.join(outsider, 'macbeth'),
      'participant',
      false,
    ],
    [
      '§5.1.3 change of role: none to moderator, an admin enters',
      'none',
      (stage: Stage) => {
        stage.admin(crone, `<item affiliation='admin' jid='${outsider}'/>`)
        return stage.join(outsider, 'macbeth')
      },
      'moderator',
      true,
    ],
    [
      '§5.1.3 change of role: visitor to participant, voice is granted',
      'visitor',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'participant')),
      'participant',
      true,
    ],
    [
      '§5.1.3 change of role: visitor to moderator, by an admin',
      'visitor',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'moderator')),
      'moderator',
      true,
    ],
    [
      '§5.1.3 change of role: participant to visitor, voice is revoked',
      'participant',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'visitor')),
      'visitor',
      true,
    ],
    [
      '§5.1.3 change of role: participant to moderator, by an admin',
      'participant',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'moderator')),
      'moderator',
      true,
    ],
    [
      '§5.1.3 change of role: moderator to participant, by an admin',
      'moderator',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'participant')),
      'participant',
      true,
    ],
    [
      '§5.1.3 change of role: moderator to visitor, by an admin',
      'moderator',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'visitor')),
      'visitor',
      true,
    ],
    [
      '§5.1.3 change of role: visitor to none, kicked',
      'visitor',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'none')),
      'none',
      true,
    ],
    [
      '§5.1.3 change of role: participant to none, kicked',
      'participant',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'none')),
      'none',
      true,
    ],
    [
      '§5.1.3 change of role: moderator to none, kicked by an admin',
      'moderator',
      (stage: Stage) => stage.admin(wicca, role('macbeth', 'none')),
      'none',
      true,
    ],
    [
      '§5.1.3 change of role: visitor to none, leaves',
      'visitor',
      (stage: Stage) => stage.send(`<presence from='${outsider}' to='${room}/macbeth' type='unavailable'/>`),
      'none',
      true,
    ],
  ])('%s, as all see it', (_title, before, change, after, isModerated) => {
    const stage = coven({ 'muc#roomconfig_moderatedroom': isModerated ? '1' : '0' })
    if (before !== 'none') {
      stage.join(outsider, 'macbeth')
      stage.admin(crone, role('macbeth', before))
    }
    const lines = change(stage)
    for (const jid of everyone)
      expect(
        to(jid, lines)
          .filter((line) => line.startsWith(`<presence from='${room}/macbeth'`))
          .map((line) => itemOf(line).role),
      ).toEqual([after])
  })
})

describe('§5.2 affiliations', () => {
  const iq = (from: string, content: string, type = 'set', kind = 'owner'): string =>
    `<iq from='${from}' to='${room}' id='i' type='${type}'><query xmlns='http://jabber.org/protocol/muc#${kind}'>${content}</query></iq>`
  const ban = affiliation('hecate', 'outcast')
  /** Who may: outcast, none, member, admin, owner. */
  const ofAffiliations: readonly (readonly [
    string,
    Readonly<Record<string, string>>,
    (from: string) => string,
    string,
  ])[] = [
    ['§5.2.1 the privilege to enter an open room', {}, (from) => presence(room, from, 'x'), 'no yes yes yes yes'],
    [
      '§5.2.1 the privilege to enter a members-only room',
      { 'muc#roomconfig_membersonly': '1' },
      (from) => presence(room, from, 'x'),
      'no no yes yes yes',
    ],
    ['§5.2.1 the privilege to ban members and others', {}, (from) => adminIq(room, from, ban), 'no no no yes yes'],
    [
      '§5.2.1 the privilege to edit the member list',
      {},
      (from) => adminIq(room, from, affiliation('hecate', 'member')),
      'no no no yes yes',
    ],
    [
      '§5.2.1 the privilege to retrieve the member list, semi-anonymous',
      {},
      (from) => iq(from, `<item affiliation='member'/>`, 'get', 'admin'),
      'no no no yes yes',
    ],
    [
      '§5.2.1 the privilege to retrieve the member list, non-anonymous',
      { 'muc#roomconfig_whois': 'anyone' },
      (from) => iq(from, `<item affiliation='member'/>`, 'get', 'admin'),
      'no no yes yes yes',
    ],
    [
      '§5.2.1 the privilege to assign the role of moderator',
      {},
      (from) => adminIq(room, from, role('hecate', 'moderator')),
      'no no no yes yes',
    ],
    [
      '§5.2.1 the privilege to edit the admin list',
      {},
      (from) => adminIq(room, from, affiliation('hecate', 'admin')),
      'no no no no yes',
    ],
    [
      '§5.2.1 the privilege to edit the owner list',
      {},
      (from) => adminIq(room, from, affiliation('hecate', 'owner')),
      'no no no no yes',
    ],
    [
      '§5.2.1 the privilege to configure the room',
      {},
      (from) => configIq(room, from, { 'muc#roomconfig_roomname': 'x' }),
      'no no no no yes',
    ],
    ['§5.2.1 the privilege to destroy the room', {}, (from) => iq(from, '<destroy/>'), 'no no no no yes'],
    [
      '§5.2.1 the privilege to register with an open room',
      {},
      (from) => `<iq from='${from}' to='${room}' id='r' type='get'><query xmlns='jabber:iq:register'/></iq>`,
      'no yes yes yes yes',
    ],
  ]
  test.each(ofAffiliations)('%s', (_title, fields, stanza, expected) => {
    const may = (name: string): string => {
      const stage = coven(fields)
      stage.admin(crone, `<item affiliation='${name}' jid='asks@shakespeare.lit'/>`)
      return stage.refusal(stanza('asks@shakespeare.lit/x')) === 'ok' ? 'yes' : 'no'
    }
    expect(['outcast', 'none', 'member', 'admin', 'owner'].map(may).join(' ')).toBe(expected)
  })
})
