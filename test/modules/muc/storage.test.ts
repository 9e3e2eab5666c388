/** What is on disk of a room and comes back: also what waits for something that has not arrived. */
import { expect, test } from '@jest/globals'
import { loadedReplica, retractionWrites, roomRecord } from '../../../src/modules/muc/storage.js'
import { retractionBy } from '../../../src/room/index.js'
import { openMemoryStore } from '../../../src/store/memory.js'
import { event, message, Shadow } from '../../dmuc/shadow.js'

const here = 'coven@chat.shakespeare.lit'
const retract = (target: string) => `<retract xmlns='urn:xmpp:message-retract:1' id='${target}'/>`

test('a retraction that waits for its message waits on after a restart', async () => {
  const { replica } = new Shadow()
  const store = openMemoryStore()
  const early = event('coven@rooms.marlowe.lit', 1, 1, message(''))
  const said = { ...early, operation: { ...message(''), content: retract('late') } }
  await store.commit([
    { type: 'room.put', room: roomRecord({ ...replica, room: { ...replica.room, jid: here } }, 0) },
    ...retractionWrites(here, said),
  ])
  const loaded = await store.loadRoom(here, 10)
  const { retractions } = loadedReplica(loaded!, 'new').room
  expect([...retractions]).toEqual([['late', retractionBy(said)]])
})
