/** kill -9 in the middle of everything that is done with rooms. test/long/room-kill.test.ts has many more rounds. */
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { temporaryDirectory } from '../../store/sqlite/directory.js'
import { killRooms } from './kill.js'

test('what was answered is there after 3 kills, and every room fits its log', async () => {
  const { answered, wrong } = await killRooms(join(temporaryDirectory(), 'dmucd.db'), 3, 45)
  expect(wrong).toEqual([])
  for (const does of ['create', 'message', 'config', 'affiliation', 'subject', 'retract', 'destroy'])
    expect([does, answered[does]]).toEqual([does, expect.any(Number)])
}, 60_000)
