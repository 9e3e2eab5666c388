/** dmuc.md §4, line by line: what a member says that is not its to say, said to a shadow by one that is in touch with it. */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { maxLeadMs } from '../../src/dmuc/clock.js'
import { defaultLimits, type Replica } from '../../src/dmuc/replica.js'
import { Vector } from '../../src/dmuc/vector.js'
import { writeEvent } from '../../src/dmuc/wire/event.js'
import { writeHistory } from '../../src/dmuc/wire/history.js'
import { writeOrder } from '../../src/dmuc/wire/order.js'
import { writeUnavailable } from '../../src/dmuc/wire/presence.js'
import { writeRoom } from '../../src/dmuc/wire/room.js'
import type { LoggedEvent } from '../../src/room/types.js'
import { type Element, xml } from '../../src/xml/element.js'
import { ns } from '../../src/xmpp/namespaces.js'
import {
  arrival,
  event,
  idOf,
  list,
  live,
  message,
  occupant,
  other,
  register,
  Shadow,
  self,
  source,
} from '../dmuc/shadow.js'
import { parse } from '../support/xml-match.js'

const liar = other
const third = 'coven@rooms.third.lit'
const witch = occupant(source, 'witch', 'witch@shakespeare.lit')
let shadow: Shadow
/** What the room was before the liar spoke. */
let before: Replica['room']

beforeEach(() => {
  shadow = new Shadow(liar, third)
  shadow.relays(source, arrival(witch, 1))
  before = shadow.replica.room
})

const asks = (payload: Element, type = 'set'): void =>
  shadow.happens({ type: 'request', from: liar, iq: xml('iq', { type, id: 'l', from: liar, to: self }, payload) })
const refusal = (): unknown => shadow.of('reply')[0]?.payload

describe('config, register, destroy and the table are the source’s', () => {
  test.each([
    ['register', register(1, 'owner')],
    ['config', { type: 'config', config: { ...new Shadow().replica.room.config, name: 'Mine' }, revision: 1 }],
    ['entitle', { type: 'entitle', whom: idOf('witch@shakespeare.lit'), role: 'moderator', revision: 1 }],
    ['destroy', { type: 'destroy', reason: 'Out!' }],
  ] as const)('%s in an event of another', (_, operation) => {
    shadow.relays(liar, live(event(liar, 1, 1, operation)))
    expect(shadow.of('log').map(({ event: { void: isVoid } }) => isVoid)).toEqual([true])
    expect(shadow.of('change')).toEqual([])
    expect(shadow.replica.room).toBe(before)
  })

  test.each([register(1, 'owner'), { type: 'destroy' }] as const)(
    'nor in one that bears the source’s name: %j',
    (operation) => {
      const forged = writeEvent(event(source, 1, 1, operation), true)
      shadow.relays(liar, xml('message', { from: liar, to: self }, forged))
      expect(shadow.logged).toEqual([])
      expect(shadow.replica.room).toBe(before)
    },
  )

  test('each revision counts once, and in its order', () => {
    const [member, outcast] = [register(1, 'member'), register(2, 'outcast')]
    shadow.relays(source, live(event(source, 1, 1, member)))
    shadow.relays(source, live(event(source, 1, 2, outcast)))
    const decided = shadow.replica.room.register
    // Said again, under an identity of its own, and under the old one.
    shadow.relays(source, live(event(source, 1, 3, member)))
    shadow.relays(source, live(event(source, 1, 1, member)))
    expect(shadow.replica.room.register).toBe(decided)
    expect(shadow.replica.room.registerRevision).toBe(2)
  })

  test('a configuration by IQ (E5) is refused', () => {
    const room = writeRoom({ ...shadow.replica, identity: { ...shadow.replica.identity, epoch: 2, source: liar } })
    const form = parse("<x xmlns='jabber:x:data' type='submit'/>")
    asks(xml('config', { xmlns: ns.dmuc }, form))
    expect(refusal()).toMatchObject({ condition: 'forbidden' })
    asks(xml('config', { xmlns: ns.dmuc }, parse("<x xmlns='jabber:x:data' type='submit'/>"), room))
    expect(refusal()).toMatchObject({ condition: 'conflict' })
    expect(shadow.replica.identity.source).toBe(source)
  })
})

