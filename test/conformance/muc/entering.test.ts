/** XEP-0045 §7.1 and §7.2: what comes to whom when somebody enters, in which order, and who does not enter. */
import { describe, expect, test } from '@jest/globals'
import { codes, groupchat, presence, Stage } from '../../room/stage.js'
import { coven, crone, everyone, hag, hecate, itemOf, outsider, room, to, wicca } from './cast.js'

const say = (stage: Stage, from: string, body: string): string[] =>
  stage.send(groupchat(room, from, `<body>${body}</body>`))

/** What sort of stanza it is, in one word. */
function kind(line: string): string {
  if (line.startsWith('<presence')) return line.includes("code='110'") ? 'self' : 'other'
  if (line.includes('<subject')) return 'subject'
  return line.includes('urn:xmpp:delay') ? 'history' : 'live'
}

test('§7.1 the order: others, oneself, history, subject, live messages', () => {
  const stage = coven()
  say(stage, crone, 'one')
  say(stage, crone, 'two')
  const entered = to(outsider, stage.join(outsider, 'macbeth'))
  const live = to(outsider, say(stage, crone, 'three'))
  expect([...entered, ...live].map(kind)).toEqual([
    ...['other', 'other', 'other', 'other'],
    ...['self', 'history', 'history', 'subject', 'live'],
  ])
})

describe('§7.2.1 and §7.2.2', () => {
  test('§7.2.1, §17.3 who enters again gets everything again; the others an update, where it differs', () => {
    const stage = coven()
    const first = to(outsider, stage.join(outsider, 'macbeth'))
    const again = stage.join(outsider, 'macbeth')
    expect(to(outsider, again)).toEqual(first)
    expect(again).toHaveLength(first.length)
    const away = stage.send(presence(room, outsider, 'macbeth', '', '<show>away</show>'))
    expect(to(outsider, away).map(kind)).toEqual(first.map(kind))
    for (const jid of everyone) expect(to(jid, away).join()).toContain('<show>away</show>')
  })

  test('§7.2.2 role and affiliation of all to the new occupant, and of the new one to all', () => {
    const lines = coven().join(outsider, 'macbeth')
    const facts = (line: string): string => `${itemOf(line).affiliation} ${itemOf(line).role}`
    const presences = to(outsider, lines).filter((line) => line.startsWith('<presence'))
    expect(presences.map(facts)).toEqual([
      'owner moderator',
      'admin moderator',
      'member participant',
      'none participant',
      'none participant',
    ])
    for (const jid of everyone) expect(to(jid, lines).map(facts)).toEqual(['none participant'])
  })

  test('§7.2.2 the self-presence has 110, and comes last', () => {
    const presences = to(outsider, coven().join(outsider, 'macbeth')).filter((line) => line.startsWith('<presence'))
    expect(presences.map(codes)).toEqual([[], [], [], [], ['110']])
  })

  test('§7.2.2, §7.10 a nickname that the service changed: 210, to the new occupant alone', () => {
    const stage = coven()
    stage.admin(crone, `<item affiliation='member' jid='${outsider}' nick='king'/>`)
    stage.policy = { ...stage.policy, lockNicks: true }
    const lines = stage.join(outsider, 'macbeth')
    expect(to(outsider, lines).at(-2)).toContain(`<presence from='${room}/king'`)
    expect(lines.filter((line) => line.includes("code='210'"))).toHaveLength(1)
    expect(to(outsider, lines).flatMap(codes)).toEqual(['110', '210'])
  })
})

