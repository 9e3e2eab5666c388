/**
 * The card of a room (XEP-0054, XEP-0486) beside it in the store. Configuration has its digest, so an instance that lacks the card asks
 * the others for it, and keeps what has that digest (docs/dmuc-sync.md §1).
 */
import { others, type Replica } from '../../dmuc/replica.js'
import { readCard } from '../../room/index.js'
import type { Router } from '../../server/router.js'
import type { Store, Write } from '../../store/store.js'
import type { Clock } from '../../util/clock.js'
import type { Logger } from '../../util/logger.js'
import { type Element, elements, xml } from '../../xml/element.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { readStored } from '../stored-xml.js'

const kind = 'vcard'
/** After nobody had it, before they are asked again. */
const patienceMs = 60_000

interface Parts {
  readonly jid: string
  readonly store: Store
  readonly router: Router
  readonly clock: Clock
  readonly log: Logger
  readonly maxCardLength: number
}

export const cardWrite = (room: string, digest: string, text: string | undefined): Write => ({
  type: 'data.put',
  owner: room,
  kind,
  key: digest,
  value: text,
})

/** The digest that another instance asks for; undefined: something else is asked. */
export function askedCard(iq: Element): string | undefined {
  const asked = iq.attrs.type === 'get' ? payload(iq) : undefined
  return asked?.name === 'card' && asked.getNS() === ns.dmucSync ? (asked.attrs.digest ?? '') : undefined
}

export class Cards {
  readonly #parts: Parts
  /** An owner's here, until the source has decided on it. */
  #offered: { readonly digest: string; readonly text: string } | undefined
  #asking: { readonly digest: string; readonly found: Promise<string | undefined> } | undefined
  #missing: { readonly digest: string; readonly until: number } | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  offer(card: { readonly digest: string; readonly text: string }): void {
    this.#offered = card
  }

  /** The rows that go with a change of the digest. */
  writes(before: string | undefined, after: string | undefined): Write[] {
    const { jid } = this.#parts
    const offered = this.#offered
    if (before === after) return []
    const gone = before === undefined ? [] : [cardWrite(jid, before, undefined)]
    return after !== undefined && offered?.digest === after ? [...gone, cardWrite(jid, after, offered.text)] : gone
  }

  /** The card that the room has; `item-not-found` where it cannot be had at the moment. */
  async card(replica: Replica): Promise<Element> {
    const digest = replica.room.config.avatar?.card
    if (digest === undefined) return xml('vCard', { xmlns: 'vcard-temp' })
    const text = (await this.#held(digest)) ?? (await this.#fetched(replica, digest))
    if (text === undefined) throw new StanzaError('recipient-unavailable', { text: 'The card is not here yet' })
    return readStored(text)
  }

  /** For another instance: the card with this digest. */
  async give(digest: string): Promise<Element> {
    const text = await this.#held(digest)
    if (text === undefined) throw new StanzaError('item-not-found')
    return xml('card', { xmlns: ns.dmucSync, digest }, readStored(text))
  }

  async #held(digest: string): Promise<string | undefined> {
    if (this.#offered?.digest === digest) return this.#offered.text
    return this.#parts.store.data(this.#parts.jid, kind, digest)
  }

  /** Asks the other instances one after the other, the source first; one question at a time, however many want it. */
  #fetched(replica: Replica, digest: string): Promise<string | undefined> {
    const { clock } = this.#parts
    if (this.#asking?.digest === digest) return this.#asking.found
    if (this.#missing?.digest === digest && clock.monotonic() < this.#missing.until) return Promise.resolve(undefined)
    const { source } = replica.identity
    const asked = others(replica)
      .filter(({ kind }) => kind === 'sync')
      .map(({ jid }) => jid)
      .sort((a, b) => Number(b === source) - Number(a === source))
    const found = this.#ask(asked, digest).finally(() => {
      if (this.#asking?.found === found) this.#asking = undefined
    })
    this.#asking = { digest, found }
    return found
  }

  async #ask(instances: readonly string[], digest: string): Promise<string | undefined> {
    const { jid, router, store, clock, log, maxCardLength } = this.#parts
    for (const instance of instances) {
      const question = xml('card', { xmlns: ns.dmucSync, digest })
      const answer = await router
        .request(xml('iq', { type: 'get', from: jid, to: instance }, question))
        .catch((error: unknown) => log.debug({ room: jid, peer: instance, err: error }, 'It has not got the card'))
      const card = answer && payload(answer)
      const [vcard] = card === undefined ? [] : elements(card)
      const read = vcard && readCard(vcard, maxCardLength)
      if (read === undefined || read instanceof StanzaError || read.digest !== digest) continue
      await store.commit([cardWrite(jid, digest, read.text)])
      return read.text
    }
    this.#missing = { digest, until: clock.monotonic() + patienceMs }
    return undefined
  }
}
