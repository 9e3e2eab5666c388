/** What the operator lets this service do with other services' rooms, and with its own (XEP-0281 §1.2; dmuc.md §4). */
import { type DmucLimits, defaultLimits } from '../../dmuc/replica.js'
import { ownUsers } from '../../dmuc/vouching.js'
import { defaultLinkTimes, type LinkTimes } from './links.js'
import type { DmucValues } from './options.js'

export interface DmucPolicy {
  /** Room services that we exchange rooms with; empty: nothing is distributed. */
  readonly allow: ReadonlySet<string>
  readonly replicate: 'immediate' | 'on-join' | 'manual'
  readonly onJoinThreshold: number
  readonly distributedByDefault: boolean
  /** By domain of the user: the service to whose shadow it is sent. */
  readonly redirect: ReadonlyMap<string, string>
  /** Domains for whose users a service may vouch; undefined: its own. */
  users(service: string): readonly string[] | undefined
  /** By service: `certificate`, `dialback` or `pin:HEX`. */
  readonly auth: ReadonlyMap<string, string>
  readonly maxShadows: number
  /** Stanzas a second of one peer; 0: no limit. */
  readonly peerRate: number
  readonly limits: DmucLimits
  readonly links: LinkTimes
}

export const dmucPolicy = (values: DmucValues | undefined): DmucPolicy => ({
  allow: new Set(values?.allow ?? []),
  replicate: values?.replicate ?? 'immediate',
  onJoinThreshold: values?.on_join_threshold ?? 1,
  distributedByDefault: values?.distributed_by_default ?? false,
  redirect: new Map(Object.entries(values?.redirect ?? {})),
  users: usersOf(values),
  auth: new Map(Object.entries(values?.auth ?? {})),
  maxShadows: values?.max_shadows ?? 1000,
  peerRate: values?.peer_rate ?? 2000,
  limits: {
    ...defaultLimits,
    ...(values?.max_instances === undefined ? {} : { maxInstances: values.max_instances }),
    ...(values?.max_history === undefined ? {} : { historyStanzas: values.max_history }),
    ...(values?.max_late === undefined ? {} : { maxLate: values.max_late }),
    ...(values?.max_pending === undefined ? {} : { maxWithheld: values.max_pending }),
    ...(values?.max_occupants === undefined ? {} : { maxOccupants: values.max_occupants }),
    ...(values?.max_waiting === undefined ? {} : { maxHeld: values.max_waiting }),
    ...(values?.max_revisions === undefined ? {} : { maxRevisions: values.max_revisions }),
    ...(values?.grace === undefined ? {} : { graceMs: values.grace * 1000 }),
    ...(values?.behind_split === undefined ? {} : { behindSplit: values.behind_split }),
  },
  links: {
    ...defaultLinkTimes,
    ...(values?.ping_after === undefined ? {} : { silenceMs: values.ping_after * 1000 }),
    ...(values?.ping_timeout === undefined ? {} : { answerMs: values.ping_timeout * 1000 }),
  },
})

/** Whoever is sent to a peer is one of its users. */
function usersOf(values: DmucValues | undefined): DmucPolicy['users'] {
  const sent = Object.entries(values?.redirect ?? {})
  return (service) => {
    const named = values?.users?.[service]?.split(/\s+/).filter((domain) => domain !== '')
    const theirs = sent.flatMap(([domain, peer]) => (peer === service ? [domain] : []))
    const both = [...new Set([...(named ?? []), ...theirs])]
    if (named !== undefined) return both
    return theirs.length === 0 ? undefined : [...new Set([...ownUsers(service), ...theirs])]
  }
}
