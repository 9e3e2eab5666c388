/** What the simulator has found: each story failed once. */
import { expect, test } from '@jest/globals'
import { play } from './simulate.js'
import { stories } from './stories/index.js'

test.each(stories.map((story) => [story.text, story] as const))('%s', async (_, { seed, scope, schedule }) => {
  expect((await play(seed, scope, schedule)).faults).toEqual([])
})
