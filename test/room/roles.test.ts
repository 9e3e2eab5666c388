/** The tables of XEP-0045 §5, cell by cell. */
import { describe, expect, test } from '@jest/globals'
import { affiliationFault } from '../../src/room/affiliation.js'
import { affiliations, defaultConfig } from '../../src/room/index.js'
import { defaultRole, roleAfter } from '../../src/room/roles.js'
import { Stage } from './stage.js'

describe('§5.1.2 default roles in moderated, unmoderated and members-only rooms', () => {
  test.each([
    ['moderated', { moderated: true }, ['moderator', 'moderator', 'participant', 'visitor', 'none']],
    ['unmoderated', {}, ['moderator', 'moderator', 'participant', 'participant', 'none']],
    ['members-only', { membersOnly: true }, ['moderator', 'moderator', 'participant', 'participant', 'none']],
  ])('%s', (_name, config, expected) => {
    expect(affiliations.map((affiliation) => defaultRole({ ...defaultConfig, ...config }, affiliation))).toEqual(
      expected,
    )
  })
})

describe('§5.1.3 the role after a change of affiliation', () => {
  const moderated = { ...defaultConfig, moderated: true }
  test.each([
    ['visitor', 'none', 'member', 'participant'],
    ['visitor', 'none', 'admin', 'moderator'],
    ['visitor', 'none', 'owner', 'moderator'],
    ['moderator', 'none', 'member', 'moderator'],
    ['moderator', 'admin', 'member', 'participant'],
    ['moderator', 'admin', 'none', 'visitor'],
    ['moderator', 'owner', 'admin', 'moderator'],
    ['participant', 'member', 'none', 'visitor'],
    ['moderator', 'member', 'none', 'moderator'],
    ['participant', 'none', 'outcast', 'none'],
  ] as const)('%s, %s to %s in a moderated room: %s', (role, before, after, expected) => {
    expect(roleAfter(moderated, role, before, after)).toBe(expected)
  })
})

describe('§5.2.2 changing affiliations: who may', () => {
  // Rows: from, columns: to (owner, admin, member, none, outcast). The least affiliation that may do it.
  const table = {
    outcast: ['owner', 'owner', 'admin', 'admin', 'admin'],
    none: ['owner', 'owner', 'admin', 'admin', 'admin'],
    member: ['owner', 'owner', 'admin', 'admin', 'admin'],
    admin: ['owner', 'owner', 'owner', 'owner', 'owner'],
    owner: ['owner', 'owner', 'owner', 'owner', 'owner'],
  } as const
  const target = 'target@x.y'
  for (const [from, row] of Object.entries(table))
    for (const [column, to] of affiliations.entries())
      for (const actor of ['owner', 'admin', 'member', 'none'] as const)
        test(`${actor} changes ${from} to ${to}`, () => {
          const { state } = new Stage()
          const register = new Map([[target, { affiliation: affiliations.find((name) => name === from) ?? 'none' }]])
          const fault = affiliationFault({ ...state, register }, { affiliation: actor, jid: 'actor@x.y' }, target, to)
          const allowed = actor === 'owner' || (actor === 'admin' && row[column] === 'admin')
          expect(fault === undefined).toBe(allowed)
        })
})
