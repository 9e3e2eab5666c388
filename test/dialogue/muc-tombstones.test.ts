/** What is left of a room that was destroyed (XEP-0045 §10.9), and two services of rooms at one server. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { openFailingStore } from '../support/failing-store.js'
import { configure, found, join, openRooms, room } from './muc-stage.js'
import { type Client, Stage, settled } from './stage.js'

let stage: Stage
afterEach(() => stage.close())

const persistent = { 'muc#roomconfig_persistentroom': '1' }
const hour = 3_600_000

async function destroys(client: Client, content = ''): Promise<void> {
  await client.sends(`<iq type='set' id='end' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <destroy${content}</query></iq>`)
  await settled()
  await client.clears()
}

/** What a client hears that wants to enter: `gone URI`, another condition, or `in`. */
async function enters(client: Client): Promise<string> {
  await client.clears()
  await join(client, client.name)
  await settled()
  const [first] = await client.drain()
  const error = first?.getChild('error')
  if (error === undefined) return 'in'
  const [condition] = error.getChildElements()
  return [condition?.name, condition?.getText(), error.getChildText('text')].filter(Boolean).join(' ')
}

describe('XEP-0045 §10.9 a persistent room that was destroyed', () => {
  test('sends people on to the alternate venue, also after a restart, until it is forgotten', async () => {
    const store = openFailingStore()
    stage = await openRooms({ muc_tombstone_expiry: 3600 }, { store })
    const alice = stage.client('alice')
    await found(alice, 'ann', persistent)
    await destroys(alice, ` jid='new@rooms.a.example'><reason>Macbeth doth come.</reason></destroy>`)
    const answer = 'gone xmpp:new@rooms.a.example?join Macbeth doth come.'
    expect(await enters(stage.client('bob'))).toBe(answer)
    await stage.server.close()
    stage = await openRooms({ muc_tombstone_expiry: 3600 }, { store })
    const bob = stage.client('bob')
    expect(await enters(bob)).toBe(answer)
    await bob.sends(`<iq type='get' id='d' to='${room}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
    expect((await bob.next()).getChild('error')?.getChild('gone')).toBeDefined()
    await bob.sends(`<iq type='get' id='p' to='${room}/n'><ping xmlns='urn:xmpp:ping'/></iq>`)
    expect((await bob.next()).getChild('error')?.getChild('not-acceptable')).toBeDefined()
    stage.clock.advance(2 * hour)
    expect(await enters(bob)).toBe('in')
    await settled()
    expect(await store.dataKeys('rooms.a.example', 'muc-tombstone')).toEqual([])
  })

  test.each(['alice', 'admin'])('is made anew by a former owner or an administrator, for all (%s)', async (who) => {
    stage = await openRooms()
    await found(stage.client('alice'), 'ann', persistent)
    await destroys(stage.client('alice', 'again'), '/>')
    const bob = stage.client('bob')
    expect(await enters(bob)).toBe('gone This room was destroyed')
    const maker = stage.client(who, 'maker')
    expect(await enters(maker)).toBe('in')
    await configure(maker)
    expect(await enters(bob)).toBe('in')
  })

  test('stays where a former owner is refused', async () => {
    stage = await openRooms()
    const alice = stage.client('alice')
    await found(alice, 'ann', persistent)
    await destroys(alice, '/>')
    await alice.sends(`<presence to='${room}/ann'><x xmlns='http://jabber.org/protocol/muc'/>
      <status>${'x'.repeat(100_000)}</status></presence>`)
    expect((await alice.next()).getChild('error')?.getChild('policy-violation')).toBeDefined()
    expect(await enters(stage.client('bob'))).toBe('gone This room was destroyed')
  })

  test('leaves nothing where it was temporary, or where the operator wants nothing to be left', async () => {
    stage = await openRooms()
    await found(stage.client('alice'), 'ann')
    await destroys(stage.client('alice', 'again'), '/>')
    expect(await enters(stage.client('bob'))).toBe('in')
    await stage.close()
    stage = await openRooms({ muc_tombstone_expiry: 0 })
    await found(stage.client('alice'), 'ann', persistent)
    await destroys(stage.client('alice', 'again'), '/>')
    expect(await enters(stage.client('bob'))).toBe('in')
  })
})

describe('two services of rooms at one server', () => {
  const mucModules = modules.filter((module) => module.hosts.includes('muc'))
  const services = ['rooms.a.example', 'work.a.example']

  test('have rooms of the same name, lists and rules of their own; both send 332 when they stop', async () => {
    stage = await Stage.open({
      accounts: ['alice', 'bob'],
      hosts: [
        { domain: 'a.example', type: 'user', modules: modules.filter((module) => module.hosts.includes('user')) },
        { domain: services[0]!, type: 'muc', modules: mucModules, options: { muc: { muc_room_locking: false } } },
        {
          domain: services[1]!,
          type: 'muc',
          modules: mucModules,
          options: { muc: { muc_room_locking: false, muc_room_fixed: { membersonly: true } } },
        },
      ],
    })
    const alice = stage.client('alice')
    const bob = stage.client('bob')
    for (const service of services) await join(alice, 'ann', '', `coven@${service}`)
    await settled()
    await alice.clears()
    const heard = async (): Promise<string[]> =>
      (await bob.drain()).map(({ attrs }) => `${String(attrs.from).split('@')[1]} ${attrs.type ?? ''}`)
    await join(bob, 'bob', '', `coven@${services[1]}`)
    await settled()
    expect(await heard()).toEqual([`${services[1]}/bob error`])
    await join(bob, 'bob', '', `coven@${services[0]}`)
    await settled()
    expect(new Set((await heard()).map((line) => line.split('/')[0]))).toContain(services[0])
    await bob.sends(
      `<iq type='get' id='i' to='${services[1]}'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`,
    )
    const listed = (await bob.next())
      .getChild('query')
      ?.getChildren('item')
      .map(({ attrs }) => attrs.jid)
    expect(listed).toEqual([`coven@${services[1]}`])
    await alice.clears()
    await stage.server.close()
    const left = (await alice.drain()).map((stanza) => {
      const user = stanza.getChild('x', 'http://jabber.org/protocol/muc#user')
      return `${stanza.attrs.from} ${user
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code)
        .join()}`
    })
    expect(left.sort()).toEqual(services.map((service) => `coven@${service}/ann 110,332`))
  })
})
