/** The source and a new shadow that does not take what it is given (XEP-0281 §4.2). */
import { expect, test } from '@jest/globals'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Effect, type Happening, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { SeededRandom } from '../../src/util/random.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'

const shadow = 'coven@rooms.macbeth.lit'

test.each(['config', 'roster'] as const)('a refused %s is followed by a hello, and by a new beginning', (refused) => {
  let replica: Replica = newSource(newRoom('coven@chat.shakespeare.lit', defaultPolicy), new SeededRandom(1))
  let now = 1000
  const happens = (happening: Happening): readonly Effect[] => {
    const done = step(replica, happening, { now, limits: defaultLimits, bounds: defaultPolicy })
    replica = done.replica
    return done.effects
  }
  const asked = (effects: readonly Effect[]): string[] =>
    effects.flatMap((effect) => (effect.type === 'ask' ? [effect.question.type] : []))
  const refusal = new StanzaError('unexpected-request')

  expect(asked(happens({ type: 'replicated', jid: shadow, kind: 'sync' }))).toEqual(['config'])
  happens({ type: 'answer', from: shadow, question: { type: refused }, result: refusal })
  expect(replica.peers.get(shadow)?.link).toBe('down')
  expect(asked(happens({ type: 'tick' }))).toEqual([])
  now += 5000
  expect(asked(happens({ type: 'tick' }))).toEqual(['hello'])
  const answer = { type: 'answer', from: shadow, question: { type: 'hello' } } as const
  const effects = happens({ ...answer, result: new StanzaError('item-not-found') })
  expect(effects).toContainEqual({ type: 'lost', jid: shadow })
  expect(asked(happens({ type: 'replicated', jid: shadow, kind: 'sync' }))).toEqual(['config'])
})
