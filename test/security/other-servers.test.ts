/** Other servers that ask for too much, or read too little (security.md, "s2s"). */
import { afterEach, describe, expect, test } from '@jest/globals'
import { LiveConfig } from '../../src/config/live.js'
import { parseConfig } from '../../src/config/load.js'
import { modules } from '../../src/modules/index.js'
import { ResolveError } from '../../src/net/resolver.js'
import { needsEncryption, refusal } from '../../src/server/s2s-policy.js'
import { checkStanza } from '../../src/server/stanza-checks.js'
import { connectPeers, message, type Peer, type PeerOptions, startPeer, until } from '../server/s2s-peer.js'
import { wirePool } from '../server/s2s-wire.js'
import { parse } from '../support/xml-match.js'

const peers: Peer[] = []
async function start(options: PeerOptions): Promise<Peer> {
  const peer = await startPeer(options)
  peers.push(peer)
  return peer
}
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.close()))
})

describe('links to domains that somebody chose', () => {
  test('are bounded in number; a stanza to one more comes back', async () => {
    const wire = wirePool()
    const anywhere = new Proxy({}, { get: () => 'hang' as const })
    Object.setPrototypeOf(wire.dns, anywhere)
    for (let n = 0; n < 10_001; n++) wire.pool.send(message('u@a.example', `x@d${n}.example`, `m${n}`))
    await wire.settle()
    expect(wire.pool.links()).toHaveLength(10_000)
    expect(wire.bounced.map((stanza) => stanza.attrs.id)).toEqual(['m10000'])
    expect(wire.bounced[0]?.toString()).toContain('resource-constraint')
    expect(wire.refused).toEqual(['too-many-links'])
  }, 60_000)

  test('that failed and rest are forgotten', async () => {
    const wire = wirePool()
    for (let n = 0; n < 6000; n++) {
      wire.dns[`d${n}.example`] = new ResolveError('not-found', 'none')
      wire.pool.send(message('u@a.example', `x@d${n}.example`, 'm'))
      if (n % 1000 === 999) {
        await wire.settle()
        wire.clock.advance(110_000)
      }
    }
    expect(wire.pool.links().length).toBeLessThanOrEqual(5000)
  }, 60_000)

  test('questions about dialback keys are bounded too', async () => {
    const wire = wirePool()
    Object.setPrototypeOf(wire.dns, new Proxy({}, { get: () => 'hang' as const }))
    const answers: unknown[] = []
    for (let n = 0; n < 1100; n++)
      void wire.pool
        .verify({ pair: { local: 'a.example', remote: `d${n}.example` }, streamId: 's', key: 'k' })
        .then((answer) => answers.push(answer))
    await wire.settle()
    expect(answers).toHaveLength(100)
    expect(answers[0]).toMatchObject({ is: 'error', error: { condition: 'resource-constraint' } })
  })
})

test('servers that read nothing are cut off before all of them together take too much', async () => {
  const wire = wirePool({ backlog: 100 * 1024 * 1024 })
  for (let n = 0; n < 6; n++) {
    wire.dns[`d${n}.example`] = [`192.0.2.${n}:5269`]
    wire.pool.send(message('u@a.example', `x@d${n}.example`, 'first'))
  }
  await wire.settle()
  wire.connections.forEach((end, n) => {
    end.greets({ id: `s${n}` })
    end.answers(`d${n}.example`, 'a.example')
  })
  await wire.settle()
  for (const end of wire.connections) end.backlog = 50 * 1024 * 1024
  wire.clock.advance(1000)
  wire.pool.send(message('u@a.example', 'x@d0.example', 'more'))
  await wire.settle()
  const open = wire.connections.filter(({ state }) => state === 'open')
  expect(open).toHaveLength(2)
  expect(wire.refused.filter((reason) => reason === 'too-slow')).toHaveLength(4)
})

test('a peer of distributed rooms is never spoken to without TLS: keys and real JIDs go there', () => {
  const live = new LiveConfig(
    parseConfig(
      's2s_require_encryption = false\ns2s_secure_auth = false\n[virtual_host."a.example"]\n[dmuc]\nallow = ["rooms.b.example"]\n',
      '/etc/dmucd/dmucd.toml',
      modules,
    ),
  )
  const { s2sPolicy: policy } = live
  expect(needsEncryption(policy, 'rooms.b.example')).toBe(true)
  expect(needsEncryption(policy, 'c.example')).toBe(false)
  expect(refusal(policy, 'rooms.b.example', undefined)).toEqual({
    reason: 'it does not use TLS',
    change: 'remove "rooms.b.example" from dmuc.allow',
  })
})

test('a server whose stanzas wait for the disk is not read until they are done', async () => {
  const plain = { tls: false, policy: { requireEncryption: false } } as const
  const done: (() => void)[] = []
  let taken = 0
  const a = await start({ domains: ['a.example'], ...plain })
  const b = await start({
    domains: ['b.example'],
    ...plain,
    deps: {
      gateway: {
        hasHost: (domain) => domain === 'b.example',
        receive: () => {
          taken += 1
          return new Promise<void>((resolve) => done.push(resolve))
        },
      },
    },
  })
  connectPeers({ 'a.example': a, 'b.example': b })
  a.pool.send(message('x@a.example', 'y@b.example', 'first'))
  await until(() => taken === 1)
  const total = 40_000
  const text = 'x'.repeat(200)
  // As fast as the pool takes them: it returns what it cannot hold.
  for (let sent = 0; sent < total; sent += 1) {
    a.pool.send(message('x@a.example', 'y@b.example', text))
    if (sent % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => taken >= 1000)
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  const held = taken
  // Those of one more chunk were read already.
  expect(held).toBeLessThan(2000)
  const release = setInterval(() => {
    for (const each of done.splice(0)) each()
  }, 1)
  await until(() => taken > held)
  clearInterval(release)
  for (const each of done.splice(0)) each()
}, 60_000)

test('ids and languages as long as a stanza are refused: they are kept and logged', () => {
  const long = 'x'.repeat(1024)
  for (const text of [`<message id='${long}'/>`, `<presence id='${long}'/>`, `<message xml:lang='${long}'/>`])
    expect(() => checkStanza(parse(text))).toThrow(expect.objectContaining({ condition: 'bad-request' }))
  checkStanza(parse(`<message id='${'x'.repeat(1023)}'/>`))
})
