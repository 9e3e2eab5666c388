/** A link with which a browser on this machine logs in without a password. */
import { Jid } from '../../xmpp/jid.js'
import { type AdminCommand, CommandRefused } from '../command.js'

export const loginLink: AdminCommand = {
  name: 'login-link',
  summary: 'make a link that logs a browser on this machine in, once',
  arguments: [{ name: 'jid', doc: 'an account of [first_start] in the configuration' }],
  examples: ['dmucctl login-link admin@localhost'],
  needs: 'server',
  async run(operator, { jid: given = '' }) {
    const jid = Jid.tryParse(given)?.toString() ?? given
    const made = await operator.loginLink(jid)
    if (made === undefined)
      throw new CommandRefused(
        `There are no login links for ${jid}: it is not in [first_start] accounts, or login_links is false`,
      )
    const { link, newPassword } = made
    if (newPassword === undefined) return { text: link, data: { jid, link } }
    const told = `(${jid} has a new password, ${newPassword}; the one before is good no more)`
    return { text: `${link}\n${told}`, data: { jid, link, newPassword } }
  },
}
