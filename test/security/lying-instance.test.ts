/**
 * An instance that lies (dmuc.md §4): it is a member, its links are up, and it says what is not its own to say. Asked of
 * the pure replica of a shadow and of a source, so that every answer of the liar's can be forged.
 */
import { describe, expect, test } from '@jest/globals'
import { tick, writeStamp } from '../../src/dmuc/clock.js'
import { occupantIdOf } from '../../src/dmuc/ids.js'
import { newShadow, newSource } from '../../src/dmuc/new-replica.js'
import {
  defaultLimits,
  type Effect,
  type Happening,
  type Instance,
  type Replica,
  type Step,
} from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { Vector } from '../../src/dmuc/vector.js'
import { withVouches } from '../../src/dmuc/vouching.js'
import { writeHello, writeVector } from '../../src/dmuc/wire/hello.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { standingOf } from '../../src/room/standing.js'
import type { Occupant } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { parse } from '../support/xml-match.js'

const source = 'coven@rooms.a.example'
const honest = 'coven@rooms.b.example'
const liar = 'coven@rooms.c.example'
const now = Date.UTC(2026, 0, 1)
const env = { now, limits: defaultLimits, bounds: defaultPolicy }
const sync = 'urn:xmpp:dmuc-sync:0'

const row = (jid: string, rank: number): Instance => ({ jid, kind: 'sync', rank, gone: false })
const table = { revision: 5, instances: new Map([source, honest, liar].map((jid, rank) => [jid, row(jid, rank)])) }

const occupant = (nick: string, jid: string, home: string): Occupant => ({
  nick,
  jid,
  occupantId: idOf(jid),
  role: 'participant',
  home,
  sessions: [{ jid: `${jid}/x`, presence: '' }],
  since: { ms: now - 1000, counter: 0 },
  grant: 0,
})

/** In every replica here. */
const keys = {
  number: 1,
  stanzaIdKey: Buffer.alloc(32, 1).toString('base64'),
  occupantSalt: Buffer.alloc(32, 2).toString('base64'),
}
const idOf = (person: string): string => occupantIdOf(keys, 'r', person)

/** At `source` or at `honest`: Ann at the source owns the room, Cat is at the liar. */
function replicaAt(self: string): Replica {
  const random = new SeededRandom(3)
  const room = { ...newRoom(self, defaultPolicy), locked: false }
  const made =
    self === source
      ? newSource(room, random)
      : newShadow(room, { roomId: 'r', source, epoch: 1, epochRank: 0 }, 'sync', random)
  const occupants = [occupant('ann', 'ann@a.example', source), occupant('cat', 'cat@c.example', liar)]
  return withVouches({
    ...made,
    keys,
    identity: { ...made.identity, roomId: 'r' },
    phase: 'serving',
    table,
    room: {
      ...made.room,
      register: new Map([['ann@a.example', { affiliation: 'owner' }]]),
      occupants: new Map(occupants.map((each) => [each.nick, each])),
    },
  })
}

const happen = (replica: Replica, happening: Happening): Step => step(replica, happening, env)
const request = (replica: Replica, payload: Element | string): Step => {
  const iq = parse(`<iq type='set' id='1' from='${liar}' to='${replica.room.jid}'/>`)
  iq.cnode(typeof payload === 'string' ? parse(payload) : payload)
  return happen(replica, { type: 'request', from: liar, iq })
}
const relayed = (replica: Replica, text: string): Step =>
  happen(replica, { type: 'relayed', from: liar, stanza: parse(text) })

/** The liar's hello, which claims to hold `vector`. */
function greeted(replica: Replica, vector: Vector, tableOfLiar = table): Step {
  const as: Replica = { ...replica, incarnation: 'liar-1', table: tableOfLiar, vector }
  return request(replica, writeHello(as))
}

/** As if `jid` had said hello, in this incarnation, and nothing since. */
function inTouch(replica: Replica, jid: string, incarnation: string): Replica {
  const peer = greeted(replica, Vector.empty).replica.peers.get(liar)
  if (peer === undefined) throw new Error('the hello was not taken')
  const known = { ...peer, link: 'up', incarnation, occupants: 0, listWanted: false, listAsked: false } as const
  return { ...replica, peers: new Map(replica.peers).set(jid, known) }
}

const pulls = (effects: readonly Effect[]): Element[] =>
  effects.flatMap((effect) => (effect.type === 'ask' && effect.question.type === 'pull' ? [effect.iq] : []))

