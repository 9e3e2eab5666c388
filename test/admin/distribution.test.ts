/** `dmucctl room distribute|undistribute|promote|follow` and `dmucctl peer …` on servers that share a room. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type AdminCommand, CommandRefused, checkArguments, type Operator } from '../../src/admin/command.js'
import { commands } from '../../src/admin/commands/index.js'
import type { Replica } from '../../src/dmuc/replica.js'
import type { Comparison } from '../../src/modules/muc/compare.js'
import { type MucService, mucService } from '../../src/modules/muc/index.js'
import type { PeerFacts } from '../../src/modules/muc/peer-facts.js'
import { affiliationOf } from '../../src/room/index.js'
import { openMemoryStore } from '../../src/store/memory.js'
import { Federation } from '../dialogue/federation.js'
import { join, room, say } from '../dialogue/muc-stage.js'
import { settled } from '../dialogue/stage.js'
import { fakeOperator } from './operator.js'

const command = (name: string): AdminCommand => commands.find((each) => each.name === name) as AdminCommand
const at = (letter: string): string => `coven@rooms.${letter}.example`

let federation: Federation

function operatorAt(site: string): Operator {
  const { server, store, domain, rooms } = federation.site(site)
  const hosts: Operator['hosts'] = [
    { domain, type: 'user' },
    { domain: rooms, type: 'muc' },
  ]
  return fakeOperator({ hosts, store, service: (host, name) => server.service(host, name) })
}

async function run(
  letter: string,
  name: string,
  ...args: readonly string[]
): Promise<{ text: string; data?: unknown }> {
  const named = Object.fromEntries(args.map((value, index) => [command(name).arguments[index]?.name, value]))
  return command(name).run(operatorAt(`${letter}.example`), checkArguments(command(name), named))
}

async function refused(letter: string, name: string, ...args: readonly string[]): Promise<string> {
  const error: unknown = await run(letter, name, ...args).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(CommandRefused)
  return (error as CommandRefused).message
}

async function states(letter: string): Promise<Record<string, string>> {
  const facts = (await run(letter, 'room peers', 'coven')).data as PeerFacts[]
  return Object.fromEntries(facts.map(({ jid, state }) => [jid, state]))
}

beforeEach(async () => {
  federation = await Federation.open(['a.example', 'b.example', 'c.example'])
  const ann = await federation.client('ann@a.example/x')
  await join(ann, 'ann')
  await ann.sends(`<iq type='set' id='cfg' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'/></query></iq>`)
  await run('a', 'room distribute', 'coven', 'rooms.b.example,rooms.c.example')
  await federation.wait(1000)
  await settled()
})
afterEach(() => federation.close())

test('room distribute: over services that are allowed, from the source', async () => {
  expect(await states('a')).toEqual({ [at('b')]: 'in step', [at('c')]: 'in step' })
  expect(await refused('a', 'room distribute', 'coven', 'rooms.x.example')).toContain('peer allow rooms.x.example')
  expect(await refused('b', 'room distribute', 'coven', 'rooms.c.example')).toContain(`shadow of ${at('a')}`)
})

test('room undistribute: from one service, and at a shadow', async () => {
  await run('a', 'room undistribute', 'coven', 'rooms.c.example')
  await federation.wait(1000)
  expect(await states('a')).toEqual({ [at('b')]: 'in step' })
  expect(await refused('c', 'room peers', 'coven')).toContain('There is no room')
  await run('b', 'room undistribute', 'coven')
  await federation.wait(1000)
  expect(await refused('b', 'room peers', 'coven')).toContain('There is no room')
  expect(await states('a')).toEqual({ 'rooms.b.example': 'not there' })
  expect((await run('a', 'room peers', 'coven')).text).toContain('rooms.b.example  not there: dmucctl room distribute')
})

test('room undistribute: a shadow says nothing of the others', async () => {
  expect(await refused('b', 'room undistribute', 'coven', 'rooms.c.example')).toContain(`is said at ${at('a')}`)
  expect(await states('b')).toEqual({ [at('a')]: 'in step', [at('c')]: 'in step' })
  expect((await run('b', 'room undistribute', 'coven')).text).toContain(`given up; the room goes on at ${at('a')}`)
})

test('room peers: what one has that another cannot hear of is counted, and the log says when it is over', async () => {
  federation.cut('a.example', 'b.example')
  await federation.wait(2000)
  const ann = await federation.client('ann@a.example/y')
  await join(ann, 'ann')
  await say(ann, 'Is anybody there?')
  await federation.wait(5000)
  expect((await run('a', 'room peers', 'coven')).text).toMatch(/rooms\.b\.example .*at most \d+ events? behind/)
})

describe('room verify', () => {
  type Outcome = { text: string; failed?: boolean; data: Comparison }

  /** As if something had gone wrong there. */
  function change(letter: string, patch: (replica: Replica) => Partial<Replica>): void {
    const { server, rooms } = federation.site(`${letter}.example`)
    const held = server.service<MucService>(rooms, mucService)?.rooms.get(at(letter))
    if (held !== undefined) held.replica = { ...held.replica, ...patch(held.replica) }
  }

  /** Those that differ are asked again a little later. */
  async function verify(letter: string): Promise<Outcome> {
    const outcome = run(letter, 'room verify', 'coven')
    await federation.wait(15_000)
    return (await outcome) as Outcome
  }

  test('all hold the same, whoever asks', async () => {
    for (const letter of ['a', 'b', 'c']) {
      const { text, failed, data } = await verify(letter)
      expect(text).toContain('all 3 instances')
      expect(failed).toBe(false)
      expect(data.instances.map(({ found }) => found)).toEqual(['the same', 'the same'])
    }
  })

  test('where they differ, part by part, and who does not answer', async () => {
    federation.cut('a.example', 'b.example')
    const subject = { text: 'Fire Burn', nick: 'ann', occupantId: 'o', stamp: { ms: 1, counter: 0 }, stanzaId: 'i' }
    change('c', ({ room }) => ({ room: { ...room, subject } }))
    const { text, failed, data } = await verify('a')
    expect(failed).toBe(true)
    expect(text).toMatch(/^coven@rooms\.b\.example {2}did not answer: the link is cut$/m)
    expect(data.instances).toMatchObject([
      { jid: at('b'), found: 'no answer', differs: [] },
      { jid: at('c'), found: 'different', differs: ['subject'] },
    ])
    expect(text).toMatch(/^coven@rooms\.c\.example {2}differs in: subject$/m)
  })

  test('which events are held in one place alone', async () => {
    const said = { instance: at('x'), incarnation: 'k3M' }
    change('a', ({ vector }) => ({ vector: vector.with(said, 1).with(said, 2).with(said, 5) }))
    change('b', ({ vector }) => ({ vector: vector.with(said, 1).with(said, 2).with(said, 3) }))
    change('c', ({ vector }) => ({ vector: vector.with(said, 1).with(said, 2).with(said, 5) }))
    const { text, data } = await verify('a')
    expect(text.split('\n').slice(0, -1)).toEqual([
      `${at('b')}  differs in: events`,
      `  missing there: 1 event of ${at('x')}: 5 of its start k3M`,
      `  missing here: 1 event of ${at('x')}: 3 of its start k3M`,
      `${at('c')}  the same`,
    ])
    expect(data.instances[0]?.missing?.there).toEqual([{ ...said, from: 5, to: 5 }])
  })

  test('a room of another identity under the same name is named as that', async () => {
    change('c', ({ identity }) => ({ identity: { ...identity, roomId: 'another' } }))
    const { text, failed } = await verify('a')
    expect(failed).toBe(true)
    expect(text).toMatch(/^coven@rooms\.c\.example {2}holds another room under this name/m)
  })

  test('only members are told', async () => {
    const stranger = await federation.client('ann@b.example/x')
    const roomId = '7f1c1f0e-8c7b-4f5c-9d64-0f6a3c2b1a00'
    const question = `<digest xmlns='urn:xmpp:dmuc-sync:0' room='${roomId}'/>`
    await stranger.sends(`<iq type='get' id='d1' to='${room}'>${question}</iq>`)
    await settled()
    await stranger.receives(
      `<iq type='error' id='d1' from='${room}' to='ann@b.example/x'>${question}<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    )
  })
})

describe('dmuc.md §3, Identity: a room that was destroyed while its shadows were out of reach', () => {
  async function destroyAlone(): Promise<void> {
    for (const other of ['b.example', 'c.example']) federation.cut('a.example', other)
    await federation.wait(10_000)
    await run('a', 'room destroy', 'coven')
  }

  async function back(): Promise<void> {
    for (const other of ['b.example', 'c.example']) federation.heal('a.example', other)
    await federation.wait(180_000)
  }

  test('ends there, too, when they are in touch again, over a crash of the source', async () => {
    await destroyAlone()
    await federation.crash('a.example')
    await back()
    for (const letter of ['a', 'b', 'c'])
      expect(await refused(letter, 'room peers', 'coven')).toContain('There is no room')
  })

  test('does not merge with one that was made anew under its name', async () => {
    await destroyAlone()
    await run('a', 'room create', 'coven', 'ann@a.example', 'Another')
    await federation.crash('a.example')
    await back()
    expect((await run('a', 'room show', 'coven')).text).toContain('Another')
    for (const letter of ['b', 'c']) expect(await refused(letter, 'room peers', 'coven')).toContain('There is no room')
  })
})

describe('room restore', () => {
  /** The disk of a.example is gone, and so is everybody who was there. */
  async function loseDisk(): Promise<void> {
    const bob = await federation.client('bob@b.example/x')
    await join(bob, 'bob', '', at('b'))
    await federation.wait(1000)
    await say(bob, 'Hail!', at('b'))
    await run('a', 'room affiliation', 'coven', 'bob@b.example', 'admin')
    await run('a', 'room config', 'coven', 'roomname', 'A Dark Cave')
    await federation.wait(5000)
    const site = federation.site('a.example')
    site.store = openMemoryStore()
    await federation.crash('a.example')
    await federation.wait(180_000)
  }

  const exported = async (letter: string): Promise<string[]> => {
    const { data, text } = await run(letter, 'room export', 'coven')
    const next = (data as { next?: string }).next
    const more =
      next === undefined
        ? ''
        : (await command('room export').run(operatorAt(`${letter}.example`), { room: 'coven', part: next })).text
    return `${text}\n${more}`.split('\n').filter((line) => line.includes('Hail!'))
  }

  async function restore(from = 'rooms.b.example'): Promise<string> {
    const { text } = await run('a', 'room restore', 'coven', from)
    await federation.wait(180_000)
    return text
  }

  test('a source with an empty database has the room back, in the next epoch, as it was', async () => {
    await loseDisk()
    expect(await refused('a', 'room peers', 'coven')).toContain('There is no room')
    expect(await restore()).toContain(`is here again, from ${at('b')}`)
    const facts = (await run('a', 'room show', 'coven')).text
    expect(facts).toContain('A Dark Cave')
    expect(facts).toContain('owner      ann@a.example')
    expect(facts).toContain('admin      bob@b.example')
    expect(facts).toMatch(/bob \(bob@b\.example, moderator, at /)
    for (const letter of ['a', 'b', 'c']) {
      const outcome = run(letter, 'room verify', 'coven')
      await federation.wait(15_000)
      expect((await outcome).text).toContain('all 3 instances')
    }
    for (const letter of ['a', 'b']) expect(await exported(letter)).toEqual([expect.stringContaining('Hail!')])
    await run('a', 'room config', 'coven', 'roomname', 'An open place')
    await federation.wait(1000)
    expect((await run('c', 'room show', 'coven')).text).toContain('An open place')
  })

  test('is refused where there is a room, and by a member that follows another source', async () => {
    expect(await refused('a', 'room restore', 'coven', 'rooms.b.example')).toContain('destroy it first')
    expect(await refused('b', 'room restore', 'coven', 'rooms.c.example')).toContain(`shadow of ${at('a')}`)
    expect(await refused('a', 'room restore', 'coven', 'rooms.x.example')).toContain('peer allow rooms.x.example')
    await loseDisk()
    await run('c', 'room promote', 'coven')
    expect(await refused('a', 'room restore', 'coven', 'rooms.c.example')).toContain(`${at('c')} is the source`)
    expect(await refused('a', 'room peers', 'coven')).toContain('There is no room')
  })

  test('of one that was made anew under the name: not before that is destroyed', async () => {
    await loseDisk()
    await run('a', 'room create', 'coven', 'ann@a.example', 'Another')
    await federation.wait(180_000)
    expect(await states('b')).toMatchObject({ [at('a')]: 'diverged' })
    expect(await refused('a', 'room restore', 'coven', 'rooms.b.example')).toContain('destroy it first')
    await run('a', 'room destroy', 'coven')
    await restore()
    expect((await run('a', 'room show', 'coven')).text).toContain('A Dark Cave')
    expect(await states('b')).toEqual({ [at('a')]: 'in step', [at('c')]: 'in step' })
  })
})

describe('room promote', () => {
  test('is refused while the source can be reached, and at the source', async () => {
    expect(await refused('b', 'room promote', 'coven')).toContain('can be reached')
    expect(await refused('a', 'room promote', 'coven')).toContain('is the source already')
  })

  test('those who lost the old source follow, and it follows them when it is back', async () => {
    for (const other of ['b.example', 'c.example']) federation.cut('a.example', other)
    await federation.wait(180_000)
    await run('b', 'room promote', 'coven')
    await federation.wait(1000)
    expect((await run('c', 'room show', 'coven')).text).toContain(`shadow of  ${at('b')}`)
    for (const other of ['b.example', 'c.example']) federation.heal('a.example', other)
    await federation.wait(180_000)
    expect((await run('a', 'room show', 'coven')).text).toContain(`shadow of  ${at('b')}`)
    expect(await states('a')).toEqual({ [at('b')]: 'in step', [at('c')]: 'in step' })
  })

  test('who still reaches the old source does not, until its operator says so', async () => {
    federation.cut('a.example', 'b.example')
    await federation.wait(180_000)
    await run('b', 'room promote', 'coven')
    await federation.wait(1000)
    expect(await states('c')).toMatchObject({ [at('a')]: 'in step', [at('b')]: 'diverged' })
    await run('c', 'room follow', 'coven', at('b'))
    await federation.wait(1000)
    expect((await run('c', 'room show', 'coven')).text).toContain(`shadow of  ${at('b')}`)
  })
})

test('room follow: an instance that could be the source, and is not', async () => {
  expect(await refused('c', 'room follow', 'coven', at('a'))).toContain('is the source already')
  expect(await refused('c', 'room follow', 'coven', at('c'))).toContain('does not follow itself')
  expect(await refused('c', 'room follow', 'coven', 'coven@rooms.x.example')).toContain(`there is ${at('b')}`)
  expect(await refused('c', 'room follow', 'coven', 'rooms.b.example')).toContain('is no address')
})

test('a ban at a shadow: while the source is cut off it holds there, and no longer', async () => {
  const ban = ['coven', 'mal@x.example', 'outcast'] as const
  const affiliation = async (letter: string): Promise<string | undefined> => {
    const service = operatorAt(`${letter}.example`).service<MucService>(`rooms.${letter}.example`, mucService)
    const [live] = [...(service?.rooms.live() ?? [])]
    return live && affiliationOf(live.replica.room, 'mal@x.example')
  }
  expect(await refused('b', 'room affiliation', ...ban)).toContain(`${at('a')} decides this`)
  // From a third server, too, which would pass it on.
  for (const other of ['a.example', 'c.example']) federation.cut(other, 'b.example')
  await federation.wait(180_000)
  expect((await run('b', 'room affiliation', ...ban)).text).toContain('until the source can be reached')
  expect(await refused('b', 'room affiliation', 'coven', 'mal@x.example', 'owner')).toContain('cannot be reached')
  expect([await affiliation('a'), await affiliation('b')]).toEqual(['none', 'outcast'])
  for (const other of ['a.example', 'c.example']) federation.heal(other, 'b.example')
  await federation.wait(180_000)
  expect([await affiliation('a'), await affiliation('b')]).toEqual(['none', 'none'])
})

describe('peer', () => {
  test('list and show: what is shared, and how the way is', async () => {
    expect((await run('a', 'peer list')).text).toContain('rooms.b.example  up, 1 shared room in memory')
    expect((await run('b', 'peer show', 'rooms.a.example')).text).toContain(`${at('b')}  ours is a shadow`)
    expect(await refused('a', 'peer show', 'rooms.x.example')).toContain('dmucctl peer allow rooms.x.example')
  })

  test('resync of a stranger, and a word on ourselves, are refused', async () => {
    expect(await refused('a', 'peer resync', 'rooms.x.example')).toContain(
      'No rooms are exchanged with rooms.x.example',
    )
    expect((await run('a', 'peer resync', 'rooms.b.example')).text).toContain('is greeted')
    expect(await refused('a', 'peer deny', 'rooms.a.example')).toBe('rooms.a.example is served here')
  })

  test('pause: cut off until it is allowed again', async () => {
    await run('a', 'peer pause', 'rooms.b.example')
    await federation.wait(180_000)
    expect(await states('a')).toMatchObject({ [at('b')]: 'cut off', [at('c')]: 'in step' })
    await run('a', 'peer allow', 'rooms.b.example')
    await federation.wait(180_000)
    expect(await states('a')).toMatchObject({ [at('b')]: 'in step' })
  })

  test('deny: nothing is shared any more, and nothing asked for', async () => {
    await run('a', 'peer deny', 'rooms.b.example')
    await federation.wait(1000)
    expect(await states('a')).toEqual({ [at('c')]: 'in step', 'rooms.b.example': 'not there' })
    expect(await refused('b', 'room peers', 'coven')).toContain('There is no room')
    expect(await refused('a', 'room distribute', 'coven', 'rooms.b.example')).toContain('peer allow rooms.b.example')
  })
})
