import { describe, expect, test } from '@jest/globals'
import { adminIq, codes, groupchat, presence, Stage } from './stage.js'

const room = 'coven@chat.shakespeare.lit'
const owner = 'crone1@shakespeare.lit/desktop'
const admin = 'wiccarocks@shakespeare.lit/laptop'
const moderator = 'fluellen@shakespeare.lit/pda'
const member = 'hecate@shakespeare.lit/broom'
const hag = 'hag66@shakespeare.lit/pda'
const other = 'pistol@shakespeare.lit/harfleur'

const nickOf: Readonly<Record<string, string>> = {
  [owner]: 'owner',
  [admin]: 'admin',
  [moderator]: 'moderator',
  [member]: 'member',
  [hag]: 'hag',
  [other]: 'pistol',
}

/** Owner, admin, an unaffiliated moderator, a member, two without affiliation. */
const company = (): Stage => {
  const stage = new Stage(room).found(owner, 'owner')
  stage.admin(
    owner,
    `<item affiliation='admin' jid='wiccarocks@shakespeare.lit'/><item affiliation='member' jid='hecate@shakespeare.lit'/>`,
  )
  for (const [jid, nick] of Object.entries(nickOf)) if (jid !== owner) stage.join(jid, nick)
  stage.admin(owner, `<item nick='moderator' role='moderator'/>`)
  return stage
}

describe('XEP-0045 §8.2 kicking', () => {
  test('307 with reason to the kicked one, then the result, then the others', () => {
    const stage = company()
    const lines = stage.admin(moderator, `<item nick='pistol' role='none'><reason>Avaunt!</reason></item>`)
    expect(lines[0]).toMatch(new RegExp(`^${other} <- <presence`))
    expect(codes(lines[0]!)).toEqual(['110', '307'])
    expect(lines[0]).toContain(`<actor nick='moderator'/><reason>Avaunt!</reason>`)
    expect(lines[1]).toBe(`${moderator} <- <iq type='result' id='admin' from='${room}'/>`)
    expect(
      lines
        .slice(2)
        .map((line) => line.split(' ')[0])
        .sort(),
    ).toEqual([owner, admin, moderator, member, hag].sort())
    expect(lines.slice(2).every((line) => codes(line).join() === '307')).toBe(true)
    const seen = lines.find((line) => line.startsWith(admin))!
    expect(seen).toContain(`<actor nick='moderator' jid='fluellen@shakespeare.lit'/>`)
  })

  test.each([
    [owner, 'admin', 'ok'],
    [owner, 'moderator', 'ok'],
    [admin, 'owner', 'not-allowed/cancel'],
    [admin, 'moderator', 'ok'],
    [moderator, 'owner', 'not-allowed/cancel'],
    [moderator, 'admin', 'not-allowed/cancel'],
    [moderator, 'member', 'not-allowed/cancel'],
    [moderator, 'hag', 'ok'],
    [member, 'hag', 'forbidden/auth'],
    [hag, 'pistol', 'forbidden/auth'],
    ['stranger@x.y/z', 'pistol', 'forbidden/auth'],
    [moderator, 'nobody', 'item-not-found/cancel'],
  ])('%s kicks %s: %s', (from, nick, expected) => {
    expect(company().refusal(adminIq(room, from, `<item nick='${nick}' role='none'/>`))).toBe(expected)
  })
})

