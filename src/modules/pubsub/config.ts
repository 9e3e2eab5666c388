/** The configuration of a node (XEP-0060 §16.4.4): its fields as a table, which forms are written from and read by. */
import type { Field, Form } from '../../xmpp/data-form.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { pubsubNs, refusal } from './errors.js'

export const accessModels = ['open', 'presence', 'roster', 'whitelist', 'authorize'] as const
export type AccessModel = (typeof accessModels)[number]

export interface NodeConfig {
  readonly title: string
  readonly description: string
  /** The namespace of what is published; '' for any. */
  readonly type: string
  readonly accessModel: AccessModel
  /** Of the owner's roster, for the access model `roster`. */
  readonly rosterGroups: readonly string[]
  readonly publishModel: 'publishers' | 'subscribers' | 'open'
  readonly persistItems: boolean
  /** As many as the service allows: `max`. */
  readonly maxItems: number | 'max'
  readonly nodeFull: 'retract-oldest' | 'discard-oldest' | 'reject'
  readonly sendLast: 'never' | 'on_sub' | 'on_sub_and_presence'
  readonly deliverNotifications: boolean
  readonly deliverPayloads: boolean
  readonly notifyConfig: boolean
  readonly notifyDelete: boolean
  readonly notifyRetract: boolean
  readonly notificationType: 'headline' | 'normal' | 'chat'
}

/** What XEP-0163 asks for (§5): one item, for those who may see the presence, also when they come. */
export const defaultConfig: NodeConfig = {
  title: '',
  description: '',
  type: '',
  accessModel: 'presence',
  rosterGroups: [],
  publishModel: 'publishers',
  persistItems: true,
  maxItems: 1,
  nodeFull: 'retract-oldest',
  sendLast: 'on_sub_and_presence',
  deliverNotifications: true,
  deliverPayloads: true,
  notifyConfig: false,
  notifyDelete: true,
  notifyRetract: true,
  notificationType: 'headline',
}

/** Characters of a title, a description or a group; groups of one node. */
const longestText = 1023
const mostGroups = 100

type Kind =
  | { readonly kind: 'text' | 'boolean' | 'number' | 'texts' }
  | { readonly kind: 'choice'; readonly of: readonly string[] }

interface ConfigField {
  readonly key: keyof NodeConfig
  readonly label: string
  readonly as: Kind
}

const choice = (...of: readonly string[]): Kind => ({ kind: 'choice', of })

const fields: Readonly<Record<string, ConfigField>> = {
  title: { key: 'title', label: 'A short name of the node', as: { kind: 'text' } },
  description: { key: 'description', label: 'What the node is for', as: { kind: 'text' } },
  type: { key: 'type', label: 'The namespace of what is published', as: { kind: 'text' } },
  access_model: { key: 'accessModel', label: 'Who may subscribe and retrieve items', as: choice(...accessModels) },
  roster_groups_allowed: {
    key: 'rosterGroups',
    label: 'Roster groups that may subscribe and retrieve items',
    as: { kind: 'texts' },
  },
  publish_model: {
    key: 'publishModel',
    label: 'Who may publish',
    as: choice('publishers', 'subscribers', 'open'),
  },
  persist_items: { key: 'persistItems', label: 'Keep items', as: { kind: 'boolean' } },
  max_items: { key: 'maxItems', label: 'The most items that are kept', as: { kind: 'number' } },
  publish_node_full: {
    key: 'nodeFull',
    label: 'What happens when an item comes to a full node',
    as: choice('retract-oldest', 'discard-oldest', 'reject'),
  },
  send_last_published_item: {
    key: 'sendLast',
    label: 'When the last item is sent',
    as: choice('never', 'on_sub', 'on_sub_and_presence'),
  },
  deliver_notifications: { key: 'deliverNotifications', label: 'Send notifications', as: { kind: 'boolean' } },
  deliver_payloads: { key: 'deliverPayloads', label: 'Send what was published with them', as: { kind: 'boolean' } },
  notify_config: { key: 'notifyConfig', label: 'Notify of a new configuration', as: { kind: 'boolean' } },
  notify_delete: { key: 'notifyDelete', label: 'Notify when the node is deleted', as: { kind: 'boolean' } },
  notify_retract: { key: 'notifyRetract', label: 'Notify when an item is removed', as: { kind: 'boolean' } },
  notification_type: {
    key: 'notificationType',
    label: 'The type of the messages that notify',
    as: choice('headline', 'normal', 'chat'),
  },
}

