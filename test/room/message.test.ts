import { describe, expect, test } from '@jest/globals'
import { commandFromStanza } from '../../src/room/index.js'
import { adminIq, codes, groupchat, parse, presence, Stage } from './stage.js'

const room = 'coven@chat.shakespeare.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const wicca = 'wiccarocks@shakespeare.lit/laptop'
const hag = 'hag66@shakespeare.lit/pda'
const oid = (local: string): string =>
  `<occupant-id xmlns='urn:xmpp:occupant-id:0' id='oid-of-${local}-at-shakespeare.lit'/>`

const three = (): Stage => {
  const stage = new Stage().found()
  stage.join(wicca, 'secondwitch')
  stage.join(hag, 'thirdwitch')
  return stage
}

describe('XEP-0045 §7.4 sending a message to all occupants', () => {
  test('reflected to each full JID from the occupant JID with the same id: one delivery', () => {
    const stage = three()
    const result = stage.try(groupchat(room, hag, `<body>Harpier cries: 'tis time, 'tis time.</body>`, 'hysf1v37'))
    expect(result).toHaveLength(1)
    expect(stage.last?.deliveries[0]?.to).toEqual([crone, wicca, hag])
    expect(stage.last?.deliveries[0]?.stanza.toString().replaceAll('"', "'")).toBe(
      `<message from='${room}/thirdwitch' type='groupchat' id='hysf1v37'><body>Harpier cries: 'tis time, 'tis time.</body>` +
        `<stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='sid-3'/>${oid('hag66')}</message>`,
    )
  })

  test('a stranger gets not-acceptable', () => {
    expect(new Stage().found().refusal(groupchat(room, hag, '<body>x</body>'))).toBe('not-acceptable/modify')
  })

  test('a visitor in a moderated room gets forbidden', () => {
    const stage = new Stage().found()
    stage.configure(crone, { 'muc#roomconfig_moderatedroom': '1' })
    stage.join(hag, 'thirdwitch')
    expect(stage.state.occupants.get('thirdwitch')?.role).toBe('visitor')
    expect(stage.refusal(groupchat(room, hag, '<body>x</body>'))).toBe('forbidden/auth')
  })

  test('a message beyond the limit gets policy-violation', () => {
    const stage = new Stage(room, { maxMessageLength: 100 }).found()
    expect(stage.refusal(groupchat(room, crone, `<body>${'x'.repeat(100)}</body>`))).toBe('policy-violation/modify')
    expect(stage.refusal(groupchat(room, crone, `<body>${'x'.repeat(80)}</body>`))).toBe('ok')
  })

  test('xml:lang and unknown extensions pass unchanged', () => {
    const stage = three()
    const [line] = stage.send(
      `<message xmlns='jabber:client' from='${hag}' to='${room}' type='groupchat' xml:lang='en'><body>a &lt; b</body><x xmlns='urn:x' a='1&amp;2'><y>z</y></x></message>`,
    )
    expect(line).toContain(`xml:lang='en'`)
    expect(line).toContain(`<body>a &lt; b</body><x xmlns='urn:x' a='1&amp;2'><y>z</y></x>`)
  })
})

describe('marks that clients may not set', () => {
  test('XEP-0359 §3.1 forged stanza-ids by the room or an instance go, by others stay; XEP-0421 forged occupant-ids go', () => {
    const shadow = 'coven@rooms.macbeth.lit'
    const stanza = parse(
      groupchat(
        room,
        hag,
        `<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='f1'/><a:stanza-id xmlns:a='urn:xmpp:sid:0' by='COVEN@chat.shakespeare.lit' id='f2'/>` +
          `<stanza-id xmlns='urn:xmpp:sid:0' by='${shadow}' id='f3'/><stanza-id xmlns='urn:xmpp:sid:0' id='f4'/><stanza-id xmlns='urn:xmpp:sid:0' by='hag66@shakespeare.lit' id='mine'/>` +
          `<origin-id xmlns='urn:xmpp:sid:0' id='origin'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='f5'/><b:occupant-id xmlns:b='urn:xmpp:occupant-id:0' id='f6'/>` +
          `<x xmlns='http://jabber.org/protocol/muc#user'><status code='301'/></x><event xmlns='urn:xmpp:dmuc-sync:0' seq='1'/><delay xmlns='urn:xmpp:delay' from='${room}' stamp='2000-01-01T00:00:00Z'/>`,
      ),
    )
    const command = commandFromStanza(stanza, { instances: new Set([shadow]) })
    expect(command).toMatchObject({
      type: 'message',
      content: `<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='hag66@shakespeare.lit' id='mine'/><origin-id xmlns='urn:xmpp:sid:0' id='origin'/>`,
    })
  })
})

