// Commits batches of three events, several in flight, and prints the numbers of each batch when it is confirmed.
import { openSqliteStore } from '../../../dist/store/sqlite/store.js'
import { silentLogger } from '../../../dist/util/logger.js'

const [path, durability, incarnation] = process.argv.slice(2)
const room = 'coven@rooms.a.example'
const store = await openSqliteStore({ path, durability, log: silentLogger })
if ((await store.loadRoom(room, 0)) === undefined) {
  const names = { jid: room, service: 'rooms.a.example', roomId: 'c2f1', source: room, name: 'Coven', state: '{}' }
  const numbers = { epoch: 1, epochRank: 0, createdAt: 1, public: true, persistent: true }
  await store.commit([{ type: 'room.put', room: { ...names, ...numbers } }])
}
let { lastArchivedAt } = await store.loadRoom(room, 0)
let seq = 0

const record = () => {
  seq += 1
  lastArchivedAt += 1
  const identity = { instance: room, incarnation, seq, stampMs: seq, stampCounter: 0, epoch: 1, revision: 1 }
  const content = {
    stanzaId: `${incarnation}-${seq}`,
    type: 'message',
    nick: 'n',
    jid: undefined,
    body: 'x'.repeat(200),
  }
  return { ...identity, ...content, void: false, archived: true, archivedAt: lastArchivedAt }
}

const commitAlways = async () => {
  for (;;) {
    const records = [record(), record(), record()]
    await store.commit([{ type: 'room.log', room, records }])
    process.stdout.write(`${records.map((one) => one.seq).join(' ')}\n`)
  }
}
await Promise.all(Array.from({ length: 8 }, commitAlways))