describe('who does not enter', () => {
  const enter = (from: string, nick: string, x = ''): string => presence(room, from, nick, x)
  const full = (): Stage => coven({ 'muc#roomconfig_maxusers': '4' })
  const banned = (): Stage => {
    const stage = coven()
    stage.admin(crone, `<item affiliation='outcast' jid='${outsider}'/>`)
    return stage
  }
  const locked = (): Stage => {
    const stage = new Stage(room)
    stage.join(crone, 'firstwitch')
    return stage
  }

  test.each([
    [
      '§7.2.17 a password is required: not-authorized',
      () => coven({ 'muc#roomconfig_roomsecret': 'burn' }),
      'macbeth',
      'not-authorized/auth',
    ],
    ['§7.2.17 banned: forbidden', banned, 'macbeth', 'forbidden/auth'],
    ['§7.2.17 there is no such room: item-not-found', locked, 'macbeth', 'item-not-found/cancel'],
    [
      '§7.2.17 not on the member list: registration-required',
      () => coven({ 'muc#roomconfig_membersonly': '1' }),
      'macbeth',
      'registration-required/auth',
    ],
    ['§7.2.17 the nickname is in use: conflict', coven, 'hecate', 'conflict/cancel'],
    ['§7.2.17 there is no place: service-unavailable', full, 'macbeth', 'service-unavailable/wait'],
    ['§7.2.17 that nickname is too long: not-acceptable', coven, 'x'.repeat(101), 'not-acceptable/modify'],
    ['§17.1 an invisible nickname: jid-malformed', coven, '\u2003', 'jid-malformed/modify'],
  ])('%s', (_title, stageOf, nick, expected) => {
    const stage = stageOf()
    const before = stage.state
    expect(stage.refusal(enter(outsider, nick))).toBe(expected)
    expect(stage.state).toBe(before)
  })

  test('§7.2.17, §7.2.11 room creation is restricted: not-allowed', () => {
    const stage = new Stage(room)
    expect(stage.refusal(enter(outsider, 'macbeth'), { mayCreate: false })).toBe('not-allowed/cancel')
    expect(stage.state.register.size).toBe(0)
  })

  test('§7.2.11 a room that is not there is created', () => {
    const stage = new Stage(room)
    stage.join(outsider, 'macbeth')
    expect([...stage.state.register]).toEqual([['macbeth@shakespeare.lit', { affiliation: 'owner' }]])
  })

  test('§7.2.9 admins enter a full room, up to a bound', () => {
    const stage = full()
    expect(stage.refusal(enter(outsider, 'macbeth'))).toBe('service-unavailable/wait')
    for (let count = 1; count <= 21; count++) {
      const admin = `admin${count}@shakespeare.lit`
      stage.admin(crone, `<item affiliation='admin' jid='${admin}'/>`)
      expect(stage.refusal(enter(`${admin}/x`, `admin ${count}`))).toBe(count <= 20 ? 'ok' : 'service-unavailable/wait')
    }
  })

  test('§7.2.8 messages go to all clients under a nickname, and all of them speak', () => {
    const stage = coven()
    const phone = 'hecate@shakespeare.lit/phone'
    stage.join(phone, 'hecate')
    const heard = say(stage, hecate, 'from my broom')
    expect(to(phone, heard)).toEqual(to(hecate, heard))
    expect(to(phone, heard)).toHaveLength(1)
    expect(to(hecate, say(stage, phone, 'from my phone'))).toEqual([expect.stringContaining(`from='${room}/hecate'`)])
    const whisper = stage.send(`<message from='${hag}' to='${room}/hecate' type='chat'><body>psst</body></message>`)
    expect(whisper.map((line) => line.split(' ')[0]).sort()).toEqual([hecate, phone])
  })
})

describe('§7.2.13 to §7.2.16 history, subject and what is live', () => {
  const told = (): Stage => {
    const stage = coven()
    for (const body of ['one', 'two', 'three', 'four']) say(stage, crone, body)
    return stage
  }
  const bodies = (lines: readonly string[]): string[] =>
    to(outsider, lines).flatMap((line) => [...line.matchAll(/<body>(.*?)<\/body>/g)].map(([, body]) => body!))

  test('§7.2.13 history is stamped by the room, comes after presence and before the subject', () => {
    const entered = to(outsider, told().join(outsider, 'macbeth'))
    expect(entered.slice(5).map(kind)).toEqual(['history', 'history', 'history', 'history', 'subject'])
    for (const line of entered.slice(5, 9))
      expect(line).toMatch(new RegExp(`<delay xmlns='urn:xmpp:delay' from='${room}' stamp='2026-[^']+Z'/>`))
  })

  test.each([
    [
      '§7.2.14 any combination: the least of maxstanzas and seconds',
      `<history maxstanzas='3' seconds='2'/>`,
      ['three', 'four'],
    ],
    ['§7.2.14 any combination: the least of maxchars and maxstanzas', `<history maxchars='0' maxstanzas='3'/>`, []],
    [
      '§7.2.14 any combination: the least of since and seconds',
      `<history since='2026-01-01T12:00:00Z' seconds='1'/>`,
      ['four'],
    ],
    [
      '§7.2.14 any combination: the default of the room bounds what is asked for',
      `<history maxstanzas='1000'/>`,
      ['two', 'three', 'four'],
    ],
  ])('%s', (_title, x, expected) => {
    const stage = told()
    stage.configure(crone, { 'muc#maxhistoryfetch': '3' })
    stage.at -= 1000
    expect(bodies(stage.join(outsider, 'macbeth', x))).toEqual(expected)
  })

  test('§7.2.15 an empty subject where there never was one', () => {
    expect(to(outsider, coven().join(outsider, 'macbeth')).at(-1)).toBe(
      `<message from='${room}' type='groupchat'><subject/></message>`,
    )
  })

  test.each([
    ['§7.2.15 the subject is stamped by the room, from who set it', 'Spells'],
    ['§7.2.15 one that was cleared is stamped, too', ''],
  ])('%s', (_title, subject) => {
    const stage = coven()
    stage.send(groupchat(room, wicca, '<subject>before</subject>'))
    stage.send(groupchat(room, wicca, `<subject>${subject}</subject>`))
    const last = to(outsider, stage.join(outsider, 'macbeth')).at(-1)!
    expect(last).toContain(`from='${room}/secondwitch'`)
    expect(last).toContain(subject === '' ? '<subject/>' : `<subject>${subject}</subject>`)
    expect(last).toContain(`<delay xmlns='urn:xmpp:delay' from='${room}'`)
  })

  test('§7.2.16 after the subject, live messages, comings and goings', () => {
    const stage = coven()
    stage.join(outsider, 'macbeth')
    expect(to(outsider, say(stage, hag, 'hail')).map(kind)).toEqual(['live'])
    expect(to(outsider, stage.join('lady@shakespeare.lit/x', 'lady')).map(kind)).toEqual(['other'])
    expect(
      to(outsider, stage.send(`<presence from='${hag}' to='${room}/thirdwitch' type='unavailable'/>`)),
    ).toHaveLength(1)
  })
})
