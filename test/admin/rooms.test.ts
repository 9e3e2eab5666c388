/** `dmucctl room …` on a live server: what the operator sees, and what the people in the room see of it. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type AdminCommand, CommandRefused, checkArguments, type Operator } from '../../src/admin/command.js'
import { commands } from '../../src/admin/commands/index.js'
import type { RoomFacts } from '../../src/modules/muc/operations.js'
import type { PeerFacts } from '../../src/modules/muc/peer-facts.js'
import { Federation } from '../dialogue/federation.js'
import { found, join, openRooms, room, says } from '../dialogue/muc-stage.js'
import { type Client, type Stage, settled } from '../dialogue/stage.js'
import { fakeOperator } from './operator.js'

const hosts: Operator['hosts'] = [
  { domain: 'a.example', type: 'user' },
  { domain: 'rooms.a.example', type: 'muc' },
]

const command = (name: string): AdminCommand => commands.find((each) => each.name === name) as AdminCommand

let stage: Stage
let operator: Operator
let alice: Client
let bob: Client

/** Runs a command as `dmucctl` does, the arguments in their order. */
async function run(name: string, ...args: readonly string[]): Promise<{ text: string; data?: unknown }> {
  const { arguments: declared } = command(name)
  const named = Object.fromEntries(args.map((value, index) => [declared[index]?.name, value]))
  return command(name).run(operator, checkArguments(command(name), named))
}

async function refused(name: string, ...args: readonly string[]): Promise<string> {
  const error: unknown = await run(name, ...args).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(CommandRefused)
  return (error as CommandRefused).message
}

beforeEach(async () => {
  stage = await openRooms()
  const { server, store } = stage
  operator = fakeOperator({ hosts, store, service: (domain, name) => server.service(domain, name) })
  alice = stage.client('alice')
  bob = stage.client('bob')
  await found(alice, 'ann', { 'muc#roomconfig_persistentroom': '1', 'muc#roomconfig_roomname': 'Coven' })
  await join(bob, 'bob')
  await alice.clears()
  await bob.clears()
})
afterEach(() => stage.close())

describe('looking', () => {
  test('room list: in order, with who is in each and what it is; the data is for programs', async () => {
    await join(bob, 'bob', '', 'attic@rooms.a.example')
    const { text, data } = await run('room list')
    expect(text).toBe(
      'attic@rooms.a.example  1 in it, hidden, temporary\ncoven@rooms.a.example  2 in it, public, persistent  "Coven"',
    )
    expect(data).toMatchObject([{ jid: 'attic@rooms.a.example' }, { jid: room, occupants: 2, name: 'Coven' }])
    expect((await run('room list', 'Rooms.A.example')).data).toEqual(data)
    expect(await refused('room list', 'rooms.b.example')).toBe(
      'There is no service of rooms rooms.b.example in the configuration; there is rooms.a.example',
    )
  })

  test('room show: by address or by name', async () => {
    const { text, data } = await run('room show', 'coven')
    expect((data as RoomFacts).people).toEqual([
      { nick: 'ann', jid: 'alice@a.example', role: 'moderator', home: room },
      { nick: 'bob', jid: 'bob@a.example', role: 'participant', home: room },
    ])
    expect(text).toContain('owner      alice@a.example')
    expect(text).toContain('in it      bob (bob@a.example, participant)')
    expect(await run('room show', room)).toEqual({ text, data })
  })

  test.each([
    ['attic', 'There is no room attic@rooms.a.example'],
    [
      'coven@rooms.b.example',
      'There is no service of rooms rooms.b.example in the configuration; there is rooms.a.example',
    ],
    ['a@b@c', '"a@b@c" is not the address of a room; it looks like room@rooms.a.example'],
  ])('room show %s is refused in words', async (given, words) => {
    expect(await refused('room show', given)).toBe(words)
  })
})

