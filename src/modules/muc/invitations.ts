/** Mediated invitations that come back (XEP-0045 §7.8.2): who invited is told that there is nobody of that address. */
import type { CommandOf } from '../../room/index.js'
import { bareOf } from '../../room/jids.js'
import { type Element, xml } from '../../xml/element.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

/** Remembered of one room; of more, the oldest are forgotten. */
const most = 200

export class Invitations {
  /** Full JIDs of inviters by whom they invited, with which id. */
  readonly #sent = new Map<string, string>()

  sent({ invitations, id, from }: CommandOf<'invite'>): void {
    for (const { to } of invitations) this.#sent.set(keyOf(to, id), from)
    for (const oldest of this.#sent.keys()) {
      if (this.#sent.size <= most) return
      this.#sent.delete(oldest)
    }
  }

  /** What the inviter is told where the stanza is an invitation that came back, once; undefined: it is something else. */
  returned({ name, attrs }: Element): Element | undefined {
    const { type, from, to, id } = attrs
    if (name !== 'message' || type !== 'error' || from === undefined || String(to).includes('/')) return undefined
    const inviter = this.#sent.get(keyOf(from, id))
    if (inviter === undefined) return undefined
    this.#sent.delete(keyOf(from, id))
    const error = new StanzaError('item-not-found', { text: `The invitation did not reach ${bareOf(from)}` })
    return xml('message', { type: 'error', from: to, to: inviter, id }, error.toElement())
  }
}

/** No JID contains a newline: the key is unambiguous. */
const keyOf = (invitee: string, id: string | undefined): string => `${bareOf(invitee)}\n${id ?? ''}`
