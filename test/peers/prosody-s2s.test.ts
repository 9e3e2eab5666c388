/** A real Prosody as the other server: dialback over TLS with self-signed certificates, both ways. */
import { afterEach, expect, test } from '@jest/globals'
import { message, type Peer, type PeerOptions, startPeer, until } from '../server/s2s-peer.js'
import { expectXml, parse } from '../support/xml-match.js'
import { PlainClient } from './plain-client.js'
import { type Prosody, type ProsodyOptions, startProsody } from './prosody.js'
import { peer } from './require-peer.js'

const users = { juliet: 'r0m30' }
const running: { stop(): Promise<void> }[] = []

async function stage(ours: Partial<PeerOptions> = {}, theirs: Partial<ProsodyOptions> = {}): Promise<[Peer, Prosody]> {
  const us = await startPeer({ domains: ['a.example', 'rooms.a.example'], ...ours })
  running.push({ stop: () => us.close() })
  const routes = { 'a.example': us.port, 'rooms.a.example': us.port }
  const prosody = await startProsody({ domain: 'p.example', mucDomain: 'rooms.p.example', users, routes, ...theirs })
  running.push(prosody)
  for (const domain of ['p.example', 'rooms.p.example'])
    us.routes[domain] = { host: '127.0.0.1', port: prosody.s2sPort }
  return [us, prosody]
}

afterEach(async () => {
  for (const each of running.splice(0).reverse()) await each.stop()
})

const link = (us: Peer, direction: 'in' | 'out') =>
  us.pool.links().find((each) => each.direction === direction && each.local === 'a.example')

