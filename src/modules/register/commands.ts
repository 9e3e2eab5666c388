/** The commands by which people invite others (XEP-0401 §§3, 5): to be their contact, or to make an account. */
import type { CommandOutcome, Host, HostCommand } from '../../server/module.js'
import { booleanValue, type Field, value } from '../../xmpp/data-form.js'
import { writeDateTime } from '../../xmpp/date-time.js'
import type { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { accountJid } from './accounts.js'
import type { Invites, MadeInvite } from './invites.js'

const inviteNs = 'urn:xmpp:invite'

export function inviteCommands(host: Host, invites: Invites): readonly HostCommand[] {
  const isAdmin = (from: Jid): boolean => host.admins.has(from.bare().toString())
  const isOurs = (from: Jid): boolean => from.domain === host.domain && from.local !== ''
  return [
    {
      node: `${inviteNs}#invite`,
      name: 'Invite somebody who becomes your contact',
      may: (from) => isOurs(from) && (host.options.allow_user_invites === true || isAdmin(from)),
      run: async (from) => {
        const by = from.bare().toString()
        return outcome(await invites.make({ by, contact: by }))
      },
    },
    {
      node: `${inviteNs}#create-account`,
      name: 'Invite somebody to make an account',
      may: isAdmin,
      form: () => ({
        type: 'form',
        title: 'Invitation to make an account',
        instructions: ['Leave the name empty to let the guest choose it.'],
        fields: [
          { var: 'FORM_TYPE', type: 'hidden', values: [`${inviteNs}#create-account`] },
          { var: 'username', type: 'text-single', label: 'Name of the account', values: [] },
          { var: 'roster-subscription', type: 'boolean', label: 'Becomes your contact', values: ['0'] },
        ],
      }),
      run: async (from, form) => {
        const by = from.bare().toString()
        const wantsContact = booleanValue(form, 'roster-subscription') === true
        if (wantsContact && !isOurs(from))
          throw new StanzaError('not-acceptable', { text: `Only accounts of ${host.domain} become contacts` })
        const name = nameOf(host, value(form, 'username')?.trim())
        return outcome(await invites.make({ by, ...(name && { name }), ...(wantsContact && { contact: by }) }))
      },
    },
  ]
}

function nameOf(host: Host, given: string | undefined): string | undefined {
  if (!given) return undefined
  const jid = accountJid(given, host.domain)
  if (jid === undefined) throw new StanzaError('jid-malformed', { text: `${given.slice(0, 100)} cannot be a name` })
  return jid.local
}

function outcome({ uri, page, invite }: MadeInvite): CommandOutcome {
  const field = (name: string, content: string): Field => ({ var: name, type: 'text-single', values: [content] })
  return {
    form: {
      type: 'result',
      fields: [
        { var: 'FORM_TYPE', type: 'hidden', values: [`${inviteNs}#invitation`] },
        field('uri', uri),
        ...(page === undefined ? [] : [field('landing-url', page)]),
        field('expire', writeDateTime(invite.expiresAt)),
      ],
    },
  }
}
