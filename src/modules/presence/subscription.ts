/**
 * Subscription states (RFC 6121 appendix A): nine states, and for each kind of presence stanza a table that says what
 * becomes of the state and whether the stanza goes on. Nothing else decides on subscriptions.
 */
import type { RosterItem } from '../../store/store.js'

export type SubscriptionType = 'subscribe' | 'subscribed' | 'unsubscribe' | 'unsubscribed'

export const subscriptionTypes: ReadonlySet<string> = new Set<SubscriptionType>([
  'subscribe',
  'subscribed',
  'unsubscribe',
  'unsubscribed',
])

/** `out`: the user asked and waits (`ask`); `in`: the contact asked and waits (`pendingIn`). */
export type State = 'none' | 'none out' | 'none in' | 'none out in' | 'to' | 'to in' | 'from' | 'from out' | 'both'

export interface Step {
  /** Outbound: the stanza is routed to the contact. Inbound: it is delivered to the user. */
  readonly passes: boolean
  readonly next: State
}

type Table = Readonly<Record<State, Step>>

const go = (next: State): Step => ({ passes: true, next })
const stop = (next: State): Step => ({ passes: false, next })

/** Appendix A.2: what the user sends. */
export const outbound: Readonly<Record<SubscriptionType, Table>> = {
  subscribe: {
    none: go('none out'),
    'none out': go('none out'),
    'none in': go('none out in'),
    'none out in': go('none out in'),
    to: go('to'),
    'to in': go('to in'),
    from: go('from out'),
    'from out': go('from out'),
    both: go('both'),
  },
  unsubscribe: {
    none: go('none'),
    'none out': go('none'),
    'none in': go('none in'),
    'none out in': go('none in'),
    to: go('none'),
    'to in': go('none in'),
    from: go('from'),
    'from out': go('from'),
    both: go('from'),
  },
  subscribed: {
    none: stop('none'),
    'none out': stop('none out'),
    'none in': go('from'),
    'none out in': go('from out'),
    to: stop('to'),
    'to in': go('both'),
    from: stop('from'),
    'from out': stop('from out'),
    both: stop('both'),
  },
  unsubscribed: {
    none: stop('none'),
    'none out': stop('none out'),
    'none in': go('none'),
    'none out in': go('none out'),
    to: stop('to'),
    'to in': go('to'),
    from: go('none'),
    'from out': go('none out'),
    both: go('to'),
  },
}

/** Appendix A.3: what a contact sends. */
export const inbound: Readonly<Record<SubscriptionType, Table>> = {
  subscribe: {
    none: go('none in'),
    'none out': go('none out in'),
    'none in': stop('none in'),
    'none out in': stop('none out in'),
    to: go('to in'),
    'to in': stop('to in'),
    from: stop('from'),
    'from out': stop('from out'),
    both: stop('both'),
  },
  unsubscribe: {
    none: stop('none'),
    'none out': stop('none out'),
    'none in': go('none'),
    'none out in': go('none out'),
    to: stop('to'),
    'to in': go('to'),
    from: go('none'),
    'from out': go('none out'),
    both: go('to'),
  },
  subscribed: {
    none: stop('none'),
    'none out': go('to'),
    'none in': stop('none in'),
    'none out in': go('to in'),
    to: stop('to'),
    'to in': stop('to in'),
    from: stop('from'),
    'from out': go('both'),
    both: stop('both'),
  },
  unsubscribed: {
    none: stop('none'),
    'none out': go('none'),
    'none in': stop('none in'),
    'none out in': go('none in'),
    to: go('none'),
    'to in': go('none in'),
    from: stop('from'),
    'from out': go('from'),
    both: go('from'),
  },
}

export function stateOf({ subscription, ask, pendingIn }: RosterItem): State {
  const waits = pendingIn !== undefined
  switch (subscription) {
    case 'none':
      return ask ? (waits ? 'none out in' : 'none out') : waits ? 'none in' : 'none'
    case 'to':
      return waits ? 'to in' : 'to'
    case 'from':
      return ask ? 'from out' : 'from'
    case 'both':
      return 'both'
  }
}

/** The item in another state; `request` is the contact's stanza where that state has one pending. */
export function inState(item: RosterItem, state: State, request: string | undefined): RosterItem {
  const [subscription, ...pending] = state.split(' ') as [RosterItem['subscription'], ...string[]]
  return {
    ...item,
    subscription,
    ask: pending.includes('out'),
    pendingIn: pending.includes('in') ? (item.pendingIn ?? request) : undefined,
  }
}

/** The contact gets the user's presence. */
export const isSubscriber = (item: RosterItem | undefined): boolean =>
  item?.subscription === 'from' || item?.subscription === 'both'

/** The user gets the contact's presence. */
export const isSubscribedTo = (item: RosterItem): boolean => item.subscription === 'to' || item.subscription === 'both'