describe('a roster', () => {
  const roster = (): Element =>
    parse(`<roster xmlns='${ns.dmuc}'><item affiliation='owner' jid='hag66@shakespeare.lit/pda' name='hag'/></roster>`)

  test('is not another’s to send', () => {
    asks(roster())
    expect(refusal()).toMatchObject({ condition: 'forbidden' })
    expect(shadow.replica.room).toBe(before)
  })

  test('makes no owner, whoever sends it', () => {
    shadow.happens({ type: 'request', from: source, iq: xml('iq', { type: 'set', id: 'r', from: source }, roster()) })
    const { room } = shadow.replica
    expect(room.register.size).toBe(0)
    expect(room.occupants.get('hag')).toMatchObject({ home: source, role: 'participant' })
  })

  test('a list names the liar’s own people alone', () => {
    shadow.isGreeted(liar, { occupantsRevision: 2 })
    shadow.answers(liar, { type: 'occupants' }, list(liar, 2, 0, occupant(liar, 'cat', 'cat@marlowe.lit')))
    expect([...shadow.replica.room.occupants.values()].map(({ nick, home }) => `${nick} ${home}`)).toEqual([
      `witch ${source}`,
      `cat ${liar}`,
    ])
  })
})

describe('for an occupant of another home it', () => {
  const presence = (change: { renamed?: { to: string; grant: number; forced: boolean } }): Element => {
    const gone = { departure: { cause: 'left' }, status: undefined, renamed: undefined, ...change } as const
    return writeUnavailable(liar, self, witch, 'none', gone, { incarnation: `${liar}-1`, revision: 1, seq: 0 })
  }

  test('does not leave', () => {
    shadow.relays(liar, presence({}))
    expect(shadow.replica.room.occupants.get('witch')).toMatchObject({ home: source })
  })

  test('does not change the nick', () => {
    shadow.relays(liar, presence({ renamed: { to: 'toad', grant: 9, forced: false } }))
    expect([...shadow.replica.room.occupants.keys()]).toEqual(['witch'])
  })

  test.each([
    ['under the JID of that', 'witch@shakespeare.lit'],
    ['under one of its own', 'cat@marlowe.lit'],
  ])('does not speak %s, live', (_, jid) => {
    const said = { ...message('Hail!', 'witch'), jid, occupantId: idOf(jid) }
    shadow.relays(liar, live(event(liar, 1, 1, said), 0))
    for (const { operation } of shadow.replica.room.history) expect(operation).not.toMatchObject({ nick: 'witch' })
  })

  test('does not set the subject', () => {
    const subject = {
      type: 'subject',
      nick: 'witch',
      jid: witch.jid,
      occupantId: idOf(witch.jid),
      text: 'Toads',
    } as const
    shadow.relays(liar, live(event(liar, 1, 1, subject), 0))
    const [shown] = shadow.of('change')
    expect(shown?.after.subject).not.toMatchObject({ nick: 'witch' })
  })

  test('does not write chat states', () => {
    shadow.relays(
      liar,
      parse(`<message type='groupchat' from='${liar}/witch' to='${self}/witch'>
        <composing xmlns='http://jabber.org/protocol/chatstates'/><ephemeral xmlns='${ns.dmucSync}'/></message>`),
    )
    expect(shadow.of('change')).toEqual([])
  })
})

describe('orders', () => {
  const cat = occupant(liar, 'cat', 'cat@marlowe.lit')
  beforeEach(() => {
    shadow.relays(liar, arrival(cat, 1))
    const local = { ...occupant(self, 'ann', 'ann@macbeth.lit') }
    shadow.happens({ type: 'local', operations: [{ type: 'join', occupant: local }] })
  })

  test.each([
    ['a kick, by one who is nothing', cat.jid, { type: 'leave', nick: 'ann', departure: { cause: 'kicked' } }],
    ['a role, by one who is nothing', cat.jid, { type: 'role', nick: 'ann', role: 'visitor' }],
    ['a kick, by a name from elsewhere', witch.jid, { type: 'leave', nick: 'ann', departure: { cause: 'kicked' } }],
  ] as const)('%s', (_, actor, operation) => {
    asks(writeOrder({ to: self, actor, operations: [operation] })!)
    expect(refusal()).toMatchObject({ condition: 'forbidden' })
    expect(shadow.replica.room.occupants.get('ann')).toMatchObject({ role: 'participant' })
  })

  test.each([
    register(0, 'outcast', witch.jid),
    { type: 'destroy' },
    { type: 'config', config: new Shadow().replica.room.config, revision: 0 },
  ] as const)('what is the source’s to decide is not had from a shadow: %j', (operation) => {
    asks(writeOrder({ to: self, actor: cat.jid, operations: [operation] })!)
    expect(refusal()).toMatchObject({ condition: 'item-not-found' })
  })

  test('a nick is not granted by a shadow', () => {
    asks(parse(`<claim xmlns='${ns.dmucSync}' nick='x' jid='${cat.jid}'/>`))
    expect(refusal()).toMatchObject({ condition: 'not-allowed' })
  })
})

