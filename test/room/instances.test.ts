/** What comes from other instances of a distributed room goes through the same apply and render, after judge (dmuc.md §§3, 4). */
import { describe, expect, test } from '@jest/globals'
import {
  apply,
  type Change,
  defaultPolicy,
  deliverPrivately,
  judge,
  type LoggedEvent,
  type Occupant,
  type Operation,
  render,
} from '../../src/room/index.js'
import { codes, groupchat, lines, parse, presence, Stage } from './stage.js'

const room = 'coven@chat.shakespeare.lit'
const shadow = 'coven@rooms.macbeth.lit'
const third = 'coven@conference.marlowe.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const witch = 'somewitch@macbeth.lit/mobile'

const remote = (more: Partial<Occupant> = {}): Occupant => ({
  nick: 'anotherwitch',
  jid: 'somewitch@macbeth.lit',
  occupantId: 'oid-of-somewitch',
  role: 'participant',
  home: shadow,
  sessions: [{ jid: witch, presence: '<show>chat</show>' }],
  since: { ms: 1, counter: 0 },
  grant: 0,
  ...more,
})

const logged = (operation: LoggedEvent['operation'], seq = 1): LoggedEvent => ({
  id: { instance: shadow, incarnation: 'x', seq },
  stamp: { ms: Date.UTC(2026, 0, 1), counter: 0 },
  epoch: 1,
  revision: 1,
  stanzaId: `remote-${seq}`,
  operation,
})

/** Applies what another instance did, and tells who here sees it. */
const happen = (stage: Stage, change: Change, late = false): string[] => {
  const before = stage.state
  stage.state = apply(before, change)
  return lines(render(before, change, stage.state, { late }))
}

const mixed = (): Stage => {
  const stage = new Stage(room).found()
  stage.join('hag66@shakespeare.lit/pda', 'thirdwitch')
  happen(stage, { type: 'join', occupant: remote() })
  return stage
}

const said = (more: object = {}): LoggedEvent['operation'] => ({
  type: 'message',
  nick: 'anotherwitch',
  occupantId: 'oid-of-somewitch',
  jid: 'somewitch@macbeth.lit',
  id: 'm4',
  content: '<body>Message 4.</body>',
  ...more,
})

