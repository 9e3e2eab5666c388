/** What is shown late, and what goes to the archive alone (dmuc.md §3, Order). */
import { expect, test } from '@jest/globals'
import { defaultLimits } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { Vector } from '../../src/dmuc/vector.js'
import { fitting, writePage } from '../../src/dmuc/wire/pull.js'
import { defaultPolicy } from '../../src/room/index.js'
import { xml } from '../../src/xml/element.js'
import { event, message, Shadow, source } from './shadow.js'

test('of more than the bound the newest are shown; all are logged', () => {
  const shadow = new Shadow()
  const origin = { instance: source, incarnation: `${source}-1` }
  shadow.isGreeted(source, { vector: Vector.empty.withFloor(origin, 5) })
  const question = shadow.asked('pull')[0]!
  const events = [1, 2, 3, 4, 5].map((seq) => event(source, 1, seq, message(`${seq}`)))
  const result = xml('iq', { type: 'result' }, writePage(fitting(events, 100_000), false))
  const { replica, effects } = step(
    shadow.replica,
    { type: 'answer', from: source, question, result },
    { now: shadow.now, limits: { ...defaultLimits, maxLate: 2 }, bounds: defaultPolicy },
  )
  const shown = effects.flatMap((effect) =>
    effect.type === 'change' && 'operation' in effect.change && effect.change.operation.type === 'message'
      ? [effect.change.operation.content]
      : [],
  )
  expect(effects.filter(({ type }) => type === 'log')).toHaveLength(5)
  expect(shown.map((content) => /[0-9]/.exec(content)?.[0])).toEqual(['4', '5'])
  expect(replica.room.history).toHaveLength(5)
})
