/** RFC 6121 appendix A: each table, written as the appendix has it, against the code; and rules that hold for all. */
import { describe, expect, test } from '@jest/globals'
import {
  inbound,
  inState,
  outbound,
  type State,
  type SubscriptionType,
  stateOf,
} from '../../src/modules/presence/subscription.js'
import { emptyItem } from '../../src/modules/services.js'

/** The states in the order of the appendix, with its names. */
const states: Readonly<Record<string, State>> = {
  None: 'none',
  'None + Pending Out': 'none out',
  'None + Pending In': 'none in',
  'None + Pending Out+In': 'none out in',
  To: 'to',
  'To + Pending In': 'to in',
  From: 'from',
  'From + Pending Out': 'from out',
  Both: 'both',
}

/** `ROUTE or DELIVER?` and `NEW STATE` ("-": no change), a row a state. */
const appendix: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'A.2.1 outbound subscribe': [
    ['MUST', 'None + Pending Out'],
    ['MUST', '-'],
    ['MUST', 'None + Pending Out+In'],
    ['MUST', '-'],
    ['MUST', '-'],
    ['MUST', '-'],
    ['MUST', 'From + Pending Out'],
    ['MUST', '-'],
    ['MUST', '-'],
  ],
  'A.2.2 outbound unsubscribe': [
    ['MUST', '-'],
    ['MUST', 'None'],
    ['MUST', '-'],
    ['MUST', 'None + Pending In'],
    ['MUST', 'None'],
    ['MUST', 'None + Pending In'],
    ['MUST', '-'],
    ['MUST', 'From'],
    ['MUST', 'From'],
  ],
  'A.2.3 outbound subscribed': [
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST', 'From'],
    ['MUST', 'From + Pending Out'],
    ['MUST NOT', '-'],
    ['MUST', 'Both'],
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
  ],
  'A.2.4 outbound unsubscribed': [
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST', 'None'],
    ['MUST', 'None + Pending Out'],
    ['MUST NOT', '-'],
    ['MUST', 'To'],
    ['MUST', 'None'],
    ['MUST', 'None + Pending Out'],
    ['MUST', 'To'],
  ],
  'A.3.1 inbound subscribe': [
    ['MUST', 'None + Pending In'],
    ['MUST', 'None + Pending Out+In'],
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST', 'To + Pending In'],
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
  ],
  'A.3.2 inbound unsubscribe': [
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST', 'None'],
    ['MUST', 'None + Pending Out'],
    ['MUST NOT', '-'],
    ['MUST', 'To'],
    ['MUST', 'None'],
    ['MUST', 'None + Pending Out'],
    ['MUST', 'To'],
  ],
  'A.3.3 inbound subscribed': [
    ['MUST NOT', '-'],
    ['MUST', 'To'],
    ['MUST NOT', '-'],
    ['MUST', 'To + Pending In'],
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST NOT', '-'],
    ['MUST', 'Both'],
    ['MUST NOT', '-'],
  ],
  'A.3.4 inbound unsubscribed': [
    ['MUST NOT', '-'],
    ['MUST', 'None'],
    ['MUST NOT', '-'],
    ['MUST', 'None + Pending In'],
    ['MUST', 'None'],
    ['MUST', 'None + Pending In'],
    ['MUST NOT', '-'],
    ['MUST', 'From'],
    ['MUST', 'From'],
  ],
}

describe.each(Object.entries(appendix))('RFC 6121 %s', (title, rows) => {
  const [, direction, type] = title.split(' ') as [string, string, SubscriptionType]
  const table = (direction === 'outbound' ? outbound : inbound)[type]
  test.each(Object.entries(states).map(([name, state], row) => [name, state, rows[row]] as const))(
    '%s',
    (_name, state, row) => {
      const [passes, next] = row as readonly [string, string]
      expect(table[state]).toEqual({ passes: passes === 'MUST', next: next === '-' ? state : states[next] })
    },
  )
})

describe('states and items', () => {
  test.each(Object.values(states))('an item put into %s is in it', (state) => {
    expect(stateOf(inState(emptyItem('bob@a.example'), state, '<presence/>'))).toBe(state)
  })

  test('a pending request keeps its stanza until it is answered', () => {
    const asked = inState(emptyItem('bob@a.example'), 'none in', 'the request')
    expect(inState(asked, 'none out in', undefined).pendingIn).toBe('the request')
    expect(inState(asked, 'from', undefined).pendingIn).toBeUndefined()
  })
})
