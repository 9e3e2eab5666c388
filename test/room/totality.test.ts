/** `apply`, `render` and `judge` take whatever other instances send, in any order: they never throw, and the room stays whole. */
import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  affiliations,
  apply,
  type Change,
  defaultConfig,
  defaultPolicy,
  isDurable,
  judge,
  newRoom,
  type Operation,
  type RoomState,
  render,
  roles,
} from '../../src/room/index.js'
import { roleFits } from '../../src/room/roles.js'
import { serialize } from '../../src/xml/writer.js'
import { affiliationOf } from './views.js'

const room = 'coven@a.lit'
const homes = [room, 'coven@b.lit', 'coven@c.lit']
const nick = fc.constantFrom('n1', 'n2', 'n3', '')
const jid = fc.constantFrom('ann@a.lit', 'bob@b.lit', 'cat@c.lit')
const session = jid.chain((jid) =>
  fc.record({
    jid: fc.constantFrom(`${jid}/1`, `${jid}/2`),
    presence: fc.constantFrom(
      '',
      '<show>away</show>',
      '<show>',
      '&',
      `<x xmlns='http://jabber.org/protocol/muc#user'/>`,
    ),
  }),
)
const stamp = fc.record({ ms: fc.nat(), counter: fc.nat() })
const occupant = fc.record({
  nick,
  jid,
  occupantId: fc.string(),
  role: fc.constantFrom(...roles),
  home: fc.constantFrom(...homes),
  sessions: fc.array(session, { maxLength: 2 }),
  since: stamp,
  grant: fc.nat(),
})
const author = { nick, jid, occupantId: fc.string() }
const home = fc.option(fc.constantFrom(...homes), { nil: undefined })
const actor = fc.option(jid, { nil: undefined })
const departure = fc.oneof(
  fc.record({ cause: fc.constantFrom('left', 'shutdown', 'error', 'unreachable') }),
  fc.record({ cause: fc.constantFrom('kicked', 'banned', 'affiliation', 'members-only'), actor }),
)

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ type: fc.constant('message'), ...author, content: fc.oneof(fc.constant('<body>x</body>'), fc.string()) }),
  fc.record({ type: fc.constant('ephemeral'), ...author, content: fc.string() }),
  fc.record({ type: fc.constant('subject'), ...author, text: fc.string() }),
  fc.record({
    type: fc.constant('config'),
    revision: fc.nat(),
    config: fc
      .record({
        membersOnly: fc.boolean(),
        hats: fc.array(fc.record({ uri: fc.string(), title: fc.string(), wearers: fc.array(jid, { maxLength: 2 }) }), {
          maxLength: 2,
        }),
        avatar: fc.record({ card: fc.string(), photos: fc.array(fc.string(), { maxLength: 2 }) }),
        moderated: fc.boolean(),
        whois: fc.constantFrom('anyone', 'moderators'),
        presenceBroadcast: fc.subarray(['moderator', 'participant', 'visitor'] as const),
      })
      .map((part) => ({ ...defaultConfig, ...part })),
  }),
  fc.record({
    type: fc.constant('register'),
    jid: fc.oneof(jid, fc.constant('b.lit')),
    entry: fc.record({ affiliation: fc.constantFrom(...affiliations), nick: fc.option(nick, { nil: undefined }) }),
    actor,
    revision: fc.nat(),
  }),
  fc.record({ type: fc.constant('unknown'), name: fc.string(), body: fc.string() }),
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('join'),
      occupant,
      created: fc.boolean(),
      entry: fc.option(
        session.map(({ jid }) => ({ session: jid })),
        { nil: undefined },
      ),
    }),
  },
  fc.record({ type: fc.constant('presence'), nick, session }),
  fc.record({
    type: fc.constant('nick'),
    nick,
    to: nick,
    grant: fc.nat(),
    session: fc.option(session, { nil: undefined }),
  }),
  fc.record({ type: fc.constant('role'), nick, role: fc.constantFrom(...roles), actor }),
  fc.record({
    type: fc.constant('leave'),
    nick,
    session: fc.option(
      session.map(({ jid }) => jid),
      { nil: undefined },
    ),
    home,
    departure,
  }),
  fc.record({ type: fc.constant('asked'), what: fc.constantFrom('voice', 'registration'), jid, at: fc.nat() }),
  fc.record({ type: fc.constant('unlock') }),
) as fc.Arbitrary<Operation>

function checkWhole(state: RoomState): void {
  for (const [nick, occupant] of state.occupants) {
    const others = occupant.elsewhere ?? []
    const all = [occupant.home, ...others.map((other) => other.home)]
    const holds =
      occupant.nick === nick &&
      occupant.sessions.length > 0 &&
      roleFits(occupant.role, affiliationOf(state, occupant.jid)) &&
      new Set(all).size === all.length &&
      (!all.includes(room) || occupant.home === room)
    if (!holds) expect(occupant).toBe('whole')
  }
}

test('any operations in any order: nothing is thrown, the room stays whole, what is rendered goes to clients here', () => {
  let applied = 0
  let effective = 0
  fc.assert(
    fc.property(fc.array(operation, { minLength: 10, maxLength: 60, size: 'max' }), (operations) => {
      let state = newRoom(room, { ...defaultPolicy, lockNewRooms: false })
      for (const [seq, operation] of operations.entries()) {
        const change: Change = isDurable(operation)
          ? {
              id: { instance: homes[1]!, incarnation: 'x', seq },
              stamp: { ms: seq, counter: 0 },
              epoch: 1,
              revision: 1,
              stanzaId: `s${seq}`,
              operation,
            }
          : operation
        judge(state, operation, homes[1]!, defaultPolicy)
        const after = apply(state, change)
        const here = new Set(
          [state, after].flatMap(({ occupants }) =>
            [...occupants.values()]
              .filter(({ home }) => home === room)
              .flatMap(({ sessions }) => sessions.map(({ jid }) => jid)),
          ),
        )
        for (const { to, stanza } of render(state, change, after)) {
          serialize(stanza)
          if (to.length === 0 || !to.every((jid) => here.has(jid))) expect(to).toBe('here')
        }
        applied++
        if (after !== state) effective++
        checkWhole(after)
        state = after
      }
    }),
    { numRuns: 500, seed: 281 },
  )
  console.info(`totality: ${applied} operations applied, ${effective} of them with effect`)
  expect(applied).toBeGreaterThan(10_000)
  expect(effective).toBeGreaterThan(5000)
})
