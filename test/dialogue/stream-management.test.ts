/** XEP-0198 for clients: who loses the connection loses nothing else. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Resumptions } from '../../src/server/resumptions.js'
import { SeededRandom } from '../../src/util/random.js'
import { openRooms } from './muc-stage.js'
import { type Client, Stage, settled } from './stage.js'
import { Wire, type WireClient } from './wire-client.js'

const sm = 'urn:xmpp:sm:3'
const enable = `<enable xmlns='${sm}' resume='true'/>`
const r = `<r xmlns='${sm}'/>`
const a = (h: number): string => `<a xmlns='${sm}' h='${h}'/>`
const resume = (id: string, h: number): string => `<resume xmlns='${sm}' previd='${id}' h='${h}'/>`
const failed = (condition: string): string =>
  `<failed xmlns='${sm}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`
const says = (id: string, to = 'bob@a.example/phone'): string =>
  `<message to='${to}' type='chat' id='${id}'><body>${id}</body></message>`
const heard = (id: string, more = '', to = 'bob@a.example/phone'): string =>
  `<message to='${to}' from='alice@a.example/desk' type='chat' id='${id}'><body>${id}</body>${more}</message>`
const start = '2026-01-01T00:00:00.000Z'
const delay = (stamp = start): string => `<delay xmlns='urn:xmpp:delay' from='a.example' stamp='${stamp}'/>`

let stage: Stage
let wire: Wire
let alice: Client
let bob: WireClient

beforeEach(async () => {
  stage = await Stage.open({ without: ['user_archive'] })
  wire = new Wire(stage)
  await wire.letIn('alice', 'bob')
  alice = stage.client('alice', 'desk')
  bob = await wire.client('bob')
  await bob.binds('phone')
})

afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

/** Bob is online, with a stream that he can resume; returns its id. */
async function manages(client = bob): Promise<string> {
  client.sends(enable)
  const [enabled] = await client.receives(`<enabled xmlns='${sm}' id='{any}' resume='true' max='600'/>`)
  client.sends('<presence/>')
  await client.hears()
  client.sends(a(1))
  await client.hears()
  return enabled?.attrs.id
}

const sessions = (): number => stage.server.sessions.of('bob@a.example').length

describe('§3 enabling', () => {
  test('it is offered after authentication, and answered after binding only, once', async () => {
    const early = await wire.client('bob')
    early.sends(enable)
    await early.receives(failed('unexpected-request'))
    await early.binds('early')
    early.sends(`<enable xmlns='${sm}'/>`)
    await early.receives(`<enabled xmlns='${sm}'/>`)
    early.sends(enable)
    expect(await early.hears()).toContain('policy-violation')
    expect(early.closed).toBe(true)
  })

  test('without hibernation a stream is managed, and cannot be resumed', async () => {
    wire = new Wire(stage, { hibernationMs: 0 })
    const short = await wire.client('bob')
    await short.binds('short')
    short.sends(enable)
    await short.receives(`<enabled xmlns='${sm}'/>`)
    short.loses()
    expect(sessions()).toBe(1)
  })
})

