/** The server as another server's stream sees it: addresses are prepared, then the stanza goes the way of all. */
import type { Logger } from '../util/logger.js'
import type { Element } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Counts } from './counts.js'
import type { ServerGateway } from './gateway.js'
import type { Handled } from './handled.js'
import type { HostRegistry } from './hosts.js'
import { checkStanza } from './stanza-checks.js'
import type { StanzaRouter } from './stanza-router.js'

export interface ServerGatewayParts {
  readonly hosts: () => HostRegistry
  readonly router: StanzaRouter
  readonly log: Logger
  readonly counts: Counts
}

export class LocalServerGateway implements ServerGateway {
  readonly #parts: ServerGatewayParts

  constructor(parts: ServerGatewayParts) {
    this.#parts = parts
  }

  hasHost(domain: string): boolean {
    return this.#parts.hosts().get(domain) !== undefined
  }

  receive(stanza: Element): Handled {
    this.#parts.counts.stanza('s2s', stanza.name)
    const { router, log } = this.#parts
    const hosts = this.#parts.hosts()
    const from = Jid.tryParse(stanza.attrs.from)
    if (from === undefined || hosts.get(from.domain) !== undefined) {
      log.warn(
        { from: stanza.attrs.from, to: stanza.attrs.to },
        'A peer sent a stanza with a "from" that cannot be; dropped',
      )
      return undefined
    }
    stanza.attrs.from = from.toString()
    return router.guard(stanza, () => {
      const to = Jid.tryParse(stanza.attrs.to)
      if (to === undefined) throw this.#malformed(stanza)
      stanza.attrs.to = to.toString()
      const host = hosts.get(to.domain)
      if (host === undefined) throw new StanzaError('item-not-found', { text: `${to.domain} is not served here` })
      checkStanza(stanza)
      return router.dispatch(stanza, from, to)
    })
  }

  /** The reply comes from the host that was meant: an address that is none cannot be its sender. */
  #malformed(stanza: Element): StanzaError {
    const address = String(stanza.attrs.to ?? '')
    const domain = /^(?:[^@/]*@)?([^@/]*)/.exec(address)?.[1]?.toLowerCase() ?? ''
    stanza.attrs.to = this.hasHost(domain) ? domain : [...this.#parts.hosts().domains][0]
    return new StanzaError('jid-malformed', { text: `${address.slice(0, 100)} is no JID` })
  }
}
