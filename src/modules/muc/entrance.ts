/**
 * What comes before somebody enters: a nick that is kept for somebody else, the way to another instance (XEP-0281 §4.5), a nick that has to
 * be asked for at the source (dmuc.md §3, Nicks); and after a restart those who were in the room, and may not know that they are out.
 */
import { isKept } from '../../dmuc/nicks.js'
import type { Replica } from '../../dmuc/replica.js'
import { type Command, notInRoom, personOf } from '../../room/index.js'
import type { OccupantRecord } from '../../store/store.js'
import { type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readdress } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { Claims, type Word } from './claims.js'
import { FormerOccupants, reservedMs } from './former-occupants.js'
import type { RoomEnvironment } from './room-environment.js'
import type { RoomOutput } from './room-output.js'

/** Into the room. */
export interface Way {
  /** Why the command would be refused now. */
  refusal(command: Command, from: Jid): StanzaError | undefined
  enter(command: Command, stanza: Element, from: Jid, word: Word): void
  /** A stanza that had to wait; throws what it is refused with. */
  again(stanza: Element, from: Jid): void
}

export class Entrance<Room extends { readonly jid: string; readonly replica: Replica; readonly ended: boolean }> {
  readonly #room: Room
  readonly #env: RoomEnvironment<Room>
  readonly #output: RoomOutput
  readonly #way: Way
  readonly #claims = new Claims()
  readonly #former: FormerOccupants
  readonly #outside: (() => void)[] = []

  /** `former`: who was in the room when it was last in memory. */
  constructor(room: Room, env: RoomEnvironment<Room>, output: RoomOutput, way: Way, former: readonly OccupantRecord[]) {
    this.#room = room
    this.#env = env
    this.#output = output
    this.#way = way
    this.#former = new FormerOccupants(former)
    if (former.length > 0) this.#afterRestart()
  }

  /** Does nobody wait? */
  get idle(): boolean {
    return this.#claims.idle
  }

  /** Keeps the stanza if its sender waits for a nick. */
  holds(stanza: Element, from: Jid): boolean {
    return this.#claims.hold(from.toString(), stanza)
  }

