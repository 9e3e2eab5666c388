/** The source and a new shadow that does not take what it is given (XEP-0281 §4.2). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { newSource } from '../../src/dmuc/new-replica.js'
import { configPayload } from '../../src/dmuc/relay.js'
import { defaultLimits, type Effect, type Happening, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { writeRoom } from '../../src/dmuc/wire/room.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { SeededRandom } from '../../src/util/random.js'
import { type Element, xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { occupant, Shadow, self, source } from './shadow.js'

const shadow = 'coven@rooms.macbeth.lit'

let replica: Replica
let now: number

beforeEach(() => {
  replica = newSource(newRoom('coven@chat.shakespeare.lit', defaultPolicy), new SeededRandom(1))
  now = 1000
})

const happens = (happening: Happening): readonly Effect[] => {
  const done = step(replica, happening, { now, limits: defaultLimits, bounds: defaultPolicy })
  replica = done.replica
  return done.effects
}
const asked = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) => (effect.type === 'ask' ? [effect.question.type] : []))

test.each(['config', 'roster'] as const)('a refused %s is followed by a hello, and by a new beginning', (refused) => {
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

test('a shadow that has the room is given it again: who may not be in it any more leaves', () => {
  const serving = new Shadow()
  const { room } = serving.replica
  serving.happens({ type: 'local', operations: [{ type: 'join', occupant: occupant(self) }] })
  expect(serving.replica.room.occupants.size).toBe(1)
  const closed: Replica = {
    ...serving.replica,
    room: { ...room, config: { ...room.config, membersOnly: true }, configRevision: room.configRevision + 1 },
  }
  const iq = xml('iq', { type: 'set', id: 'c', from: source, to: self }, configPayload(closed, writeRoom(closed)))
  serving.happens({ type: 'request', from: source, iq })
  expect(serving.replica.room.config.membersOnly).toBe(true)
  expect(serving.replica.room.occupants.size).toBe(0)
})

describe('a shadow that is taken back', () => {
  const leaves = (effects: readonly Effect[]): (string | undefined)[] =>
    effects.flatMap((effect) =>
      effect.type === 'send' && effect.stanza.getChild('leave') !== undefined ? [effect.stanza.attrs.to] : [],
    )
  const pass = (ms: number): (string | undefined)[] => {
    const said: (string | undefined)[] = []
    for (const end = now + ms; now < end; ) {
      now += 1000
      said.push(...leaves(happens({ type: 'tick' })))
    }
    return said
  }

  beforeEach(() => {
    happens({ type: 'replicated', jid: shadow, kind: 'sync' })
    expect(leaves(happens({ type: 'removed', jid: shadow }))).toEqual([shadow])
  })

  test('is told so a few times, ever more rarely: nothing answers that, and it may be lost', () => {
    expect(pass(4000)).toEqual([])
    expect(pass(2000)).toEqual([shadow])
    expect(pass(16_000)).toEqual([shadow])
    expect(pass(600_000)).toEqual([shadow, shadow])
    expect(replica.partings.size).toBe(0)
  })

  test('is told no more once it is given the room again', () => {
    happens({ type: 'replicated', jid: shadow, kind: 'sync' })
    expect(pass(600_000)).toEqual([])
  })
})

describe('a plain shadow, given configuration and roster again after a split,', () => {
  const answers = (type: 'config' | 'roster', result: Element | StanzaError): readonly Effect[] =>
    happens({ type: 'answer', from: shadow, question: { type }, result })
  const taken = xml('iq', { type: 'result' })

  beforeEach(() => {
    happens({ type: 'replicated', jid: shadow, kind: 'plain' })
    answers('config', taken)
    answers('roster', taken)
    happens({ type: 'link', peer: shadow, up: false })
    now += 60_000
    expect(asked(happens({ type: 'link', peer: shadow, up: true }))).toEqual(['config'])
  })

  test('and does not take it, is asked to replicate it once more, and then for all that was said since the loss', () => {
    answers('config', new StanzaError('item-not-found'))
    now += 4999
    expect(happens({ type: 'tick' })).not.toContainEqual({ type: 'lost', jid: shadow })
    now += 1
    expect(happens({ type: 'tick' })).toEqual([{ type: 'lost', jid: shadow }])
    expect(happens({ type: 'tick' })).toEqual([])
    expect(asked(happens({ type: 'replicated', jid: shadow, kind: 'plain' }))).toEqual(['config'])
    expect(replica.peers.get(shadow)?.downSince).toBe(1000)
    answers('config', taken)
    expect(asked(answers('roster', taken))).toEqual(['history'])
  })
})