describe('what is not stored', () => {
  test('XEP-0085 chat states and XEP-0334 no-store are reflected without stanza-id and are not in the history', () => {
    const stage = three()
    const before = stage.state
    const composing = stage.send(groupchat(room, hag, `<composing xmlns='http://jabber.org/protocol/chatstates'/>`))
    const secret = stage.send(groupchat(room, hag, `<body>psst</body><no-store xmlns='urn:xmpp:hints'/>`))
    expect(composing).toHaveLength(3)
    expect(secret).toHaveLength(3)
    expect([...composing, ...secret].join()).not.toContain('stanza-id')
    expect([...composing, ...secret].join()).toContain('occupant-id')
    expect(stage.state.history).toBe(before.history)
    stage.send(groupchat(room, hag, `<body>both</body><active xmlns='http://jabber.org/protocol/chatstates'/>`))
    expect(stage.state.history).toHaveLength(before.history.length + 1)
  })
})

describe('XEP-0045 §8.1 the subject', () => {
  test('moderators change it, others where the room lets them', () => {
    const stage = three()
    expect(stage.refusal(groupchat(room, hag, '<subject>Toil</subject>'))).toBe('forbidden/auth')
    expect(stage.refusal(groupchat(room, crone, '<subject>Toil</subject>'))).toBe('ok')
    stage.configure(crone, { 'muc#roomconfig_changesubject': '1' })
    expect(stage.refusal(groupchat(room, hag, '<subject>Trouble</subject>'))).toBe('ok')
    expect(stage.state.subject).toMatchObject({ text: 'Trouble', nick: 'thirdwitch' })
    stage.configure(crone, { 'muc#roomconfig_moderatedroom': '1' })
    stage.admin(crone, `<item nick='thirdwitch' role='visitor'/>`)
    expect(stage.refusal(groupchat(room, hag, '<subject>Double</subject>'))).toBe('forbidden/auth')
  })

  test('with a body or a thread it is a message', () => {
    const stage = three()
    stage.send(groupchat(room, hag, '<subject>s</subject><body>b</body>'))
    stage.send(groupchat(room, hag, '<subject>s</subject><thread>t</thread>'))
    expect(stage.state.subject).toBeUndefined()
    expect(stage.changes.filter((change) => 'operation' in change && change.operation.type === 'message')).toHaveLength(
      2,
    )
  })

  test('an empty subject is set, and sent to who enters with its delay; never set, it is sent empty', () => {
    const stage = three()
    expect(stage.seenBy('x@y.z/1', presence(room, 'x@y.z/1', 'x')).at(-1)).toBe(
      `<message from='${room}' type='groupchat'><subject/></message>`,
    )
    stage.send(groupchat(room, crone, '<subject/>'))
    const last = stage.seenBy('x@y.z/2', presence(room, 'x@y.z/2', 'x')).at(-1)!
    expect(last).toContain('<subject/>')
    expect(last).toContain("<delay xmlns='urn:xmpp:delay'")
  })

  test('beyond the limit: policy-violation; from a stranger: not-acceptable', () => {
    const stage = new Stage(room, { maxSubjectLength: 5 }).found()
    expect(stage.refusal(groupchat(room, crone, '<subject>123456</subject>'))).toBe('policy-violation/modify')
    expect(stage.refusal(groupchat(room, hag, '<subject>1</subject>'))).toBe('not-acceptable/modify')
  })
})

describe('XEP-0045 §7.5 private messages', () => {
  const whisper = (from: string, nick: string, content: string, type = 'chat'): string =>
    `<message xmlns='jabber:client' from='${from}' to='${room}/${nick}' type='${type}' id='pm'>${content}</message>`

  test('to all clients of the target, from the occupant JID, with exactly one empty x', () => {
    const stage = three()
    stage.join('wiccarocks@shakespeare.lit/phone', 'secondwitch')
    const lines = stage.send(
      whisper(
        hag,
        'secondwitch',
        `<body>I'll give thee a wind.</body><x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x><x xmlns='http://jabber.org/protocol/muc#user'/>`,
      ),
    )
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual([wicca, 'wiccarocks@shakespeare.lit/phone'].sort())
    expect(lines[0]).toContain(
      `<message from='${room}/thirdwitch' type='chat' id='pm'><body>I'll give thee a wind.</body><x xmlns='http://jabber.org/protocol/muc#user'/>${oid('hag66')}</message>`,
    )
  })

  test('type groupchat: bad-request; nobody of that nick: item-not-found; from a stranger: not-acceptable', () => {
    const stage = three()
    expect(stage.refusal(whisper(hag, 'secondwitch', '<body>x</body>', 'groupchat'))).toBe('bad-request/modify')
    expect(stage.refusal(whisper(hag, 'nobody', '<body>x</body>'))).toBe('item-not-found/cancel')
    expect(stage.refusal(whisper('x@y.z/1', 'secondwitch', '<body>x</body>'))).toBe('not-acceptable/modify')
    expect(stage.refusal(whisper('x@y.z/1', 'nobody', '<body>x</body>'))).toBe('not-acceptable/modify')
  })

  test.each([
    ['anyone', 'ok', 'ok', 'ok'],
    ['participants', 'ok', 'ok', 'forbidden/auth'],
    ['moderators', 'ok', 'forbidden/auth', 'forbidden/auth'],
    ['none', 'forbidden/auth', 'forbidden/auth', 'forbidden/auth'],
  ])('muc#roomconfig_allowpm = %s', (value, moderator, participant, visitor) => {
    const stage = three()
    stage.configure(crone, { 'muc#roomconfig_allowpm': value })
    stage.admin(crone, `<item nick='thirdwitch' role='visitor'/>`)
    const results = [crone, wicca, hag].map((from) => stage.refusal(whisper(from, 'firstwitch', '<body>x</body>')))
    expect(results).toEqual([moderator, participant, visitor])
  })
})

