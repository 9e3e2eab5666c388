/** Ten thousand rooms: the server starts at once, and keeps in memory only those that are used. */
import { expect, test } from '@jest/globals'
import { newSource } from '../../src/dmuc/new-replica.js'
import { modules } from '../../src/modules/index.js'
import { roomRecord } from '../../src/modules/muc/storage.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { Server } from '../../src/server/server.js'
import { openSqliteStore } from '../../src/store/sqlite/store.js'
import type { Store, Write } from '../../src/store/store.js'
import { ManualClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import { Jid } from '../../src/xmpp/jid.js'
import { addAccount, Client, settled } from '../dialogue/stage.js'
import { logRecord } from '../store/records.js'
import { temporaryDirectory } from '../store/sqlite/directory.js'
import { heapHeld } from '../support/collected.js'

const rooms = 10_000
const service = 'rooms.a.example'
const address = (n: number): string => `room${n}@${service}`
const random = new SeededRandom(3)

function roomWrites(n: number): Write[] {
  const jid = address(n)
  const replica = newSource(newRoom(jid, defaultPolicy), random)
  const config = { ...replica.room.config, persistent: n % 10 !== 0, name: `Room ${n}` }
  const room = roomRecord({ ...replica, room: { ...replica.room, locked: false, config } }, 1)
  const owner = { jid: 'alice@a.example', affiliation: 'owner', nick: undefined, reason: undefined }
  const said = { type: 'message', nick: 'n', occupantId: 'o', jid: 'bob@a.example', content: '<body>hello</body>' }
  const records = Array.from({ length: 10 }, (_, m) =>
    logRecord(m + 1, { instance: jid, stanzaId: `${n}-${m}`, body: JSON.stringify(said) }),
  )
  return [
    { type: 'room.put', room },
    { type: 'room.affiliation', room: jid, entry: owner },
    { type: 'room.log', room: jid, records },
  ]
}

async function fill(store: Store): Promise<void> {
  await addAccount(store, 'alice@a.example')
  for (let n = 0; n < rooms; n += 100)
    await store.commit(Array.from({ length: 100 }, (_, k) => roomWrites(n + k)).flat())
}

const hosts = (['user', 'muc'] as const).map((type) => ({
  domain: type === 'user' ? 'a.example' : service,
  type,
  name: type,
  modules: modules.filter((module) => module.hosts.includes(type)),
}))

test('10,000 rooms start in under a second; idle ones leave memory and come back on use', async () => {
  const path = `${temporaryDirectory()}/dmucd.db`
  const open = () => openSqliteStore({ path, durability: 'normal', log: silentLogger })
  const filled = await open()
  await fill(filled)
  await filled.close()

  const clock = new ManualClock()
  const startedAt = performance.now()
  const store = await open()
  const remote = { send: () => {}, sendText: () => {} }
  const server = new Server({ hosts, store, clock, random, log: silentLogger, remote })
  await server.start()
  const startMs = performance.now() - startedAt
  const empty = heapHeld()

  const alice = new Client('alice', server, Jid.parse('alice@a.example/phone'), {})
  const presence = (n: number, type = '', x = "<x xmlns='http://jabber.org/protocol/muc'/>"): Promise<void> =>
    alice.sends(`<presence to='${address(n)}/ann' ${type}>${x}</presence>`)
  const used = Array.from({ length: 2000 }, (_, n) => n * 5 + 1)
  const use = async (): Promise<{ inUse: number; idle: number }> => {
    for (const n of used) await presence(n)
    await alice.clears()
    const inUse = heapHeld() - empty
    for (const n of used) await presence(n, "type='unavailable'", '')
    await alice.clears()
    clock.advance(15 * 60_000)
    await settled()
    return { inUse: inUse / used.length, idle: (heapHeld() - empty) / used.length }
  }
  const first = await use()
  const second = await use()
  await presence(used[7]!)
  const back = (await alice.drain()).map((stanza) => stanza.getChildText('body')).filter((body) => body !== null)

  console.log({ startMs, bytesPerRoom: [first, second] })
  expect(back).toHaveLength(10)
  expect(await store.roomCount(service)).toBe(rooms - rooms / 10)
  expect(startMs).toBeLessThan(1000)
  expect(first.inUse).toBeLessThan(50_000)
  expect(first.idle).toBeLessThan(first.inUse / 5)
  expect(second.idle).toBeLessThan(first.idle + 200)
  await server.close()
  await store.close()
}, 300_000)