describe('occupants elsewhere', () => {
  test('E18: arrival is seen by the clients here alone, the real JID by moderators', () => {
    const stage = new Stage(room).found()
    stage.join('hag66@shakespeare.lit/pda', 'thirdwitch')
    const seen = happen(stage, { type: 'join', occupant: remote() })
    expect(seen).toHaveLength(2)
    expect(seen[0]).toContain(`from='${room}/anotherwitch'><show>chat</show>`)
    expect(seen[0]).toContain(`jid='${witch}'`)
    expect(seen[1]).not.toContain('somewitch@')
  })

  test('who enters here sees them; E24: their messages go to the clients here, by our stanza-id', () => {
    const stage = mixed()
    expect(stage.seenBy('x@y.z/1', presence(room, 'x@y.z/1', 'x')).some((line) => line.includes('anotherwitch'))).toBe(
      true,
    )
    const seen = happen(stage, logged(said()))
    expect(seen).toHaveLength(3)
    expect(seen[0]).toContain(
      `<message from='${room}/anotherwitch' type='groupchat' id='m4'><body>Message 4.</body><stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='remote-1'/>`,
    )
  })

  test('what arrives late is stamped with its own time', () => {
    expect(happen(mixed(), logged(said()), true)[0]).toContain(
      `<delay xmlns='urn:xmpp:delay' from='${room}' stamp='2026-01-01T00:00:00.000Z'/>`,
    )
  })

  test('a void event changes nothing and is shown to nobody', () => {
    const stage = mixed()
    const before = stage.state
    expect(happen(stage, { ...logged(said()), void: true })).toEqual([])
    expect(stage.state).toBe(before)
    expect(happen(stage, logged({ type: 'unknown', name: 'poll', body: '{}' }))).toEqual([])
  })

  test('a private message to one elsewhere is relayed to its home, one hop, and delivered there', () => {
    const stage = mixed()
    stage.send(
      `<message xmlns='jabber:client' from='${crone}' to='${room}/anotherwitch' type='chat' id='pm'><body>psst</body></message>`,
    )
    expect(stage.last?.deliveries).toEqual([])
    const [relay] = stage.last!.relays
    expect(relay).toMatchObject({ home: shadow, target: 'anotherwitch' })
    expect(relay!.stanza.attrs.from).toBe(`${room}/firstwitch`)
    const here = { ...stage.state, jid: shadow }
    const delivery = deliverPrivately(here, 'firstwitch', 'anotherwitch', relay!.stanza)!
    expect(delivery.to).toEqual([witch])
    expect(lines([delivery])[0]).toContain(`from='${shadow}/firstwitch' type='chat' id='pm'><body>psst</body><x `)
    const decline = parse(
      `<message from='${room}' to='${shadow}/anotherwitch'><x xmlns='http://jabber.org/protocol/muc#user'><decline from='a@b.c'/></x><body>spam</body></message>`,
    )
    const declined = lines([deliverPrivately(here, '', 'anotherwitch', decline)!])[0]
    expect(declined).toContain(`from='${shadow}'`)
    expect(declined).toContain('<decline')
    expect(declined).not.toContain('spam')
    expect(deliverPrivately(here, 'nobody', 'anotherwitch', relay!.stanza)).toBeUndefined()
    expect(deliverPrivately(here, 'firstwitch', 'thirdwitch', relay!.stanza)).toBeUndefined()
  })

  test('an IQ to one elsewhere waits for the answer of its home', () => {
    const stage = mixed()
    stage.send(
      `<iq xmlns='jabber:client' from='${crone}' to='${room}/anotherwitch' type='get' id='v'><query xmlns='jabber:iq:version'/></iq>`,
    )
    expect(stage.last?.expects).toMatchObject({ from: `${shadow}/anotherwitch`, requester: crone, requestId: 'v' })
    expect(stage.last?.relays).toHaveLength(1)
  })

  test('a kick here removes one elsewhere, a ban too, and both are seen here', () => {
    const kicked = mixed().admin(crone, `<item nick='anotherwitch' role='none'/>`)
    expect(kicked.map((line) => codes(line))).toEqual([[], ['307'], ['307']])
    const stage = mixed()
    const banned = stage.admin(crone, `<item jid='somewitch@macbeth.lit' affiliation='outcast'/>`)
    expect(banned.map((line) => codes(line))).toEqual([[], ['301'], ['301']])
    expect(stage.state.occupants.has('anotherwitch')).toBe(false)
  })

  test('§7.14 a room whose occupants are all elsewhere is not abandoned', async () => {
    const { isAbandoned } = await import('../../src/room/index.js')
    const stage = mixed()
    for (const [from, nick] of [
      [crone, 'firstwitch'],
      ['hag66@shakespeare.lit/pda', 'thirdwitch'],
    ])
      stage.send(`<presence xmlns='jabber:client' from='${from}' to='${room}/${nick}' type='unavailable'/>`)
    expect(isAbandoned(stage.state)).toBe(false)
    happen(stage, { type: 'leave', nick: 'anotherwitch', departure: { cause: 'unreachable' } })
    expect(isAbandoned(stage.state)).toBe(true)
  })
})

describe('one user at several homes is one occupant', () => {
  test('it stays until the last home is gone, and what is here comes first', () => {
    const stage = mixed()
    stage.join('somewitch@macbeth.lit/home', 'anotherwitch')
    expect(stage.state.occupants.get('anotherwitch')).toMatchObject({ home: room, elsewhere: [{ home: shadow }] })
    happen(stage, {
      type: 'join',
      occupant: remote({ home: third, sessions: [{ jid: 'somewitch@macbeth.lit/3', presence: '' }] }),
    })
    expect(stage.state.occupants.get('anotherwitch')?.elsewhere).toHaveLength(2)
    expect(happen(stage, { type: 'leave', nick: 'anotherwitch', home: shadow, departure: { cause: 'left' } })).toEqual(
      [],
    )
    const left = stage.send(
      `<presence xmlns='jabber:client' from='somewitch@macbeth.lit/home' to='${room}/anotherwitch' type='unavailable'/>`,
    )
    expect(left.filter((line) => line.includes('unavailable'))).toHaveLength(1)
    expect(stage.state.occupants.get('anotherwitch')).toMatchObject({ home: third, elsewhere: [] })
    const gone = happen(stage, { type: 'leave', nick: 'anotherwitch', home: third, departure: { cause: 'left' } })
    expect(gone).toHaveLength(2)
    expect(stage.state.occupants.has('anotherwitch')).toBe(false)
  })

  test('another user under the same nick has no effect in apply', () => {
    const stage = mixed()
    const before = stage.state
    expect(happen(stage, { type: 'join', occupant: remote({ nick: 'firstwitch' }) })).toEqual([])
    expect(stage.state).toBe(before)
  })
})

