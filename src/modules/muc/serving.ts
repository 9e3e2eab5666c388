/**
 * What is read from the disk for others than the room itself: pages of its log, its history and archive, its card, and the heads by which the
 * logs of others are compared. A few questions of each asker at a time, off the event loop; pages in the order in which they were asked for.
 */
import { writeHeads } from '../../dmuc/lies.js'
import type { Effect, Replica } from '../../dmuc/replica.js'
import { type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { Askers } from '../archive/askers.js'
import { compareHead, type Finding, heldHeads } from './compare-heads.js'
import { answerArchive } from './read-archive.js'
import type { RoomEnvironment } from './room-environment.js'
import type { RoomOutput } from './room-output.js'
import { InTurn, serveHistory, servePages } from './serve-log.js'

type Of<Type extends Effect['type']> = Extract<Effect, { readonly type: Type }>

export class Serving<Room extends { readonly jid: string; readonly replica: Replica; readonly ended: boolean }> {
  readonly #room: Room
  readonly #env: RoomEnvironment<Room>
  readonly #output: RoomOutput
  readonly #askers = new Askers(4)
  readonly #pages = new InTurn()

  constructor(room: Room, env: RoomEnvironment<Room>, output: RoomOutput) {
    this.#room = room
    this.#env = env
    this.#output = output
  }

  /** Answers the IQ with what `read` finds; settles when that is done. `resource-constraint` for who asks too much at a time. */
  answer(iq: Element, read: () => Promise<Element>): Promise<void> | undefined {
    const [asker = ''] = String(iq.attrs.from).split('/', 1)
    if (this.#askers.enter(asker)) return this.#output.serve(iq, read).then(() => this.#askers.leave(asker))
    this.#output.refuse(iq, new StanzaError('resource-constraint', { text: 'Your other questions come first' }))
    return undefined
  }

  /** XEP-0313. Throws the StanzaError of who may not ask. */
  archive(iq: Element, from: Jid): Promise<void> | undefined {
    const admin = this.#env.isAdmin(from.bare().toString())
    return this.answer(iq, answerArchive(this.#env, this.#room.replica.room, iq, from, admin))
  }

  pages({ iq, ranges }: Of<'serve'>): void {
    const read = (): Promise<Element> => servePages(this.#env, this.#room.jid, ranges)
    void this.answer(iq, () => this.#pages.after(String(iq.attrs.from), read))
  }

  history(effect: Of<'serve-history'>): void {
    void this.answer(effect.iq, () => serveHistory(this.#env, this.#room.replica, effect))
  }

  /** Tells `to` what is held of others. */
  heads({ to }: Of<'tell-heads'>): void {
    const { store, router } = this.#env
    const { jid } = this.#room
    heldHeads(store, this.#output.durable, to).then((heads) => {
      if (heads.length > 0 && !this.#room.ended) void router.route(xml('message', { from: jid, to }, writeHeads(heads)))
    }, this.#unread)
  }

  compare({ head, hash }: Of<'compare'>, found: (what: Finding) => void): void {
    compareHead(this.#env.store, this.#room.jid, head, hash).then((what) => what && found(what), this.#unread)
  }

  /** It is compared with the next hello again. */
  readonly #unread = (error: unknown): void =>
    this.#env.log.warn({ room: this.#room.jid, err: error }, 'The log of a room could not be read')
}