/** The liar answers the pull of `before` with these events. */
function answered({ replica, effects }: Step, events: string): Step {
  const asked = effects.find((effect) => effect.type === 'ask' && effect.question.type === 'pull')
  if (asked?.type !== 'ask') throw new Error('nothing was pulled')
  const result = parse(`<iq type='result'><events xmlns='${sync}'>${events}</events></iq>`)
  return happen(replica, { type: 'answer', from: liar, question: asked.question, result })
}

const event = (instance: string, seq: number, body: string, incarnation = 'old', attributes = ''): string =>
  `<event instance='${instance}' incarnation='${incarnation}' seq='${seq}' stamp='${writeStamp({ ms: now, counter: seq })}'
    epoch='1' revision='0' id='s${seq}' ${attributes}>${body}</event>`

const one = (instance: string, seq = 1, incarnation = 'old'): Vector =>
  Vector.of([{ instance, incarnation, contiguous: seq, above: [] }])

describe('the table of instances', () => {
  test.each([source, honest])('is not the liar’s to change, at %s', (self) => {
    const replica = replicaAt(self)
    const evil = row('coven@rooms.evil.example', 9)
    const theirs = { revision: 1000, instances: new Map(table.instances).set(evil.jid, evil) }
    expect(greeted(replica, Vector.empty, theirs).replica.table).toBe(replica.table)
  })

  test('the source itself cannot make it longer than the bound', () => {
    const replica = replicaAt(honest)
    const many = new Map(table.instances)
    for (let n = 0; n < defaultLimits.maxInstances; n++) many.set(`coven@s${n}.example`, row(`coven@s${n}.example`, n))
    const after = happen(replica, { type: 'table', table: { revision: 6, instances: many } }).replica
    expect(after.table.revision).toBe(5)
  })

  test('the source takes in no more shadows than the bound', () => {
    let replica = replicaAt(source)
    for (let n = 0; n < 100; n++)
      replica = happen(replica, { type: 'replicated', jid: `coven@s${n}.example`, kind: 'sync' }).replica
    expect(replica.table.instances.size).toBe(defaultLimits.maxInstances)
  })
})

describe('a pull', () => {
  const takesOver = `<register xmlns='${sync}' jid='cat@c.example' affiliation='owner' revision='99'/>`

  test.each([
    ['makes an owner', takesOver],
    ['destroys the room', `<destroy xmlns='${sync}'/>`],
  ])('that %s in the name of the source is not believed', (_, body) => {
    const greeting = greeted(replicaAt(honest), one(source))
    const { replica } = answered(greeting, event(source, 1, body))
    expect(replica.room.register.get('cat@c.example')).toBeUndefined()
    expect(replica.room.destroyed).toBe(false)
    // The true event, of the source, is still wanted.
    expect(replica.vector.has({ instance: source, incarnation: 'old' }, 1)).toBe(false)
  })

  test('of the source’s own lost events changes nothing of what it alone decides', () => {
    const { replica } = answered(greeted(replicaAt(source), one(source)), event(source, 1, takesOver))
    expect(replica.room.register.get('cat@c.example')).toBeUndefined()
  })

  test('is not made of the liar for an instance that we are in touch with, nor for a stranger', () => {
    const replica = replicaAt(honest)
    const up = inTouch(replica, source, 'now')
    expect(pulls(greeted(up, one(source, 5, 'now')).effects)).toEqual([])
    expect(pulls(greeted(up, one('coven@rooms.evil.example')).effects)).toEqual([])
    expect(pulls(greeted(up, one(liar)).effects)).toHaveLength(1)
  })

  test('a nick that is none, and an id as long as a stanza, are not taken', () => {
    const said = (nick: string, id: string): string =>
      event(
        liar,
        1,
        `<message xmlns='jabber:client' type='groupchat' id='${id}'><body>Hi</body></message>`,
        'old',
        `nick='${nick}' jid='cat@c.example' occupant-id='${idOf('cat@c.example')}'`,
      )
    const taken = (nick: string, id: string) =>
      answered(greeted(replicaAt(honest), one(liar)), said(nick, id)).replica.room.history[0]?.operation
    expect(taken('cat', 'i')).toMatchObject({ type: 'message', nick: 'cat', id: 'i' })
    expect(taken('c&#x85;at', 'i')).toBeUndefined()
    expect(taken('x'.repeat(2000), 'i')).toBeUndefined()
    expect(taken('cat', 'i'.repeat(5000))).not.toHaveProperty('id')
  })
})

