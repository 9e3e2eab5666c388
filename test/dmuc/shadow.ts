/** A shadow on a bench: what its source and another instance say goes in, what it would do comes out. */
import { occupantIdOf } from '../../src/dmuc/ids.js'
import { newShadow, newSource } from '../../src/dmuc/new-replica.js'
import {
  defaultLimits,
  type Effect,
  type Happening,
  type InstanceTable,
  type Question,
  type Replica,
} from '../../src/dmuc/replica.js'
import type { Signer } from '../../src/dmuc/signing.js'
import { step } from '../../src/dmuc/step.js'
import { writeEvent } from '../../src/dmuc/wire/event.js'
import { writeHello } from '../../src/dmuc/wire/hello.js'
import { writeAvailable } from '../../src/dmuc/wire/presence.js'
import { fitting, writePage } from '../../src/dmuc/wire/pull.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { DurableOperation, LoggedEvent, Occupant } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { type Element, xml } from '../../src/xml/element.js'
import { ns } from '../../src/xmpp/namespaces.js'
import type { StanzaError } from '../../src/xmpp/stanza-error.js'
import { chain, signerFor } from './chains.js'

export const self = 'coven@rooms.macbeth.lit'
export const source = 'coven@chat.shakespeare.lit'
export const other = 'coven@rooms.marlowe.lit'
export const start = Date.UTC(2026, 0, 1)

type Of<Type extends Effect['type']> = Extract<Effect, { readonly type: Type }>

/** The room as its source has made it. */
const made = newSource(newRoom(source, defaultPolicy), new SeededRandom(1))

export const idOf = (jid: string): string => occupantIdOf(made.keys, made.identity.roomId, jid)

export class Shadow {
  replica: Replica
  now = start
  signer: Signer | undefined
  effects: readonly Effect[] = []
  /** The other instances, as far as they say hello. */
  readonly #peers: Map<string, Replica>

