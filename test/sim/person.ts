/**
 * Somebody with a client: what was sent, and what came of it. All that is expected of the rooms is drawn from what senders saw
 * reflected here, all that is observed from what the others saw.
 */
import { child, type Element, elements } from '../../src/xml/element.js'
import { Jid } from '../../src/xmpp/jid.js'
import { ns } from '../../src/xmpp/namespaces.js'

/** An occupant as the others see it. */
export interface Seen {
  readonly occupantId: string
  readonly role: string
  readonly affiliation: string
  readonly status: string
}

export interface Heard {
  readonly body: string
  readonly stanzaId: string
  readonly late: boolean
  /** The place of this among all that anybody saw. */
  readonly order: number
}

/** From entering to leaving. */
export interface Stay {
  readonly site: number
  /** When it began. */
  readonly from: number
  readonly heard: Heard[]
}

export interface Ledger {
  /** Counts everything that anybody sees. */
  order: number
  acknowledged(person: Person, heard: Heard): void
  refused(person: Person, condition: string): void
  renamed(person: Person): void
  /** What this client was shown cannot be. */
  puzzled(person: Person, kind: 'out of order' | 'diverged', text: string): void
}

export class Person {
  readonly jid: string
  readonly bare: string
  readonly site: number
  readonly stays: Stay[] = []
  readonly answers: { readonly id: string; readonly ok: boolean }[] = []
  /** Pings to oneself (XEP-0410) without an answer yet, and what one was when they were sent. */
  readonly pings = new Map<string, string>()
  state: 'out' | 'entering' | 'in' = 'out'
  nick = ''
  /** Of the room as it is to be seen at present, by nick. */
  roster = new Map<string, Seen>()
  subject: string | undefined
  readonly #ledger: Ledger

  constructor(local: string, site: number, ledger: Ledger) {
    this.bare = `${local}@people${site}.example`
    this.jid = `${this.bare}/phone`
    this.site = site
    this.#ledger = ledger
  }

  get stay(): Stay | undefined {
    return this.state === 'in' ? this.stays.at(-1) : undefined
  }

  /** Is it in the room, and as whom? */
  get standing(): string {
    return `${this.state} ${this.nick}`
  }

  receive(stanza: Element): void {
    const pinged = stanza.name === 'iq' ? this.pings.get(String(stanza.attrs.id)) : undefined
    if (pinged !== undefined) return this.#pinged(stanza, pinged)
    if (stanza.attrs.type === 'error') return this.#refused(stanza)
    if (stanza.name === 'presence') this.#presence(stanza)
    else if (stanza.name === 'message') this.#message(stanza)
    else this.answers.push({ id: String(stanza.attrs.id), ok: stanza.attrs.type === 'result' })
  }

  /** Its server is gone, and so is its stream. */
  disconnect(): void {
    this.#leave()
    this.pings.clear()
  }

  #leave(): void {
    this.state = 'out'
    this.roster = new Map()
  }

  /** XEP-0410 §3: who is told that he is not in the room enters anew. */
  #pinged(stanza: Element, was: string): void {
    const isIn = stanza.attrs.type === 'result'
    this.pings.delete(String(stanza.attrs.id))
    if (isIn !== (this.state === 'in') && this.standing === was)
      this.#ledger.puzzled(this, 'diverged', `${isIn ? 'is' : 'is not'} in the room by a ping, and is ${this.state}`)
  }

  #refused(stanza: Element): void {
    const error = elements(stanza).find(({ name }) => name === 'error')
    this.#ledger.refused(this, String(error && elements(error)[0]?.name))
    if (stanza.name === 'presence' && this.state === 'entering') this.state = 'out'
    if (stanza.name === 'iq') this.answers.push({ id: String(stanza.attrs.id), ok: false })
  }

  #presence(stanza: Element): void {
    const nick = Jid.parse(String(stanza.attrs.from)).resource
    const x = child(stanza, 'x', ns.mucUser)
    const item = x && child(x, 'item', ns.mucUser)
    const codes = new Set(x?.getChildren('status').map(({ attrs }) => attrs.code))
    const isSelf = codes.has('110')
    if (stanza.attrs.type === 'unavailable') {
      this.roster.delete(nick)
      // Who has asked to enter meanwhile gets another answer yet.
      if (!isSelf || this.state === 'entering') return
      if (codes.has('303')) this.nick = String(item?.attrs.nick)
      else this.#leave()
      return
    }
    if (isSelf) {
      if (this.state !== 'in') this.stays.push({ site: this.site, from: this.#ledger.order, heard: [] })
      this.state = 'in'
      this.nick = nick
      if (codes.has('210')) this.#ledger.renamed(this)
    }
    this.roster.set(nick, {
      occupantId: String(child(stanza, 'occupant-id', ns.occupantId)?.attrs.id),
      role: String(item?.attrs.role),
      affiliation: String(item?.attrs.affiliation),
      status: stanza.getChildText('status') ?? '',
    })
  }

  #message(stanza: Element): void {
    const body = stanza.getChildText('body')
    const subject = stanza.getChild('subject')
    if (stanza.attrs.type !== 'groupchat' || this.state === 'out') return
    if (body === null && subject !== undefined) this.subject = subject.getText()
    // What the room itself says, to its owner, is nobody's message.
    if (body === null || Jid.parse(String(stanza.attrs.from)).isBare) return
    const order = this.#ledger.order++
    const late = stanza.getChild('delay') !== undefined
    const heard = { body, stanzaId: String(child(stanza, 'stanza-id', ns.stanzaId)?.attrs.id), late, order }
    this.stay?.heard.push(heard)
    const author = Jid.parse(String(stanza.attrs.from)).resource
    const occupantId = String(child(stanza, 'occupant-id', ns.occupantId)?.attrs.id)
    if (!late && this.state === 'in' && this.roster.get(author)?.occupantId !== occupantId)
      this.#ledger.puzzled(this, 'out of order', `hears ${body} by ${author}, who is not there`)
    if (stanza.attrs.id?.startsWith(`${this.bare} `) && !late) this.#ledger.acknowledged(this, heard)
  }
}
