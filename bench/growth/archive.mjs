/** Pages of 50 from archives of growing size, as the store reads them for XEP-0313: by time, by id, by user. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '../servers/process.mjs'

const room = 'archive@rooms.localhost'
const authors = 100
const batch = 5000
const queries = 200
const page = 50
const firstAt = Date.UTC(2026, 0, 1)

const record = (number) => ({
  instance: room,
  incarnation: 'bench',
  seq: number + 1,
  stampMs: firstAt + number * 1000,
  stampCounter: 0,
  epoch: 0,
  revision: 1,
  stanzaId: idOf(number),
  type: 'message',
  nick: `n${number % authors}`,
  jid: `u${number % authors}@localhost`,
  body: JSON.stringify({
    type: 'message',
    content: `<body>Message number ${number}, of an ordinary length for a chat.</body>`,
  }),
  void: false,
  archivedAt: firstAt + number * 1000,
})

const idOf = (number) => `id-${number.toString(36).padStart(8, '0')}`

/** @param {number} size messages */
export async function archivePages(size) {
  const { openSqliteStore } = await import('../../dist/store/sqlite/store.js')
  const { silentLogger } = await import('../../dist/util/logger.js')
  const directory = temporaryDirectory()
  const store = await openSqliteStore({
    path: join(directory, 'bench.sqlite'),
    durability: 'normal',
    log: silentLogger,
  })
  try {
    await fill(store, size)
    const types = ['message']
    const at = (query) => Math.floor(((query * 7919) % queries) * (size / queries))
    const timeMs = await median((query) =>
      store.log(room, { types, limit: page, start: firstAt + at(query) * 1000 }).then((rows) => rows.length),
    )
    const idMs = await median(async (query) => {
      const after = await store.logOrder(room, idOf(at(query)))
      return (await store.log(room, { types, limit: page, after })).length
    })
    const userMs = await median((query) =>
      store
        .log(room, { types, limit: page, with: `u${query % authors}@localhost`, start: firstAt + at(query) * 500 })
        .then((rows) => rows.length),
    )
    return { timeMs, idMs, userMs }
  } finally {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function fill(store, size) {
  const created = { jid: room, service: 'rooms.localhost', roomId: 'bench', source: room, epoch: 0, epochRank: 0 }
  const about = { createdAt: firstAt, public: true, persistent: true, name: 'Archive', state: '{}' }
  await store.commit([{ type: 'room.put', room: { ...created, ...about } }])
  for (let from = 0; from < size; from += batch) {
    const records = Array.from({ length: Math.min(batch, size - from) }, (_, index) => record(from + index))
    await store.commit([{ type: 'room.log', room, records }])
  }
}

/** Of the times of `queries` calls, one after the other, in ms; each has to find something. */
async function median(query) {
  const times = []
  let found = 0
  for (let number = 0; number < queries; number++) {
    const before = performance.now()
    found += await query(number)
    times.push(performance.now() - before)
  }
  if (found < queries) throw new Error(`${queries} queries found ${found} messages`)
  return times.sort((a, b) => a - b)[queries >> 1]
}
