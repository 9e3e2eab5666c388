/** What two servers that talk write into their logs, at every level: no body, no key of dialback, no secret; one name a connection. */
import { afterAll, expect, test } from '@jest/globals'
import { DialbackKeys } from '../../src/stream/dialback.js'
import { connectPeers, message, type Peer, startPeer, until } from '../server/s2s-peer.js'

const open: Peer[] = []
afterAll(() => Promise.all(open.map((peer) => peer.close())))

test('bodies, dialback keys and the secret stay out; every line of a connection names it', async () => {
  const dialbackSecret = 'dialback-s3cr3t'
  const a = await startPeer({ domains: ['a.example'], options: { dialbackSecret } })
  const b = await startPeer({ domains: ['b.example'], options: { dialbackSecret } })
  open.push(a, b)
  connectPeers({ 'a.example': a, 'b.example': b })
  a.pool.send(message('x@a.example', 'y@b.example', 'a most private body'))
  await until(() => b.received.length === 1, 'the message')
  b.pool.send(message('y@b.example', 'x@a.example', 'a private answer'))
  await until(() => a.received.length === 1, 'the answer')
  a.pool.send(message('x@a.example', 'y@nowhere.example', 'a private body that comes back'))
  await until(() => a.received.length === 2, 'the bounce')
  const ids = [...a.pool.links(), ...b.pool.links()].flatMap(({ streamId }) => streamId ?? [])
  const keys = ids.flatMap((id) => [
    new DialbackKeys(dialbackSecret).key('b.example', 'a.example', id),
    new DialbackKeys(dialbackSecret).key('a.example', 'b.example', id),
  ])
  expect(keys.length).toBeGreaterThanOrEqual(8)
  const lines = [...a.log, ...b.log]
  const text = JSON.stringify(lines)
  for (const secret of ['private', dialbackSecret, ...keys]) expect(text).not.toContain(secret)
  const named = lines.filter(({ fields }) => fields.direction !== undefined)
  expect(named.length).toBeGreaterThanOrEqual(4)
  for (const { fields } of named) expect(fields.connection).toMatch(/^s2s-\d+$/)
})
