/** Which services rooms are exchanged with: the configuration, and what the operator said since (dmuc.md §4). */
import { expect, test } from '@jest/globals'
import { Peers } from '../../../src/modules/muc/peers.js'
import { openMemoryStore } from '../../../src/store/memory.js'

const peers = async (store = openMemoryStore(), configured = ['rooms.b.example']): Promise<Peers> => {
  const made = new Peers('rooms.a.example', new Set(configured), store)
  await made.start()
  return made
}

test('a service that nobody named is not allowed', async () => {
  const made = await peers()
  expect(made.allows('rooms.b.example')).toBe(true)
  expect(made.allows('rooms.c.example')).toBe(false)
})

test('what the operator says counts before the configuration, and after a restart', async () => {
  const store = openMemoryStore()
  const made = await peers(store)
  await made.say('rooms.b.example', 'deny')
  await made.say('rooms.c.example', 'allow')
  await made.say('rooms.d.example', 'pause')
  for (const each of [made, await peers(store)]) {
    expect(each.allows('rooms.b.example')).toBe(false)
    expect(each.allows('rooms.c.example')).toBe(true)
    expect([each.allows('rooms.d.example'), each.isPaused('rooms.d.example')]).toEqual([true, true])
    expect(each.known).toEqual(['rooms.b.example', 'rooms.c.example', 'rooms.d.example'])
  }
})

test('to allow ends a pause, and leaves nothing behind of a service that the configuration names', async () => {
  const store = openMemoryStore()
  const made = await peers(store)
  await made.say('rooms.b.example', 'pause')
  await made.say('rooms.b.example', 'allow')
  expect(made.isPaused('rooms.b.example')).toBe(false)
  expect((await peers(store, [])).allows('rooms.b.example')).toBe(false)
})
