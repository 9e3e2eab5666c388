/**
 * The kinds of fields that the configuration form is made of (XEP-0004 §3.3), one value each: how it is shown, how it is read.
 * A reader returns the changed configuration, or says what would be right.
 */
import type { Field } from '../xmpp/data-form.js'
import type { RoomPolicy } from './contract.js'
import type { RoomConfig } from './types.js'

/** Completes "… must …". */
export class Wrong {
  constructor(readonly why: string) {}
}

export interface ConfigField {
  readonly var: string
  /** What it sets, for the operator's fixed options. */
  readonly keys: readonly (keyof RoomConfig)[]
  /** Left out of the form, and refused in a submission, where this says no. */
  readonly offered?: (policy: RoomPolicy) => boolean
  readonly show: (config: RoomConfig, policy: RoomPolicy) => Omit<Field, 'var'>
  readonly read: (values: readonly string[], config: RoomConfig, policy: RoomPolicy) => RoomConfig | Wrong
}

type KeysOf<Value> = { [Key in keyof RoomConfig]-?: RoomConfig[Key] extends Value ? Key : never }[keyof RoomConfig]

const booleans: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false }

/** On or off. */
export const boolean = (name: string, label: string, key: KeysOf<boolean>): ConfigField => ({
  var: name,
  keys: [key],
  show: (config) => ({ type: 'boolean', label, values: [config[key] === true ? '1' : '0'] }),
  read: ([value], config) => {
    if (value === undefined) return config
    const read = booleans[value]
    return read === undefined ? new Wrong('be 0, 1, true or false') : { ...config, [key]: read }
  },
})

/** One line of at most `most` characters. */
export const text = (name: string, label: string, key: KeysOf<string | undefined>, most: number): ConfigField => ({
  var: name,
  keys: [key],
  show: (config) => ({ type: 'text-single', label, values: [String(config[key] ?? '')] }),
  read: ([value = ''], config) =>
    value.length > most ? new Wrong(`have at most ${most} characters`) : { ...config, [key]: value },
})

/** A text that is not there when it is empty: so that the form says the same at every instance. */
export const optionalText = (name: string, label: string, key: 'pubsub', most: number): ConfigField => {
  const field = text(name, label, key, most)
  return {
    ...field,
    read: (values, config, policy) => {
      const read = field.read(values, config, policy)
      if (read instanceof Wrong || read[key] !== '') return read
      const { [key]: _empty, ...rest } = read
      return rest
    },
  }
}

const roleOptions = [
  { label: 'Moderator', value: 'moderator' },
  { label: 'Participant', value: 'participant' },
  { label: 'Visitor', value: 'visitor' },
] as const

export const roles = (name: string, label: string, key: 'presenceBroadcast' | 'getMemberList'): ConfigField => ({
  var: name,
  keys: [key],
  show: (config) => ({ type: 'list-multi', label, values: [...config[key]], options: [...roleOptions] }),
  read: (values, config) => {
    const chosen = roleOptions.map(({ value }) => value).filter((role) => values.includes(role))
    const stray = values.some((value) => !roleOptions.some((option) => option.value === value))
    return stray ? new Wrong('name moderator, participant, visitor') : { ...config, [key]: chosen }
  },
})

/** At most six digits. */
export const number = (value: string): number | undefined => (/^\d{1,6}$/.test(value) ? Number(value) : undefined)

/** A number from 0 to `most`. */
export const integer = (name: string, label: string, key: KeysOf<number>, most: number): ConfigField => ({
  var: name,
  keys: [key],
  show: (config) => ({ type: 'text-single', label, values: [String(config[key])] }),
  read: ([value], config) => {
    if (value === undefined) return config
    const given = number(value)
    return given === undefined || given > most ? new Wrong(`be a number up to ${most}`) : { ...config, [key]: given }
  },
})

/** One of some words. */
export const choice = <Key extends keyof RoomConfig>(
  name: string,
  label: string,
  key: Key,
  options: readonly { readonly label: string; readonly value: RoomConfig[Key] & string }[],
): ConfigField => ({
  var: name,
  keys: [key],
  show: (config) => ({ type: 'list-single', label, values: [String(config[key])], options: [...options] }),
  read: ([value], config) => {
    if (value === undefined) return config
    const option = options.find((known) => known.value === value)
    const words = options.map((known) => known.value)
    return option === undefined
      ? new Wrong(`be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`)
      : { ...config, [key]: option.value }
  },
})