describe('XEP-0045 §17.4 IQs between occupants', () => {
  const iq = (from: string, nick: string, content: string, type = 'get'): string =>
    `<iq xmlns='jabber:client' from='${from}' to='${room}/${nick}' id='i1' type='${type}'>${content}</iq>`
  const version = `<query xmlns='jabber:iq:version'/>`

  test('forwarded under an id of the room to the client that spoke last, and no real JID in it', () => {
    const stage = three()
    const [line] = stage.send(iq(hag, 'secondwitch', version))
    expect(line).toBe(`${wicca} <- <iq type='get' id='token-2' from='${room}/thirdwitch'>${version}</iq>`)
    expect(stage.last?.expects).toEqual({
      id: 'token-2',
      from: wicca,
      requester: hag,
      requestId: 'i1',
      answerFrom: `${room}/secondwitch`,
    })
  })

  test('a vCard is asked of the account', () => {
    const stage = three()
    expect(stage.send(iq(hag, 'secondwitch', `<vCard xmlns='vcard-temp'/>`))[0]).toMatch(
      /^wiccarocks@shakespeare.lit </,
    )
  })

  test('§6.6 disco of an occupant by a stranger: bad-request; XEP-0410 other IQs: not-acceptable/cancel', () => {
    const stage = three()
    const disco = `<query xmlns='http://jabber.org/protocol/disco#info'/>`
    expect(stage.refusal(iq('x@y.z/1', 'secondwitch', disco))).toBe('bad-request/modify')
    expect(stage.refusal(iq('x@y.z/1', 'secondwitch', `<ping xmlns='urn:xmpp:ping'/>`))).toBe('not-acceptable/cancel')
    expect(stage.refusal(iq(hag, 'nobody', version))).toBe('item-not-found/cancel')
  })

  test('XEP-0410 a ping of oneself is answered by the room', () => {
    const stage = three()
    expect(stage.send(iq(hag, 'thirdwitch', `<ping xmlns='urn:xmpp:ping'/>`))).toEqual([
      `${hag} <- <iq type='result' id='i1' from='${room}/thirdwitch'/>`,
    ])
    expect(stage.last?.expects).toBeUndefined()
  })
})

describe('XEP-0045 §7.6 changing the nickname', () => {
  const rename = (from: string, nick: string, content = ''): string =>
    `<presence xmlns='jabber:client' from='${from}' to='${room}/${nick}' id='n'>${content}</presence>`

  test('unavailable with 303 and the new nick, then available; 110 for oneself', () => {
    const stage = three()
    const lines = stage.send(rename(hag, 'oldhag', '<show>away</show>'))
    expect(lines).toHaveLength(6)
    const own = lines.filter((line) => line.startsWith(hag))
    expect(own.map(codes)).toEqual([['110', '303'], ['110']])
    expect(own[0]).toContain(`nick='oldhag'`)
    expect(own[0]).toContain(`from='${room}/thirdwitch' type='unavailable'`)
    expect(own[1]).toContain(`from='${room}/oldhag'`)
    const others = lines.filter((line) => line.startsWith(wicca))
    expect(others.map(codes)).toEqual([['303'], []])
    expect(others[1]).toContain('<show>away</show>')
    expect([...stage.state.occupants.keys()]).toEqual(['firstwitch', 'secondwitch', 'oldhag'])
  })

  test('in use or reserved: conflict', () => {
    const stage = three()
    stage.send(adminIq(room, crone, `<item affiliation='member' jid='a@b.c' nick='reserved'/>`))
    expect(stage.refusal(rename(hag, 'secondwitch'))).toBe('conflict/cancel')
    expect(stage.refusal(rename(hag, 'reserved'))).toBe('conflict/cancel')
  })

  test('locked down: not-acceptable/cancel', () => {
    const stage = new Stage(room, { lockNicks: true }).found()
    stage.admin(crone, `<item affiliation='member' jid='hag66@shakespeare.lit' nick='thirdwitch'/>`)
    stage.join(hag, 'thirdwitch')
    expect(stage.refusal(rename(hag, 'oldhag'))).toBe('not-acceptable/cancel')
  })

  test('all clients under the nick go with it', () => {
    const stage = three()
    stage.join('hag66@shakespeare.lit/phone', 'thirdwitch')
    stage.send(rename(hag, 'oldhag'))
    expect(stage.state.occupants.get('oldhag')?.sessions.map(({ jid }) => jid)).toEqual([
      hag,
      'hag66@shakespeare.lit/phone',
    ])
  })
})

test('XEP-0045 §17.2 a message to the room that is not of type groupchat: bad-request', () => {
  const stage = three()
  expect(
    stage.refusal(`<message xmlns='jabber:client' from='${hag}' to='${room}' type='chat'><body>x</body></message>`),
  ).toBe('bad-request/modify')
})
