/** From what the operator wrote to a room of this server, and from a refusal of the room to a sentence. */

import type { Distribution } from '../../../modules/muc/distribution.js'
import { type MucService, mucService } from '../../../modules/muc/index.js'
import type { Operations } from '../../../modules/muc/operations.js'
import { Jid } from '../../../xmpp/jid.js'
import { StanzaError } from '../../../xmpp/stanza-error.js'
import { CommandRefused, type Operator } from '../../command.js'

export const roomArgument = {
  name: 'room',
  doc: 'the address of a room, or its name where there is one service',
} as const

const servicesOf = (operator: Operator): string[] =>
  operator.hosts.filter(({ type }) => type === 'muc').map(({ domain }) => domain)

/** The services of rooms, or the one that was named. */
export function services(operator: Operator, given?: string): readonly Operations[] {
  const named = given === undefined ? undefined : (Jid.tryParse(given)?.toString() ?? given)
  const domains = servicesOf(operator)
  if (named !== undefined && !domains.includes(named)) throw new CommandRefused(noService(named, domains))
  return (named === undefined ? domains : [named]).map((domain) => operationsOf(operator, domain))
}

/** The prepared address of a room, and what can be done at its service. */
export function roomAt(operator: Operator, given: string): { readonly jid: string; readonly rooms: Operations } {
  const domains = servicesOf(operator)
  const jid = Jid.tryParse(given.includes('@') || domains.length !== 1 ? given : `${given}@${domains[0]}`)
  if (jid === undefined || jid.local === '' || !jid.isBare)
    throw new CommandRefused(`${JSON.stringify(given)} is not the address of a room; it looks like room@${domains[0]}`)
  if (!domains.includes(jid.domain)) throw new CommandRefused(noService(jid.domain, domains))
  return { jid: jid.toString(), rooms: operationsOf(operator, jid.domain) }
}

const noService = (named: string, domains: readonly string[]): string =>
  `There is no service of rooms ${named} in the configuration; there is ${domains.join(', ') || 'none'}`

/** What the services of this server say of their peers: of all, or of the only one. */
export function distributions(operator: Operator): readonly { domain: string; distribution: Distribution }[] {
  return servicesOf(operator).map((domain) => ({ domain, distribution: serviceAt(operator, domain).distribution }))
}

const operationsOf = (operator: Operator, domain: string): Operations => serviceAt(operator, domain).operations

function serviceAt(operator: Operator, domain: string): MucService {
  const service = operator.service<MucService>(domain, mucService)
  if (service === undefined)
    throw new CommandRefused(`The service ${domain} does not run; dmucctl status says what does`)
  return service
}

/** A bare JID as the operator wrote it. */
export function userJid(given: string): string {
  const jid = Jid.tryParse(given)
  if (jid === undefined) throw new CommandRefused(`${JSON.stringify(given)} is not an address`)
  return jid.bare().toString()
}

/** What the room answers; its refusals become the operator's. */
export async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof StanzaError) throw new CommandRefused(error.text ?? error.condition, { cause: error })
    throw error
  }
}
