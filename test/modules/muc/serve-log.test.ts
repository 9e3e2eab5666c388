/** The history for a new shadow: what it was told of with the configuration, and a floor that hides nothing later (E9, E10). */
import { expect, test } from '@jest/globals'
import { defaultLimits } from '../../../src/dmuc/replica.js'
import { Vector } from '../../../src/dmuc/vector.js'
import { readVector } from '../../../src/dmuc/wire/hello.js'
import { readHistoryEvent } from '../../../src/dmuc/wire/history.js'
import { serveHistory } from '../../../src/modules/muc/serve-log.js'
import { logRecord, roomRecord } from '../../../src/modules/muc/storage.js'
import { openMemoryStore } from '../../../src/store/memory.js'
import { child, type Element, elements } from '../../../src/xml/element.js'
import { ns } from '../../../src/xmpp/namespaces.js'
import { event, message, register, Shadow } from '../../dmuc/shadow.js'

const here = 'coven@chat.shakespeare.lit'
const there = 'coven@rooms.marlowe.lit'

const known = [
  event(here, 1, 1, register(1, 'member')),
  event(here, 1, 2, message('one')),
  event(here, 1, 3, message('two')),
]
/** Came after the configuration had been sent. */
const later = [event(there, 1, 2, message('three')), event(here, 1, 4, register(2, 'none'))]

async function served(sync: boolean): Promise<Element> {
  const { replica } = new Shadow()
  const room = { ...replica, room: { ...replica.room, jid: here } }
  const store = openMemoryStore()
  const records = [...known, ...later].map((one, index) => logRecord(one, index + 1, true))
  await store.commit([
    { type: 'room.put', room: roomRecord(room, 0) },
    { type: 'room.log', room: here, records },
  ])
  const vector = Vector.empty.withFloor(known[0]!.id, 3)
  const limit = { maxChars: undefined, maxStanzas: 2, since: undefined }
  return serveHistory({ store, limits: defaultLimits }, room, { limit, sync, vector })
}

const bodies = (history: Element): (string | null)[] =>
  elements(history)
    .filter(({ name }) => name === 'message')
    .map((stanza) => stanza.getChildText('body'))

test('a member is given what its configuration presumes; the rest it pulls, each origin from where that ends', async () => {
  const history = await served(true)
  expect(bodies(history)).toEqual(['two'])
  const [first] = elements(history)
  expect(first && readHistoryEvent(first)?.id.seq).toBe(3)
  const floor = child(history, 'floor', ns.dmucSync)
  const below = readVector(floor && child(floor, 'vector', ns.dmucSync))
  expect(below?.get(known[0]!.id).contiguous).toBe(2)
  expect(below?.get(later[0]!.id).contiguous).toBe(0)
})

test('a plain peer, which pulls nothing, is given the newest', async () => {
  expect(bodies(await served(false))).toEqual(['two', 'three'])
})