describe('changing', () => {
  test('room create: persistent, open, with its owner; once', async () => {
    await run('room create', 'attic', 'bob@a.example', 'The attic')
    expect((await run('room show', 'attic')).data).toMatchObject({
      name: 'The attic',
      persistent: true,
      locked: false,
      affiliations: [{ jid: 'bob@a.example', affiliation: 'owner' }],
    })
    expect(await refused('room create', 'attic', 'bob@a.example')).toBe('There is such a room already')
    expect(await refused('room create', 'cellar', '@@')).toBe('"@@" is not an address')
  })

  test('room config: all fields, one, a new value, which people are told', async () => {
    expect((await run('room config', 'coven')).data).toMatchObject({ roomname: 'Coven', membersonly: '0' })
    expect((await run('room config', 'coven', 'roomname')).text).toBe('Coven')
    await run('room config', 'coven', 'roomname', 'The coven')
    expect((await run('room config', 'coven', 'roomname')).text).toBe('The coven')
    expect((await run('room config', 'coven', 'persistentroom')).text).toBe('1')
    expect((await bob.next()).getChild('x')?.getChild('status')?.attrs.code).toBe('104')
    await run('room config', 'coven', 'presencebroadcast', 'moderator,participant')
    expect((await run('room config', 'coven', 'presencebroadcast')).text).toBe('moderator,participant')
  })

  test('room config: an unknown field and a bad value are refused in words', async () => {
    expect(await refused('room config', 'coven', 'colour', 'red')).toMatch(
      /^The configuration has no field colour; it has roomname, /,
    )
    expect(await refused('room config', 'coven', 'whois', 'nobody')).toMatch(/^muc#roomconfig_whois must /)
  })

  test('room affiliation: a ban takes effect, and names no actor', async () => {
    const { text } = await run('room affiliation', 'coven', 'bob@a.example', 'outcast', 'spam')
    expect(text).toBe('bob@a.example has the affiliation outcast in coven@rooms.a.example')
    await bob.receives(`
      <presence from='${room}/bob' to='bob@a.example/phone' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='outcast' role='none' jid='bob@a.example/phone'><reason>spam</reason></item>
          <status code='110'/><status code='301'/>
        </x>{...}
      </presence>`)
    expect(await refused('room affiliation', 'coven', 'bob@a.example', 'king')).toBe(
      'king is no affiliation; there is owner, admin, member, none, outcast',
    )
    expect(await refused('room affiliation', 'coven', 'alice@a.example', 'none')).toBe(
      'A room keeps at least one owner',
    )
  })

  test('room kick: also an owner', async () => {
    await run('room kick', 'coven', 'ann', 'Avaunt')
    const gone = await alice.next()
    expect(gone.attrs).toMatchObject({ from: `${room}/ann`, type: 'unavailable' })
    expect(
      gone
        .getChild('x')
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code),
    ).toContain('307')
    expect(gone.getChild('x')?.getChild('item')?.getChild('actor')).toBeUndefined()
    expect(await refused('room kick', 'coven', 'ann')).toBe('Nobody has that nickname')
  })

  test('room destroy: people are told, and nothing is left', async () => {
    await run('room destroy', 'coven', 'Moved')
    expect((await bob.next()).getChild('x')?.getChild('destroy')?.getChildText('reason')).toBe('Moved')
    await settled()
    expect(await refused('room show', 'coven')).toBe('There is no room coven@rooms.a.example')
    expect(await stage.store.roomCount('rooms.a.example')).toBe(0)
  })

  test('room purge: what was said is gone from history, archive and disk', async () => {
    await says(alice, 'one')
    stage.clock.advance(24 * 3600_000)
    await says(alice, 'two')
    const { text } = await run('room purge', 'coven', new Date(stage.clock.now()).toISOString().slice(0, 10))
    expect(text).toBe('1 message was erased from coven@rooms.a.example')
    const bodies = async (): Promise<(string | null)[]> => {
      const carol = stage.client('carol')
      await join(carol, 'carol')
      const history = (await carol.drain()).filter((stanza) => stanza.getChildText('body') !== null)
      carol.disconnects()
      return history.map((stanza) => stanza.getChildText('body'))
    }
    expect(await bodies()).toEqual(['two'])
    expect((await run('room purge', 'coven')).data).toEqual({ jid: room, erased: 1 })
    expect(await bodies()).toEqual([])
    expect(await stage.store.log(room, { types: ['message'], limit: 9 })).toEqual([])
    const rows = await stage.store.log(room, { types: ['message'], limit: 9, includeVoid: true })
    expect(rows.map(({ body }) => body)).toEqual(['', ''])
    expect(await refused('room purge', 'coven', 'yesterday')).toMatch(/^yesterday is no time/)
  })

  test('what cannot be stored is refused, and nothing has changed', async () => {
    stage.store.failing = ['room.log']
    expect(await refused('room kick', 'coven', 'nobody')).toBe('Nobody has that nickname')
    expect(await refused('room config', 'coven', 'roomname', 'Other')).toMatch(/could not be stored/)
    stage.store.failing = false
    await settled()
    expect((await run('room config', 'coven', 'roomname')).text).toBe('Coven')
  })
})

