/** XEP-0157: Contact Addresses for XMPP Services: whom to write to about abuse, in service discovery of each domain. */
import type { Module } from '../server/module.js'
import type { Field } from '../xmpp/data-form.js'

const serverInfo = 'http://jabber.org/network/serverinfo'
/** §5.1, the registered fields. */
const purposes = ['abuse', 'admin', 'feedback', 'sales', 'security', 'status', 'support'] as const

type ContactInfo = Readonly<Partial<Record<(typeof purposes)[number], readonly string[]>>>

export const contactAddresses: Module = {
  name: 'contact_addresses',
  xeps: [{ number: 157, version: '1.1.1', test: 'dialogue/contact-addresses.test.ts' }],
  hosts: ['user', 'muc'],
  options: {
    contact_info: {
      type: 'table',
      default: {},
      doc: `Whom to write to about this server, as in \`{ abuse = ["mailto:abuse@example.org", "xmpp:admin@example.org"] }\`: lists of URIs for ${purposes.map((purpose) => `\`${purpose}\``).join(', ')}. Everybody sees them, on other servers too.`,
      check: wrongContacts,
    },
  },
  setup(host) {
    const contacts = host.options.contact_info as ContactInfo
    const fields = purposes.flatMap((purpose): Field[] => {
      const uris = contacts[purpose] ?? []
      return uris.length === 0 ? [] : [{ var: `${purpose}-addresses`, type: 'list-multi', values: uris }]
    })
    if (fields.length === 0) return []
    const formType: Field = { var: 'FORM_TYPE', type: 'hidden', values: [serverInfo] }
    return [{ kind: 'disco-form', form: { type: 'result', fields: [formType, ...fields] } }]
  },
}

/** Completes "must …". */
export function wrongContacts(given: unknown): string | undefined {
  const known = purposes.join(', ')
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return `be a table of lists of URIs, with the keys ${known}`
  for (const [purpose, uris] of Object.entries(given)) {
    if (!purposes.some((each) => each === purpose)) return `have keys among ${known}; ${purpose} is none`
    if (!Array.isArray(uris)) return `have a list in brackets for ${purpose}`
    const wrong: unknown = uris.find((uri) => typeof uri !== 'string' || !isUri(uri))
    if (wrong !== undefined)
      return `have URIs such as "mailto:a@example.org" for ${purpose}; ${JSON.stringify(wrong)} is none`
  }
  return undefined
}

const isUri = (text: string): boolean => /^[a-z][a-z0-9+.-]*:[!-~]+$/i.test(text) && URL.canParse(text)
