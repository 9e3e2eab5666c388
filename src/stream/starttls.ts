/** STARTTLS (RFC 6120 §5), the receiving side, for clients and servers alike. */
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { type Fact, type Feature, isPossible } from './feature.js'
import type { Stream } from './stream.js'

export interface StartTlsContext {
  readonly stream: Stream
  readonly facts: ReadonlySet<Fact>
  /** `none` where the transport cannot, or has no certificate for this host. */
  readonly startTls: 'none' | 'optional' | 'required'
  /** `<proceed/>` is queued: put TLS under the stream, then restart it. */
  upgrade(): void
}

export const starttls: Feature<StartTlsContext> = {
  name: 'starttls',
  ns: ns.tls,
  requires: [],
  excludes: ['secure', 'authenticated'],

  offer({ startTls }) {
    if (startTls === 'none') return undefined
    return xml('starttls', { xmlns: ns.tls }, startTls === 'required' ? xml('required') : undefined)
  },

  accept(element: Element, context) {
    const { stream } = context
    if (element.name !== 'starttls' || context.startTls === 'none' || !isPossible(starttls, context.facts)) {
      // RFC 6120 §5.4.2.2: the failure also closes the stream.
      stream.send(xml('failure', { xmlns: ns.tls }))
      stream.close()
      return
    }
    stream.send(xml('proceed', { xmlns: ns.tls }))
    stream.suspend()
    context.upgrade()
  },
}
