/** The configuration of rooms in the operator's words: options named as the fields of the form are, without their prefixes. */
import type { ConfigField } from './config-field.js'
import { Wrong } from './config-field.js'
import { configFields } from './config-fields.js'
import { defaultConfig, defaultPolicy } from './defaults.js'
import type { RoomConfig } from './types.js'

/** `whois` for `muc#roomconfig_whois`. */
const optionName = (field: ConfigField): string => field.var.replace(/^(?:\{.*\})?(?:muc#)?(?:roomconfig_)?/, '')

/** What belongs to `[dmuc]` is not set here. */
const options: ReadonlyMap<string, ConfigField> = new Map(
  configFields.filter(({ offered }) => offered === undefined).map((field) => [optionName(field), field]),
)

export const configOptionNames: readonly string[] = [...options.keys()]

const policy = { ...defaultPolicy, maxHistoryLength: 1_000_000 }

/**
 * A table as of a configuration file: booleans, numbers, texts and lists of texts. What it sets, or a sentence that completes
 * "must …" and names the option.
 */
export function readConfigOptions(table: Readonly<Record<string, unknown>>): Partial<RoomConfig> | string {
  let config = defaultConfig
  const keys: (keyof RoomConfig)[] = []
  for (const [name, given] of Object.entries(table)) {
    const field = options.get(name)
    if (field === undefined) return `not have ${name}; there are ${configOptionNames.join(', ')}`
    const values = textsOf(given)
    const read = values === undefined ? new Wrong('be a text, a number, true or false, or a list') : undefined
    const changed = read ?? field.read(values ?? [], config, policy)
    if (changed instanceof Wrong) return `let ${name} ${changed.why}`
    config = changed
    keys.push(...field.keys)
  }
  return Object.fromEntries(keys.map((key) => [key, config[key]]))
}

function textsOf(given: unknown): readonly string[] | undefined {
  if (['string', 'number', 'boolean'].includes(typeof given)) return [String(given)]
  return Array.isArray(given) && given.every((each): each is string => typeof each === 'string') ? given : undefined
}
