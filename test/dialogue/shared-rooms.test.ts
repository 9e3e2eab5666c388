/** Shared rooms that nobody is in leave memory, and are compared by one digest for two services (docs/dmuc-sync.md §8). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { digest } from '../../src/dmuc/digest.js'
import { type MucService, mucService } from '../../src/modules/muc/index.js'
import { openMemoryStore } from '../../src/store/memory.js'
import type { Write } from '../../src/store/store.js'
import { parse } from '../support/xml-match.js'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

let federation: Federation
beforeEach(async () => {
  federation = await Federation.open(['a.example', 'b.example'], {}, { muc_unload_after: 5 })
})
afterEach(() => federation.close())

const service = (letter: string): MucService =>
  federation.site(`${letter}.example`).server.service(`rooms.${letter}.example`, mucService) as MucService
const at = (letter: string, name = 'coven'): string => `${name}@rooms.${letter}.example`
const inMemory = (): number[] => ['a', 'b'].map((letter) => service(letter).rooms.size)

async function distribute(name: string): Promise<void> {
  const { operations } = service('a')
  await operations.create(at('a', name), 'ann@a.example', name)
  await operations.distribute(at('a', name), ['rooms.b.example'])
  await settled()
}

async function stays(client: Client, letter: string, ...bodies: string[]): Promise<void> {
  await client.sends(`<presence to='${at(letter)}/${letter}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await federation.wait(6000)
  for (const body of bodies)
    await client.sends(`<message to='${at(letter)}' type='groupchat' id='${body}'><body>${body}</body></message>`)
  await client.sends(`<presence to='${at(letter)}/${letter}' type='unavailable'/>`)
  await federation.wait(1000)
}

async function said(letter: string): Promise<(string | undefined)[]> {
  const log = await federation.site(`${letter}.example`).store.log(at(letter), { types: ['message'], limit: 50 })
  return log.map(({ body }) => /<body>(.*?)<\/body>/.exec(body)?.[1])
}

/** Until both have let go of everything. */
async function rest(): Promise<void> {
  for (let second = 0; second < 200 && inMemory().some((rooms) => rooms > 0); second += 1) await federation.wait(1000)
  expect(inMemory()).toEqual([0, 0])
}

const onWire = (element: string): string[] => federation.wire.filter((stanza) => stanza.includes(`<${element}`))
const rows = (letter: string) =>
  federation
    .site(`${letter}.example`)
    .store.resting(`rooms.${letter}.example`, `rooms.${letter === 'a' ? 'b' : 'a'}.example`, '', 2000)

