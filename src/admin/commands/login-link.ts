/** A link with which a browser on this machine logs in without a password. */
import { type AdminCommand, CommandRefused } from '../command.js'

export const loginLink: AdminCommand = {
  name: 'login-link',
  summary: 'make a link that logs a browser on this machine in, once',
  arguments: [{ name: 'jid', doc: 'an account of [first_start] in the configuration' }],
  examples: ['dmucctl login-link admin@localhost'],
  needs: 'server',
  async run(operator, { jid = '' }) {
    const link = await operator.loginLink(jid)
    if (link === undefined)
      throw new CommandRefused(
        `There are no login links for ${jid}: it is not in [first_start] accounts, or login_links is false`,
      )
    return { text: link, data: { jid, link } }
  },
}