describe('judge (dmuc.md §4)', () => {
  const verdict = (operation: Operation, instance = shadow, stage = mixed()): string =>
    judge(stage.state, operation, instance, { ...defaultPolicy, maxMessageLength: 100 })?.condition ?? 'ok'

  test.each<[string, Operation, string, string]>([
    ['a message of its occupant', said(), shadow, 'ok'],
    ['a message of an occupant of ours', said({ nick: 'firstwitch' }), shadow, 'forbidden'],
    ['a message of an occupant of a third', said(), third, 'forbidden'],
    ['a message of nobody', said({ nick: 'nobody' }), shadow, 'item-not-found'],
    ['a message under another JID', said({ jid: 'crone1@shakespeare.lit' }), shadow, 'forbidden'],
    ['a message under another occupant-id', said({ occupantId: 'x' }), shadow, 'forbidden'],
    ['a message that is too long', said({ content: 'x'.repeat(101) }), shadow, 'policy-violation'],
    ['a subject without the right to it', { ...said(), type: 'subject', text: 'x' } as Operation, shadow, 'forbidden'],
    [
      'its own occupant entering',
      {
        type: 'join',
        occupant: remote({ nick: 'new', jid: 'a@macbeth.lit', sessions: [{ jid: 'a@macbeth.lit/1', presence: '' }] }),
      },
      shadow,
      'ok',
    ],
    [
      'an occupant of another home',
      { type: 'join', occupant: remote({ nick: 'new', home: third }) },
      shadow,
      'forbidden',
    ],
    ['an occupant with our home', { type: 'join', occupant: remote({ nick: 'new', home: room }) }, room, 'forbidden'],
    ['a taken nick', { type: 'join', occupant: remote({ nick: 'thirdwitch' }) }, shadow, 'conflict'],
    [
      'a role nobody granted',
      { type: 'join', occupant: remote({ nick: 'new', role: 'moderator' }) },
      shadow,
      'forbidden',
    ],
    [
      'a client of somebody else',
      { type: 'join', occupant: remote({ nick: 'new', jid: 'a@macbeth.lit' }) },
      shadow,
      'forbidden',
    ],
    [
      'presence of its occupant',
      { type: 'presence', nick: 'anotherwitch', session: { jid: witch, presence: '' } },
      shadow,
      'ok',
    ],
    [
      'presence of its occupant from another JID',
      { type: 'presence', nick: 'anotherwitch', session: { jid: crone, presence: '' } },
      shadow,
      'forbidden',
    ],
    ['no clients', { type: 'join', occupant: remote({ nick: 'new', sessions: [] }) }, shadow, 'bad-request'],
    ['a nick change of its occupant', { type: 'nick', nick: 'anotherwitch', to: 'x', grant: 0 }, shadow, 'ok'],
    [
      'a nick change to a taken one',
      { type: 'nick', nick: 'anotherwitch', to: 'firstwitch', grant: 0 },
      shadow,
      'conflict',
    ],
    ['a nick change of ours', { type: 'nick', nick: 'firstwitch', to: 'x', grant: 0 }, shadow, 'forbidden'],
    ['its occupant leaving', { type: 'leave', nick: 'anotherwitch', departure: { cause: 'left' } }, shadow, 'ok'],
    ['ours leaving', { type: 'leave', nick: 'firstwitch', departure: { cause: 'left' } }, shadow, 'forbidden'],
    [
      'a third home of its occupant leaving',
      { type: 'leave', nick: 'anotherwitch', home: third, departure: { cause: 'left' } },
      shadow,
      'forbidden',
    ],
    [
      'a kick by a participant',
      { type: 'leave', nick: 'thirdwitch', departure: { cause: 'kicked', actor: 'somewitch@macbeth.lit' } },
      shadow,
      'forbidden',
    ],
    [
      'a kick by the owner',
      { type: 'leave', nick: 'thirdwitch', departure: { cause: 'kicked', actor: 'crone1@shakespeare.lit' } },
      shadow,
      'ok',
    ],
    ['a role by nobody', { type: 'role', nick: 'anotherwitch', role: 'moderator' }, shadow, 'forbidden'],
    [
      'an owner made by a participant',
      { type: 'register', jid: 'x@y.z', entry: { affiliation: 'owner' }, actor: 'somewitch@macbeth.lit', revision: 2 },
      shadow,
      'forbidden',
    ],
    [
      'a registration of oneself',
      {
        type: 'register',
        jid: 'somewitch@macbeth.lit',
        entry: { affiliation: 'member', nick: 'anotherwitch' },
        actor: 'somewitch@macbeth.lit',
        revision: 2,
      },
      shadow,
      'ok',
    ],
    [
      'ownership for oneself',
      {
        type: 'register',
        jid: 'somewitch@macbeth.lit',
        entry: { affiliation: 'owner' },
        actor: 'somewitch@macbeth.lit',
        revision: 2,
      },
      shadow,
      'forbidden',
    ],
    [
      'the last owner gone',
      {
        type: 'register',
        jid: 'crone1@shakespeare.lit',
        entry: { affiliation: 'none' },
        actor: 'crone1@shakespeare.lit',
        revision: 2,
      },
      shadow,
      'conflict',
    ],
  ])('%s', (_name, operation, instance, expected) => {
    expect(verdict(operation, instance)).toBe(expected)
  })

  test('no voice: forbidden; banned: forbidden; no member: registration-required', () => {
    const stage = mixed()
    stage.admin(crone, `<item nick='anotherwitch' role='visitor'/><item jid='b@macbeth.lit' affiliation='outcast'/>`)
    expect(verdict(said(), shadow, stage)).toBe('forbidden')
    const join = (jid: string): Operation => ({ type: 'join', occupant: remote({ nick: 'new', jid }) })
    expect(verdict(join('b@macbeth.lit'), shadow, stage)).toBe('forbidden')
    stage.configure(crone, { 'muc#roomconfig_membersonly': '1' })
    expect(verdict(join('c@macbeth.lit'), shadow, stage)).toBe('registration-required')
  })

  test('what apply does with an operation that was not judged keeps the room whole', () => {
    const stage = mixed()
    happen(stage, { type: 'role', nick: 'firstwitch', role: 'visitor' })
    happen(stage, { type: 'nick', nick: 'anotherwitch', to: 'thirdwitch', grant: 9 })
    happen(stage, { type: 'leave', nick: 'nobody', departure: { cause: 'left' } })
    happen(stage, { type: 'presence', nick: 'nobody', session: { jid: 'a@b/c', presence: '' } })
    expect([...stage.state.occupants.values()].map(({ nick, role }) => `${nick} ${role}`)).toEqual([
      'firstwitch moderator',
      'thirdwitch participant',
      'anotherwitch participant',
    ])
    expect(stage.refusal(groupchat(room, crone, '<body>x</body>'))).toBe('ok')
  })

  test('§11.2 leaveAll tells each of itself alone, §11.1 removeSession says 333', async () => {
    const { leaveAll, removeSession } = await import('../../src/room/index.js')
    const stage = mixed()
    const told = leaveAll(stage.state).flatMap((operation) => happen(stage, operation))
    expect(told.map((line) => [line.split(' ')[0], ...codes(line)])).toEqual([
      [crone, '110', '332'],
      ['hag66@shakespeare.lit/pda', '110', '332'],
    ])
    expect([...stage.state.occupants.keys()]).toEqual(['anotherwitch'])
    const other = mixed()
    expect(removeSession(other.state, crone)).toHaveLength(1)
    expect(removeSession(other.state, witch)).toEqual([])
  })

  test('marks in our name that another instance let through are taken out here', () => {
    const forged = `<body>x</body><stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='forged'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>`
    const stage = mixed()
    expect(happen(stage, logged(said({ content: forged }))).join()).not.toContain('forged')
    const session = {
      jid: witch,
      presence: `<x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner'/></x>`,
    }
    expect(happen(stage, { type: 'presence', nick: 'anotherwitch', session }).join()).not.toContain('owner')
  })

  test('content that cannot be read is left out, never thrown', () => {
    const stage = mixed()
    expect(happen(stage, logged(said({ content: '<body>unclosed' })))[0]).not.toContain('<body>')
    expect(parse('<x/>').name).toBe('x')
  })
})