describe('a shared room that nobody is in', () => {
  test('leaves memory at both, comes back with the first message, and goes on under the same incarnation', async () => {
    const [ann, bob] = [await federation.client('ann@a.example/x'), await federation.client('bob@b.example/x')]
    await distribute('coven')
    await stays(ann, 'a', 'one')
    await stays(bob, 'b', 'two')
    await rest()
    await stays(bob, 'b', 'three')
    expect(inMemory()).toEqual([1, 1])
    await rest()
    await stays(ann, 'a', 'four')
    expect(await said('a')).toEqual(['one', 'two', 'three', 'four'])
    expect(await said('b')).toEqual(['one', 'two', 'three', 'four'])
    const [a, b] = ['a', 'b'].map((letter) => service(letter).rooms.get(at(letter))?.replica)
    expect(digest(a!)).toEqual(digest(b!))
    expect([...a!.vector.origins()]).toHaveLength(2)
    await rest()
    const [ours, theirs] = [await rows('a'), await rows('b')]
    expect(ours).toHaveLength(1)
    expect(theirs).toEqual(ours.map((row) => ({ ...row, jid: at('b') })))
  })

  test('is looked at without anybody else being told, while the link has been up since', async () => {
    const ann = await federation.client('ann@a.example/x')
    await distribute('coven')
    await rest()
    federation.wire.length = 0
    await ann.sends(`<iq type='get' id='d' to='${at('a')}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
    await federation.wait(2000)
    expect(inMemory()).toEqual([1, 0])
    expect(onWire('hello')).toEqual([])
    await rest()
    service('a').interrupted('rooms.b.example')
    await federation.wait(1000)
    await ann.sends(`<iq type='get' id='d' to='${at('a')}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
    await federation.wait(1000)
    expect(onWire('hello').length).toBeGreaterThan(0)
  })

  test('is in step when its operator asks, who need not know that it rests', async () => {
    await distribute('coven')
    await rest()
    const facts = service('a').operations.peers(at('a'))
    await settled()
    expect(await facts).toMatchObject([{ jid: at('b'), state: 'in step', behind: 0, ahead: 0 }])
  })

  test('stays while somebody is in it anywhere, and nobody has to wait to enter one that comes back', async () => {
    const [ann, bob] = [await federation.client('ann@a.example/x'), await federation.client('bob@b.example/x')]
    await distribute('coven')
    await federation.wait(6000)
    await bob.sends(`<presence to='${at('b')}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await federation.wait(150_000)
    expect(inMemory()).toEqual([1, 1])
    await bob.sends(`<presence to='${at('b')}/bob' type='unavailable'/>`)
    await rest()
    federation.cut('a.example', 'b.example')
    await federation.wait(90_000)
    expect(inMemory()).toEqual([0, 0])
    await ann.sends(`<presence to='${at('a')}/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await settled()
    expect((await ann.drain()).map(({ attrs }) => attrs.from)).toContain(`${at('a')}/ann`)
    federation.heal('a.example', 'b.example')
    await federation.wait(10_000)
    const shown = service('b').rooms.get(at('b'))?.replica.room.occupants
    expect([...(shown?.keys() ?? [])]).toEqual(['ann'])
  })

  test('what one has lost is found when the link comes up after a start, and only the room that differs is loaded', async () => {
    const { store } = federation.site('a.example')
    const commits: (readonly Write[])[] = []
    const commit = store.commit.bind(store)
    store.commit = (batch, options) => {
      commits.push(batch)
      return commit(batch, options)
    }
    const bob = await federation.client('bob@b.example/x')
    for (const name of ['coven', 'hall', 'heath']) await distribute(name)
    await stays(bob, 'b', 'one')
    await rest()
    const backup = commits.length
    await stays(bob, 'b', 'two')
    await rest()
    const restored = openMemoryStore()
    for (const batch of commits.slice(0, backup)) await restored.commit(batch)
    federation.site('a.example').store = restored
    federation.wire.length = 0
    await federation.crash('a.example')
    await federation.wait(5000)
    expect(await said('a')).toEqual(['one', 'two'])
    expect(inMemory()).toEqual([1, 1])
    expect(onWire('hello').length).toBeGreaterThan(0)
    expect(onWire('hello').filter((stanza) => !stanza.includes(at('a')))).toEqual([])
  })

  test("what differs is found by the minute's digest, and put right", async () => {
    for (const name of ['coven', 'hall']) await distribute(name)
    await rest()
    const [row] = await rows('b')
    const jid = String(row?.jid)
    const { store } = federation.site('b.example')
    const memory = String((await store.loadRoom(jid, 0))?.memory)
    const wrong = { peer: 'rooms.a.example', tag: String(row?.tag), digest: 'A'.repeat(43) }
    await store.commit([{ type: 'room.rest', room: jid, memory, shared: [wrong] }])
    federation.wire.length = 0
    await federation.wait(62_000)
    expect(onWire('hello').filter((stanza) => stanza.includes(jid)).length).toBeGreaterThan(0)
    await rest()
    expect((await rows('b')).map(({ digest }) => digest)).toEqual((await rows('a')).map(({ digest }) => digest))
    federation.wire.length = 0
    await federation.wait(125_000)
    expect(onWire('shared')).toHaveLength(4)
    expect(onWire('hello')).toEqual([])
  })

  test('a room that the one who asks does not know it tells the other, which greets it there', async () => {
    for (const name of ['coven', 'hall']) await distribute(name)
    await rest()
    await federation.site('a.example').store.commit([{ type: 'room.wake', room: at('a') }])
    federation.wire.length = 0
    await federation.wait(62_000)
    const [first] = onWire('hello')
    expect(first).toContain(`from="${at('b')}"`)
    expect(inMemory()).toEqual([1, 1])
  })

  test('a room that a peer has lost is replicated to it again', async () => {
    await distribute('coven')
    await rest()
    federation.site('b.example').store = openMemoryStore()
    await federation.crash('b.example')
    await federation.wait(3000)
    expect(service('b').rooms.get(at('b'))?.replica.phase).toBe('serving')
  })

  test('a hundred of them: when a link comes up nobody says hello', async () => {
    for (let n = 0; n < 100; n += 1) await distribute(`room${n}`)
    await rest()
    federation.wire.length = 0
    federation.cut('a.example', 'b.example')
    await federation.wait(60_000)
    federation.heal('a.example', 'b.example')
    await federation.wait(10_000)
    await federation.crash('a.example')
    await federation.wait(10_000)
    expect(onWire('hello')).toEqual([])
    expect(onWire('shared').length).toBeGreaterThan(0)
    expect(inMemory()).toEqual([0, 0])
    const facts = (await service('a').distribution.peers()).map(({ rooms, resting }) => [rooms.length, resting.length])
    expect(facts).toEqual([[0, 100]])
  })
})

describe('a peer of an older release', () => {
  beforeEach(() => {
    federation.older.set('b.example', 'shared')
  })

  test('is greeted room by room, and what is shared with it stays in memory', async () => {
    const [ann, bob] = [await federation.client('ann@a.example/x'), await federation.client('bob@b.example/x')]
    await distribute('coven')
    await stays(ann, 'a', 'one')
    await stays(bob, 'b', 'two')
    await federation.wait(150_000)
    expect(inMemory()).toEqual([1, 1])
    expect(await said('b')).toEqual(['one', 'two'])
  })

  test('that was a newer one: what rests is loaded when the link comes up', async () => {
    federation.older.clear()
    for (const name of ['coven', 'hall']) await distribute(name)
    await rest()
    federation.older.set('b.example', 'shared')
    await federation.crash('b.example')
    await federation.wait(5000)
    expect(inMemory()[0]).toBe(2)
  })
})

describe('who asks', () => {
  const asks = async (from: string, type: string, content: string): Promise<string> => {
    federation.wire.length = 0
    const iq = `<iq type='${type}' id='asked' from='${from}' to='rooms.a.example'><shared xmlns='urn:xmpp:dmuc-sync:0'>${content}</shared></iq>`
    await federation.site('a.example').server.servers.receive(parse(iq))
    await settled()
    return federation.wire.find((stanza) => stanza.includes("id='asked'") || stanza.includes('id="asked"')) ?? ''
  }
  const root = "<node path=''/>"

  test('hears of rooms that it shares alone, under tags that nobody else has', async () => {
    await federation.close()
    federation = await Federation.open(['a.example', 'b.example', 'c.example'], {}, { muc_unload_after: 5 })
    await distribute('coven')
    await rest()
    const [row] = await rows('a')
    expect(await asks('rooms.b.example', 'get', root)).toContain(String(row?.tag))
    const stranger = await asks('rooms.c.example', 'get', root)
    expect(stranger).toMatch(/type=.result./)
    expect(stranger).not.toContain('tag')
    expect(await asks('rooms.c.example', 'set', `<room tag='${row?.tag}'/>`)).toMatch(/type=.result./)
    await federation.wait(2000)
    expect(service('a').rooms.size).toBe(0)
  })

  test('has to be a service that is allowed, and no person or room of it', async () => {
    expect(await asks('b.example', 'get', root)).toContain('forbidden')
    expect(await asks('bob@rooms.b.example', 'get', root)).toContain('forbidden')
    expect(await asks('rooms.b.example', 'get', root.repeat(9))).toContain('bad-request')
    await service('a').distribution.say('rooms.b.example', 'pause')
    expect(await asks('rooms.b.example', 'get', root)).toContain('recipient-unavailable')
  })

  test('and says again and again that a room differs, which does not change, has it loaded ever more rarely', async () => {
    await distribute('coven')
    await rest()
    const [row] = await rows('a')
    const loadedWhenTold = async (): Promise<boolean> => {
      await asks('rooms.b.example', 'set', `<room tag='${row?.tag}'/>`)
      await federation.wait(1000)
      return service('a').rooms.size === 1
    }
    expect(await loadedWhenTold()).toBe(true)
    await rest()
    expect(await rows('a')).toEqual([row])
    expect(await loadedWhenTold()).toBe(false)
    await federation.wait(10 * 60_000)
    expect(await loadedWhenTold()).toBe(true)
    await rest()
    await federation.wait(15 * 60_000)
    expect(await loadedWhenTold()).toBe(false)
  })

  test('and lies that all is different has the rooms loaded a few at a time', async () => {
    for (let n = 0; n < 120; n += 1) await distribute(`room${n}`)
    await rest()
    const tags = (await rows('a')).map(({ tag }) => `<room tag='${tag}'/>`)
    // Nobody answers the hellos.
    federation.older.set('a.example', 'hello')
    expect(await asks('rooms.b.example', 'set', tags.join(''))).toMatch(/type=.result./)
    federation.clock.advance(50)
    await settled()
    expect(service('a').rooms.size).toBe(50)
    await federation.wait(12_000)
    expect(service('a').rooms.size).toBe(100)
  })
})
