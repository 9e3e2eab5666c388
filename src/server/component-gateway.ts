/** The server as a component of its own process sees it (XEP-0114): its place among the hosts, and the way in. */
import type { Element } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Counts } from './counts.js'
import type { Handled } from './handled.js'
import type { HostRegistry } from './hosts.js'
import { checkStanza } from './stanza-checks.js'
import type { StanzaRouter } from './stanza-router.js'

/** What a component's connection takes. */
export interface ComponentOutlet {
  send(stanza: Element): void
  /** Another connection of the same component takes its place. */
  replaced(): void
}

/** The name under which the module of a component's domain offers its place. */
export const componentService = 'component'

/** The place of one component among the hosts: who has proved to know `secret` is attached to it. */
export interface ComponentPlace {
  readonly secret: string
  readonly connected: boolean
  /** Stanzas for the domain go to `outlet` from now on. Throws StreamError `conflict` where another one has the place and keeps it. */
  attach(outlet: ComponentOutlet): void
  /** Idempotent. */
  detach(outlet: ComponentOutlet): void
}

export interface ComponentGateway {
  /** Undefined where no component is configured under this (prepared) domain. */
  place(domain: string): ComponentPlace | undefined
  /** A stanza of the component of this domain. Throws StreamError for a `from` that is not its own. */
  receive(stanza: Element, domain: string): Handled
}

export interface ComponentGatewayParts {
  readonly hosts: () => HostRegistry
  readonly router: StanzaRouter
  readonly counts: Counts
}

export class LocalComponentGateway implements ComponentGateway {
  readonly #parts: ComponentGatewayParts

  constructor(parts: ComponentGatewayParts) {
    this.#parts = parts
  }

  place(domain: string): ComponentPlace | undefined {
    const host = this.#parts.hosts().get(domain)
    return host?.definition.type === 'external' ? host.service<ComponentPlace>(componentService) : undefined
  }

  receive(stanza: Element, domain: string): Handled {
    this.#parts.counts.stanza('component', stanza.name)
    if (!stanza.attrs.from) throw new StreamError('improper-addressing', 'a stanza of a component needs a "from"')
    const from = Jid.tryParse(stanza.attrs.from)
    if (from?.domain !== domain) throw new StreamError('invalid-from', `"from" must be an address of ${domain}`)
    stanza.attrs.from = from.toString()
    const { router } = this.#parts
    return router.guard(stanza, () => {
      const given = stanza.attrs.to
      const to = Jid.tryParse(given)
      // The reply has to come from somewhere: an address that is none cannot be its sender.
      if (to === undefined) {
        stanza.attrs.to = [...this.#parts.hosts().domains][0]
        throw new StanzaError('jid-malformed', { text: `${String(given ?? '').slice(0, 100)} is no JID` })
      }
      stanza.attrs.to = to.toString()
      checkStanza(stanza)
      return router.dispatch(stanza, from, to)
    })
  }
}