describe('XEP-0045 §8.3, §8.4, §9.6, §9.7 roles', () => {
  test('the change is shown to all with the new role, and the reason', () => {
    const stage = company()
    const lines = stage.admin(moderator, `<item nick='hag' role='visitor'><reason>no</reason></item>`)
    expect(lines[0]).toContain("type='result'")
    expect(lines).toHaveLength(7)
    expect(
      lines.slice(1).every((line) => line.includes("role='visitor'") && line.includes('<reason>no</reason>')),
    ).toBe(true)
    expect(stage.refusal(groupchat(room, hag, '<body>x</body>'))).toBe('forbidden/auth')
  })

  test.each([
    [moderator, 'hag', 'visitor', 'ok'],
    [moderator, 'member', 'visitor', 'not-allowed/cancel'],
    [moderator, 'admin', 'visitor', 'not-allowed/cancel'],
    [moderator, 'owner', 'participant', 'not-allowed/cancel'],
    [owner, 'admin', 'visitor', 'not-allowed/cancel'],
    [admin, 'member', 'visitor', 'ok'],
    [admin, 'moderator', 'participant', 'ok'],
    [admin, 'owner', 'participant', 'not-allowed/cancel'],
    [moderator, 'moderator', 'participant', 'not-allowed/cancel'],
    [moderator, 'hag', 'moderator', 'forbidden/auth'],
    [member, 'hag', 'moderator', 'forbidden/auth'],
    [admin, 'hag', 'moderator', 'ok'],
    [hag, 'pistol', 'visitor', 'forbidden/auth'],
  ])('%s makes %s a %s: %s', (from, nick, role, expected) => {
    expect(company().refusal(adminIq(room, from, `<item nick='${nick}' role='${role}'/>`))).toBe(expected)
  })

  test('§17.4 role and affiliation in one item: bad-request; neither: bad-request; no item: bad-request', () => {
    const stage = company()
    for (const items of [
      `<item nick='hag' jid='hag66@shakespeare.lit' role='visitor' affiliation='member'/>`,
      `<item nick='hag'/>`,
      `<item role='visitor'/>`,
      `<item affiliation='member'/>`,
      `<item nick='hag' role='king'/>`,
      '',
    ])
      expect(stage.refusal(adminIq(room, owner, items))).toBe('bad-request/modify')
  })
})

describe('XEP-0045 §9.1, §9.2 banning', () => {
  test('301 to the banned one, the result, 301 to the others; the nick is free again', () => {
    const stage = company()
    stage.admin(owner, `<item affiliation='member' jid='pistol@shakespeare.lit' nick='pistol'/>`)
    const lines = stage.admin(
      admin,
      `<item affiliation='outcast' jid='pistol@shakespeare.lit/any'><reason>Treason</reason></item>`,
    )
    expect(lines[0]!.startsWith(other)).toBe(true)
    expect(codes(lines[0]!)).toEqual(['110', '301'])
    expect(lines[0]).toContain("affiliation='outcast' role='none'")
    expect(lines[1]).toContain("type='result'")
    expect(lines).toHaveLength(7)
    expect(stage.state.register.get('pistol@shakespeare.lit')).toEqual({ affiliation: 'outcast', reason: 'Treason' })
    expect(stage.refusal(presence(room, hag, 'x'))).toBe('ok')
    expect(stage.refusal(presence(room, other, 'pistol'))).toBe('forbidden/auth')
  })

  test.each([
    [admin, 'crone1@shakespeare.lit', 'not-allowed/cancel'],
    [admin, 'wiccarocks@shakespeare.lit', 'conflict/cancel'],
    [owner, 'crone1@shakespeare.lit', 'conflict/cancel'],
    [owner, 'wiccarocks@shakespeare.lit', 'ok'],
    [admin, 'hecate@shakespeare.lit', 'ok'],
    [moderator, 'hag66@shakespeare.lit', 'forbidden/auth'],
    [hag, 'pistol@shakespeare.lit', 'forbidden/auth'],
    [admin, '@', 'jid-malformed/modify'],
  ])('%s bans %s: %s', (from, jid, expected) => {
    expect(company().refusal(adminIq(room, from, `<item affiliation='outcast' jid='${jid}'/>`))).toBe(expected)
  })

  test('§9.2 a list with one prohibited item changes nothing', () => {
    const stage = company()
    const before = stage.state
    expect(
      stage.refusal(
        adminIq(
          room,
          admin,
          `<item affiliation='outcast' jid='pistol@shakespeare.lit'/><item affiliation='outcast' jid='crone1@shakespeare.lit'/>`,
        ),
      ),
    ).toBe('not-allowed/cancel')
    expect(stage.state).toBe(before)
  })

  test('§9.2 a domain is banned as a whole; one with an own entry stays', () => {
    const stage = company()
    stage.join('x@macbeth.lit/1', 'x')
    stage.join('y@macbeth.lit/1', 'y')
    stage.admin(owner, `<item affiliation='member' jid='y@macbeth.lit'/>`)
    const lines = stage.admin(owner, `<item affiliation='outcast' jid='macbeth.lit'/>`)
    expect(codes(lines[0]!)).toEqual(['110', '301'])
    expect([...stage.state.occupants.keys()]).toContain('y')
    expect([...stage.state.occupants.keys()]).not.toContain('x')
    expect(stage.refusal(adminIq(room, owner, `<item affiliation='owner' jid='macbeth.lit'/>`))).toBe(
      'not-acceptable/modify',
    )
  })
})

