import { describe, expect, test } from '@jest/globals'
import { CommitQueue } from '../../../src/modules/muc/commit-queue.js'
import { openMemoryStore } from '../../../src/store/memory.js'
import { ManualClock } from '../../../src/util/clock.js'

function queueOf(): { readonly queue: CommitQueue; readonly done: string[]; long(name: string): void } {
  const done: string[] = []
  const bug = (error: unknown): void => {
    throw error
  }
  const queue = new CommitQueue(openMemoryStore(), new ManualClock(), () => false, bug, bug)
  const long = (name: string): void => {
    done.push(`${name}1`)
    for (const part of [2, 3]) queue.follow(() => done.push(`${name}${part}`))
  }
  return { queue, done, long }
}

describe('what takes long in a room goes on in slices', () => {
  test('before anything that came after it, where nothing had waited', async () => {
    const { queue, done, long } = queueOf()
    queue.push(() => long('a'))
    expect(done).toEqual(['a1'])
    expect(queue.idle).toBe(false)
    queue.push(() => done.push('b'))
    await queue.settled()
    expect(done).toEqual(['a1', 'a2', 'a3', 'b'])
    expect(queue.idle).toBe(true)
  })

  test('and behind a batch', async () => {
    const { queue, done, long } = queueOf()
    queue.write({ type: 'room.delete', jid: 'r@muc.example' })
    queue.push(() => long('a'))
    queue.push(() => long('b'))
    queue.push(() => done.push('c'))
    await queue.settled()
    expect(done).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'b3', 'c'])
  })
})
