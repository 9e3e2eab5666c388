/**
 * What a client need not hear of while nobody looks at it (XEP-0352): presence and chat states, of each sender the last. It keeps them
 * until something comes that matters, the client is looked at again, or they are too many; nothing else is ever kept back, and nothing that
 * is kept overtakes or falls behind what matters.
 */
import { type Element, elements } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'

const chatStates = 'http://jabber.org/protocol/chatstates'
/** May stand beside a chat state without making more of it. */
const trifles: ReadonlySet<unknown> = new Set([chatStates, 'urn:xmpp:hints', ns.stanzaId, ns.occupantId])

const longest = 1000
const largest = 256 * 1024

export class QuietQueue {
  readonly #kept = new Map<string, string>()
  #size = 0

  /** Characters that are kept. */
  get size(): number {
    return this.#size
  }

  /** Under which name to keep it; undefined for what matters. */
  static keyOf(stanza: Element): string | undefined {
    const { from, type } = stanza.attrs
    const parts = elements(stanza)
    if (stanza.name === 'presence') {
      const plain = type === undefined || type === 'unavailable'
      const own = parts.some((part) => part.attrs.xmlns === ns.mucUser && isOwn(part))
      return plain && !own ? `presence ${from}` : undefined
    }
    if (stanza.name !== 'message' || type === 'error') return undefined
    const states = parts.some(({ attrs }) => attrs.xmlns === chatStates)
    return states && parts.every(({ attrs }) => trifles.has(attrs.xmlns)) ? `state ${from}` : undefined
  }

  /** The same of a presence that was written already. */
  static keyOfText(name: string, text: string): string | undefined {
    if (name !== 'presence' || /code='110'/.test(text)) return undefined
    const start = text.slice(0, text.indexOf('>'))
    const type = / type='([^']*)'/.exec(start)?.[1]
    const from = / from='([^']*)'/.exec(start)?.[1]
    return from !== undefined && (type === undefined || type === 'unavailable') ? `presence ${from}` : undefined
  }

  /** False where it is full with that: everything is to be taken out. */
  keep(key: string, text: string): boolean {
    this.#size += text.length - (this.#kept.get(key)?.length ?? 0)
    this.#kept.delete(key)
    this.#kept.set(key, text)
    return this.#kept.size <= longest && this.#size <= largest
  }

  /** All of it, in the order in which it came; then it is empty. */
  take(): readonly string[] {
    const texts = [...this.#kept.values()]
    this.#kept.clear()
    this.#size = 0
    return texts
  }
}

/** Status 110: about the client itself. */
const isOwn = (x: Element): boolean => elements(x).some(({ name, attrs }) => name === 'status' && attrs.code === '110')
