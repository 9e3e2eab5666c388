import { describe, expect, test } from '@jest/globals'
import { adminIq, codes, groupchat, presence, Stage } from './stage.js'

const room = 'coven@chat.shakespeare.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const wicca = 'wiccarocks@shakespeare.lit/laptop'
const hag = 'hag66@shakespeare.lit/pda'
const user = 'http://jabber.org/protocol/muc#user'

describe('XEP-0045 §10.1 creating a room', () => {
  test('§10.1.1 the first to enter is owner, with 110 and 201, and the room is locked', () => {
    const stage = new Stage()
    const [first] = stage.seenBy(crone, presence(room, crone, 'firstwitch'))
    expect(first).toContain("affiliation='owner' role='moderator'")
    expect(codes(first!)).toEqual(['110', '170', '201'])
    expect(stage.state.locked).toBe(true)
  })

  test('§7.2.10 while it is locked others get item-not-found', () => {
    const stage = new Stage()
    stage.join(crone, 'firstwitch')
    expect(stage.refusal(presence(room, wicca, 'secondwitch'))).toBe('item-not-found/cancel')
    expect(stage.refusal(groupchat(room, wicca, '<body>x</body>'))).toBe('item-not-found/cancel')
  })

  test('§10.1.1 creation may be restricted: not-allowed', () => {
    expect(new Stage().refusal(presence(room, crone, 'firstwitch'), { mayCreate: false })).toBe('not-allowed/cancel')
  })

  test('§10.1.2 an empty submission unlocks an instant room', () => {
    const stage = new Stage()
    stage.join(crone, 'firstwitch')
    expect(stage.configure(crone)).toEqual([`${crone} <- <iq type='result' id='config' from='${room}'/>`])
    expect(stage.state.locked).toBe(false)
    expect(stage.join(wicca, 'secondwitch').length).toBeGreaterThan(0)
  })

  test('§10.1.3 cancelling the first configuration destroys the room', () => {
    const stage = new Stage()
    stage.join(crone, 'firstwitch')
    const lines = stage.send(
      `<iq xmlns='jabber:client' from='${crone}' to='${room}' id='c' type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='cancel'/></query></iq>`,
    )
    expect(stage.state.destroyed).toBe(true)
    expect(lines[0]).toContain('<destroy/>')
    expect(lines[1]).toContain("type='result'")
  })

  test('§10.1.3 an owner who leaves without configuring destroys the room', () => {
    const stage = new Stage()
    stage.join(crone, 'firstwitch')
    const lines = stage.send(
      `<presence xmlns='jabber:client' from='${crone}' to='${room}/firstwitch' type='unavailable'/>`,
    )
    expect(stage.state.destroyed).toBe(true)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('<destroy/>')
  })
})

