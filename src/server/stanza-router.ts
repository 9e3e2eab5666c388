/**
 * The router: local clients, hosts and components of this process, or the way to other domains (RFC 6120 §10). Delivery is
 * synchronous; and this is the one boundary where what handlers throw becomes an error reply.
 */
import type { Logger } from '../util/logger.js'
import type { Random } from '../util/random.js'
import { Element, elements } from '../xml/element.js'
import { Rendered } from '../xml/writer.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { errorReply, toStanzaError } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Counts } from './counts.js'
import type { Handled } from './handled.js'
import type { HostRegistry } from './hosts.js'
import type { Answered, Requests } from './requests.js'
import type { Remote, Router } from './router.js'
import type { SessionRegistry } from './session-registry.js'

export interface StanzaRouterParts {
  readonly hosts: () => HostRegistry
  readonly sessions: SessionRegistry
  readonly requests: Requests
  readonly remote: () => Remote
  readonly crowded: () => boolean
  readonly random: Random
  readonly log: Logger
  readonly counts: Counts
}

const requestTimeoutMs = 30_000

export class StanzaRouter implements Router {
  readonly #parts: StanzaRouterParts
  readonly #toSender = (error: Element): Handled => this.route(error)

  constructor(parts: StanzaRouterParts) {
    this.#parts = parts
  }

  get crowded(): boolean {
    return this.#parts.crowded()
  }

  route(stanza: Element): Handled {
    if (stanza.attrs.type === 'error') this.#parts.counts.refused('stanza', conditionOf(stanza))
    const from = Jid.tryParse(stanza.attrs.from)
    const to = Jid.tryParse(stanza.attrs.to)
    if (from === undefined || to === undefined) {
      this.#parts.log.error(describe(stanza), 'A stanza of our own has no valid addresses; dropped')
      return undefined
    }
    return this.dispatch(stanza, from, to)
  }

  /** `route` with the addresses parsed already. */
  dispatch(stanza: Element, from: Jid, to: Jid): Handled {
    return this.guard(stanza, () => this.#deliver(stanza, from, to))
  }

  /**
   * Runs `deal` with the stanza; what it throws or rejects becomes the error reply, which goes to the stanza's sender by the router
   * unless `reply` knows a shorter way. Never throws or rejects.
   */
  guard(stanza: Element, deal: () => Handled, reply: (error: Element) => Handled = this.#toSender): Handled {
    try {
      return deal()?.catch((thrown: unknown) => this.#refuse(stanza, thrown, reply))
    } catch (thrown) {
      return this.#refuse(stanza, thrown, reply)
    }
  }

  broadcast(stanza: Element, recipients: readonly string[]): void {
    const { sessions } = this.#parts
    const hosts = this.#parts.hosts()
    const rendered = Rendered.of(stanza)
    const from = Jid.tryParse(stanza.attrs.from)
    for (const recipient of recipients) {
      const session = sessions.get(recipient)
      const host = session && hosts.get(session.jid.domain)
      if (session !== undefined && from !== undefined && host?.isOpen(session.jid.bare().toString(), from)) {
        session.outbox.sendRendered(rendered, recipient)
        continue
      }
      const to = Jid.tryParse(recipient)
      if (to === undefined) this.#parts.log.error({ to: recipient }, 'A recipient of a broadcast is no JID; left out')
      else if (hosts.get(to.domain) === undefined) this.#sendRemoteText(stanza, rendered, recipient)
      else void this.route(addressed(stanza, recipient))
    }
  }

  ask(iq: Element, answered: Answered, timeoutMs = requestTimeoutMs): void {
    const asked = iq.attrs.id === undefined ? addressed(iq, iq.attrs.to, this.#parts.random.token()) : iq
    let asking = true
    this.#parts.requests.expect(asked, timeoutMs, (answer) => {
      if (asking) queueMicrotask(() => answered(answer))
      else answered(answer)
    })
    void this.route(asked)
    asking = false
  }

  request(iq: Element, timeoutMs?: number): Promise<Element> {
    return new Promise((resolve, reject) => {
      this.ask(iq, (answer) => (answer instanceof StanzaError ? reject(answer) : resolve(answer)), timeoutMs)
    })
  }

  #deliver(stanza: Element, from: Jid, to: Jid): Handled {
    const host = this.#parts.hosts().get(to.domain)
    if (host === undefined) return this.#parts.remote().send(stanza)
    const { type } = stanza.attrs
    if (stanza.name === 'iq' && (type === 'result' || type === 'error') && this.#parts.requests.settle(stanza)) return
    return host.receive(stanza, from, to)
  }

  #sendRemoteText(stanza: Element, rendered: Rendered, to: string): void {
    try {
      this.#parts.remote().sendText(stanza.attrs.from, to, rendered.to(to), stanza)
    } catch (thrown) {
      void this.#refuse(addressed(stanza, to), thrown, this.#toSender)
    }
  }

  #refuse(stanza: Element, thrown: unknown, reply: (error: Element) => Handled): Handled {
    if (thrown instanceof StreamError) {
      this.#parts.sessions.get(stanza.attrs.from)?.outbox.close('policy-violation', thrown.message)
      return undefined
    }
    if (!(thrown instanceof StanzaError))
      this.#parts.log.error({ ...describe(stanza), err: thrown }, 'A stanza could not be dealt with')
    const refusal = toStanzaError(thrown)
    const error = errorReply(stanza, refusal)
    // What is routed is counted there, with all that modules and rooms refuse.
    if (error === undefined || reply !== this.#toSender) this.#parts.counts.refused('stanza', refusal.condition)
    return error && reply(error)
  }
}

function conditionOf(stanza: Element): string {
  const error = elements(stanza).find(({ name }) => name === 'error')
  const known = error && elements(error).find(({ attrs }) => attrs.xmlns === ns.stanzaErrors)
  return known?.name ?? 'undefined-condition'
}

/** What the log says of a stanza: its envelope, never its content. */
const describe = ({ name, attrs }: Element): Record<string, unknown> => ({
  stanza: name,
  type: attrs.type,
  id: attrs.id,
  from: attrs.from,
  to: attrs.to,
})

/** The stanza for one recipient; shares the children, which nobody changes. */
export function addressed(stanza: Element, to: string, id?: string): Element {
  const root = new Element(stanza.name, { ...stanza.attrs, to })
  if (id !== undefined) root.attrs.id = id
  root.children = stanza.children
  return root
}