  /** In touch with the source, at revision 0 of everything, and with `also`. */
  constructor(...also: readonly string[]) {
    const table: InstanceTable = {
      revision: 1,
      instances: new Map(
        [source, self, ...also].map((jid, rank) => [
          jid,
          { jid, kind: 'sync', rank, gone: false, users: ['*'], key: signerFor(jid).publicKey } as const,
        ]),
      ),
    }
    const shadow = newShadow(
      { ...newRoom(self, defaultPolicy), locked: false },
      made.identity,
      'sync',
      new SeededRandom(2),
    )
    this.replica = { ...shadow, keys: made.keys, table, phase: 'serving' }
    this.#peers = new Map(
      [source, ...also].map((jid) => [
        jid,
        { ...made, table, incarnation: `${jid} 1`.replace(' ', '-'), room: { ...made.room, jid } },
      ]),
    )
    for (const jid of [source, ...also]) {
      this.isGreeted(jid, { occupantsRevision: 0 })
      this.answers(jid, { type: 'occupants' }, list(jid, 0, 0))
    }
  }

  happens(happening: Happening): void {
    const done = step(this.replica, happening, {
      now: this.now,
      limits: defaultLimits,
      bounds: defaultPolicy,
      ...(this.signer && { signer: this.signer }),
    })
    this.replica = done.replica
    this.effects = done.effects
  }

  /** The peer's hello comes; `change` is what is new with it. */
  isGreeted(peer: string, change: Partial<Replica> = {}): void {
    const replica = { ...this.#peers.get(peer)!, ...change }
    this.#peers.set(peer, replica)
    const iq = xml('iq', { type: 'set', id: 'h', from: peer, to: self }, writeHello(replica))
    this.happens({ type: 'request', from: peer, iq })
  }

  /** The peer answers our hello with its own. */
  getsHello(peer: string, change: Partial<Replica> = {}): void {
    const replica = { ...this.#peers.get(peer)!, ...change }
    this.#peers.set(peer, replica)
    this.answers(peer, { type: 'hello' }, xml('iq', { type: 'result' }, writeHello(replica)))
  }

  relays(from: string, stanza: Element): void {
    this.happens({ type: 'relayed', from, stanza })
  }

  answers(from: string, question: Question, result: Element | StanzaError): void {
    this.happens({ type: 'answer', from, question, result })
  }

  /** The page that answers the pull which is under way. */
  getsPage(from: string, ...events: readonly LoggedEvent[]): void {
    const question = this.asked('pull')[0]!
    const foreign = events.filter(({ id }) => id.instance !== from)
    const proved = foreign.length === 0 ? undefined : chain(this.replica.identity.roomId, foreign)
    const own = events.filter(({ id }) => id.instance === from)
    const page = writePage(fitting([...own, ...(proved?.events ?? [])], 100_000), false, proved && [proved.proof])
    this.answers(from, question, xml('iq', { type: 'result' }, page))
  }

  of<Type extends Effect['type']>(type: Type): Of<Type>[] {
    return this.effects.filter((effect): effect is Of<Type> => effect.type === type)
  }

  /** What was asked of others in the last step. */
  asked<Type extends Question['type']>(type: Type): Extract<Question, { readonly type: Type }>[] {
    return this.of('ask')
      .map(({ question }) => question)
      .filter((question): question is Extract<Question, { readonly type: Type }> => question.type === type)
  }

  /** The seqs that were logged in the last step. */
  get logged(): string[] {
    return this.of('log').map(({ event }) => `${event.id.incarnation.at(-1)}:${event.id.seq}`)
  }
}

/** An event of the nth start of an instance. */
export const event = (
  instance: string,
  run: number,
  seq: number,
  operation: DurableOperation,
  more: Partial<LoggedEvent> = {},
): LoggedEvent => ({
  id: { instance, incarnation: `${instance}-${run}`, seq },
  stamp: { ms: start + run * 1000 + seq, counter: 0 },
  epoch: 1,
  revision: 0,
  stanzaId: `${run}-${seq}`,
  operation,
  ...more,
})

export const register = (
  revision: number,
  affiliation: 'owner' | 'none' | 'member' | 'outcast',
  jid = 'hag66@shakespeare.lit',
): DurableOperation => ({ type: 'register', jid, entry: { affiliation }, revision })

export const message = (body: string, nick = 'hag'): DurableOperation => ({
  type: 'message',
  nick,
  occupantId: idOf(`${nick}@shakespeare.lit`),
  jid: `${nick}@shakespeare.lit`,
  content: `<body>${body}</body>`,
})

/** As it is relayed live. */
export const live = (logged: LoggedEvent, occupants?: number): Element => {
  const identity = writeEvent(logged, true)
  if (occupants !== undefined) identity.attrs.occupants = String(occupants)
  return xml('message', { from: logged.id.instance, to: self }, identity)
}

export const occupant = (home: string, nick = 'hag', jid = 'hag66@shakespeare.lit'): Occupant => ({
  nick,
  jid,
  occupantId: `id-of-${nick}`,
  role: 'participant',
  home,
  sessions: [{ jid: `${jid}/pda`, presence: '' }],
  since: { ms: start, counter: 0 },
  grant: 0,
})

export const arrival = (who: Occupant, revision: number, seq = 0): Element =>
  writeAvailable(who.home, self, who, 'none', { incarnation: `${who.home}-1`, revision, seq })

/** The list of an instance's occupants, as an answer. */
export const list = (home: string, revision: number, seq: number, ...occupants: readonly Occupant[]): Element => {
  const place = { incarnation: `${home}-1`, revision, seq }
  const entries = occupants.map((who) => {
    const presence = writeAvailable(home, home, who, 'none', place)
    presence.attrs.xmlns = ns.client
    return presence
  })
  const attrs = { xmlns: ns.dmucSync, incarnation: place.incarnation, revision: String(revision), seq: String(seq) }
  return xml('iq', { type: 'result' }, xml('occupants', attrs, ...entries))
}