describe('an order', () => {
  const replies = ({ effects }: Step) => effects.flatMap((effect) => (effect.type === 'reply' ? [effect.payload] : []))

  test.each([
    `<order xmlns='${sync}' actor='ann@a.example'><destroy/></order>`,
    `<order xmlns='${sync}' actor='ann@a.example'><register jid='cat@c.example' affiliation='owner' revision='1'/></order>`,
  ])('in the name of an owner who is not at the liar: %s', (text) => {
    const made = request(replicaAt(source), text)
    expect(replies(made)).toEqual([expect.objectContaining({ condition: 'forbidden' })])
    expect(made.replica.room.destroyed).toBe(false)
    expect(made.replica.room.register.size).toBe(1)
  })
})

describe('a role', () => {
  const item = (nick: string, jid: string, role: string, revision: number): string =>
    `<presence from='${liar}/${nick}' to='${honest}/${nick}'>
      <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='${role}' jid='${jid}/x'/></x>
      <occupant xmlns='${sync}' incarnation='liar-1' revision='${revision}' seq='0'/></presence>`
  const announced = (replica: Replica, nick: string, jid: string, role: string): string | undefined =>
    relayed(inTouch(replica, liar, 'liar-1'), item(nick, jid, role, 1)).replica.room.occupants.get(nick)?.role
  const moderated = (replica: Replica): Replica => ({
    ...replica,
    room: { ...replica.room, config: { ...replica.room.config, moderated: true } },
  })

  test.each([source, honest])('is not what the home of an occupant says it is, at %s', (self) => {
    const replica = replicaAt(self)
    expect(announced(replica, 'mal', 'mal@c.example', 'moderator')).toBe('participant')
    expect(announced(replica, 'cat', 'cat@c.example', 'moderator')).toBe('participant')
    expect(announced(moderated(replica), 'mal', 'mal@c.example', 'participant')).toBe('visitor')
    expect(announced(replica, 'mal', 'mal@c.example', 'visitor')).toBe('visitor')
  })

  test('is not raised by a list of occupants either', () => {
    const asking = relayed(inTouch(replicaAt(honest), liar, 'liar-1'), item('mal', 'mal@c.example', 'moderator', 5))
    const list = `<iq type='result'><occupants xmlns='${sync}' incarnation='liar-1' revision='5' seq='0'>
      ${item('mal', 'mal@c.example', 'moderator', 5).replace('<presence', "<presence xmlns='jabber:client'")}</occupants></iq>`
    const question = { type: 'occupants' } as const
    const { replica } = happen(asking.replica, { type: 'answer', from: liar, question, result: parse(list) })
    expect(replica.room.occupants.get('mal')?.role).toBe('participant')
  })

  test.each([
    ["<role nick='cat' role='moderator'/>", 'forbidden'],
    ["<entitle occupant-id='id-of-cat' role='moderator' revision='1'/>", 'bad-request'],
  ])('is not had by an order of an occupant without rights: %s', (order, condition) => {
    const made = request(replicaAt(source), `<order xmlns='${sync}' actor='cat@c.example'>${order}</order>`)
    expect(made.effects).toEqual([
      expect.objectContaining({ type: 'reply', payload: expect.objectContaining({ condition }) }),
    ])
  })

  test('is numbered by nobody but the source', () => {
    const entitle = `<entitle xmlns='${sync}' occupant-id='id-of-cat' role='moderator' revision='1'/>`
    const taken = answered(greeted(replicaAt(honest), one(liar)), event(liar, 1, entitle)).replica
    expect(taken.vector.has({ instance: liar, incarnation: 'old' }, 1)).toBe(true)
    expect(taken.room.occupants.get('cat')?.role).toBe('participant')
    expect(taken.room.entitled?.size ?? 0).toBe(0)
  })
})