peer(['prosody'])('Prosody', () => {
  test('a message from its user to us and the answer back', async () => {
    const [us, prosody] = await stage()
    const juliet = await PlainClient.login(prosody.c2sPort, 'p.example', 'juliet', 'r0m30')
    juliet.send(`<presence/><message to='romeo@a.example' type='chat' id='m1'><body>Ay me!</body></message>`)
    await until(() => us.received.some((stanza) => stanza.attrs.id === 'm1'), 'the message')
    expectXml(
      us.received.find((stanza) => stanza.attrs.id === 'm1')!,
      `<message to='romeo@a.example' type='chat' id='m1' from='juliet@p.example/test' xml:lang='{any}'>
         <body>Ay me!</body></message>`,
    )
    us.pool.send(message('romeo@a.example/orchard', 'juliet@p.example/test', 'Call me but love'))
    const answer = await juliet.next((element) => element.name === 'message')
    expect(answer.attrs.from).toBe('romeo@a.example/orchard')
    expect(answer.getChildText('body')).toBe('Call me but love')
    for (const direction of ['in', 'out'] as const)
      expect(link(us, direction)).toMatchObject({ state: 'up', encrypted: true, authenticated: 'dialback' })
    juliet.close()
  })

  test('we begin, and a thousand messages stay in order', async () => {
    const [us, prosody] = await stage()
    const juliet = await PlainClient.login(prosody.c2sPort, 'p.example', 'juliet', 'r0m30')
    juliet.send('<presence/>')
    await juliet.next((element) => element.name === 'presence')
    for (let n = 0; n < 1000; n++) us.pool.send(message('romeo@a.example/x', 'juliet@p.example/test', `n${n}`))
    for (let n = 0; n < 1000; n++)
      expect((await juliet.next((element) => element.name === 'message')).attrs.id).toBe(`n${n}`)
    juliet.close()
  })

  test('a second domain of ours shares the stream', async () => {
    const [us, prosody] = await stage()
    const juliet = await PlainClient.login(prosody.c2sPort, 'p.example', 'juliet', 'r0m30')
    juliet.send('<presence/>')
    us.pool.send(message('romeo@a.example', 'juliet@p.example/test', 'one'))
    await juliet.next((element) => element.attrs.id === 'one')
    us.pool.send(message('hall@rooms.a.example/nurse', 'juliet@p.example/test', 'two'))
    await juliet.next((element) => element.attrs.id === 'two')
    const out = us.pool.links().filter((each) => each.direction === 'out')
    expect(out.map((each) => `${each.local} ${each.state}`)).toEqual(['a.example up', 'rooms.a.example up'])
    expect(new Set(out.map((each) => each.streamId)).size).toBe(1)
    juliet.close()
  })

  test('its rooms: join, talk, errors come back', async () => {
    const [us] = await stage()
    us.pool.send(
      parse(
        `<presence from='romeo@a.example/x' to='hall@rooms.p.example/romeo'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
      ),
    )
    await until(() => us.texts().some((text) => text.includes("code='110'")), 'the self-presence')
    us.pool.send(
      parse(
        `<message from='romeo@a.example/x' to='hall@rooms.p.example' type='groupchat' id='g1'><body>But soft</body></message>`,
      ),
    )
    await until(() => us.received.some((stanza) => stanza.attrs.id === 'g1'), 'the reflection')
    us.pool.send(message('romeo@a.example/x', 'nobody@p.example', 'lost'))
    await until(() => us.received.some((s) => s.attrs.id === 'lost' && s.attrs.type === 'error'), 'the error')
  })

  test('it restarts in mid-stream: the link goes down, and comes up with the next stanza', async () => {
    const [us, prosody] = await stage()
    us.pool.send(message('romeo@a.example/x', 'nobody@p.example', 'before'))
    await until(() => us.received.length === 1, 'the error')
    await prosody.stop()
    await until(() => us.events.includes('down p.example a.example'), 'the link to go down')
    expect(link(us, 'out')).toMatchObject({ state: 'idle' })
    us.pool.send(message('romeo@a.example/x', 'juliet@p.example', 'while it is away'))
    await until(() => us.received.length === 2, 'the bounce')
    expect(us.texts()[1]).toContain('<remote-server-not-found ')
  })

  test('s2s_secure_auth: its self-signed certificate is refused, with the line to change', async () => {
    const [us] = await stage({ policy: { secureAuth: true } })
    us.pool.send(message('romeo@a.example/x', 'juliet@p.example', 'hello'))
    await until(() => us.received.length === 1, 'the bounce')
    expect(us.texts()[0]).toContain('<policy-violation ')
    expect(us.log.filter((entry) => entry.level === 'warn').map((entry) => entry.message)[0]).toBe(
      'Refused p.example: its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT; valid to ' +
        `${/valid to ([^)]*)\)/.exec(us.texts()[0]!)?.[1]}): it is self-signed. To allow it: set s2s_secure_auth = false or add "p.example" to s2s_insecure_domains`,
    )
  })

  test('it refuses our certificate (s2s_secure_auth at its side): our senders are told', async () => {
    const [us] = await stage()
    const strict = await startProsody({
      domain: 'q.example',
      routes: { 'a.example': us.port },
      config: 's2s_secure_auth = true',
    })
    running.push(strict)
    us.routes['q.example'] = { host: '127.0.0.1', port: strict.s2sPort }
    us.pool.send(message('romeo@a.example/x', 'juliet@q.example', 'hello'))
    await until(() => us.received.length === 1, 'the bounce')
    expect(us.texts()[0]).toMatch(/type='error'.*<(policy-violation|remote-server-timeout) /)
  })

  test('plain TCP where both allow it', async () => {
    const [us, prosody] = await stage({ policy: { requireEncryption: false }, tls: false }, { certificate: null })
    const juliet = await PlainClient.login(prosody.c2sPort, 'p.example', 'juliet', 'r0m30')
    juliet.send(`<presence/><message to='romeo@a.example' type='chat' id='m1'><body>Ay me!</body></message>`)
    await until(() => us.received.some((stanza) => stanza.attrs.id === 'm1'), 'the message')
    us.pool.send(message('romeo@a.example', 'juliet@p.example/test', 'yes'))
    await juliet.next((element) => element.attrs.id === 'yes')
    expect(link(us, 'out')).toMatchObject({ state: 'up', encrypted: false })
    juliet.close()
  })
})
