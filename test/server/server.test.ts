/** Hosts and their modules, binding, routing, and the boundary at which errors become replies. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Host, Module, Registration } from '../../src/server/module.js'
import { type HostOptions, Server } from '../../src/server/server.js'
import { openMemoryStore } from '../../src/store/memory.js'
import { ManualClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { Jid } from '../../src/xmpp/jid.js'
import { result } from '../../src/xmpp/stanza.js'
import { StreamError } from '../../src/xmpp/stream-error.js'
import { addAccount, Client, Stage, settled } from '../dialogue/stage.js'
import { expectXml } from '../support/xml-match.js'

const ns = 'urn:example:x'
const module = (
  name: string,
  setup: (host: Host) => readonly Registration[],
  fields: Partial<Module> = {},
): Module => ({
  name,
  hosts: ['user', 'muc'],
  setup,
  ...fields,
})

const open: Stage[] = []
async function stageWith(modules: readonly Module[], accounts = ['alice', 'bob']): Promise<Stage> {
  const stage = await Stage.open({ accounts, modules })
  open.push(stage)
  return stage
}
afterEach(async () => {
  for (const stage of open.splice(0)) await stage.close()
})

function serverWith(hosts: readonly HostOptions[], store = openMemoryStore()): Server {
  const clock = new ManualClock()
  return new Server({ hosts, store, clock, random: new SeededRandom(1), log: silentLogger })
}

describe('modules of a host', () => {
  const query = (name: string): Module =>
    module(name, (host) => [host.iq('host', 'get', ns, 'query', (iq) => result(iq))])

  test('two handlers for one key end the start with a message that names both', async () => {
    const server = serverWith([{ domain: 'a.example', type: 'user', modules: [query('one'), query('two')] }])
    await expect(server.start()).rejects.toThrow(
      'Modules "one" and "two" on a.example both handle IQ get query in urn:example:x at the host',
    )
  })

  test('so do two components and two loaders of one name', async () => {
    const component = (name: string): Module => module(name, () => [{ kind: 'component', handler: () => undefined }])
    const muc = serverWith([{ domain: 'a.example', type: 'muc', modules: [component('one'), component('two')] }])
    await expect(muc.start()).rejects.toThrow('"one" and "two" on a.example both handle the component')
    const loader = (name: string): Module =>
      module(name, () => [{ kind: 'account', name: 'x', load: async () => undefined }])
    const user = serverWith([{ domain: 'a.example', type: 'user', modules: [loader('one'), loader('two')] }])
    await expect(user.start()).rejects.toThrow('"one" and "two" on a.example both handle account data x')
  })

  test('two hosts of one domain, and a module on the wrong kind of host', async () => {
    const host = { domain: 'a.example', type: 'user', modules: [] } as const
    expect(() => serverWith([host, host])).toThrow('a.example is configured twice')
    const wrong = module('rooms', () => [], { hosts: ['muc'] })
    await expect(serverWith([{ ...host, modules: [wrong] }]).start()).rejects.toThrow(
      '"rooms" is not made for a.example',
    )
  })

  test('everything is withdrawn in reverse, also when a later host cannot start, and when one fails to stop', async () => {
    const stopped: string[] = []
    const stopping = (name: string): Module =>
      module(name, () => [
        {
          kind: 'stop',
          run: () => {
            stopped.push(name)
            if (name === 'two') throw new Error('stuck')
          },
        },
      ])
    const failing = module('failing', () => {
      throw new Error('no')
    })
    const server = serverWith([
      { domain: 'a.example', type: 'user', modules: [stopping('one'), stopping('two')] },
      { domain: 'b.example', type: 'user', modules: [stopping('three'), failing] },
    ])
    await expect(server.start()).rejects.toThrow('no')
    expect(stopped).toEqual(['three', 'two', 'one'])
    await server.close()
    await server.close()
    expect(stopped).toEqual(['three', 'two', 'one'])
  })

  test('options come with their defaults, services by their name', async () => {
    let seen: unknown
    const offering = module('offering', (host) => {
      host.offer('answer', 42)
      return []
    })
    const asking = module(
      'asking',
      (host) => {
        seen = { ...host.options, answer: host.service('answer'), none: host.service('none') }
        return []
      },
      {
        options: {
          depth: { type: 'integer', default: 3, doc: 'Depth.' },
          width: { type: 'integer', default: 4, doc: 'Width.' },
        },
      },
    )
    const options = { asking: { width: 5 } }
    const server = serverWith([{ domain: 'a.example', type: 'user', modules: [offering, asking], options }])
    await server.start()
    expect(seen).toEqual({ depth: 3, width: 5, answer: 42, none: undefined })
    await server.close()
  })

  test('stages in their fixed order, whatever the order of registration; observers not of what was refused', async () => {
    const seen: string[] = []
    const staged = module('staged', (host) => [
      host.on('inbound', 'message', 'observe', (stanza) => void seen.push(`observe ${stanza.attrs.id}`)),
      host.on('inbound', 'message', 'handle', (stanza) => {
        seen.push(`handle ${stanza.attrs.id}`)
        return true
      }),
      host.on('inbound', 'message', 'authorize', (stanza) => {
        seen.push(`authorize ${stanza.attrs.id}`)
        return stanza.attrs.id === 'stop' || undefined
      }),
      host.on('inbound', 'message', 'validate', (stanza) => void seen.push(`validate ${stanza.attrs.id}`)),
    ])
    const stage = await stageWith([staged])
    const alice = stage.client('alice')
    await alice.sends(`<message to='bob@a.example' id='go'/>`)
    await alice.sends(`<message to='bob@a.example' id='stop'/>`)
    expect(seen).toEqual(['validate go', 'authorize go', 'handle go', 'observe go', 'validate stop', 'authorize stop'])
  })
})

describe('binding (RFC 6120 §7)', () => {
  test('§7.7.2.2 a resource in use is taken over, the older stream ends with conflict', async () => {
    const gone: string[] = []
    const watching = module('watching', () => [
      { kind: 'session', closed: (session) => void gone.push(String(session.jid)) },
    ])
    const stage = await stageWith([watching])
    const older = stage.client('alice', 'phone')
    const newer = stage.client('alice', 'phone')
    await settled()
    expect(older.closed).toBe('conflict')
    expect(gone).toEqual(['alice@a.example/phone'])
    expect(stage.server.sessions.get('alice@a.example/phone')).toBe(newer.session)
    older.disconnects()
    await settled()
    expect(gone).toHaveLength(1)
    expect(stage.server.sessions.size).toBe(1)
    await stage.client('bob').sends(`<message to='alice@a.example/phone'/>`)
    expect((await newer.next()).attrs.from).toBe('bob@a.example/phone')
    await older.receivesNothing()
  })

  test('§7.6 without a resource one is minted, an invalid one is refused', async () => {
    const stage = await stageWith([])
    const facts = { remoteAddress: '127.0.0.1', secure: true, streamId: 's' }
    const { outbox } = stage.client('alice').session
    const bind = (resource: string | undefined) =>
      stage.server.clients.bind(Jid.parse('bob@a.example'), resource, outbox, facts)
    expect(bind(undefined).jid.resource).not.toBe(bind(undefined).jid.resource)
    expect(() => bind('\u0007')).toThrow(expect.objectContaining({ condition: 'bad-request' }))
  })

  test('§7.6.2.1 an account has at most 50 clients', async () => {
    const stage = await stageWith([])
    for (let n = 0; n < 50; n += 1) stage.client('alice', `r${n}`)
    expect(() => stage.client('alice', 'more')).toThrow(expect.objectContaining({ condition: 'resource-constraint' }))
    expect(stage.client('alice', 'r7').session.jid.resource).toBe('r7')
  })

  test('a deleted account’s clients are ended', async () => {
    const stage = await stageWith([])
    const alice = stage.client('alice')
    await stage.store.commit([{ type: 'account.delete', jid: 'alice@a.example' }])
    await stage.server.accountChanged('alice@a.example')
    expect(alice.closed).toBe('not-authorized')
    expect(stage.server.sessions.size).toBe(0)
  })

  test('closing the server ends every stream with system-shutdown', async () => {
    const stage = await stageWith([])
    const clients = [stage.client('alice'), stage.client('bob')]
    await stage.server.close()
    expect(clients.map(({ closed }) => closed)).toEqual(['system-shutdown', 'system-shutdown'])
  })
})

describe('the error boundary', () => {
  const failing = module('failing', (host) => [
    host.iq('host', 'get', ns, 'query', () => {
      throw new Error('a bug')
    }),
    host.iq('host', 'get', ns, 'later', async () => {
      throw new Error('a later bug')
    }),
    host.on('inbound', 'message', 'handle', () => {
      throw new StreamError('policy-violation', 'enough')
    }),
    {
      kind: 'session',
      bound: () => {
        throw new Error('a bug in a hook')
      },
    },
  ])

  test.each(['query', 'later'])('a bug is logged and answered, whenever it comes: %s', async (name) => {
    const stage = await stageWith([failing])
    const alice = stage.client('alice')
    await alice.sends(`<iq type='get' id='1' to='a.example'><${name} xmlns='${ns}'/></iq>`)
    await alice.receives(`
      <iq type='error' id='1' from='a.example' to='alice@a.example/phone'><${name} xmlns='${ns}'/>
        <error type='cancel'><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </iq>`)
    expect(stage.errors).toEqual(['A module failed to follow a session', 'A stanza could not be dealt with'])
  })

  test('a StreamError closes the sender’s stream', async () => {
    const stage = await stageWith([failing])
    const alice = stage.client('alice')
    await alice.sends(`<message to='bob@a.example'/>`)
    expect(alice.closed).toBe('policy-violation')
    await alice.receivesNothing()
  })

  test('without a way to other domains their addresses are refused', async () => {
    const store = openMemoryStore()
    await addAccount(store, 'alice@a.example')
    const server = serverWith([{ domain: 'a.example', type: 'user', modules: [] }], store)
    await server.start()
    const alice = new Client('alice', server, Jid.parse('alice@a.example/phone'), {})
    await alice.sends(`<message to='bob@b.example' id='m'/>`)
    await alice.receives(`
      <message type='error' id='m' from='bob@b.example' to='alice@a.example/phone'>
        <error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error>
      </message>`)
    server.router.broadcast(xml('presence', { from: 'alice@a.example/phone' }), ['bob@b.example'])
    await alice.receives(`<presence type='error' from='bob@b.example' to='alice@a.example/phone'>{...}</presence>`)
    await server.close()
  })
})

describe('broadcast', () => {
  test('clients, absent clients, bare JIDs and other domains; each copy has its own to', async () => {
    const deliver = module('deliver', (host) => [
      host.on('inbound', 'presence', 'handle', (stanza, _from, to) => {
        for (const session of host.sessions.of(to.bare().toString())) session.outbox.send(stanza)
        return true
      }),
    ])
    const stage = await stageWith([deliver])
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await settled()
    const stanza = xml('presence', { from: 'room@c.example/nick' }, xml('show', {}, 'away'))
    const before = stanza.toString()
    stage.server.router.broadcast(stanza, [
      'alice@a.example/phone',
      'bob@a.example',
      'nobody@a.example/x',
      'dave@b.example/desk',
      '@',
    ])
    await alice.receives(`<presence from='room@c.example/nick' to='alice@a.example/phone'><show>away</show></presence>`)
    await bob.receives(`<presence from='room@c.example/nick' to='bob@a.example'><show>away</show></presence>`)
    await stage
      .peer('b.example')
      .receives(`<presence from='room@c.example/nick' to='dave@b.example/desk'><show>away</show></presence>`)
    expect(stanza.toString()).toBe(before)
    expect(stage.errors).toEqual(['A recipient of a broadcast is no JID; left out'])
  })

  test('does not overtake what waits for the same account', async () => {
    const holding = module('holding', (host) => [
      host.on('inbound', 'message', 'handle', (stanza, _from, to) => {
        if (stanza.attrs.id !== 'hold') return undefined
        const account = host.account(to.bare().toString())
        return account?.hold(new Promise<void>((resolve) => setImmediate(resolve)))
      }),
    ])
    const stage = await stageWith([holding])
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await settled()
    void alice.sends(`<message to='bob@a.example/phone' id='hold'/>`)
    void alice.sends(`<message to='bob@a.example/phone' id='1'/>`)
    stage.server.router.broadcast(xml('message', { from: 'room@c.example', id: '2' }), ['bob@a.example/phone'])
    expect((await bob.next()).attrs.id).toBe('1')
    expect((await bob.next()).attrs.id).toBe('2')
  })
})

describe('the plain way of a message', () => {
  test('makes no promise once both accounts are loaded', async () => {
    const stage = await stageWith([])
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await settled()
    const handled = stage.server.clients.receive(alice.session, xml('message', { to: 'bob@a.example/phone' }))
    expect(handled).toBeUndefined()
    expectXml(await bob.next(), `<message from='alice@a.example/phone' to='bob@a.example/phone'/>`)
  })

  test('waits, in order, while an account is loaded: nothing is decided on what is not there', async () => {
    let load = (): void => {}
    const slow = module('slow', (host) => [
      {
        kind: 'account',
        name: 'slow',
        load: (jid) =>
          jid === 'bob@a.example'
            ? new Promise((resolve) => {
                load = () => resolve('loaded')
              })
            : Promise.resolve('loaded'),
      },
      host.on('inbound', 'message', 'validate', (_stanza, _from, to) => {
        if (host.account(to.bare().toString())?.data.get('slow') !== 'loaded') throw new Error('decided too early')
        return undefined
      }),
    ])
    const stage = await stageWith([slow])
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await settled()
    for (const id of ['1', '2']) void alice.sends(`<message to='bob@a.example/phone' id='${id}'/>`)
    await bob.receivesNothing()
    load()
    expect((await bob.next()).attrs.id).toBe('1')
    expect((await bob.next()).attrs.id).toBe('2')
    expect(stage.errors).toEqual([])
  })

  test('what waits for one address is bounded', async () => {
    const never = module('never', () => [
      {
        kind: 'account',
        name: 'x',
        load: (jid) => (jid.startsWith('bob') ? new Promise(() => {}) : Promise.resolve()),
      },
    ])
    const stage = await stageWith([never])
    const alice = stage.client('alice')
    await settled()
    for (let n = 0; n < 1000; n += 1) void alice.sends(`<message to='bob@a.example' id='${n}'/>`)
    await alice.receivesNothing()
    void alice.sends(`<message to='bob@a.example' id='more'/>`)
    await alice.receives(`
      <message type='error' id='more' from='bob@a.example' to='alice@a.example/phone'>
        <error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error>
      </message>`)
  })
})
