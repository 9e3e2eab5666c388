/** `dmucctl s2s test`: tries a link out, step by step, and says in words where it fails. */
import { StanzaError } from '../../../xmpp/stanza-error.js'
import { type AdminCommand, CommandRefused, type Operator } from '../../command.js'
import { describe } from './describe.js'
import { domainArgument, domainOf, serversOf } from './find.js'

export const s2sTest: AdminCommand = {
  name: 's2s test',
  summary: 'connect to a domain now, ping it, and say what works and what does not',
  arguments: [domainArgument],
  examples: ['dmucctl s2s test b.example'],
  needs: 'server',
  async run(operator, { domain = '' }) {
    const servers = serversOf(operator)
    const remote = domainOf(domain)
    const local = operator.hosts[0]?.domain ?? ''
    if (operator.hosts.some((host) => host.domain === remote)) throw new CommandRefused(`${remote} is served here`)
    const found = await lookUp(operator, remote)
    const pinged = await ping(operator, local, remote)
    const links = servers.links().filter((link) => link.remote === remote)
    const verdict = pinged.ms === undefined ? `${remote} cannot be reached` : `${remote} answered in ${pinged.ms} ms`
    const text = [
      verdict,
      `  addresses     ${found.text}`,
      ...(pinged.error === undefined ? [] : [`  because       ${pinged.error}`]),
      ...links.map((link) => `\n${describe(link, operator.now())}`),
    ].join('\n')
    return {
      text,
      failed: pinged.ms === undefined,
      data: { domain: remote, reached: pinged.ms !== undefined, ...found, ...pinged, links },
    }
  },
}

interface Found {
  readonly text: string
  readonly addresses: readonly { readonly host: string; readonly address: string; readonly port: number }[]
}

async function lookUp(operator: Operator, remote: string): Promise<Found> {
  try {
    const addresses = await serversOf(operator).addresses(remote)
    const spelt = addresses.map(({ host, address, port, direct }) => {
      const place = `${address.includes(':') ? `[${address}]` : address}:${port}`
      return `${place}${host === address ? '' : ` (${host})`}${direct === true ? ' direct TLS' : ''}`
    })
    return { text: spelt.join(', '), addresses }
  } catch (error) {
    return { text: `none: ${(error as Error).message}`, addresses: [] }
  }
}

async function ping(
  operator: Operator,
  local: string,
  remote: string,
): Promise<{ readonly ms?: number; readonly error?: string }> {
  try {
    return { ms: await serversOf(operator).ping(local, remote) }
  } catch (error) {
    if (error instanceof StanzaError) return { error: error.text ?? error.condition }
    throw error
  }
}
