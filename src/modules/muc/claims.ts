/** Nicks asked for at the source (dmuc.md §3, Nicks). Until the answer is here, the asker's further stanzas wait. */
import { readGrant, writeClaim } from '../../dmuc/claims.js'
import type { Context } from '../../room/index.js'
import type { Router } from '../../server/router.js'
import { type Element, xml } from '../../xml/element.js'

/** What is known of a grant: nothing, where nobody answered. */
export type Word = Pick<Context, 'grant' | 'grantProof'>

const patienceMs = 2000
const maxHeld = 100

export class Claims {
  readonly #waiting = new Map<string, Element[]>()

  get idle(): boolean {
    return this.#waiting.size === 0
  }

  /** Keeps the stanza if its sender waits for an answer; what is too much is dropped. */
  hold(sender: string, stanza: Element): boolean {
    const held = this.#waiting.get(sender)
    if (held === undefined) return false
    if (held.length < maxHeld) held.push(stanza)
    return true
  }

  /** From now on the sender waits; the function returned ends that and gives what was held. */
  start(sender: string): () => readonly Element[] {
    const held: Element[] = []
    this.#waiting.set(sender, held)
    return () => {
      this.#waiting.delete(sender)
      return held
    }
  }

  /** The source's word. Rejects with `conflict` when the nick is another's; with something else when nobody answers. */
  async ask(router: Router, room: string, source: string, nick: string, bareJid: string): Promise<Word> {
    const iq = xml('iq', { type: 'set', from: room, to: source }, writeClaim(nick, bareJid))
    return readGrant(await router.request(iq, patienceMs)) ?? {}
  }
}
