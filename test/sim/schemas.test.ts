/** What servers say to each other through cuts, crashes and clashes is as docs/schemas declare it. */
import { expect, test } from '@jest/globals'
import { Traffic } from '../support/schemas.js'
import { drawScope, play, scheduleOf } from './simulate.js'

test('ten schedules with three servers', async () => {
  const traffic = new Traffic()
  for (let seed = 1; seed <= 10; seed++) {
    const scope = drawScope(seed, 3)
    await play(seed, scope, scheduleOf(seed, scope), {
      tamper: (stanza) => {
        traffic.add(stanza)
        return 'deliver'
      },
    })
  }
  expect(traffic.size).toBeGreaterThan(1000)
  traffic.check()
})
