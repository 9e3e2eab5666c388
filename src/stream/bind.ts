/** Resource binding (RFC 6120 §7), and the session that came after it in the days of RFC 3921. */
import { child, type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { errorReply, result, toStanzaError } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Fact, Feature } from './feature.js'
import type { Stream } from './stream.js'

export interface BindContext {
  readonly stream: Stream
  readonly facts: ReadonlySet<Fact>
  /** Binds the resource that was asked for, or one of the server's choice, and returns the full JID. Throws StanzaError. */
  bind(resource: string | undefined): string
  /** The result was written: stanzas may follow. */
  bound(): void
  /** The error was written. Throws StreamError when there were too many. */
  notBound(): void
  /** Hears of what is our own fault. */
  failed(error: unknown): void
}

export const bind: Feature<BindContext> = {
  name: 'bind',
  ns: ns.bind,
  requires: ['authenticated'],
  excludes: ['bound'],

  offer: () => xml('bind', { xmlns: ns.bind }),

  accept(iq: Element, context) {
    const request = child(iq, 'bind', ns.bind)
    try {
      if (request === undefined || iq.attrs.id === undefined) throw new StanzaError('bad-request')
      // RFC 6120 §7.6.2.2: one resource a stream.
      if (context.facts.has('bound')) throw new StanzaError('not-allowed')
      const jid = context.bind(request.getChildText('resource') || undefined)
      context.stream.send(result(iq, xml('bind', { xmlns: ns.bind }, xml('jid', {}, jid))))
    } catch (thrown) {
      if (!(thrown instanceof StanzaError)) context.failed(thrown)
      const reply = errorReply(iq, toStanzaError(thrown))
      if (reply !== undefined) context.stream.send(reply)
      return context.notBound()
    }
    context.bound()
  },
}

/** COMPAT clients of RFC 3921 §3 ask for a session; it means nothing any more, and is marked so for those that look. */
export const session: Feature<Pick<BindContext, 'stream'>> = {
  name: 'session',
  ns: ns.session,
  requires: ['authenticated'],
  excludes: ['bound'],

  offer: () => xml('session', { xmlns: ns.session }, xml('optional')),

  accept(iq: Element, { stream }) {
    stream.send(result(iq))
  },
}