describe('history', () => {
  const told = (...events: readonly LoggedEvent[]): Element =>
    xml(
      'iq',
      { type: 'result' },
      writeHistory(source, events, { whois: 'anyone', sync: true, vector: Vector.empty, proofs: [] }),
    )

  test('with what others are to have said, and no proof, is not taken in that', () => {
    shadow.answers(
      source,
      { type: 'history' },
      told(event(liar, 1, 1, message('lie')), event(source, 1, 1, message('true'))),
    )
    expect(shadow.of('log').map(({ event: { id } }) => id.instance)).toEqual([source])
  })

  test('with the same event twice shows it once', () => {
    const said = event(source, 1, 1, message('once'))
    shadow.answers(source, { type: 'history' }, told(said, said))
    expect(shadow.logged).toEqual(['1:1'])
  })

  test('with a hundred thousand items is taken in bounded time, and as much is kept as may be', () => {
    const many = Array.from({ length: 100_000 }, (_, n) =>
      event(source, 1, n + 1, { type: 'unknown', name: 'x', body: '' }),
    )
    const answer = told()
    const history = answer.getChild('history')!
    for (const one of many)
      history.cnode(xml('message', { type: 'groupchat' }, writeEvent({ ...one, void: true }, true)))
    const startedAt = process.cpuUsage().user
    shadow.answers(source, { type: 'history' }, answer)
    expect((process.cpuUsage().user - startedAt) / 1e6).toBeLessThan(10)
    expect(shadow.of('log').length).toBeLessThanOrEqual(defaultLimits.historyStanzas)
  }, 60_000)
})

describe('stamps', () => {
  test('of the future move our clock by five minutes at most', () => {
    const ahead = { ms: shadow.now + 86_400_000, counter: 0 }
    shadow.relays(source, live(event(source, 1, 1, message('Hail!', 'witch'), { stamp: ahead }), 1))
    expect(shadow.replica.stamp.ms).toBeLessThanOrEqual(shadow.now + maxLeadMs)
    const near = { ms: shadow.now + maxLeadMs, counter: 0 }
    shadow.relays(source, live(event(source, 1, 2, message('Hail!', 'witch'), { stamp: near }), 1))
    expect(shadow.replica.stamp.ms).toBe(near.ms)
  })
})

describe('replays and loops', () => {
  const said = (): Element => live(event(source, 1, 1, message('Hail!', 'witch')), 1)

  test('what comes again is neither shown nor told on', () => {
    shadow.relays(source, said())
    expect(shadow.of('change')).toHaveLength(1)
    for (let n = 0; n < 3; n++) {
      shadow.relays(source, said())
      expect([shadow.of('change'), shadow.of('log'), shadow.of('send')]).toEqual([[], [], []])
    }
  })

  test('what one says is told on to nobody, so that three go round in no circle', () => {
    shadow.relays(source, said())
    expect(shadow.of('send')).toEqual([])
    shadow.relays(liar, arrival(occupant(liar, 'cat', 'cat@marlowe.lit'), 1))
    expect(shadow.of('send')).toEqual([])
  })

  test('an old presence is not believed again', () => {
    const cat = occupant(liar, 'cat', 'cat@marlowe.lit')
    const gone = { departure: { cause: 'left' }, status: undefined, renamed: undefined } as const
    shadow.relays(liar, arrival(cat, 1))
    shadow.relays(
      liar,
      writeUnavailable(liar, self, cat, 'none', gone, { incarnation: `${liar}-1`, revision: 2, seq: 0 }),
    )
    shadow.relays(liar, arrival(cat, 1))
    expect(shadow.replica.room.occupants.has('cat')).toBe(false)
  })

  test('errors are not answered', () => {
    shadow.relays(liar, parse(`<message type='error' from='${liar}' to='${self}'><error type='cancel'/></message>`))
    expect([shadow.of('send'), shadow.of('reply')]).toEqual([[], []])
  })
})
