/** Nicks that the source gives away before they are announced (dmuc.md §3, Nicks). */
import { describe, expect, test } from '@jest/globals'
import { readGrant, writeClaim } from '../../src/dmuc/claims.js'
import { newSource } from '../../src/dmuc/new-replica.js'
import { isKept } from '../../src/dmuc/nicks.js'

import { defaultLimits, type Effect, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { SeededRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'

const shadow = 'coven@b.example'
const start = 1_000_000

function source(): Replica {
  const made = newSource(newRoom('coven@a.example', defaultPolicy), new SeededRandom(1))
  const row = { jid: shadow, kind: 'sync', rank: 1, gone: false } as const
  return { ...made, table: { revision: 1, instances: new Map(made.table.instances).set(shadow, row) } }
}

function claim(
  replica: Replica,
  nick: string,
  jid: string,
  now: number,
): { replica: Replica; answer: string | number } {
  const iq = xml('iq', { type: 'set', id: 'c', from: shadow, to: replica.room.jid }, writeClaim(nick, jid))
  const env = { now, limits: defaultLimits, bounds: defaultPolicy }
  const done = step(replica, { type: 'request', from: shadow, iq }, env)
  const reply = done.effects.find((effect): effect is Extract<Effect, { type: 'reply' }> => effect.type === 'reply')
  const payload = reply?.payload
  const answer = payload instanceof StanzaError ? payload.condition : readGrant(xml('iq', {}, payload))?.grant
  return { replica: done.replica, answer: answer ?? 'nothing' }
}

describe('a granted nick', () => {
  test('is kept from others, at the source and elsewhere, until it lapses', () => {
    const { replica, answer } = claim(source(), 'sam', 'bea@b.example', start)
    expect(answer).toBe(1)
    expect(isKept(replica, 'sam', { jid: 'al@a.example', home: 'coven@a.example' }, start + 1)).toBe(true)
    expect(isKept(replica, 'sam', { jid: 'bea@b.example', home: shadow }, start + 1)).toBe(false)
    expect(claim(replica, 'sam', 'al@b.example', start + 1).answer).toBe('conflict')
    const lapsed = start + defaultLimits.grantMs
    expect(isKept(replica, 'sam', { jid: 'al@a.example', home: 'coven@a.example' }, lapsed)).toBe(false)
    expect(claim(replica, 'sam', 'al@b.example', lapsed).answer).toBe(2)
  })

  test('is one at a time for each bare JID: who asks for another gives the first up', () => {
    const first = claim(source(), 'sam', 'bea@b.example', start).replica
    const { replica, answer } = claim(first, 'sammy', 'bea@b.example', start + 1)
    expect(answer).toBe(2)
    expect(claim(replica, 'sam', 'al@b.example', start + 2).answer).toBe(3)
  })
})
