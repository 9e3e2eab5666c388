/** A store thread that dies: every promise is settled, the thread is started again, and in the end given up. */
import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { StoreThread } from '../../../src/store/sqlite/store-thread.js'
import type { Logger } from '../../../src/util/logger.js'
import { silentLogger } from '../../../src/util/logger.js'

const threads: StoreThread<[string]>[] = []
afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.close()
})

async function open(path = '', log: Logger = silentLogger, gathers = false): Promise<StoreThread<[string]>> {
  const file = new URL('./stand-in-thread.mjs', import.meta.url)
  const data = { path, durability: 'full' } as const
  const thread = await StoreThread.open<[string]>({ name: 'writer', file, data, gathers, log })
  threads.push(thread)
  return thread
}

const outcomes = async (promises: readonly Promise<unknown>[]): Promise<unknown[]> =>
  (await Promise.allSettled(promises)).map((one) => (one.status === 'fulfilled' ? one.value : one.reason.code))

describe('a store thread', () => {
  test('gets what was asked in one turn as one message, and a failure rejects its own request', async () => {
    const thread = await open()
    const asked = ['a', 'refuse', 'c'].map((request) => thread.request([request]))
    expect(thread.pending).toBe(3)
    expect(await outcomes(asked)).toEqual([3, 'full', 3])
    expect(thread.pending).toBe(0)
  })

  test('that gathers gets what was asked while it worked as one message, and the rest before it closes', async () => {
    const thread = await open('', silentLogger, true)
    const goOn = join(tmpdir(), `dmucd-store-thread-${randomUUID()}`)
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const asked: Promise<unknown>[] = []
    for (const request of [`until ${goOn}`, 'b', 'c']) {
      asked.push(thread.request([request]))
      await turn()
      await turn()
    }
    const closed = thread.close()
    writeFileSync(goOn, '')
    expect(await outcomes(asked)).toEqual([1, 2, 2])
    await closed
    rmSync(goOn)
  })

  test('that gathers and is closed while an answer is on its way is told to close once', async () => {
    const errors: string[] = []
    const log = { ...silentLogger, error: (_: object, message: string) => errors.push(message) }
    const thread = await open('', log, true)
    const asked = thread.request(['a'])
    await new Promise((resolve) => setImmediate(resolve))
    // The answer comes meanwhile, and is taken in the next turn.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    const closed = thread.close()
    expect(await asked).toBe(1)
    await closed
    expect(errors).toEqual([])
  })

  test.each(['throw', 'exit'])('that dies (%s) rejects what it was asked, and answers again', async (how) => {
    const errors: string[] = []
    const log = { ...silentLogger, error: (_: object, message: string) => errors.push(message) }
    const thread = await open('', log)
    expect(await outcomes([thread.request(['a']), thread.request([how])])).toEqual(['io', 'io'])
    expect(errors).toEqual(['a store thread died and is started again'])
    expect(await outcomes([thread.request(['b'])])).toEqual([1])
  })

  test('says why it died', async () => {
    const thread = await open()
    await expect(thread.request(['throw'])).rejects.toThrow(/writer thread .* died \(struck by lightning\)/)
  })

  test('that dies three times without an answer in between is given up, in words, and closes all the same', async () => {
    const thread = await open()
    expect(await outcomes([thread.request(['throw'])])).toEqual(['io'])
    expect(await outcomes([thread.request(['a'])])).toEqual([1])
    for (const _ of [1, 2, 3]) expect(await outcomes([thread.request(['throw'])])).toEqual(['io'])
    await expect(thread.request(['a'])).rejects.toMatchObject({ code: 'io' })
    await thread.close()
  })

  test('asked something that is no plain data refuses that alone', async () => {
    const thread = await open()
    const wrong = (() => {}) as unknown as string
    expect(await outcomes([thread.request(['a']), thread.request([wrong]), thread.request(['b'])])).toEqual([
      expect.any(Number),
      'constraint',
      expect.any(Number),
    ])
  })

  test('that dies while it is closing settles everything', async () => {
    const thread = await open()
    const asked = [thread.request(['throw']), thread.request(['a'])]
    const closed = thread.close()
    expect(await outcomes(asked)).toEqual(['io', 'io'])
    await closed
    await expect(thread.request(['a'])).rejects.toMatchObject({ code: 'closed' })
  })

  test.each([
    ['unopenable', 'damaged'],
    ['dead', 'stillborn'],
  ])('that cannot open (%s) rejects the opening', async (path, message) => {
    await expect(open(path)).rejects.toThrow(message)
  })
})
