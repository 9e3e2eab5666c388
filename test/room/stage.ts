/**
 * A room on a stage: clients' stanzas go in as XML, what each client would get comes out as XML, and all with an even clock and
 * counted ids. Every step is also replayed: the changes applied once more must give the same state.
 */
import {
  apply,
  type Change,
  type Context,
  carryOut,
  commandFromStanza,
  type Delivery,
  decide,
  defaultPolicy,
  type LoggedEvent,
  newRoom,
  type Outcome,
  type RoomPolicy,
  type RoomState,
} from '../../src/room/index.js'
import { type Element, elements } from '../../src/xml/element.js'
import { parseDocument } from '../../src/xml/reader.js'
import { serialize } from '../../src/xml/writer.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'

const limits = { stanzaBytes: 1_000_000, depth: 64, attributes: 100 }

export const parse = (text: string): Element =>
  parseDocument(text.replace(/>\s+</g, '><').trim(), limits, 'jabber:client')

export const bare = (jid: string): string => jid.replace(/\/.*/, '')

export const start = Date.UTC(2026, 0, 1, 12)

export class Stage {
  state: RoomState
  at = start
  policy: RoomPolicy
  readonly changes: Change[] = []
  readonly first: RoomState
  last: Outcome | undefined
  #seq = 0

  constructor(
    readonly room = 'coven@chat.shakespeare.lit',
    policy: Partial<RoomPolicy> = {},
  ) {
    this.policy = { ...defaultPolicy, ...policy }
    this.state = newRoom(room, this.policy)
    this.first = this.state
  }

  context(from: string, more: Partial<Context> = {}): Context {
    return {
      at: this.at,
      stamp: { ms: this.at, counter: 0 },
      token: `token-${this.#seq}`,
      occupantId: `oid-of-${bare(from).replace('@', '-at-')}`,
      policy: this.policy,
      ...more,
    }
  }

  identify = (operation: LoggedEvent['operation']): LoggedEvent => {
    this.#seq++
    return {
      id: { instance: this.room, incarnation: 'first', seq: this.#seq },
      stamp: { ms: this.at, counter: 0 },
      epoch: 1,
      revision: this.state.registerRevision,
      stanzaId: `sid-${this.#seq}`,
      operation,
    }
  }

  /** What came of a stanza: deliveries, or the error. Throws where the room would not have read it. */
  try(text: string, more: Partial<Context> = {}): readonly Delivery[] | StanzaError {
    const stanza = parse(text)
    this.at += 1000
    this.last = undefined
    const command = commandFromStanza(stanza)
    if (command instanceof StanzaError) return command
    if (typeof command === 'string') throw new Error(command)
    const decision = decide(this.state, command, this.context(command.from, more))
    if (decision instanceof StanzaError) return decision
    const outcome = carryOut(this.state, decision, this.identify)
    this.state = outcome.state
    this.last = outcome
    this.changes.push(...outcome.changes)
    return outcome.deliveries
  }

  /** All that is delivered, as `to <- xml`; throws a refusal. */
  send(text: string, more: Partial<Context> = {}): string[] {
    const result = this.try(text, more)
    if (result instanceof StanzaError) throw result
    return lines(result)
  }

  /** The condition and type of the refusal, `ok` where there is none. */
  refusal(text: string, more: Partial<Context> = {}): string {
    const result = this.try(text, more)
    return result instanceof StanzaError ? `${result.condition}/${result.type}` : 'ok'
  }

  /** What `to` gets of a stanza, as XML. */
  seenBy(to: string, text: string, more: Partial<Context> = {}): string[] {
    const deliveries = this.try(text, more)
    if (deliveries instanceof StanzaError) throw deliveries
    return deliveries.filter((delivery) => delivery.to.includes(to)).map(({ stanza }) => serialize(stanza))
  }

  join(from: string, nick: string, x = '', more: Partial<Context> = {}): string[] {
    return this.send(presence(this.room, from, nick, x), more)
  }

  /** An owner creates the room and accepts what is. */
  found(owner = 'crone1@shakespeare.lit/desktop', nick = 'firstwitch'): this {
    this.join(owner, nick)
    this.configure(owner)
    return this
  }

  configure(from: string, fields: Readonly<Record<string, string | readonly string[]>> = {}): string[] {
    return this.send(configIq(this.room, from, fields))
  }

  admin(from: string, items: string): string[] {
    return this.send(adminIq(this.room, from, items))
  }

  /** The state that the changes so far give when they are applied once more. */
  replayed(): RoomState {
    return this.changes.reduce(apply, this.first)
  }
}

export const presence = (room: string, from: string, nick: string, x = '', content = ''): string =>
  `<presence xmlns='jabber:client' from='${from}' to='${room}/${nick}' id='n13mt3l'>
    <x xmlns='http://jabber.org/protocol/muc'>${x}</x>${content}</presence>`

export const configIq = (
  room: string,
  from: string,
  fields: Readonly<Record<string, string | readonly string[]>>,
): string => {
  const xml = Object.entries({ FORM_TYPE: 'http://jabber.org/protocol/muc#roomconfig', ...fields })
    .map(([name, value]) => {
      const values = (typeof value === 'string' ? [value] : value).map((each) => `<value>${each}</value>`)
      return `<field var='${name}'>${values.join('')}</field>`
    })
    .join('')
  return `<iq xmlns='jabber:client' from='${from}' to='${room}' id='config' type='set'>
    <query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>${Object.keys(fields).length === 0 ? '' : xml}</x></query></iq>`
}

export const adminIq = (room: string, from: string, items: string, type = 'set'): string =>
  `<iq xmlns='jabber:client' from='${from}' to='${room}' id='admin' type='${type}'>
    <query xmlns='http://jabber.org/protocol/muc#admin'>${items}</query></iq>`

export const groupchat = (room: string, from: string, content: string, id = 'm1'): string =>
  `<message xmlns='jabber:client' from='${from}' to='${room}' id='${id}' type='groupchat'>${content}</message>`

export const lines = (deliveries: readonly Delivery[]): string[] =>
  deliveries.flatMap(({ to, stanza }) => to.map((jid) => `${jid} <- ${serialize(stanza)}`))

/** The status codes of a stanza's muc#user element. */
export const codes = (text: string): string[] => {
  const user = elements(parse(text.replace(/^.* <- /, ''))).find((child) => child.name === 'x')
  return user === undefined ? [] : user.getChildren('status').map((status) => String(status.attrs.code))
}
