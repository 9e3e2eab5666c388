/** The service of rooms: its list, page by page; rooms that nobody configures; people who are too fast. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { configure, found, join, openRooms, room, say } from './muc-stage.js'
import { type Client, type Stage, settled } from './stage.js'

let stage: Stage
afterEach(() => stage.close())

async function refusal(client: Client): Promise<string> {
  const error = (await client.next()).getChild('error')
  return `${(error?.children[0] as Element | undefined)?.name}/${error?.attrs.type}`
}

describe('XEP-0059 on disco#items of the service (paged: XEP-0045 §6.3)', () => {
  interface Listed {
    readonly rooms: readonly string[]
    readonly first: string | undefined
    readonly last: string | undefined
    readonly count: string | undefined
  }

  async function list(client: Client, set = ''): Promise<Listed> {
    await client.clears()
    const rsm = set === '' ? '' : `<set xmlns='http://jabber.org/protocol/rsm'>${set}</set>`
    await client.sends(`<iq type='get' id='i' to='rooms.a.example'>
      <query xmlns='http://jabber.org/protocol/disco#items'>${rsm}</query></iq>`)
    const query = (await client.next()).getChild('query')
    const answer = query?.getChild('set', 'http://jabber.org/protocol/rsm')
    return {
      rooms: query?.getChildren('item').map(({ attrs }) => String(attrs.jid).split('@')[0]!) ?? [],
      first: answer?.getChildText('first') ?? undefined,
      last: answer?.getChildText('last') ?? undefined,
      count: answer?.getChildText('count') ?? undefined,
    }
  }

  const names = (from: number, to: number): string[] =>
    Array.from({ length: to - from + 1 }, (_, index) => `r${String(from + index).padStart(3, '0')}`)

  async function withRooms(count: number): Promise<Client> {
    stage = await openRooms({ muc_room_locking: false })
    const alice = stage.client('alice')
    for (const name of names(1, count)) await join(alice, 'ann', '', `${name}@rooms.a.example`)
    await settled()
    return alice
  }

  test('without a set, all of a short list and no set', async () => {
    const alice = await withRooms(3)
    expect(await list(alice)).toEqual({ rooms: names(1, 3), first: undefined, last: undefined, count: undefined })
  })

  test('XEP-0059 §2.2 forward and §2.5 backward, each room once, with the count of all', async () => {
    const alice = await withRooms(7)
    const first = await list(alice, '<max>3</max>')
    expect(first).toEqual({
      rooms: names(1, 3),
      first: 'r001@rooms.a.example',
      last: 'r003@rooms.a.example',
      count: '7',
    })
    expect((await list(alice, `<max>3</max><after>${first.last}</after>`)).rooms).toEqual(names(4, 6))
    const last = await list(alice, '<max>3</max><before/>')
    expect(last.rooms).toEqual(names(5, 7))
    expect((await list(alice, `<max>3</max><before>${last.first}</before>`)).rooms).toEqual(names(2, 4))
    expect(await list(alice, `<max>3</max><after>r007@rooms.a.example</after>`)).toMatchObject({
      rooms: [],
      count: '7',
    })
  })

  test('XEP-0059 §2.7 the count alone; §2.6 by position is not offered', async () => {
    const alice = await withRooms(2)
    expect(await list(alice, '<max>0</max>')).toMatchObject({ rooms: [], count: '2' })
    await alice.sends(`<iq type='get' id='i' to='rooms.a.example'><query xmlns='http://jabber.org/protocol/disco#items'>
      <set xmlns='http://jabber.org/protocol/rsm'><index>1</index></set></query></iq>`)
    expect(await refusal(alice)).toBe('feature-not-implemented/cancel')
  })

  test('a long list comes as its first page, and says so, whatever is asked for', async () => {
    const alice = await withRooms(205)
    for (const set of ['', '<max>1000000000</max>'])
      expect(await list(alice, set)).toMatchObject({
        rooms: names(1, 200),
        last: 'r200@rooms.a.example',
        count: '205',
      })
  })

  test('a room that is not configured yet is not listed', async () => {
    stage = await openRooms()
    const alice = stage.client('alice')
    await join(alice, 'ann')
    expect((await list(alice)).rooms).toEqual([])
    await configure(alice)
    expect((await list(alice)).rooms).toEqual(['coven'])
  })
})

describe('muc_room_lock_timeout (XEP-0045 §10.1.1): the time-out', () => {
  test('a room that is not configured in time is given up, and its name is free', async () => {
    stage = await openRooms({ muc_room_lock_timeout: 60 })
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await join(alice, 'ann')
    await alice.clears()
    stage.clock.advance(59_000)
    await alice.receivesNothing()
    stage.clock.advance(2000)
    await settled()
    const [gone] = await alice.drain()
    expect(gone?.attrs).toMatchObject({ from: `${room}/ann`, type: 'unavailable' })
    expect(gone?.getChild('x')?.getChild('destroy')?.getChildText('reason')).toBe('The room was not configured in time')
    await join(bob, 'bob')
    await configure(bob)
    const result = (await bob.drain()).find(({ name }) => name === 'iq')
    expect(result?.attrs.type).toBe('result')
  })

  test('one that was configured stays', async () => {
    stage = await openRooms({ muc_room_lock_timeout: 60 })
    const alice = stage.client('alice')
    await found(alice, 'ann')
    stage.clock.advance(120_000)
    await alice.receivesNothing()
  })
})

describe('who may create rooms', () => {
  const made = async (client: Client, name: string): Promise<string> => {
    await client.clears()
    await join(client, 'n', '', `${name}@rooms.a.example`)
    const stanza = (await client.drain())[0]!
    return stanza.attrs.type === 'error'
      ? String((stanza.getChild('error')?.children[0] as Element | undefined)?.name)
      : 'made'
  }

  test('restrict_room_creation = "list": users and domains that are named, and administrators', async () => {
    stage = await openRooms({ restrict_room_creation: 'list', room_creators: ['bob@a.example', 'b.example'] })
    expect(await made(stage.client('alice'), 'one')).toBe('not-allowed')
    expect(await made(stage.client('bob'), 'two')).toBe('made')
    expect(await made(stage.client('admin'), 'three')).toBe('made')
    const peer = stage.peer('b.example')
    await peer.sends(`<presence from='eve@b.example/x' to='four@rooms.a.example/eve'>
      <x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    expect((await peer.next()).attrs.type).not.toBe('error')
  })

  describe('muc_max_rooms_per_user', () => {
    const full = `<presence type='error' from='{any}' to='{any}'>{...}<error type='wait'>
      <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
      <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>You own 2 rooms here, as many as one may: destroy one or give it to somebody else first</text>
    </error></presence>`

    test('who owns that many makes no more until one is gone; administrators may', async () => {
      stage = await openRooms({ muc_max_rooms_per_user: 2, muc_room_locking: false })
      const [alice, bob, admin] = [stage.client('alice'), stage.client('bob'), stage.client('admin')]
      for (const name of ['one', 'two']) expect(await made(alice, name)).toBe('made')
      await join(alice, 'n', '', 'three@rooms.a.example')
      await alice.clears()
      await join(alice, 'n', '', 'three@rooms.a.example')
      await alice.receives(full)
      expect(await made(bob, 'three')).toBe('made')
      for (const name of ['four', 'five', 'six']) expect(await made(admin, name)).toBe('made')
      await alice.sends(`<iq type='set' id='d' to='one@rooms.a.example'>
        <query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query></iq>`)
      expect(await made(alice, 'seven')).toBe('made')
    })

    test('rooms that are not in memory count, and those of a user elsewhere', async () => {
      stage = await openRooms({ muc_max_rooms_per_user: 2, muc_room_locking: false, muc_room_default_persistent: true })
      const peer = stage.peer('b.example')
      const enter = (name: string): Promise<void> =>
        peer.sends(`<presence from='eve@b.example/x' to='${name}@rooms.a.example/eve'>
          <x xmlns='http://jabber.org/protocol/muc'/></presence>`)
      for (const name of ['one', 'two']) {
        await enter(name)
        await peer.sends(`<presence type='unavailable' from='eve@b.example/x' to='${name}@rooms.a.example/eve'/>`)
      }
      await peer.clears()
      stage.clock.advance(20 * 60_000)
      await enter('three')
      await peer.receives(full)
      await enter('one')
      expect((await peer.next()).attrs).toMatchObject({ from: 'one@rooms.a.example/eve' })
    })

    test('many at once are not too many; who asks meanwhile comes after', async () => {
      stage = await openRooms({ muc_max_rooms_per_user: 2 })
      const [alice, bob] = [stage.client('alice'), stage.client('bob')]
      const all = ['one', 'two', 'three', 'four'].map((name) => join(alice, 'n', '', `${name}@rooms.a.example`))
      const asked = join(bob, 'bob', '', 'one@rooms.a.example')
      await Promise.all([...all, asked])
      const entered = (await alice.drain()).filter(({ attrs }) => attrs.type === undefined && attrs.id === undefined)
      const rooms = entered
        .filter(({ name }) => name === 'presence')
        .map(({ attrs }) => String(attrs.from).split('@')[0])
      expect(rooms).toEqual(['one', 'two'])
      // The room is there, and locked.
      expect(await refusal(bob)).toBe('item-not-found/cancel')
    })
  })
})

describe('rates (XEP-0045 §14.6)', () => {
  test('muc_event_rate: who is too fast is refused for a while, others are not, and anybody may leave', async () => {
    stage = await openRooms({ muc_event_rate: 2, muc_burst_factor: 3 })
    const [alice, bob, carol] = [stage.client('alice'), stage.client('bob'), stage.client('carol')]
    await found(alice, 'ann')
    await join(bob, 'bob')
    await join(carol, 'carol')
    await bob.clears()
    for (let n = 0; n < 5; n++) await say(bob, `m${n}`)
    await bob.clears()
    await say(bob, 'too much')
    expect(await refusal(bob)).toBe('policy-violation/wait')
    await alice.clears()
    await say(carol, 'calm')
    expect((await alice.next()).getChildText('body')).toBe('calm')
    stage.clock.advance(500)
    await say(bob, 'again')
    expect((await alice.next()).getChildText('body')).toBe('again')
    await say(bob, 'too much')
    await alice.receivesNothing()
    await bob.sends(`<presence to='${room}/bob' type='unavailable'/>`)
    expect((await alice.next()).attrs.type).toBe('unavailable')
  })

  test('owners are not bound by it', async () => {
    stage = await openRooms({ muc_event_rate: 1, muc_burst_factor: 1 })
    const alice = stage.client('alice')
    await found(alice, 'ann')
    for (let n = 0; n < 5; n++) await say(alice, `m${n}`)
    const bodies = (await alice.drain()).map((stanza) => stanza.getChildText('body'))
    expect(bodies).toEqual(['m0', 'm1', 'm2', 'm3', 'm4'])
  })

  test('muc_room_event_rate: of all together', async () => {
    stage = await openRooms({ muc_room_event_rate: 1, muc_burst_factor: 6 })
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await found(alice, 'ann')
    await join(bob, 'bob')
    for (let n = 0; n < 3; n++) await say(alice, `m${n}`)
    await bob.clears()
    await say(bob, 'too much')
    expect(await refusal(bob)).toBe('resource-constraint/wait')
    stage.clock.advance(1000)
    await say(bob, 'now')
    expect((await bob.next()).getChildText('body')).toBe('now')
  })
})
