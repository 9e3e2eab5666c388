/** XEP-0045 §6.5, §6.6, §13, §17, §18.1.2: the business rules. */
import { describe, expect, test } from '@jest/globals'
import { codes, groupchat, type Stage } from '../../room/stage.js'
import { affiliation, coven, crone, everyone, hag, hecate, itemOf, outsider, role, room, to, wicca } from './cast.js'

/** A room with one of each role: hag is made a visitor. */
const moderated = (): Stage => {
  const stage = coven({ 'muc#roomconfig_moderatedroom': '1' })
  stage.admin(crone, role('hecate', 'visitor'))
  return stage
}

describe('§17.2 messages', () => {
  test.each([
    [
      '§17.2 extensions pass unchanged',
      `<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'><p>Thrice</p></body></html><a xmlns='urn:a' b='c'><d>e</d></a>`,
    ],
    ['§17.2 chat states pass', `<composing xmlns='http://jabber.org/protocol/chatstates'/>`],
  ])('%s', (_title, content) => {
    const lines = coven().send(groupchat(room, hag, `<body>Thrice</body>${content}`))
    for (const jid of everyone) expect(to(jid, lines)).toEqual([expect.stringContaining(content)])
  })

  test('§13 xml:lang passes', () => {
    const lines = coven().send(
      `<message from='${hag}' to='${room}' type='groupchat' xml:lang='cy'><body>Tair gwaith</body></message>`,
    )
    for (const jid of everyone) expect(to(jid, lines)).toEqual([expect.stringContaining(`xml:lang='cy'`)])
  })
})

describe('§17.3 presence', () => {
  test.each(['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'probe'])(
    '§17.3 of type %s: no request to join, no request to exit',
    (type) => {
      const stage = coven()
      const before = stage.state
      for (const [from, nick] of [
        [outsider, 'macbeth'],
        [hag, 'thirdwitch'],
      ])
        expect(() =>
          stage.try(
            `<presence from='${from}' to='${room}/${nick}' type='${type}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
          ),
        ).toThrow('ignored')
      expect(stage.state).toBe(before)
    },
  )

  test('§17.3 all other payload passes', () => {
    const payload = `<show>chat</show><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:n' ver='v'/><song xmlns='urn:song'>Wind</song>`
    const lines = coven().send(`<presence from='${hag}' to='${room}/thirdwitch'>${payload}</presence>`)
    for (const jid of everyone) expect(to(jid, lines)).toEqual([expect.stringContaining(payload)])
  })

  test('§17.3 a loss of role or affiliation is shown, and stays in all later presence', () => {
    const stage = moderated()
    for (const item of [role('thirdwitch', 'visitor'), affiliation('thirdwitch', 'none')]) {
      const [shown = ''] = to(hecate, stage.admin(crone, item))
      const [later = ''] = to(
        hecate,
        stage.send(`<presence from='${hag}' to='${room}/thirdwitch'><status>${item.length}</status></presence>`),
      )
      expect(itemOf(later)).toEqual(itemOf(shown))
    }
    expect(
      itemOf(to(outsider, stage.join(outsider, 'macbeth')).find((line) => line.includes('/thirdwitch'))!),
    ).toMatchObject({
      affiliation: 'none',
      role: 'visitor',
    })
  })

  test('§17.3 unavailable presence, too, carries role and affiliation', () => {
    const stage = coven()
    const lines = [
      ...stage.send(`<presence from='${hecate}' to='${room}/hecate' type='unavailable'/>`),
      ...stage.send(`<presence from='${hag}' to='${room}/hagsbane'/>`).filter((line) => line.includes('unavailable')),
      ...stage.admin(crone, affiliation('thirdwitch', 'outcast')).filter((line) => line.includes('<presence')),
    ]
    const facts = lines.map((line) => `${itemOf(line).affiliation} ${itemOf(line).role}`)
    expect([...new Set(facts)]).toEqual(['none none', 'member participant', 'outcast none'])
  })

  test('§17.3 the jid of an item is the full JID', () => {
    for (const line of to(crone, coven().join(outsider, 'macbeth'))) expect(itemOf(line).jid).toBe(outsider)
  })
})

describe('§17.4, §6.6 IQs between occupants', () => {
  test('§17.4 to the real address, under a nickname: no real JID to either side', () => {
    const [line = ''] = coven().send(
      `<iq from='${hag}' to='${room}/hecate' id='v1' type='get'><query xmlns='jabber:iq:version'/></iq>`,
    )
    expect(line).toMatch(new RegExp(`^${hecate} <- <iq [^>]*from='${room}/thirdwitch'`))
    expect(line).not.toContain('hag66')
    expect(line).not.toContain('v1')
  })

  test('§6.6 disco between occupants is passed through; from outside: bad-request', () => {
    const ask = (from: string): string =>
      `<iq from='${from}' to='${room}/hecate' id='d' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`
    expect(coven().send(ask(hag))).toEqual([expect.stringMatching(new RegExp(`^${hecate} <- <iq .*disco#info`))])
    expect(coven().refusal(ask(outsider))).toBe('bad-request/modify')
  })
})

describe('§6.5 room items', () => {
  test('§6.5 a private list is empty', () => {
    const text = coven().send(
      `<iq from='${outsider}' to='${room}' id='d' type='get'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`,
    )
    expect(text).toEqual([expect.stringContaining(`<query xmlns='http://jabber.org/protocol/disco#items'/>`)])
  })
})

describe('§18.1.2 ghosts', () => {
  const bounced = (condition: string, stanza = 'message'): string =>
    `<${stanza} from='${hecate}' to='${room}/hecate' type='error'><error type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></${stanza}>`

  test.each([
    'gone',
    'item-not-found',
    'recipient-unavailable',
    'redirect',
    'remote-server-not-found',
    'remote-server-timeout',
  ])('§18.1.2, §11.1 %s from an occupant: out, with 333 to it and to others', (condition) => {
    for (const stanza of ['message', 'presence']) {
      const lines = coven().send(bounced(condition, stanza))
      expect(to(hecate, lines).map(codes)).toEqual([['110', '333']])
      for (const jid of [crone, wicca, hag]) expect(to(jid, lines).map(codes)).toEqual([['333']])
    }
  })

  test.each(['feature-not-implemented', 'not-acceptable', 'service-unavailable', 'policy-violation'])(
    '§18.1.2 %s: the occupant stays',
    (condition) => {
      expect(coven().send(bounced(condition))).toEqual([])
    },
  )
})