describe('§4 acknowledgements', () => {
  test('the server counts what the client sent since, and asks for its own', async () => {
    await manages()
    bob.sends(says('1', 'alice@a.example/desk'))
    bob.sends(r)
    await bob.receives(a(2))
    await Promise.all([alice.sends(says('2')), alice.sends(says('3'))])
    await bob.receives(heard('2'), heard('3'), r)
    bob.sends(a(2))
    await bob.receives()
    bob.sends(a(3))
    await bob.receives()
    await alice.sends(says('4'))
    await bob.receives(heard('4'), r)
  })

  test('only the longest prefix that is settled is acknowledged, and the rest as soon as it is', async () => {
    await manages()
    const gate = stage.store.hold()
    bob.sends(says('0', 'alice@a.example/desk'))
    bob.sends(`<iq type='set' id='p'><query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query></iq>`)
    bob.sends(says('1', 'alice@a.example/desk'))
    bob.sends(r)
    const before = await bob.hears()
    expect(before).toContain(a(2))
    expect(before).not.toContain(a(4))
    gate.release()
    expect(await bob.hears()).toContain(a(4))
  })

  test('more than was sent cannot be handled', async () => {
    await manages()
    bob.sends(a(7))
    expect(await bob.hears()).toContain(`<handled-count-too-high xmlns='${sm}' h='7' send-count='1'/>`)
    expect(bob.closed).toBe(true)
    expect(sessions()).toBe(0)
  })

  test('who does not answer counts as lost, and may come back', async () => {
    const id = await manages()
    await alice.sends(says('1'))
    await bob.receives(heard('1'), r)
    stage.clock.advance(30_000)
    expect(bob.closed).toBe(true)
    expect(sessions()).toBe(1)
    const back = await wire.client('bob')
    back.sends(resume(id, 1))
    expect(await back.hears()).toContain(`<resumed xmlns='${sm}' previd='${id}' h='1'/>`)
  })
})

describe('§5 resumption', () => {
  test.each(['tcp', 'websocket'] as const)('what the client may not have is sent again, on %s', async (kind) => {
    const id = await manages()
    await alice.sends(says('1'))
    await alice.sends(says('2'))
    await bob.clears()
    bob.loses()
    stage.clock.advance(1000)
    await alice.sends(says('3'))
    const back = await wire.client('bob', kind)
    back.sends(resume(id, 2))
    await back.receives(
      `<resumed xmlns='${sm}' previd='${id}' h='1'/>`,
      heard('2', delay()),
      heard('3', delay('2026-01-01T00:00:01.000Z')),
      r,
    )
    back.sends(a(4))
    back.sends(says('4', 'alice@a.example/desk'))
    back.sends(r)
    await back.receives(a(2))
    expect((await alice.next()).attrs).toMatchObject({ from: 'bob@a.example/phone', id: '4' })
  })

  test('nobody sees that the client was away', async () => {
    await stage.befriend('alice', 'bob')
    await alice.comesOnline()
    const id = await manages()
    await alice.clears()
    bob.loses()
    const back = await wire.client('bob')
    back.sends(resume(id, 3))
    await settled()
    await alice.receivesNothing()
    expect(sessions()).toBe(1)
  })

  test('a connection that is still open ends with a conflict', async () => {
    const id = await manages()
    const back = await wire.client('bob')
    back.sends(resume(id, 1))
    await back.receives(`<resumed xmlns='${sm}' previd='${id}' h='1'/>`)
    expect(await bob.hears()).toContain('<conflict')
    expect(bob.closed).toBe(true)
    await alice.sends(says('1'))
    await back.receives(heard('1'), r)
  })

  test('the answer waits until what came on the former stream is settled: the client sends none of it twice', async () => {
    const id = await manages()
    const gate = stage.store.hold()
    bob.sends(`<iq type='set' id='p'><query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query></iq>`)
    await settled()
    bob.loses()
    const back = await wire.client('bob')
    back.sends(resume(id, 1))
    await back.receives()
    gate.release()
    expect(await back.hears()).toContain(`<resumed xmlns='${sm}' previd='${id}' h='2'/>`)
  })

  test('of two connections that wait for the same stream only one goes on with it', async () => {
    const id = await manages()
    const gate = stage.store.hold()
    bob.sends(`<iq type='set' id='p'><query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query></iq>`)
    await settled()
    bob.loses()
    const [one, two] = [await wire.client('bob'), await wire.client('bob')]
    for (const each of [one, two]) each.sends(resume(id, 1))
    gate.release()
    await settled()
    expect([one.closed, two.closed]).toEqual([true, false])
    expect(await one.hears()).toContain('<conflict')
    await alice.sends(says('1'))
    expect(await two.hears()).toContain("id='1'")
    stage.server.sessions.get('bob@a.example/phone')?.outbox.close('policy-violation')
    expect(two.closed).toBe(true)
    expect(sessions()).toBe(0)
  })

  test('what is sent again at once is not held against the client, however much it is', async () => {
    wire = new Wire(stage, {}, 3000)
    const away = await wire.client('bob')
    await away.binds('away')
    const id = await manages(away)
    away.loses()
    for (let n = 0; n < 40; n += 1) await alice.sends(says(`${n}`, 'bob@a.example/away'))
    const back = await wire.client('bob')
    back.stalls()
    back.sends(resume(id, 1))
    await settled()
    await alice.sends(says('more', 'bob@a.example/away'))
    await settled()
    expect(back.closed).toBe(false)
    for (let n = 0; n < 40; n += 1) await alice.sends(says(`${n}`, 'bob@a.example/away'))
    await settled()
    expect(back.closed).toBe(true)
  })

  test('the stream of another account is as unknown as one that never was; a resource can still be bound', async () => {
    const id = await manages()
    bob.loses()
    const other = await wire.client('alice')
    other.sends(resume(id, 1))
    await other.receives(failed('item-not-found'))
    other.sends(resume('x', 1))
    await other.receives(failed('item-not-found'))
    other.sends(`<resume xmlns='${sm}' previd='${id}' h='minus one'/>`)
    await other.receives(failed('bad-request'))
    await other.binds('bound')
    expect(other.closed).toBe(false)
    expect(sessions()).toBe(1)
  })

  test('a stream that was closed in order cannot be resumed; its count is still known', async () => {
    const id = await manages()
    bob.leaves()
    expect(sessions()).toBe(0)
    const back = await wire.client('bob')
    back.sends(resume(id, 1))
    await back.receives(
      `<failed xmlns='${sm}' h='1'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`,
    )
  })

  test('an impossible count ends the new stream, and the session waits on', async () => {
    const id = await manages()
    bob.loses()
    const back = await wire.client('bob')
    back.sends(resume(id, 99))
    expect(await back.hears()).toContain('handled-count-too-high')
    const again = await wire.client('bob')
    again.sends(resume(id, 1))
    await again.receives(`<resumed xmlns='${sm}' previd='${id}' h='1'/>`)
  })

  test('contacts see the client leave when the time is over', async () => {
    await stage.befriend('alice', 'bob')
    await alice.comesOnline()
    await manages()
    await alice.clears()
    bob.loses()
    stage.clock.advance(599_000)
    await alice.receivesNothing()
    stage.clock.advance(1000)
    await alice.receives(`<presence type='unavailable' from='bob@a.example/phone' to='alice@a.example'/>`)
  })
})

