// Commits until a commit is refused; prints how many were confirmed, the refusal's code, and how many can be read then.
import { openSqliteStore } from '../../../dist/store/sqlite/store.js'
import { silentLogger } from '../../../dist/util/logger.js'

const room = 'coven@rooms.a.example'
const store = await openSqliteStore({ path: process.argv[2], durability: 'full', log: silentLogger })
const names = { jid: room, service: 'rooms.a.example', roomId: 'c2f1', source: room, name: 'Coven', state: '{}' }
const numbers = { epoch: 1, epochRank: 0, createdAt: 1, public: true, persistent: true }
await store.commit([{ type: 'room.put', room: { ...names, ...numbers } }])

let confirmed = 0
let code
while (code === undefined) {
  const seq = confirmed + 1
  const identity = { instance: room, incarnation: 'i1', seq, stampMs: seq, stampCounter: 0, epoch: 1, revision: 1 }
  const content = { stanzaId: `s${seq}`, type: 'message', nick: 'n', jid: undefined, body: 'x'.repeat(40_000) }
  const record = { ...identity, ...content, void: false, archived: true, archivedAt: seq }
  try {
    await store.commit([{ type: 'room.log', room, records: [record] }])
    confirmed = seq
  } catch (error) {
    code = error.code
  }
}
const readable = (await store.log(room, { limit: 10_000 })).length
await store.close()
console.log(JSON.stringify({ confirmed, code, readable }))
