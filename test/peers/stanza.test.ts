/** stanza (stanzajs.org) over WebSocket and over BOSH: what it makes of an account, of conversations, of a room, and of a lost connection. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer } from './require-peer.js'
import { Stanza } from './stanza.js'

const password = 'cauldron-bubble'
const open: Stanza[] = []

peer([])('stanza', () => {
  let server: Dmucd
  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users: { ann: password, bob: password, cat: password } })
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.close()))
  })
  afterAll(() => server?.stop())

  const url = { websocket: 'xmpp-websocket', bosh: 'http-bind' } as const
  const login = (client: Stanza, user: string, transport: 'websocket' | 'bosh', resource = 'stanza', word = password) =>
    client.do('login', {
      ...{ jid: `${user}@a.example`, password: word, resource, transport },
      url: `${transport === 'bosh' ? 'http' : 'ws'}://127.0.0.1:${server.httpPort}/${url[transport]}`,
    })
  /** Logged in, and available. */
  const online = async (user: string, transport: 'websocket' | 'bosh', resource = 'stanza'): Promise<Stanza> => {
    const client = new Stanza()
    open.push(client)
    await login(client, user, transport, resource)
    await client.call('sendPresence')
    await client.happens('available', { from: `${user}@a.example/${resource}` })
    return client
  }
  const bodies = (found: unknown): readonly string[] =>
    (found as { results: { item: { message: { body?: string } } }[] }).results.flatMap(
      ({ item }) => item.message.body ?? [],
    )

  test.each(['websocket', 'bosh'] as const)('logs in over %s, and is told that a password is wrong', async (by) => {
    const [client, other] = [new Stanza(), new Stanza()]
    open.push(client, other)
    expect(await login(client, 'ann', by)).toEqual({ jid: 'ann@a.example/stanza', mechanism: 'SCRAM-SHA-256' })
    await expect(login(other, 'ann', by, 'stanza', 'double-toil')).rejects.toThrow('auth:failed')
  })

  test('contacts find each other; what is said reaches every device, and the archive', async () => {
    const ann = await online('ann', 'websocket')
    const bob = await online('bob', 'bosh')
    const desk = await online('bob', 'websocket', 'desk')
    await ann.call('subscribe', 'bob@a.example')
    await bob.happens('subscribe', { from: 'ann@a.example' })
    await bob.call('acceptSubscription', 'ann@a.example')
    await ann.happens('available', { from: 'bob@a.example/stanza' })
    await ann.call('updateRosterItem', { jid: 'bob@a.example', name: 'Bob', groups: ['Friends'] })
    expect(await ann.call('getRoster')).toMatchObject({
      items: [{ jid: 'bob@a.example', name: 'Bob', subscription: 'to', groups: ['Friends'] }],
    })
    await bob.call('enableCarbons')
    await desk.call('enableCarbons')
    await ann.call('sendMessage', { to: 'bob@a.example/stanza', type: 'chat', body: 'Hail! ü € 😀 <&>' })
    await bob.happens('chat', { body: 'Hail! ü € 😀 <&>', from: 'ann@a.example/stanza' })
    const forwarded = (body: string) => ({ carbon: { forward: { message: { body } } } })
    await desk.happens('carbon:received', forwarded('Hail! ü € 😀 <&>'))
    await bob.call('sendMessage', {
      to: 'ann@a.example/stanza',
      type: 'chat',
      body: 'All hail',
      receipt: { type: 'request' },
    })
    await ann.happens('chat', { body: 'All hail' })
    await desk.happens('carbon:sent', forwarded('All hail'))
    // stanza answers a request for a receipt by itself.
    await bob.happens('receipt', { from: 'ann@a.example/stanza' })
    const found = await desk.call('searchHistory', { with: 'ann@a.example', paging: { max: 10 } })
    expect(bodies(found)).toEqual(['Hail! ü € 😀 <&>', 'All hail'])
    expect(found).toMatchObject({ complete: true })
  })

  test('a room: made over WebSocket, entered over BOSH; talk, topic, its archive, a kick', async () => {
    const at = 'heath@rooms.a.example'
    const ann = await online('ann', 'websocket')
    const bob = await online('bob', 'bosh')
    expect(await ann.call('joinRoom', at, 'ann')).toMatchObject({
      muc: { affiliation: 'owner', role: 'moderator', statusCodes: ['110', '170', '201'] },
    })
    await ann.call('configureRoom', at, { fields: [{ name: 'muc#roomconfig_persistentroom', value: true }] })
    await ann.call('sendMessage', { to: at, type: 'groupchat', body: 'before you came' })
    await ann.happens('groupchat', { body: 'before you came' })
    await ann.call('setSubject', at, 'An open place')
    await bob.call('joinRoom', at, 'bob')
    await bob.happens('groupchat', { body: 'before you came', delay: { from: at } })
    await bob.happens('muc:topic', { topic: 'An open place', room: at })
    await ann.happens('muc:available', { from: `${at}/bob` })
    await bob.call('sendMessage', { to: at, type: 'groupchat', body: 'in thunder' })
    for (const client of [ann, bob]) await client.happens('groupchat', { body: 'in thunder', from: `${at}/bob` })
    expect(bodies(await bob.call('searchHistory', at, { paging: { max: 10 } }))).toEqual(
      expect.arrayContaining(['before you came', 'in thunder']),
    )
    await ann.call('kick', at, 'bob', 'Out, damned spot')
    expect(await bob.happens('muc:leave', { from: `${at}/bob` })).toMatchObject({
      muc: { statusCodes: expect.arrayContaining(['110', '307']), reason: 'Out, damned spot' },
    })
  })

  test('a lost connection: the session goes on where it was, each message arrives once, and nobody saw a thing', async () => {
    const cat = await online('cat', 'websocket')
    const ann = await online('ann', 'websocket')
    const at = 'moor@rooms.a.example'
    await ann.call('joinRoom', at, 'ann')
    await ann.call('configureRoom', at, {})
    await cat.call('joinRoom', at, 'cat')
    await ann.happens('muc:available', { from: `${at}/cat` })
    await cat.do('cut', {})
    await ann.call('sendMessage', { to: at, type: 'groupchat', body: 'while you were away' })
    await ann.happens('groupchat', { body: 'while you were away' })
    await ann.call('sendMessage', { to: 'cat@a.example', type: 'chat', body: 'and to you' })
    await cat.call('sendMessage', { to: at, type: 'groupchat', body: 'said to a dead line' })
    await cat.do('connect', {})
    await cat.happens('stream:management:resumed')
    await cat.happens('groupchat', { body: 'while you were away' })
    await cat.happens('chat', { body: 'and to you' })
    for (const client of [ann, cat])
      await client.happens('groupchat', { body: 'said to a dead line', from: `${at}/cat` })
    await cat.call('ping')
    const rest = [{ body: 'while you were away' }, { body: 'and to you' }, { body: 'said to a dead line' }]
    for (const has of rest) expect(await cat.do('left', { name: 'message', has })).toBe(1)
    expect(await ann.do('left', { name: 'muc:unavailable', has: {} })).toBe(0)
  })
})