describe('§4 what was never acknowledged', () => {
  const offline = () => stage.store.offlineCount('bob@a.example')

  async function expires(): Promise<void> {
    bob.loses()
    await alice.sends(says('late'))
    stage.clock.advance(600_000)
    await settled()
  }

  test('is kept until the user is there, with the time at which it was sent first', async () => {
    await manages()
    await alice.sends(says('1'))
    await expires()
    expect(await offline()).toBe(2)
    const again = stage.client('bob', 'laptop')
    await again.sends('<presence/>')
    await again.next()
    await again.receives(heard('1', delay()))
    await again.receives(heard('late', delay()))
  })

  test('goes to another client of the account', async () => {
    await manages()
    const laptop = stage.client('bob', 'laptop')
    await laptop.comesOnline()
    await expires()
    expect((await laptop.drain()).filter(({ name }) => name === 'message')).toHaveLength(1)
    expect(await offline()).toBe(0)
  })

  test('does not go again to clients that saw a copy', async () => {
    await manages()
    const laptop = stage.client('bob', 'laptop')
    await laptop.comesOnline()
    await laptop.sends(`<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`)
    await expires()
    expect((await laptop.drain()).filter(({ name }) => name === 'message')).toHaveLength(1)
  })

  test.each([
    ['that came only afterwards', ''],
    ['that is not shown what is private', "<private xmlns='urn:xmpp:carbons:2'/>"],
  ])('goes to a client with carbons %s', async (_, more) => {
    await manages()
    const laptop = stage.client('bob', 'laptop')
    const copies = () => laptop.sends(`<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`)
    await laptop.comesOnline()
    if (more !== '') await copies()
    bob.loses()
    await alice.sends(`<message to='bob@a.example/phone' type='chat' id='1'><body>1</body>${more}</message>`)
    stage.clock.advance(1000)
    if (more === '') await copies()
    await laptop.clears()
    stage.clock.advance(600_000)
    expect((await laptop.drain()).map(({ attrs }) => attrs.id)).toContain('1')
  })

  test('is returned where it must not be kept, and a request is answered', async () => {
    await stage.befriend('alice', 'bob')
    await manages()
    await alice.sends(
      `<message to='bob@a.example/phone' type='chat' id='n'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>`,
    )
    await alice.sends(`<iq to='bob@a.example/phone' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>`)
    bob.loses()
    stage.clock.advance(600_000)
    const returned = await alice.drain()
    expect(returned.map(({ name, attrs }) => [name, attrs.type, attrs.id])).toEqual([
      ['message', 'error', 'n'],
      ['iq', 'error', 'q'],
    ])
  })

  test('a queue that grows too long ends the session, and is not lost', async () => {
    wire = new Wire(stage, { unacknowledged: 2000 })
    const refused: string[] = []
    Object.assign(wire.parts, { refused: (reason: string) => refused.push(reason) })
    const small = await wire.client('bob')
    await small.binds('small')
    await manages(small)
    small.loses()
    for (let n = 0; n < 20; n += 1) await alice.sends(says(`${n}`, 'bob@a.example/small'))
    await settled()
    expect(stage.server.sessions.get('bob@a.example/small')).toBeUndefined()
    expect(await offline()).toBe(20)
    expect(refused).toEqual(['unacknowledged'])
  })

  test('is kept when the server stops', async () => {
    await manages()
    await alice.sends(says('1'))
    await stage.server.close()
    expect(await offline()).toBe(1)
  })

  test('the eleventh session of an account that waits ends the first', async () => {
    let refused = 0
    Object.assign(wire.parts, { resumptions: new Resumptions(new SeededRandom(3), 10, () => refused++) })
    for (let n = 0; n < 11; n += 1) {
      const client = await wire.client('bob')
      await client.binds(`r${n}`)
      await manages(client)
      client.loses()
    }
    expect(stage.server.sessions.get('bob@a.example/r0')).toBeUndefined()
    expect(stage.server.sessions.get('bob@a.example/r1')).toBeDefined()
    expect(refused).toBe(1)
  })
})