describe('somebody of another server, at the liar', () => {
  const ann = 'ann@a.example'
  const presence = (self: string, nick: string, jid: string, revision = 1): string =>
    `<presence from='${liar}/${nick}' to='${self}/${nick}'>
      <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator' jid='${jid}/x'/></x>
      <occupant xmlns='${sync}' incarnation='liar-1' revision='${revision}' seq='0' grant='${revision}'/></presence>`
  const claimed = (self: string, nick: string, jid = ann): Replica =>
    relayed(inTouch(replicaAt(self), liar, 'liar-1'), presence(self, nick, jid)).replica
  const annAt = (replica: Replica, home: string): Occupant | undefined =>
    [...replica.room.occupants.values()].find((each) => each.jid === ann && each.home === home)
  const says = (replica: Replica, nick: string, occupantId: string, late: boolean): Step => {
    const identity = `nick='${nick}' jid='${ann}' occupant-id='${occupantId}'`
    const content = "<message xmlns='jabber:client' type='groupchat' id='m'><body>Hi</body></message>"
    const told = event(liar, 1, content, 'liar-1', identity)
    if (late) return answered(greeted(replica, one(liar, 1, 'liar-1')), told)
    const live = event(liar, 1, '', 'liar-1', `xmlns='${sync}' ${identity}`)
    return relayed(
      replica,
      `<message type='groupchat' from='${liar}/${nick}' to='${replica.room.jid}/${nick}'><body>Hi</body>${live}</message>`,
    )
  }

  test.each([source, honest])('has neither the role nor the id of an owner, at %s', (self) => {
    const replica = claimed(self, 'annie')
    expect(annAt(replica, liar)).toMatchObject({ nick: 'annie', role: 'participant' })
    expect(annAt(replica, liar)?.occupantId).not.toBe(idOf(ann))
    expect(standingOf(replica.room, { jid: ann, home: liar })).toBe('member')
    expect(standingOf(replica.room, { jid: ann, home: source })).toBe('owner')
  })

  test.each([
    '<destroy/>',
    "<register jid='cat@c.example' affiliation='owner' revision='1'/>",
    "<register jid='ann@a.example' affiliation='owner' nick='cat' revision='1'/>",
    "<role nick='cat' role='moderator'/>",
    "<kick nick='ann'/>",
  ])('orders nothing that takes the rights of an owner: %s', (order) => {
    const before = claimed(source, 'annie')
    const { replica, effects } = request(before, `<order xmlns='${sync}' actor='${ann}'>${order}</order>`)
    expect(effects).toEqual([
      expect.objectContaining({ type: 'reply', payload: expect.objectContaining({ condition: 'forbidden' }) }),
    ])
    expect(replica.room).toBe(before.room)
  })

  test.each([source, honest])('does not take the nick of who is there, nor share it, at %s', (self) => {
    const replica = claimed(self, 'ann')
    expect(replica.room.occupants.get('ann')).toMatchObject({ home: source, jid: ann })
    expect(replica.room.occupants.get('ann')?.elsewhere ?? []).toEqual([])
    const { room } = says(replica, 'ann', idOf(ann), false).replica
    expect(room.history).toEqual([])
  })

  test('is not granted the nick of an occupant, nor a registered one', () => {
    const taken = request(replicaAt(source), `<claim xmlns='${sync}' nick='ann' jid='${ann}'/>`)
    expect(taken.effects).toMatchObject([{ type: 'reply', payload: { condition: 'conflict' } }])
  })

  test.each([true, false])('says nothing under the id of the one who is meant; late: %s', (late) => {
    const replica = claimed(honest, 'annie')
    expect(says(replica, 'annie', idOf(ann), late).replica.room.history).toEqual([])
    const own = annAt(replica, liar)?.occupantId ?? ''
    expect(says(replica, 'annie', own, late).replica.room.history).toHaveLength(1)
  })

  test('retracts nothing as an admin, early or late', () => {
    const ours: Replica = claimed(honest, 'annie')
    const own = annAt(ours, liar)?.occupantId ?? ''
    const moderate = event(
      liar,
      1,
      "<moderate target='t'/>",
      'liar-1',
      `nick='annie' jid='${ann}' occupant-id='${own}'`,
    )
    const { effects } = answered(greeted(ours, one(liar, 1, 'liar-1')), moderate)
    expect(effects).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'log', event: expect.objectContaining({ void: true }) }),
      ]),
    )
  })

  test('of its own server the liar has the last word', () => {
    const made = replicaAt(source)
    const room = { ...made.room, register: new Map(made.room.register).set('cat@c.example', { affiliation: 'admin' }) }
    const { effects } = request(
      { ...made, room } as Replica,
      `<order xmlns='${sync}' actor='cat@c.example'><kick nick='ann'/></order>`,
    )
    expect(effects).toMatchObject([{ type: 'reply', payload: { condition: 'not-allowed' } }])
  })

  test('is believed where the operator of the source lets it vouch for them', () => {
    const trusted = {
      ...table,
      instances: new Map(table.instances).set(liar, { ...row(liar, 2), users: ['a.example'] }),
    }
    const replica = withVouches({ ...replicaAt(source), table: trusted })
    expect(standingOf(replica.room, { jid: ann, home: liar })).toBe('owner')
  })

  test('has the rights again when the instance is the source, and they are shown', () => {
    const { replica, effects } = happen({ ...claimedAt(honest), table }, { type: 'promoted' })
    expect(replica.room.occupants.get('annie')).toMatchObject({ role: 'moderator', occupantId: idOf(ann) })
    expect(effects).toContainEqual(
      expect.objectContaining({ type: 'change', change: { type: 'role', nick: 'annie', role: 'moderator' } }),
    )
  })

  /** At the instance where she is herself. */
  function claimedAt(self: string): Replica {
    const replica = replicaAt(self)
    const annie = { ...occupant('annie', ann, self), occupantId: idOf(`${ann}\n${self}`) }
    return { ...replica, room: { ...replica.room, occupants: new Map([['annie', annie]]) } }
  }
})