const prefix = 'pubsub#'

/** The form of a node's configuration (§8.2.1). */
export function configForm(config: NodeConfig, type: 'form' | 'result' = 'form'): Form {
  const written = Object.entries(fields).map(([name, { key, label, as }]): Field => {
    const value = config[key]
    const values = (Array.isArray(value) ? value : [value]).map((each) =>
      typeof each === 'boolean' ? (each ? '1' : '0') : String(each),
    )
    return {
      var: prefix + name,
      type: formTypeOf(as),
      label,
      values: values.filter((each) => each !== ''),
      ...options(as),
    }
  })
  return { type, fields: [{ var: 'FORM_TYPE', type: 'hidden', values: [`${pubsubNs}#node_config`] }, ...written] }
}

const formTypeOf = ({ kind }: Kind): NonNullable<Field['type']> => {
  if (kind === 'boolean') return 'boolean'
  if (kind === 'choice') return 'list-single'
  return kind === 'texts' ? 'text-multi' : 'text-single'
}

const options = (as: Kind): Pick<Field, 'options'> =>
  as.kind === 'choice' ? { options: as.of.map((value) => ({ value })) } : {}

/**
 * What a form that was filled in sets. Throws StanzaError `not-acceptable` (§8.2.3) for a value that is none of its field's; what
 * is no field of ours is left out, or, where `known` is asked for, refused as a precondition that is not met (§7.1.5).
 */
export function readConfig(form: Form, { known = false } = {}): Partial<NodeConfig> {
  const read: Record<string, unknown> = {}
  for (const { var: name, values } of form.fields) {
    if (name === undefined || name === 'FORM_TYPE') continue
    const field = name.startsWith(prefix) ? own(name.slice(prefix.length)) : undefined
    if (field !== undefined) read[field.key] = readValue(name, field.as, values)
    else if (known)
      throw refusal('conflict', 'precondition-not-met', { text: `There is no ${JSON.stringify(name)} of nodes here` })
  }
  return read
}

const own = (name: string): ConfigField | undefined => (Object.hasOwn(fields, name) ? fields[name] : undefined)

function readValue(name: string, as: Kind, values: readonly string[]): unknown {
  const value = values[0]?.trim() ?? ''
  const wrong = (expected: string): StanzaError =>
    new StanzaError('not-acceptable', { text: `${name} must be ${expected}` })
  switch (as.kind) {
    case 'text':
      if (value.length > longestText) throw wrong(`of at most ${longestText} characters`)
      return value
    case 'texts':
      if (values.length > mostGroups || values.some(({ length }) => length > longestText))
        throw wrong(`at most ${mostGroups} names of at most ${longestText} characters`)
      return [...new Set(values)]
    case 'boolean':
      if (value === '1' || value === 'true') return true
      if (value === '0' || value === 'false') return false
      throw wrong('0 or 1')
    case 'number':
      if (value === 'max') return 'max'
      if (!/^[1-9]\d{0,8}$/.test(value)) throw wrong('a number above 0, or max')
      return Number(value)
    case 'choice':
      if (as.of.includes(value)) return value
      throw wrong(`one of ${as.of.join(', ')}`)
  }
}

/** The most items that a node keeps, where the service allows `most`. */
export const capacity = ({ persistItems, maxItems }: NodeConfig, most: number): number =>
  persistItems ? Math.min(maxItems === 'max' ? most : maxItems, most) : 0

/** Throws StanzaError `conflict` with `precondition-not-met` where the node is configured otherwise (§7.1.5). */
export function checkPreconditions(config: NodeConfig, wanted: Partial<NodeConfig>, most: number): void {
  const normal = (of: NodeConfig): NodeConfig => ({ ...of, maxItems: capacity({ ...of, persistItems: true }, most) })
  const [is, should] = [normal(config), normal({ ...config, ...wanted })]
  for (const [name, { key }] of Object.entries(fields))
    if (String(is[key]) !== String(should[key]))
      throw refusal('conflict', 'precondition-not-met', { text: `${prefix}${name} of this node is ${is[key]}` })
}
