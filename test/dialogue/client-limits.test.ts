/** What one client, one account and one address may take of the server (`[limits]`), and that each refusal is counted. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import type { Counts } from '../../src/server/counts.js'
import { Server } from '../../src/server/server.js'
import { openMemoryStore } from '../../src/store/memory.js'
import { ManualClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { Jid } from '../../src/xmpp/jid.js'
import { parse } from '../support/xml-match.js'
import { addAccount, Stage } from './stage.js'
import { Wire } from './wire-client.js'

let close: (() => Promise<void>) | undefined
afterEach(() => close?.())

test('c2s_rate: a client that sends too much is not read until it would have come at the rate', async () => {
  const stage = await Stage.open()
  close = () => stage.close()
  const wire = new Wire(stage)
  const refused: string[] = []
  Object.assign(wire.parts, { rate: { bytes: 1000, burst: 3000 }, refused: (reason: string) => refused.push(reason) })
  await wire.letIn('alice')
  const alice = await wire.client('alice')
  await alice.binds('phone')
  expect(alice.held).toBe(false)
  const message = `<message to='bob@a.example'><body>${'x'.repeat(2000)}</body></message>`
  for (let sent = 0; sent < 2 && !alice.held; sent++) alice.sends(message)
  expect(alice.held).toBe(true)
  expect(refused).toEqual(['slowed-down'])
  stage.clock.advance(1000)
  expect(alice.held).toBe(true)
  stage.clock.advance(2000)
  expect(alice.held).toBe(false)
  expect(alice.closed).toBe(false)
})

test('a failed login is counted with its condition', async () => {
  const stage = await Stage.open()
  close = () => stage.close()
  const wire = new Wire(stage)
  const refused: string[] = []
  Object.assign(wire.parts, { refused: (reason: string) => refused.push(reason) })
  await wire.letIn('alice')
  const stranger = wire.stranger()
  const secret = Buffer.from('\0alice\0wrong').toString('base64')
  stranger.sends(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${secret}</auth>`)
  const end = Date.now() + 20_000
  while (refused.length === 0 && Date.now() < end) await stranger.hears()
  expect(refused).toEqual(['sasl-not-authorized'])
})

test('c2s_sessions; stanzas and refusals are counted', async () => {
  const counted: string[] = []
  const counts: Counts = {
    stanza: (from, name) => counted.push(`${from} ${name}`),
    refused: (what, reason) => counted.push(`${what} refused: ${reason}`),
  }
  const store = openMemoryStore()
  await addAccount(store, 'alice@a.example')
  const server = new Server({
    hosts: [{ domain: 'a.example', type: 'user', modules: modules.filter(({ hosts }) => hosts.includes('user')) }],
    ...{ store, counts, clock: new ManualClock(), random: new SeededRandom(1), log: silentLogger },
    sessionsPerAccount: 2,
  })
  await server.start()
  close = async () => {
    await server.close()
    await store.close()
  }
  const outbox = { send: () => {}, sendRendered: () => {}, close: () => {} }
  const facts = { remoteAddress: '203.0.113.7', secure: true, streamId: 's' }
  const bind = (resource: string) => server.clients.bind(Jid.parse('alice@a.example'), resource, outbox, facts)
  const first = bind('1')
  bind('2')
  expect(() => bind('3')).toThrow('Too many clients of this account')
  expect(counted.splice(0)).toEqual(['c2s refused: too-many-sessions'])
  await server.clients.receive(first, parse(`<iq type='get' id='i' to='a.example'><x xmlns='urn:x'/></iq>`))
  await server.servers.receive(parse(`<message from='eve@b.example' to='nobody@a.example'><body>x</body></message>`))
  // What follows is the way back to a server that there is no way to.
  expect(counted.slice(0, 4)).toEqual([
    'c2s iq',
    'stanza refused: service-unavailable',
    's2s message',
    'stanza refused: service-unavailable',
  ])
})

describe('lists of an account', () => {
  test.each([
    [
      'max_roster_contacts',
      { roster: { max_roster_contacts: 1 } },
      (name: string) => `<query xmlns='jabber:iq:roster'><item jid='${name}@x.example'/></query>`,
    ],
    [
      'max_blocked_addresses',
      { blocking: { max_blocked_addresses: 1 } },
      (name: string) => `<block xmlns='urn:xmpp:blocking'><item jid='${name}@x.example'/></block>`,
    ],
    [
      'max_private_payloads',
      { private: { max_private_payloads: 1 } },
      (name: string) => `<query xmlns='jabber:iq:private'><x xmlns='urn:${name}'/></query>`,
    ],
  ])('%s: one more is refused with resource-constraint', async (_name, options, payload) => {
    const stage = await Stage.open({ options })
    close = () => stage.close()
    const alice = stage.client('alice')
    const answers = []
    for (const name of ['one', 'two']) {
      await alice.sends(`<iq type='set' id='${name}'>${payload(name)}</iq>`)
      const [answer] = await alice.drain()
      const condition = answer?.getChild('error')?.getChild('resource-constraint')
      answers.push([answer?.attrs.type, condition !== undefined])
    }
    expect(answers).toEqual([
      ['result', false],
      ['error', true],
    ])
  })
})

describe('the rest of what one client or account may take', () => {
  const open = async (options: Record<string, Record<string, number>>): Promise<Stage> => {
    const stage = await Stage.open({ options })
    close = () => stage.close()
    return stage
  }

  test('max_directed_presences', async () => {
    const stage = await open({ presence: { max_directed_presences: 10 } })
    const alice = stage.client('alice')
    for (let n = 0; n <= 10; n++) await alice.sends(`<presence to='r${n}@rooms.b.example/alice'/>`)
    expect(stage.refused).toEqual(['stanza: resource-constraint'])
  })

  test('max_stranger_requests', async () => {
    const stage = await open({ presence: { max_stranger_requests: 2 } })
    const peer = stage.peer('b.example')
    for (let n = 0; n < 3; n++)
      await peer.sends(`<presence type='subscribe' from='u${n}@b.example' to='alice@a.example'/>`)
    expect(await stage.store.roster('alice@a.example')).toHaveLength(2)
    expect(stage.refused).toEqual(['stanza: too-many-strangers'])
  })

  test('max_pending_requests', async () => {
    const stage = await open({ 'iq-answers': { max_pending_requests: 10 } })
    const alice = stage.client('alice')
    stage.peer('b.example')
    for (let n = 0; n <= 10; n++)
      await alice.sends(`<iq type='get' id='n${n}' to='dave@b.example'><ping xmlns='urn:xmpp:ping'/></iq>`)
    expect(stage.refused).toEqual(['stanza: too-many-requests'])
  })

  test('max_archive_queries', async () => {
    const stage = await open({ user_archive: { max_archive_queries: 1 } })
    const alice = stage.client('alice')
    await alice.sends(`<message to='bob@a.example' type='chat'><body>x</body></message>`)
    await Promise.all(
      ['1', '2'].map((id) => alice.sends(`<iq type='set' id='${id}'><query xmlns='urn:xmpp:mam:2'/></iq>`)),
    )
    await alice.drain()
    expect(stage.refused).toEqual(['stanza: resource-constraint'])
  })

  test('push_max_devices', async () => {
    const stage = await open({ push: { push_max_devices: 1 } })
    const alice = stage.client('alice')
    for (const node of ['one', 'two'])
      await alice.sends(
        `<iq type='set' id='${node}'><enable xmlns='urn:xmpp:push:0' jid='push.example' node='${node}'/></iq>`,
      )
    expect(stage.refused).toEqual(['stanza: resource-constraint'])
  })

  test('max_vcard_size', async () => {
    const stage = await open({ vcard: { max_vcard_size: 1000 } })
    const alice = stage.client('alice')
    const card = (length: number): string => `<vCard xmlns='vcard-temp'><DESC>${'x'.repeat(length)}</DESC></vCard>`
    for (const length of [900, 1000]) await alice.sends(`<iq type='set' id='v'>${card(length)}</iq>`)
    expect((await alice.drain()).map(({ attrs }) => attrs.type)).toEqual(['result', 'error'])
    expect(stage.refused).toEqual(['stanza: not-acceptable'])
  })

  test('max_offline_message_size', async () => {
    const stage = await open({ offline: { max_offline_message_size: 1000 } })
    const alice = stage.client('alice')
    for (const length of [500, 1000])
      await alice.sends(`<message to='bob@a.example' type='chat'><body>${'x'.repeat(length)}</body></message>`)
    expect(await stage.store.offlineCount('bob@a.example')).toBe(1)
    expect(stage.refused).toEqual(['stanza: service-unavailable'])
  })

  test('account_queue', async () => {
    const stage = await Stage.open({ waitingPerAccount: 10 })
    close = () => stage.close()
    const alice = stage.client('alice')
    // Bob is read first: the others wait.
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        alice.sends(`<message to='bob@a.example' id='${n}'><body>x</body></message>`),
      ),
    )
    expect(stage.refused.length).toBeGreaterThan(0)
    expect(new Set(stage.refused)).toEqual(new Set(['stanza: resource-constraint']))
  })
})

test('what a room refuses is counted, too', async () => {
  const counted: string[] = []
  const store = openMemoryStore()
  await addAccount(store, 'alice@a.example')
  const of = (type: 'user' | 'muc') => modules.filter(({ hosts }) => hosts.includes(type))
  const server = new Server({
    hosts: [
      { domain: 'a.example', type: 'user', modules: of('user') },
      { domain: 'rooms.a.example', type: 'muc', modules: of('muc') },
    ],
    ...{ store, clock: new ManualClock(), random: new SeededRandom(1), log: silentLogger },
    counts: { stanza: () => {}, refused: (what, reason) => counted.push(`${what} ${reason}`) },
  })
  await server.start()
  close = async () => {
    await server.close()
    await store.close()
  }
  let answered: string | undefined
  const outbox = {
    send: (stanza: Element) => {
      answered = String(stanza.attrs.type)
    },
    sendRendered: () => {},
    close: () => {},
  }
  const facts = { remoteAddress: '203.0.113.7', secure: true, streamId: 's' }
  const alice = server.clients.bind(Jid.parse('alice@a.example'), 'x', outbox, facts)
  await server.clients.receive(
    alice,
    parse(`<message to='r@rooms.a.example' type='groupchat'><body>Hi</body></message>`),
  )
  const end = Date.now() + 20_000
  while (answered === undefined && Date.now() < end) await new Promise((resolve) => setImmediate(resolve))
  expect([answered, counted]).toEqual(['error', [expect.stringMatching(/^stanza (item-not-found|not-acceptable)$/)]])
})
