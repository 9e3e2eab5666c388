/** `dmucctl s2s` on two servers of ours that talk over loopback. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Operator } from '../../src/admin/command.js'
import { s2sClose, s2sList, s2sShow } from '../../src/admin/commands/s2s/index.js'
import { s2sTest } from '../../src/admin/commands/s2s/test.js'
import { serverLinks } from '../../src/server/s2s-operations.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { connectPeers, message, type Peer, startPeer, until } from '../server/s2s-peer.js'
import { fakeOperator } from './operator.js'

let a: Peer
let b: Peer
let operator: Operator

beforeAll(async () => {
  a = await startPeer({ domains: ['a.example'] })
  b = await startPeer({ domains: ['b.example'] })
  connectPeers({ 'a.example': a, 'b.example': b })
  const links = serverLinks({
    pool: a.pool,
    clock: { now: () => Date.now(), monotonic: () => performance.now(), after: () => ({ cancel() {} }) },
    random: { token: () => 'id1' } as never,
    router: {
      request: async (iq: ReturnType<typeof xml>) => {
        const before = a.received.length
        const pings = b.received.length
        a.pool.send(iq)
        const arrived = (): boolean => a.received.length > before || b.received.length > pings
        await until(arrived, 'the ping')
        if (a.received.length > before)
          throw new StanzaError('remote-server-not-found', {
            text: a.received.at(-1)!.getChild('error')!.getChildText('text')!,
          })
        return xml('iq', { type: 'result' })
      },
    } as never,
  })
  operator = fakeOperator({ hosts: [{ domain: 'a.example', type: 'user' }], servers: links, now: () => Date.now() })
})
afterAll(() => Promise.all([a.close(), b.close()]))

describe('s2s', () => {
  test('list and show before there is anything', async () => {
    expect((await s2sList.run(operator, {})).text).toBe('There are no links to other servers')
    await expect(s2sShow.run(operator, { domain: 'b.example' })).rejects.toThrow('dmucctl s2s test b.example makes one')
    await expect(s2sShow.run(operator, { domain: 'x@b.example' })).rejects.toThrow('is no domain')
  })

  test('test: a domain that answers, and one that cannot be found', async () => {
    const { text, data } = await s2sTest.run(operator, { domain: 'B.example' })
    expect(text).toMatch(/^b\.example answered in \d+ ms\n {2}addresses {5}127\.0\.0\.1:\d+\n/)
    expect(data).toMatchObject({ domain: 'b.example', reached: true })
    const failed = await s2sTest.run(operator, { domain: 'nowhere.example' })
    expect(failed.text).toMatch(/^nowhere\.example cannot be reached\n {2}addresses {5}none: DNS knows no server for/)
    expect(failed.failed).toBe(true)
    expect(failed.text).toContain('  because       DNS knows no server for nowhere.example')
    await expect(s2sTest.run(operator, { domain: 'a.example' })).rejects.toThrow('a.example is served here')
  })

  test('list and show: state, how each side proved itself, TLS, certificate, traffic, error, next attempt', async () => {
    const { text } = await s2sList.run(operator, {})
    expect(text).toMatch(/^a\.example -> b\.example {2}up for \d+ s, dialback, TLSv1\.3, 1 stanzas$/m)
    expect(text).toMatch(
      /^a\.example -> nowhere\.example {2}waiting for .*last error: DNS knows no server.*, tried again in \d+ s$/m,
    )
    const shown = (await s2sShow.run(operator, { domain: 'b.example' })).text
    for (const line of [
      /^ {2}direction {5}out \(we connected\)$/m,
      /^ {2}we by {9}dialback$/m,
      /^ {2}TLS {11}TLSv1\.3, TLS_\w+$/m,
      /^ {2}certificate {3}not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\), expires on \d{4}-\d\d-\d\d \(in 90 d\)$/m,
      /^ {2}key {11}pin:[0-9a-f]{64}$/m,
      /^ {2}queue {9}0 stanzas$/m,
      /^ {2}traffic {7}1 stanzas, \d+ bytes$/m,
    ])
      expect(shown).toMatch(line)
  })

  test('show: what to change, where we refused', async () => {
    const strict = await startPeer({ domains: ['c.example'], policy: { requireEncryption: true, secureAuth: true } })
    try {
      connectPeers({ 'c.example': strict, 'b.example': b })
      strict.pool.send(message('x@c.example', 'y@b.example', 'm'))
      await until(() => strict.received.length === 1, 'the bounce')
      const links = { ...operator.servers!, links: () => strict.pool.links() }
      const { text } = await s2sShow.run({ ...operator, servers: links }, { domain: 'b.example' })
      expect(text).toMatch(/^ {2}direction {5}out \(we connect\)$/m)
      expect(text).toMatch(/^ {2}last error .*DEPTH_ZERO_SELF_SIGNED_CERT; valid to .*\): it is self-signed$/m)
      expect(text).toMatch(
        /^ {2}to allow it {3}set s2s_secure_auth = false or add "b\.example" to s2s_insecure_domains$/m,
      )
      // That is for our operator, not for our users.
      expect(strict.texts().join()).not.toContain('s2s_secure_auth')
    } finally {
      await strict.close()
    }
  })

  test('close: both directions; nothing that is sent at that moment is lost', async () => {
    b.pool.send(message('y@b.example', 'x@a.example', 'back'))
    await until(() => a.received.some(({ attrs }) => attrs.id === 'back'), 'the answer')
    const before = b.received.length
    a.pool.send(message('x@a.example', 'y@b.example', 'before'))
    expect(await s2sClose.run(operator, { domain: 'b.example' })).toMatchObject({ text: '2 streams were closed' })
    a.pool.send(message('x@a.example', 'y@b.example', 'after'))
    await until(() => b.received.length === before + 2, 'both')
    expect(b.received.slice(before).map(({ attrs }) => attrs.id)).toEqual(['before', 'after'])
    expect((await s2sClose.run(operator, { domain: 'c.example' })).text).toBe('There was no stream with c.example')
  })
})
