/** The configuration between instances (XEP-0281 §4.2, E5): the form of the room, submitted. */
import { Wrong } from '../../room/config-field.js'
import { configFields } from '../../room/config-fields.js'
import { defaultPolicy } from '../../room/defaults.js'
import type { RoomConfig } from '../../room/types.js'
import type { Element } from '../../xml/element.js'
import { readForm, values, writeForm } from '../../xmpp/data-form.js'
import { ns } from '../../xmpp/namespaces.js'

/** Every field travels, whatever the services let their owners change. */
const policy = { ...defaultPolicy, maxHistoryLength: 1_000_000, distribution: { peers: [] } }

export const writeConfig = (config: RoomConfig): Element =>
  writeForm({
    type: 'submit',
    fields: [
      { var: 'FORM_TYPE', type: 'hidden', values: [ns.mucRoomConfig] },
      ...configFields.map((field) => ({ var: field.var, values: field.show(config, policy).values })),
    ],
  })

/**
 * A form of type form, submit or result (checklist 17) over `base`; a field that cannot be read keeps what `base` has.
 * Undefined for what is no form.
 */
export function readConfig(element: Element | undefined, base: RoomConfig): RoomConfig | undefined {
  const form = element && readForm(element)
  if (form === undefined || form.type === 'cancel') return undefined
  let config = base
  for (const field of configFields) {
    const given = values(form, field.var)
    if (given === undefined) continue
    const read = field.read(given, config, policy)
    if (!(read instanceof Wrong)) config = read
  }
  return config
}