describe('a distributed room', () => {
  let federation: Federation
  const operatorAt = (site: string): Operator => {
    const { server, store, domain, rooms } = federation.site(site)
    return fakeOperator({
      hosts: [
        { domain, type: 'user' },
        { domain: rooms, type: 'muc' },
      ],
      store,
      service: (host, name) => server.service(host, name),
    })
  }

  beforeEach(async () => {
    federation = await Federation.open(['a.example', 'b.example'])
    const ann = await federation.client('ann@a.example/x')
    await join(ann, 'ann')
    await ann.sends(`<iq type='set' id='cfg' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'>
      <x xmlns='jabber:x:data' type='submit'>
        <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
        <field var='muc#roomconfig_distributed'><value>true</value></field>
        <field var='{urn:xmpp:dmuc-sync:0}peers'><value>rooms.b.example</value></field>
      </x></query></iq>`)
    await settled()
    await settled()
  })
  afterEach(() => federation.close())

  test('room peers: in step, cut off, and in step again', async () => {
    operator = operatorAt('a.example')
    const peer = async (): Promise<PeerFacts> => ((await run('room peers', 'coven')).data as PeerFacts[])[0]!
    expect(await peer()).toMatchObject({ jid: 'coven@rooms.b.example', kind: 'sync', state: 'in step', behind: 0 })
    const ours = { config: 2, register: 1, table: 1 }
    expect(await peer()).toMatchObject({ role: 'shadow', ours, revisions: ours, lagMs: 0 })
    federation.cut('a.example', 'b.example')
    await federation.wait(180_000)
    expect(await peer()).toMatchObject({ state: 'cut off', since: expect.any(Number) })
    await run('room config', 'coven', 'roomname', 'A Dark Cave')
    await federation.wait(30_000)
    expect(await peer()).toMatchObject({ behind: 1, lagMs: 30_000, revisions: ours, ours: { ...ours, config: 3 } })
    expect((await run('room peers', 'coven')).text).toContain(
      '1 event behind, by 30 s, since 2026-01-01T00:00:01.000Z, config 2 (here 3), register 1, table 1, last error: the link is cut',
    )
    expect((await run('room peers', 'coven')).text).toMatch(/^coven@rooms\.b\.example {2}cut off, .*since 2026-01-01T/)
    federation.heal('a.example', 'b.example')
    await federation.wait(180_000)
    expect(await peer()).toMatchObject({
      state: 'in step',
      behind: 0,
      ahead: 0,
      lagMs: 0,
      revisions: { ...ours, config: 3 },
    })
  })

  test('room digest: the same at both servers, but for what one of them did alone', async () => {
    const digestAt = async (domain: string): Promise<Record<string, string>> => {
      operator = operatorAt(domain)
      return (await run('room digest', 'coven')).data as Record<string, string>
    }
    const differs = async (): Promise<string[]> => {
      const [a, b] = [await digestAt('a.example'), await digestAt('b.example')]
      return Object.keys(a).filter((part) => a[part] !== b[part])
    }
    expect(await differs()).toEqual([])
    federation.cut('a.example', 'b.example')
    operator = operatorAt('a.example')
    await run('room config', 'coven', 'roomname', 'A Dark Cave')
    expect(await differs()).toEqual(['events', 'config', 'whole'])
    federation.heal('a.example', 'b.example')
    await federation.wait(180_000)
    expect(await differs()).toEqual([])
    expect((await run('room digest', 'coven')).text).toMatch(
      /^events {5}[\w-]{43}\n(?:\w+ +[\w-]{43}\n){5}whole {6}[\w-]{43}$/,
    )
  })

  test('the operator of a shadow is told who decides', async () => {
    operator = operatorAt('b.example')
    expect((await run('room list')).text).toContain('shadow of coven@rooms.a.example')
    expect(await refused('room config', 'coven', 'roomname', 'Mine')).toBe(
      'coven@rooms.a.example decides this: ask the operator of that server',
    )
  })
})
