/** `dmucctl s2s`: the links to other servers. */
import { type AdminCommand, CommandRefused } from '../../command.js'
import { describe, lineOf } from './describe.js'
import { domainArgument, domainOf, serversOf } from './find.js'
import { s2sTest } from './test.js'

export const s2sList: AdminCommand = {
  name: 's2s list',
  summary: 'list the links to other servers, both directions',
  arguments: [],
  examples: ['dmucctl s2s list', 'dmucctl s2s list --json'],
  needs: 'server',
  async run(operator) {
    const links = serversOf(operator).links()
    const text = links.map((link) => lineOf(link, operator.now())).join('\n')
    return { text: text === '' ? 'There are no links to other servers' : text, data: links }
  },
}

export const s2sShow: AdminCommand = {
  name: 's2s show',
  summary: 'show all that is known of the links to one domain',
  arguments: [domainArgument],
  examples: ['dmucctl s2s show b.example'],
  needs: 'server',
  async run(operator, { domain = '' }) {
    const remote = domainOf(domain)
    const links = serversOf(operator)
      .links()
      .filter((link) => link.remote === remote)
    if (links.length === 0)
      throw new CommandRefused(
        `There is no link to ${remote}; dmucctl s2s list shows those there are, dmucctl s2s test ${remote} makes one`,
      )
    return { text: links.map((link) => describe(link, operator.now())).join('\n\n'), data: links }
  },
}

export const s2sClose: AdminCommand = {
  name: 's2s close',
  summary: 'close the streams to and from one domain; they come back when there is something to send',
  arguments: [domainArgument],
  examples: ['dmucctl s2s close b.example'],
  needs: 'server',
  async run(operator, { domain = '' }) {
    const remote = domainOf(domain)
    const closed = serversOf(operator).close(remote)
    const streams = closed === 1 ? 'stream was' : 'streams were'
    return {
      text: closed === 0 ? `There was no stream with ${remote}` : `${closed} ${streams} closed`,
      data: { domain: remote, closed },
    }
  },
}

export const s2sCommands: readonly AdminCommand[] = [s2sList, s2sShow, s2sClose, s2sTest]