describe('an occupant of a room whose connection is lost', () => {
  const room = 'coven@rooms.a.example'
  const enter = (nick: string): string =>
    `<presence to='${room}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`

  test('stays, reads on after coming back, and leaves when the time is over', async () => {
    await stage.close()
    stage = await openRooms()
    wire = new Wire(stage)
    await wire.letIn('bob')
    alice = stage.client('alice', 'desk')
    await alice.sends(enter('ann'))
    await alice.sends(`<iq type='set' id='o' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'>
      <x xmlns='jabber:x:data' type='submit'/></query></iq>`)
    bob = await wire.client('bob')
    await bob.binds('phone')
    bob.sends(enable)
    const [enabled] = await bob.receives(`<enabled xmlns='${sm}' id='{any}' resume='true' max='600'/>`)
    bob.sends(enter('bob'))
    const entered = (await bob.hears()).match(/<(presence|message)/g)?.length ?? 0
    expect(entered).toBeGreaterThan(1)
    await alice.clears()
    bob.loses()
    await alice.sends(`<message to='${room}' type='groupchat' id='g'><body>Still there?</body></message>`)
    expect((await alice.drain()).map(({ name }) => name)).toEqual(['message'])
    const back = await wire.client('bob')
    back.sends(resume(enabled?.attrs.id, entered))
    expect(await back.hears()).toContain('Still there?')
    back.loses()
    stage.clock.advance(600_000)
    const [left] = await alice.drain()
    expect(left?.attrs).toMatchObject({ type: 'unavailable', from: `${room}/bob` })
  })
})