describe('XEP-0045 §9.3 to §9.5 membership', () => {
  test('granting shows the new affiliation to all', () => {
    const lines = company().admin(admin, `<item affiliation='member' jid='hag66@shakespeare.lit'/>`)
    expect(lines[0]).toContain("type='result'")
    expect(lines.slice(1)).toHaveLength(6)
    expect(lines.slice(1).every((line) => line.includes("affiliation='member' role='participant'"))).toBe(true)
  })

  test('§9.4 who loses it in a members-only room leaves with 321 and no other presence before', () => {
    const stage = company()
    stage.configure(owner, { 'muc#roomconfig_membersonly': '1' })
    const lines = stage.admin(admin, `<item affiliation='none' jid='hecate@shakespeare.lit'/>`)
    expect(codes(lines[0]!)).toEqual(['110', '321'])
    expect(lines.filter((line) => line.includes(`from='${room}/member'`)).every((line) => line.includes('321'))).toBe(
      true,
    )
    expect(stage.state.occupants.has('member')).toBe(false)
  })

  test('§9.5 a new member of a members-only room is invited, with the password', () => {
    const stage = company()
    stage.configure(owner, {
      'muc#roomconfig_membersonly': '1',
      'muc#roomconfig_passwordprotectedroom': '1',
      'muc#roomconfig_roomsecret': 'cauldronburn',
    })
    const lines = stage.admin(admin, `<item affiliation='member' jid='new@shakespeare.lit'/>`)
    expect(lines.at(-1)).toBe(
      `new@shakespeare.lit <- <message from='${room}'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='${room}/admin'/><password>cauldronburn</password></x></message>`,
    )
  })

  test('§9.5 a reserved nick is set, kept and unset; one that is taken is a conflict', () => {
    const stage = company()
    stage.admin(owner, `<item affiliation='member' jid='a@b.c' nick='reserved'/>`)
    stage.admin(owner, `<item affiliation='admin' jid='a@b.c'/>`)
    expect(stage.state.register.get('a@b.c')).toEqual({ affiliation: 'admin', nick: 'reserved' })
    expect(stage.refusal(adminIq(room, owner, `<item affiliation='member' jid='d@b.c' nick='reserved'/>`))).toBe(
      'conflict/cancel',
    )
    stage.admin(owner, `<item affiliation='admin' jid='a@b.c' nick=''/>`)
    expect(stage.state.register.get('a@b.c')).toEqual({ affiliation: 'admin' })
  })
})

describe('XEP-0045 §10.3 to §10.8 owners and admins', () => {
  test('granting and revoking admin changes the role with it', () => {
    const stage = company()
    stage.admin(owner, `<item affiliation='admin' jid='hag66@shakespeare.lit'/>`)
    expect(stage.state.occupants.get('hag')?.role).toBe('moderator')
    stage.admin(owner, `<item affiliation='none' jid='hag66@shakespeare.lit'/>`)
    expect(stage.state.occupants.get('hag')?.role).toBe('participant')
  })

  test.each([
    [admin, 'hag66@shakespeare.lit', 'admin', 'forbidden/auth'],
    [admin, 'hag66@shakespeare.lit', 'owner', 'forbidden/auth'],
    [admin, 'crone1@shakespeare.lit', 'none', 'forbidden/auth'],
    [owner, 'crone1@shakespeare.lit', 'none', 'conflict/cancel'],
    [owner, 'crone1@shakespeare.lit', 'admin', 'conflict/cancel'],
    [owner, 'hag66@shakespeare.lit', 'owner', 'ok'],
  ])('%s makes %s %s: %s', (from, jid, affiliation, expected) => {
    expect(company().refusal(adminIq(room, from, `<item affiliation='${affiliation}' jid='${jid}'/>`))).toBe(expected)
  })

  test('§10.4 an owner steps down where there is another', () => {
    const stage = company()
    stage.admin(owner, `<item affiliation='owner' jid='hag66@shakespeare.lit'/>`)
    expect(stage.refusal(adminIq(room, owner, `<item affiliation='none' jid='crone1@shakespeare.lit'/>`))).toBe('ok')
    expect(
      stage.refusal(
        adminIq(
          room,
          hag,
          `<item affiliation='owner' jid='a@b.c'/><item affiliation='none' jid='hag66@shakespeare.lit'/>`,
        ),
      ),
    ).toBe('ok')
  })

  test('an administrator of the service may what an owner may', () => {
    const stage = company()
    const item = `<item affiliation='owner' jid='x@y.z'/>`
    expect(stage.refusal(adminIq(room, 'root@shakespeare.lit/1', item), { admin: true })).toBe('ok')
  })
})