describe('XEP-0045 §7.2 entering a room', () => {
  test('§7.1 occupants, self, history, subject, in this order', () => {
    const stage = new Stage().found()
    stage.send(groupchat(room, crone, '<body>Thrice the brinded cat hath mew&apos;d.</body>'))
    stage.send(groupchat(room, crone, '<subject>Fire Burn and Cauldron Bubble!</subject>'))
    const seen = stage.seenBy(hag, presence(room, hag, 'thirdwitch'))
    expect(seen).toEqual([
      `<presence from='${room}/firstwitch'><x xmlns='${user}'><item affiliation='owner' role='moderator'/></x>` +
        `<occupant-id xmlns='urn:xmpp:occupant-id:0' id='oid-of-crone1-at-shakespeare.lit'/></presence>`,
      `<presence from='${room}/thirdwitch' id='n13mt3l'><x xmlns='${user}'><item affiliation='none' role='participant' jid='${hag}'/>` +
        `<status code='110'/><status code='170'/></x><occupant-id xmlns='urn:xmpp:occupant-id:0' id='oid-of-hag66-at-shakespeare.lit'/></presence>`,
      `<message from='${room}/firstwitch' type='groupchat' id='m1'><body>Thrice the brinded cat hath mew'd.</body>` +
        `<stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='sid-3'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='oid-of-crone1-at-shakespeare.lit'/>` +
        `<delay xmlns='urn:xmpp:delay' from='${room}' stamp='2026-01-01T12:00:03.000Z'/></message>`,
      `<message from='${room}/firstwitch' type='groupchat'><subject>Fire Burn and Cauldron Bubble!</subject>` +
        `<stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='sid-4'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='oid-of-crone1-at-shakespeare.lit'/>` +
        `<delay xmlns='urn:xmpp:delay' from='${room}' stamp='2026-01-01T12:00:04.000Z'/></message>`,
    ])
  })

  test('§7.2.1 without a nickname: jid-malformed', () => {
    const stage = new Stage().found()
    expect(
      stage.refusal(
        `<presence xmlns='jabber:client' from='${hag}' to='${room}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
      ),
    ).toBe('jid-malformed/modify')
  })

  test('§7.2.4 semi-anonymous: moderators see the real JID, others do not', () => {
    const stage = new Stage().found()
    stage.join(wicca, 'secondwitch')
    const lines = stage.join(hag, 'thirdwitch')
    const arrival = lines.filter((line) => line.includes(`from='${room}/thirdwitch'`))
    expect(arrival.find((line) => line.startsWith(crone))).toContain(`jid='${hag}'`)
    expect(arrival.find((line) => line.startsWith(wicca))).not.toContain('hag66@')
  })

  test('§7.2.3 non-anonymous: 100 for who enters, real JIDs for all', () => {
    const stage = new Stage().found()
    stage.configure(crone, { 'muc#roomconfig_whois': 'anyone', 'muc#roomconfig_enablelogging': '0' })
    stage.join(wicca, 'secondwitch')
    const lines = stage.join(hag, 'thirdwitch')
    const arrival = lines.filter((line) => line.includes(`from='${room}/thirdwitch'`))
    expect(arrival.every((line) => line.includes(`jid='${hag}'`))).toBe(true)
    expect(codes(arrival.find((line) => line.startsWith(hag))!)).toEqual(['100', '110'])
  })

  test('§7.2.5 a user without the right password gets not-authorized', () => {
    const stage = new Stage().found()
    stage.configure(crone, {
      'muc#roomconfig_passwordprotectedroom': '1',
      'muc#roomconfig_roomsecret': 'cauldronburn',
    })
    expect(stage.refusal(presence(room, hag, 'thirdwitch'))).toBe('not-authorized/auth')
    expect(stage.refusal(presence(room, hag, 'thirdwitch', '<password>cauldron</password>'))).toBe(
      'not-authorized/auth',
    )
    expect(stage.refusal(presence(room, hag, 'thirdwitch', '<password>cauldronburn</password>'))).toBe('ok')
  })

  test('§7.2.6 members-only: registration-required', () => {
    const stage = new Stage().found()
    stage.configure(crone, { 'muc#roomconfig_membersonly': '1' })
    expect(stage.refusal(presence(room, hag, 'thirdwitch'))).toBe('registration-required/auth')
    stage.admin(crone, `<item affiliation='member' jid='hag66@shakespeare.lit'/>`)
    expect(stage.refusal(presence(room, hag, 'thirdwitch'))).toBe('ok')
  })

  test('§7.2.7 banned, also by domain: forbidden', () => {
    const stage = new Stage().found()
    stage.admin(
      crone,
      `<item affiliation='outcast' jid='hag66@shakespeare.lit'/><item affiliation='outcast' jid='macbeth.lit'/>`,
    )
    expect(stage.refusal(presence(room, hag, 'thirdwitch'))).toBe('forbidden/auth')
    expect(stage.refusal(presence(room, 'any@macbeth.lit/x', 'fourthwitch'))).toBe('forbidden/auth')
    expect(stage.refusal(presence(room, wicca, 'secondwitch'))).toBe('ok')
  })

  test('§7.2.8 a nickname in use, or reserved: conflict; the same bare JID shares its own', () => {
    const stage = new Stage().found()
    stage.admin(crone, `<item affiliation='member' jid='wiccarocks@shakespeare.lit' nick='secondwitch'/>`)
    expect(stage.refusal(presence(room, hag, 'firstwitch'))).toBe('conflict/cancel')
    expect(stage.refusal(presence(room, hag, 'secondwitch'))).toBe('conflict/cancel')
    const second = 'crone1@shakespeare.lit/phone'
    const lines = stage.join(second, 'firstwitch')
    expect(stage.state.occupants.size).toBe(1)
    expect(stage.state.occupants.get('firstwitch')?.sessions.map(({ jid }) => jid)).toEqual([second, crone])
    expect(codes(lines.find((line) => line.startsWith(crone))!)).toContain('110')
    const seen = stage.send(groupchat(room, second, '<body>here</body>'))
    expect(seen.map((line) => line.split(' ')[0]).sort()).toEqual([crone, second])
  })

  test('§7.2.9 a full room: service-unavailable/wait, but not for admins', () => {
    const stage = new Stage().found()
    stage.admin(crone, `<item affiliation='admin' jid='wiccarocks@shakespeare.lit'/>`)
    stage.configure(crone, { 'muc#roomconfig_maxusers': '1' })
    expect(stage.refusal(presence(room, hag, 'thirdwitch'))).toBe('service-unavailable/wait')
    expect(stage.refusal(presence(room, wicca, 'secondwitch'))).toBe('ok')
  })

  test('§17.1 invisible nicknames are refused', () => {
    const stage = new Stage().found()
    for (const nick of [' ', '\u200b', '\u3164\u2060'])
      expect(stage.refusal(presence(room, hag, nick))).toBe('jid-malformed/modify')
  })

  test('§7.10 with locked nicks the service gives the registered one, and says so with 210', () => {
    const stage = new Stage(room, { lockNicks: true }).found()
    stage.admin(crone, `<item affiliation='member' jid='hag66@shakespeare.lit' nick='thirdwitch'/>`)
    const seen = stage.seenBy(hag, presence(room, hag, 'somebody'))
    const self = seen.find((line) => line.includes("code='110'"))!
    expect(self).toContain(`from='${room}/thirdwitch'`)
    expect(codes(self)).toContain('210')
    expect(stage.refusal(presence(room, hag, 'other'))).toBe('not-acceptable/cancel')
  })

  test('§7.2.1 who enters again gets everything again, and others nothing but a change', () => {
    const stage = new Stage().found()
    stage.join(hag, 'thirdwitch')
    const again = stage.join(hag, 'thirdwitch')
    expect(again.every((line) => line.startsWith(hag))).toBe(true)
    expect(again).toHaveLength(3)
    const changed = stage.send(presence(room, hag, 'thirdwitch', '', '<show>away</show>'))
    expect(changed.some((line) => line.startsWith(crone) && line.includes('<show>away</show>'))).toBe(true)
  })

  test('§7.2.18 presence of a stranger is answered with 110, 307, 333', () => {
    const stage = new Stage().found()
    const [line] = stage.send(
      `<presence xmlns='jabber:client' from='${hag}' to='${room}/thirdwitch'><show>away</show></presence>`,
    )
    expect(line).toContain("type='unavailable'")
    expect(codes(line!)).toEqual(['110', '307', '333'])
  })

  test('§17.3 muc#user, occupant-id and hats of a client are never reflected', () => {
    const stage = new Stage().found()
    const lines = stage.send(
      presence(
        room,
        hag,
        'thirdwitch',
        '',
        `<x xmlns='${user}'><item affiliation='owner' role='moderator'/></x><p:occupant-id xmlns:p='urn:xmpp:occupant-id:0' id='forged'/>` +
          `<hats xmlns='urn:xmpp:hats:0'><hat uri='x'/></hats><status>hi</status>`,
      ),
    )
    expect(lines.join()).toContain('<status>hi</status>')
    expect(lines.join()).not.toContain('forged')
    expect(lines.join()).not.toContain('hats')
    const seen = lines.find((line) => line.startsWith(crone))!
    expect(seen.split('<x ').length).toBe(2)
    expect(seen).toContain("affiliation='none'")
  })
})

describe('XEP-0045 §7.2.14 managing history', () => {
  const filled = (): Stage => {
    const stage = new Stage().found()
    for (let index = 0; index < 30; index++)
      stage.send(groupchat(room, crone, `<body>line ${String(index).padStart(2, '0')}</body>`))
    return stage
  }
  const bodies = (stage: Stage, history: string): string[] =>
    stage
      .seenBy(hag, presence(room, hag, 'thirdwitch', history))
      .flatMap((line) => /<body>line (\d\d)<\/body>/.exec(line)?.[1] ?? [])

  test('the room default bounds what nobody narrows', () => {
    expect(bodies(filled(), '')).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 10)))
  })
  test('maxstanzas', () => {
    expect(bodies(filled(), `<history maxstanzas='3'/>`)).toEqual(['27', '28', '29'])
    expect(bodies(filled(), `<history maxstanzas='1000000000'/>`)).toHaveLength(20)
  })
  test('maxchars counts whole stanzas, and 0 means none', () => {
    expect(bodies(filled(), `<history maxchars='0'/>`)).toEqual([])
    const stage = filled()
    const one = stage.seenBy(hag, presence(room, hag, 'a', `<history maxstanzas='1'/>`))[2]!
    expect(bodies(filled(), `<history maxchars='${one.length * 2}'/>`)).toEqual(['28', '29'])
    expect(bodies(filled(), `<history maxchars='${one.length * 2 - 1}'/>`)).toEqual(['29'])
  })
  test('seconds and since', () => {
    expect(bodies(filled(), `<history seconds='4'/>`)).toEqual(['26', '27', '28', '29'])
    expect(bodies(filled(), `<history since='2026-01-01T12:00:31Z'/>`)).toEqual(['28', '29'])
    expect(bodies(filled(), `<history since='2026-01-01T12:00:30Z' maxstanzas='1'/>`)).toEqual(['29'])
  })
})

describe('XEP-0045 §7.14 exiting a room', () => {
  test('unavailable to all with role none, 110 to oneself', () => {
    const stage = new Stage().found()
    stage.join(hag, 'thirdwitch')
    const lines = stage.send(
      `<presence xmlns='jabber:client' from='${hag}' to='${room}/thirdwitch' type='unavailable'><status>gone where the goblins go</status></presence>`,
    )
    expect(lines).toHaveLength(2)
    expect(lines.every((line) => line.includes("role='none'") && line.includes('goblins'))).toBe(true)
    expect(lines.map(codes)).toEqual([['110'], []])
    expect(stage.state.occupants.has('thirdwitch')).toBe(false)
  })

  test('§17.3 from a stranger it is silently ignored', () => {
    const stage = new Stage().found()
    expect(
      stage.send(`<presence xmlns='jabber:client' from='${hag}' to='${room}/thirdwitch' type='unavailable'/>`),
    ).toEqual([])
  })

  test('§7.2.8 one of two clients leaves: the others see the one that stays', () => {
    const stage = new Stage().found()
    stage.join(hag, 'thirdwitch')
    stage.send(presence(room, 'hag66@shakespeare.lit/phone', 'thirdwitch', '', '<show>dnd</show>'))
    const lines = stage.send(
      `<presence xmlns='jabber:client' from='hag66@shakespeare.lit/phone' to='${room}/thirdwitch' type='unavailable'/>`,
    )
    expect(stage.state.occupants.has('thirdwitch')).toBe(true)
    expect(lines.filter((line) => line.includes("type='unavailable'"))).toHaveLength(1)
    expect(lines.find((line) => line.startsWith(crone))).not.toContain('dnd')
  })

  test('§18.1.2 a client that bounces is removed with 333', () => {
    const stage = new Stage().found()
    stage.join(hag, 'thirdwitch')
    const lines = stage.send(
      `<message xmlns='jabber:client' from='${hag}' to='${room}/firstwitch' type='error'><error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
    )
    expect(lines.map(codes)).toEqual([['110', '333'], ['333']])
  })
})

test('replaying the changes gives the same state', () => {
  const stage = new Stage().found()
  stage.join(hag, 'thirdwitch')
  stage.send(adminIq(room, crone, `<item affiliation='member' jid='hag66@shakespeare.lit'/>`))
  expect(stage.changes.length).toBeGreaterThan(4)
  expect(stage.replayed()).toEqual(stage.state)
})