  /** Is the command not to be decided on here and now? Its answer is under way then. Throws `conflict` for a nick that is kept. */
  keepsOut(command: Command, stanza: Element, from: Jid): boolean {
    if (this.#isKept(command, from))
      throw new StanzaError('conflict', { text: 'That nickname is kept for somebody else' })
    if (this.#redirected(command, stanza, from)) return true
    if (command.type === 'join' && this.#room.replica.retrieving !== undefined) {
      this.#waitOutside(command, stanza, from)
      return true
    }
    const nick = nickToClaim(this.#room.replica, command, from)
    if (nick === undefined) return false
    this.#claim(nick, command, stanza, from)
    return true
  }

  /** What was lost here is here again (src/dmuc/retrieval.ts), or the room is over, and who waits hears of that. */
  open(): void {
    for (const enter of this.#outside.splice(0)) enter()
  }

  #waitOutside(command: Command, stanza: Element, from: Jid): void {
    const release = this.#claims.start(from.toString())
    this.#outside.push(() => {
      const held = release()
      try {
        if (this.#room.ended) throw over()
        if (!this.keepsOut(command, stanza, from)) this.#way.enter(command, stanza, from, {})
      } catch (thrown) {
        this.#output.answer(stanza, asStanzaError(thrown))
      }
      for (const next of held) this.#again(next, from)
    })
  }

  /** The clients that were here are not any more, and may not know. Their nicks wait for them. */
  #afterRestart(): void {
    const { router, clock, isLocal } = this.#env
    for (const { nick, jid } of this.#former.at(this.#room.jid))
      if (!isLocal(domainOf(jid)))
        this.#output.push(() => void router.route(readdress(notInRoom(`${this.#room.jid}/${nick}`), { to: jid })))
    clock.after(reservedMs, () => {
      const { occupants } = this.#room.replica.room
      if (!this.#room.ended) this.#output.strike(this.#former.release().filter((nick) => !occupants.has(nick)))
    })
  }

  /** Is the nick that is asked for somebody else's, who was in the room before a restart or a split, or enters elsewhere just now? */
  #isKept(command: Command, from: Jid): boolean {
    if (command.type !== 'join' && command.type !== 'presence') return false
    const jid = from.bare().toString()
    const asker = { jid, home: this.#room.jid }
    if (isKept(this.#room.replica, command.nick, asker, this.#env.clock.now())) return true
    if (this.#former.keeps(command.nick, jid)) return true
    this.#former.release(command.nick)
    return false
  }

  #claim(nick: string, command: Command, stanza: Element, from: Jid): void {
    const refusal = this.#way.refusal(command, from)
    if (refusal !== undefined) return this.#output.refuse(stanza, refusal)
    const { jid, replica } = this.#room
    const release = this.#claims.start(from.toString())
    const go = (word: Word): void => {
      if (this.#room.ended) this.#output.answer(stanza, over())
      else this.#way.enter(command, stanza, from, word)
      for (const held of release()) this.#again(held, from)
    }
    this.#claims
      .ask(this.#env.router, jid, replica.identity.source, nick, from.bare().toString())
      .then(go, (error: unknown) => {
        const failure = asStanzaError(error)
        if (failure.condition !== 'conflict') return go({})
        this.#output.refuse(stanza, failure)
        for (const held of release()) this.#again(held, from)
      })
  }

  #again(stanza: Element, from: Jid): void {
    try {
      if (this.#room.ended) throw over()
      this.#way.again(stanza, from)
    } catch (thrown) {
      this.#output.answer(stanza, asStanzaError(thrown))
    }
  }

  /** E20 and E21: a redirect to a healthy shadow, and an invitation to it. */
  #redirected(command: Command, stanza: Element, from: Jid): boolean {
    const { replica } = this.#room
    if (command.type !== 'join' || replica.room.occupants.get(command.nick)?.jid === from.bare().toString())
      return false
    const shadow = this.#env.redirect(this.#room, from)
    if (shadow === undefined || this.#way.refusal(command, from) !== undefined) return false
    this.#output.refuse(stanza, new StanzaError('redirect', { type: 'cancel', uri: `xmpp:${shadow}?join` }))
    this.#output.push(() => void this.#env.router.route(invitation(this.#room.replica, shadow, from)))
    return true
  }
}

/** A new nick at a shadow is asked for at the source first, while it can be reached (dmuc.md §3, Nicks). */
function nickToClaim({ identity, peers, room, table }: Replica, command: Command, from: Jid): string | undefined {
  if (command.type !== 'join' && command.type !== 'presence') return undefined
  const link = peers.get(identity.source)?.link
  const kind = table.instances.get(identity.source)?.kind
  if (identity.source === room.jid || kind !== 'sync' || (link !== 'up' && link !== 'greeting')) return undefined
  const present = room.occupants.get(command.nick)
  const asker = { jid: from.bare().toString(), home: room.jid }
  return present && personOf(room, present) === personOf(room, asker) ? undefined : command.nick
}

/** E21: the invitation to a shadow (XEP-0249). */
function invitation({ room }: Replica, shadow: string, to: Jid): Element {
  const { password } = room.config
  const payload = { xmlns: ns.conference, jid: shadow, ...(password === '' ? {} : { password }) }
  return xml('message', { from: room.jid, to: to.toString() }, xml('x', payload))
}

/** It ended while they waited. */
const over = (): StanzaError => new StanzaError('item-not-found', { text: 'The room is not here any more' })

const domainOf = (bareJid: string): string => bareJid.slice(bareJid.indexOf('@') + 1)

const asStanzaError = (thrown: unknown): StanzaError =>
  thrown instanceof StanzaError ? thrown : new StanzaError('internal-server-error', { cause: thrown })
