/** An invitation to make an account (XEP-0401, XEP-0445). */
import { type InviteService, inviteService } from '../../modules/register/invites.js'
import { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { type AdminCommand, CommandRefused } from '../command.js'

export const invite: AdminCommand = {
  name: 'invite',
  summary: 'make a link with which one person registers one account',
  arguments: [
    { name: 'address', doc: 'the address that the guest gets, or a domain where the guest may choose a name' },
  ],
  examples: ['dmucctl invite example.org', 'dmucctl invite juliet@example.org'],
  needs: 'server',
  async run(operator, { address = '' }) {
    const jid = Jid.tryParse(address)
    const service = jid?.isBare ? operator.service<InviteService>(jid.domain, inviteService) : undefined
    if (jid === undefined || service === undefined) {
      const hosts = operator.hosts.filter(({ type }) => type === 'user').map(({ domain }) => domain)
      throw new CommandRefused(
        `${address} is at no virtual host with the module "register"; there is ${hosts.join(', ')}`,
      )
    }
    try {
      const { uri, page, invite: made } = await service.make({ by: '', ...(jid.local !== '' && { name: jid.local }) })
      const expires = new Date(made.expiresAt).toISOString()
      const link = page ?? `${uri}\n(no page: http_external_url is not set)`
      return { text: `${link}\nGood for one account, until ${expires}`, data: { uri, page, expires } }
    } catch (error) {
      if (error instanceof StanzaError) throw new CommandRefused(error.text ?? error.condition, { cause: error })
      throw error
    }
  },
}