describe('floods', () => {
  const said = (seq: number, incarnation: string, body = 'Hi'): string =>
    `<message type='groupchat' from='${liar}/cat' to='${honest}/cat'><body>${body}</body>${event(liar, seq, '', incarnation, `xmlns='${sync}' nick='cat' jid='cat@c.example' occupant-id='${idOf('cat@c.example')}'`)}</message>`

  test('new incarnations by the thousand do not make the vector grow for ever', () => {
    let { replica } = greeted(replicaAt(honest), Vector.empty)
    for (let n = 0; n < 1200; n++) replica = relayed(replica, said(1, `i${n}`)).replica
    expect([...replica.vector.origins()].length).toBeLessThanOrEqual(1000)
  }, 60_000)

  test('events with a gap after each are held within a bound and leave one interval', () => {
    let { replica } = greeted(replicaAt(honest), Vector.empty)
    for (let n = 1; n < 300; n++) replica = relayed(replica, said(2 * n, 'liar-1', 'x'.repeat(10_000))).replica
    const peer = replica.peers.get(liar)
    expect(writeVector(peer?.vector ?? Vector.empty).toString()).not.toContain('above')
    expect(JSON.stringify(peer?.held).length).toBeLessThan(1_200_000)
  })

  test('hellos that each name other origins are not all remembered', () => {
    let replica = replicaAt(honest)
    for (let n = 0; n < 12; n++) {
      const origins = Array.from({ length: 3000 }, (_, index) => ({
        instance: liar,
        incarnation: `i${n}-${index}`,
        contiguous: 1,
        above: [],
      }))
      replica = greeted(replica, Vector.of(origins)).replica
    }
    expect(replica.peers.get(liar)?.vector.size).toBeLessThanOrEqual(20_000)
  })

  test('claims of nicks', () => {
    let { replica } = greeted(replicaAt(source), Vector.empty)
    for (let n = 0; n < 1500; n++)
      replica = request(replica, `<claim xmlns='${sync}' nick='n${n}' jid='u${n}@c.example'/>`).replica
    expect(replica.grants.size).toBe(1000)
    let again = replicaAt(source)
    for (let n = 0; n < 10; n++)
      again = request(again, `<claim xmlns='${sync}' nick='n${n}' jid='cat@c.example'/>`).replica
    expect([...again.grants.keys()]).toEqual(['n9'])
  })

  test('occupants, long nicks and long presences', () => {
    const limits = { ...defaultLimits, maxOccupants: 50 }
    let { replica } = greeted(replicaAt(honest), Vector.empty)
    const announce = (nick: string, revision: number, extra = ''): void => {
      const stanza = parse(`<presence from='${liar}/${nick}' to='${honest}/${nick}'>${extra}
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant' jid='u${revision}@c.example/x'/></x>
        <occupant xmlns='${sync}' incarnation='liar-1' revision='${revision}' seq='0'/></presence>`)
      replica = step(replica, { type: 'relayed', from: liar, stanza }, { ...env, limits }).replica
    }
    replica = inTouch(replica, liar, 'liar-1')
    announce('n'.repeat(500), 1)
    announce('wordy', 2, `<status>${'x'.repeat(20_000)}</status>`)
    expect(replica.room.occupants.size).toBe(2)
    for (let n = 3; n < 200; n++) announce(`n${n}`, n)
    expect(replica.room.occupants.size).toBe(1 + limits.maxOccupants)
    expect(replica.room.occupants.get('n3')?.occupantId).not.toBe('id-of-ann')
  })

  test('a pull of a thousand ranges is refused', () => {
    const range = (n: number): string => `<range instance='${source}' incarnation='i${n}' from='1' to='9'/>`
    const iq = parse(
      `<iq type='get' id='1'><pull xmlns='${sync}' room='r'>${Array.from({ length: 101 }, (_, n) => range(n)).join('')}</pull></iq>`,
    )
    const { effects } = happen(replicaAt(source), { type: 'request', from: liar, iq })
    expect(effects).toEqual([
      expect.objectContaining({ type: 'reply', payload: expect.objectContaining({ condition: 'bad-request' }) }),
    ])
  })
})

test('a stamp at its last digit does not make our own unreadable', () => {
  const next = tick({ ms: now + 60_000, counter: 999_999_999 }, now)
  expect(writeStamp(next)).toBe(`${now + 60_001}.0`)
})
