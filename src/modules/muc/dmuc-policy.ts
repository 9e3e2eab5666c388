/** What the operator lets this service do with other services' rooms, and with its own (XEP-0281 §1.2; dmuc.md §4). */
import { type DmucLimits, defaultLimits } from '../../dmuc/replica.js'
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
  readonly maxShadows: number
  readonly limits: DmucLimits
  readonly links: LinkTimes
}

export const dmucPolicy = (values: DmucValues | undefined): DmucPolicy => ({
  allow: new Set(values?.allow ?? []),
  replicate: values?.replicate ?? 'immediate',
  onJoinThreshold: values?.on_join_threshold ?? 1,
  distributedByDefault: values?.distributed_by_default ?? false,
  redirect: new Map(Object.entries(values?.redirect ?? {})),
  maxShadows: values?.max_shadows ?? 1000,
  limits: {
    ...defaultLimits,
    ...(values?.max_instances === undefined ? {} : { maxInstances: values.max_instances }),
    ...(values?.max_history === undefined ? {} : { historyStanzas: values.max_history }),
    ...(values?.max_pending === undefined ? {} : { maxWithheld: values.max_pending }),
    ...(values?.max_revisions === undefined ? {} : { maxRevisions: values.max_revisions }),
    ...(values?.grace === undefined ? {} : { graceMs: values.grace * 1000 }),
  },
  links: {
    ...defaultLinkTimes,
    ...(values?.ping_after === undefined ? {} : { silenceMs: values.ping_after * 1000 }),
    ...(values?.ping_timeout === undefined ? {} : { answerMs: values.ping_timeout * 1000 }),
  },
})
