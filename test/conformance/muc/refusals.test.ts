/** XEP-0045 §§8 to 10: what is refused to whom, with the error of the clause; nothing changes. */
import { describe, expect, test } from '@jest/globals'
import { adminIq, configIq } from '../../room/stage.js'
import { affiliation, coven, crone, hag, hecate, outsider, role, room, wicca } from './cast.js'

const query = (element: string): string => `<query xmlns='http://jabber.org/protocol/muc#owner'>${element}</query>`
const ownerIq = (from: string, type: string, element = ''): string =>
  `<iq xmlns='jabber:client' from='${from}' to='${room}' id='o' type='${type}'>${query(element)}</iq>`

describe('refused, and nothing changes', () => {
  const outcast = affiliation('hecate', 'outcast')
  const cases: readonly (readonly [title: string, from: string, stanza: string, refusal: string])[] = [
    ['§8.2 Kicking by who is no moderator: forbidden', hag, role('hecate', 'none'), 'forbidden/auth'],
    ['§8.2 Kicking from outside: forbidden', outsider, role('hecate', 'none'), 'forbidden/auth'],
    ['§8.2 Kicking nobody: item-not-found', wicca, role('nobody', 'none'), 'item-not-found/cancel'],
    [
      '§8.2 Kicking a user with a higher affiliation: not-allowed',
      wicca,
      role('firstwitch', 'none'),
      'not-allowed/cancel',
    ],
    ['§8.3 Granting Voice by who is no moderator: forbidden', hag, role('hecate', 'participant'), 'forbidden/auth'],
    ['§8.4 Revoking Voice by who is no moderator: forbidden', hag, role('hecate', 'visitor'), 'forbidden/auth'],
    [
      '§8.4 Revoking Voice of an owner, by an admin: not-allowed',
      wicca,
      role('firstwitch', 'visitor'),
      'not-allowed/cancel',
    ],
    [
      '§8.4 Revoking Voice of an admin, by an owner: not-allowed',
      crone,
      role('secondwitch', 'visitor'),
      'not-allowed/cancel',
    ],
    ['§5.1.1 nobody revokes voice from an admin or owner', crone, role('firstwitch', 'visitor'), 'not-allowed/cancel'],
    [
      '§5.1.3 moderator status is not revoked from somebody with a higher affiliation',
      wicca,
      role('firstwitch', 'participant'),
      'not-allowed/cancel',
    ],
    [
      '§8.5 the Voice List by who is no moderator: forbidden',
      hag,
      role('hecate', 'visitor') + role('hecate', 'participant'),
      'forbidden/auth',
    ],
    [
      '§8.5 the Voice List with an admin or owner in it: not-allowed',
      wicca,
      role('hecate', 'visitor') + role('firstwitch', 'visitor'),
      'not-allowed/cancel',
    ],
    ['§9.1 Banning by who is no admin: forbidden', hag, outcast, 'forbidden/auth'],
    [
      '§9.1 Banning an owner, by an admin: not-allowed',
      wicca,
      affiliation('firstwitch', 'outcast'),
      'not-allowed/cancel',
    ],
    ['§9.1 Banning oneself: conflict', crone, affiliation('firstwitch', 'outcast'), 'conflict/cancel'],
    ['§9.2 the Ban List by who is no admin: forbidden', hag, outcast + affiliation('hecate', 'none'), 'forbidden/auth'],
    [
      '§9.2 the Ban List with one prohibited item: nothing changes',
      wicca,
      outcast + affiliation('firstwitch', 'outcast'),
      'not-allowed/cancel',
    ],
    ['§9.3 Granting Membership by who is no admin: forbidden', hag, affiliation('hecate', 'member'), 'forbidden/auth'],
    [
      '§9.4 Revoking Membership by who is no admin: forbidden',
      hecate,
      affiliation('thirdwitch', 'none'),
      'forbidden/auth',
    ],
    [
      '§9.5 the Member List by who is no admin: forbidden',
      hag,
      affiliation('hecate', 'member') + affiliation('thirdwitch', 'none'),
      'forbidden/auth',
    ],
    [
      '§9.6 Granting Moderator Status by who is no admin: forbidden',
      hag,
      role('hecate', 'moderator'),
      'forbidden/auth',
    ],
    [
      '§9.7 Revoking Moderator Status by who is no admin: forbidden',
      hag,
      role('secondwitch', 'participant'),
      'forbidden/auth',
    ],
    [
      '§9.7 Revoking Moderator Status of an admin or owner: not-allowed',
      wicca,
      role('firstwitch', 'participant'),
      'not-allowed/cancel',
    ],
    [
      '§9.8 the Moderator List by who is no admin: forbidden',
      hag,
      role('hecate', 'moderator') + role('thirdwitch', 'moderator'),
      'forbidden/auth',
    ],
    [
      '§9.8 the Moderator List with an admin or owner in it: not-allowed',
      wicca,
      role('hecate', 'moderator') + role('firstwitch', 'participant'),
      'not-allowed/cancel',
    ],
    [
      '§10.3 Granting Owner Status by who is no owner: forbidden',
      wicca,
      affiliation('hecate', 'owner'),
      'forbidden/auth',
    ],
    [
      '§10.4 Revoking Owner Status by who is no owner: forbidden',
      wicca,
      affiliation('firstwitch', 'admin'),
      'forbidden/auth',
    ],
    [
      '§10.4 Revoking Owner Status of the last one: conflict',
      crone,
      affiliation('firstwitch', 'admin'),
      'conflict/cancel',
    ],
    [
      '§10.5 the Owner List by who is no owner: forbidden',
      wicca,
      affiliation('hecate', 'owner') + affiliation('firstwitch', 'none'),
      'forbidden/auth',
    ],
    [
      '§10.5 the Owner List without the last one: conflict',
      crone,
      affiliation('hecate', 'admin') + affiliation('firstwitch', 'admin'),
      'conflict/cancel',
    ],
    [
      '§10.6 Granting Admin Status by who is no owner: forbidden',
      wicca,
      affiliation('hecate', 'admin'),
      'forbidden/auth',
    ],
    [
      '§10.7 Revoking Admin Status by who is no owner: forbidden',
      wicca,
      affiliation('secondwitch', 'member'),
      'forbidden/auth',
    ],
    [
      '§10.8 the Admin List by who is no owner: forbidden',
      hag,
      affiliation('hecate', 'admin') + affiliation('secondwitch', 'none'),
      'forbidden/auth',
    ],
    [
      '§17.4 role and affiliation in one item: bad-request',
      crone,
      `<item nick='hecate' role='visitor' affiliation='member'/>`,
      'bad-request/modify',
    ],
  ]
  test.each(cases)('%s', (_title, from, items, expected) => {
    const stage = coven()
    const before = stage.state
    expect(stage.refusal(adminIq(room, from, items))).toBe(expected)
    expect(stage.state).toBe(before)
  })

  test.each([
    ['§10.2 the form by who is no owner: forbidden', wicca, ownerIq(wicca, 'get'), 'forbidden/auth'],
    [
      '§10.2 its submission by who is no owner: forbidden',
      wicca,
      configIq(room, wicca, { 'muc#roomconfig_roomname': 'x' }),
      'forbidden/auth',
    ],
    [
      '§10.2 the last owner taken out of the form: conflict',
      crone,
      configIq(room, crone, { 'muc#roomconfig_roomowners': [] }),
      'conflict/cancel',
    ],
    ['§10.9 Destroying by who is no owner: forbidden', wicca, ownerIq(wicca, 'set', '<destroy/>'), 'forbidden/auth'],
  ])('%s', (_title, _from, stanza, expected) => {
    const stage = coven()
    const before = stage.state
    expect(stage.refusal(stanza)).toBe(expected)
    expect(stage.state).toBe(before)
  })
})
