/** What the commands for other servers begin with. */
import { Jid } from '../../../xmpp/jid.js'
import { CommandRefused, type Operator } from '../../command.js'

export const domainArgument = { name: 'domain', doc: 'the domain of another server' }

export function serversOf({ servers }: Operator): NonNullable<Operator['servers']> {
  if (servers === undefined) throw new CommandRefused('dmucd is not running')
  return servers
}

/** Prepared. */
export function domainOf(given: string): string {
  const jid = Jid.tryParse(given)
  if (jid === undefined || jid.local !== '' || jid.resource !== '') throw new CommandRefused(`${given} is no domain`)
  return jid.domain
}