describe('lists', () => {
  const get = (stage: Stage, from: string, item: string): string => {
    const text = adminIq(room, from, item, 'get')
    const refusal = stage.refusal(text)
    return refusal === 'ok'
      ? stage
          .send(text)[0]!
          .replace(/^.*#admin'\/?>/, '')
          .replace('</query></iq>', '')
      : refusal
  }

  test.each([
    ["affiliation='outcast'", ['ok', 'ok', 'forbidden/auth', 'forbidden/auth', 'forbidden/auth']],
    ["affiliation='member'", ['ok', 'ok', 'ok', 'forbidden/auth', 'forbidden/auth']],
    ["affiliation='admin'", ['ok', 'forbidden/auth', 'forbidden/auth', 'forbidden/auth', 'forbidden/auth']],
    ["affiliation='owner'", ['ok', 'forbidden/auth', 'forbidden/auth', 'forbidden/auth', 'forbidden/auth']],
    ["role='moderator'", ['ok', 'ok', 'forbidden/auth', 'forbidden/auth', 'forbidden/auth']],
    ["role='participant'", ['ok', 'ok', 'ok', 'forbidden/auth', 'forbidden/auth']],
  ])('semi-anonymous: %s to owner, admin, moderator, member, stranger', (item, expected) => {
    const stage = company()
    const askers = [owner, admin, moderator, member, 'stranger@x.y/z']
    expect(askers.map((from) => stage.refusal(adminIq(room, from, `<item ${item}/>`, 'get')))).toEqual(expected)
  })

  test('§9.5, §10.5 in a non-anonymous members-only room members read the lists, strangers never', () => {
    const stage = company()
    stage.configure(owner, { 'muc#roomconfig_whois': 'anyone', 'muc#roomconfig_membersonly': '1' })
    const outside = 'hecate@shakespeare.lit/elsewhere'
    for (const list of ['member', 'admin', 'owner']) {
      const item = `<item affiliation='${list}'/>`
      expect(stage.refusal(adminIq(room, outside, item, 'get'))).toBe('ok')
      expect(stage.refusal(adminIq(room, 'stranger@x.y/z', item, 'get'))).toBe('forbidden/auth')
    }
  })

  test('§17.4 what items carry', () => {
    const stage = company()
    stage.admin(owner, `<item affiliation='member' jid='a@b.c' nick='reserved'/>`)
    stage.admin(owner, `<item affiliation='outcast' jid='earl@b.c'><reason>Treason</reason></item>`)
    expect(get(stage, owner, `<item affiliation='member'/>`)).toBe(
      `<item affiliation='member' jid='hecate@shakespeare.lit'/><item affiliation='member' jid='a@b.c' nick='reserved'/>`,
    )
    expect(get(stage, owner, `<item affiliation='outcast'/>`)).toBe(
      `<item affiliation='outcast' jid='earl@b.c'><reason>Treason</reason></item>`,
    )
    expect(get(stage, owner, `<item role='moderator'/>`)).toContain(
      `<item nick='moderator' role='moderator' affiliation='none' jid='${moderator}'/>`,
    )
    expect(get(stage, owner, `<item affiliation='none'/>`)).toBe('bad-request/modify')
    expect(get(stage, owner, '')).toBe('bad-request/modify')
  })
})
