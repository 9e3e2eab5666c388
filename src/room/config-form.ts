/** The configuration form as a whole (XEP-0045 §10.1.3, §10.2, §16.5.3). */
import type { Element } from '../xml/element.js'
import { type Field, type Form, formType, readForm, values, writeForm } from '../xmpp/data-form.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { type ConfigField, Wrong } from './config-field.js'
import { configFields } from './config-fields.js'
import type { RoomPolicy } from './contract.js'
import type { Affiliation, RoomConfig, RoomState } from './types.js'

export const adminsField = 'muc#roomconfig_roomadmins'
export const ownersField = 'muc#roomconfig_roomowners'
const protectedField = 'muc#roomconfig_passwordprotectedroom'

/** Fields that the operator fixed are shown to nobody. */
const isOffered = (field: ConfigField, policy: RoomPolicy): boolean =>
  (field.offered === undefined || field.offered(policy)) &&
  !field.keys.some((key) => policy.fixed !== undefined && key in policy.fixed)

const jidsWith = ({ register }: RoomState, affiliation: Affiliation): string[] =>
  [...register].filter(([, entry]) => entry.affiliation === affiliation).map(([jid]) => jid)

/** The form with the room's configuration filled in, for an owner. */
export function configForm(state: RoomState, policy: RoomPolicy): Element {
  const fields: Field[] = [{ var: 'FORM_TYPE', type: 'hidden', values: [ns.mucRoomConfig] }]
  for (const field of configFields) {
    if (!isOffered(field, policy)) continue
    if (field.keys.includes('password'))
      fields.push({
        var: protectedField,
        type: 'boolean',
        label: 'Password Required to Enter?',
        values: [state.config.password === '' ? '0' : '1'],
      })
    fields.push({ var: field.var, ...field.show(state.config, policy) })
  }
  fields.push(
    { var: adminsField, type: 'jid-multi', label: 'Room Admins', values: jidsWith(state, 'admin') },
    { var: ownersField, type: 'jid-multi', label: 'Room Owners', values: jidsWith(state, 'owner') },
  )
  return writeForm({
    type: 'form',
    title: `Configuration for ${state.jid}`,
    instructions: ['Complete this form to change the configuration of the room.'],
    fields,
  })
}

export interface ReadConfig {
  readonly config: RoomConfig
  /** The full lists, where the form has them (§10.5, §10.8). */
  readonly admins: readonly string[] | undefined
  readonly owners: readonly string[] | undefined
}

const notAcceptable = (text: string): StanzaError => new StanzaError('not-acceptable', { text })

/**
 * A submitted form over the present configuration: what it does not mention stays. `bad-request` for what is no such form,
 * `not-acceptable` for values that cannot be (§10.1.3), with a text that names field and remedy.
 */
export function readConfig(element: Element, present: RoomConfig, policy: RoomPolicy): ReadConfig | StanzaError {
  const form = readForm(element)
  if (form === undefined || (formType(form) !== undefined && formType(form) !== ns.mucRoomConfig))
    return new StanzaError('bad-request', { text: `The form is not a ${ns.mucRoomConfig}` })
  let config = present
  for (const field of configFields) {
    const submitted = values(form, field.var)
    if (submitted === undefined) continue
    const read = field.read(submitted, config, policy)
    if (read instanceof Wrong) return notAcceptable(`${field.var} must ${read.why}`)
    if (!isOffered(field, policy) && field.keys.some((key) => differs(read[key], config[key])))
      return notAcceptable(`${field.var} cannot be changed at this service`)
    config = read
  }
  const secured = readPassword(form, present, config)
  if (secured instanceof StanzaError) return secured
  return { config: secured, admins: values(form, adminsField), owners: values(form, ownersField) }
}

const differs = (one: unknown, other: unknown): boolean => JSON.stringify(one) !== JSON.stringify(other)

/** The password and the switch for it: without the switch the password alone decides. */
function readPassword(form: Form, present: RoomConfig, config: RoomConfig): RoomConfig | StanzaError {
  const [wanted] = values(form, protectedField) ?? []
  if (wanted === undefined || wanted === '') return config
  if (wanted === '0' || wanted === 'false') return { ...config, password: '' }
  const password =
    config.password === '' && values(form, 'muc#roomconfig_roomsecret') === undefined
      ? present.password
      : config.password
  return password === ''
    ? notAcceptable('muc#roomconfig_roomsecret must not be empty where a password is required')
    : { ...config, password }
}
