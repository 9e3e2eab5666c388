/** kill -9 in the middle of everything that is done with rooms, at length. */
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { killRooms } from '../modules/muc/kill.js'
import { temporaryDirectory } from '../store/sqlite/directory.js'

test(
  'what was answered is there after 50 kills, and every room fits its log',
  async () => {
    const { answered, wrong } = await killRooms(join(temporaryDirectory(), 'dmucd.db'), 50, 281)
    console.log(answered)
    expect(wrong).toEqual([])
  },
  60 * 60_000,
)
