/** Whatever may be said between instances, whole or mutilated, and the way over a stream. */
import fc from 'fast-check'
import { newSource } from '../../../src/dmuc/new-replica.js'
import type { Replica } from '../../../src/dmuc/replica.js'
import { Vector } from '../../../src/dmuc/vector.js'
import { defaultConfig, defaultPolicy, newRoom } from '../../../src/room/index.js'
import { affiliations, type DurableOperation, type LoggedEvent, type RoomConfig } from '../../../src/room/types.js'
import { SeededRandom } from '../../../src/util/random.js'
import { Element, elements } from '../../../src/xml/element.js'
import { parseDocument } from '../../../src/xml/reader.js'
import { serialize } from '../../../src/xml/writer.js'

const limits = { stanzaBytes: 1_000_000, depth: 100, attributes: 100 }

/** As it arrives: written, sent and read. */
export const crossed = (element: Element): Element => parseDocument(serialize(element), limits, 'jabber:client')

export const stamp = fc.record({ ms: fc.integer({ min: 0, max: 2 ** 41 }), counter: fc.nat(1000) })
export const bareJid = fc.constantFrom('ann@a.example', 'bob@b.example', 'cat@sub.c.example')
export const instance = fc.constantFrom('coven@a.example', 'coven@b.example', 'coven@c.example')
export const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_'), minLength: 1, maxLength: 40 })
export const seq = fc.integer({ min: 1, max: 2 ** 40 })
/** Text that XML can carry. */
export const text = fc.string({ unit: fc.constantFrom(...'ab <>&\'"é€\n\t', '😀'), maxLength: 20 })
const line = fc.string({ unit: fc.constantFrom(...'ab <>&\'"é€', '😀'), maxLength: 20 })
const nick = fc.constantFrom('ann', 'Bob the 2nd', 'ça<&>', '😀')
const optional = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.option(value, { nil: undefined }).map((found) => (found === undefined ? {} : { [key]: found }))

const author = fc.record({ nick, occupantId: token, jid: bareJid })
/** As a gateway says that it comes from elsewhere, and later. */
const foreignDelay = `<delay xmlns='urn:xmpp:delay' from='elsewhere.example' stamp='2002-09-10T23:08:25Z'/>`
const content = fc
  .tuple(text, fc.constantFrom('', foreignDelay))
  .map(([body, more]) => `${serialize(body === '' ? new Element('body') : new Element('body').t(body))}${more}`)

export const config: fc.Arbitrary<RoomConfig> = fc
  .record({
    name: line,
    description: line,
    moderated: fc.boolean(),
    membersOnly: fc.boolean(),
    persistent: fc.boolean(),
    password: fc.constantFrom('', 'open sesame'),
    whois: fc.constantFrom<RoomConfig['whois'][]>('anyone', 'moderators'),
    maxUsers: fc.constantFrom(0, 10, 50),
    historyLength: fc.nat(200),
    distributed: fc.boolean(),
    peers: fc.constantFrom([], ['rooms.b.example'], ['rooms.b.example', 'rooms.c.example']),
  })
  .map((some) => ({ ...defaultConfig, ...some }))

const lang = optional('lang', fc.constantFrom('en', 'de-AT'))

export const operation: fc.Arbitrary<DurableOperation> = fc.oneof(
  fc
    .tuple(author, content, optional('id', line), lang)
    .map(([by, said, id, tag]): DurableOperation => ({ type: 'message', ...by, content: said, ...id, ...tag })),
  fc
    .tuple(author, text, optional('sourced', fc.record({ ms: fc.nat(), counter: fc.nat(1000) })), lang)
    .map(([by, said, sourced, tag]): DurableOperation => ({ type: 'subject', ...by, text: said, ...sourced, ...tag })),
  fc
    .tuple(config, fc.nat(1000))
    .map(([all, revision]): DurableOperation => ({ type: 'config', config: all, revision })),
  fc
    .tuple(
      bareJid,
      fc.constantFrom(...affiliations),
      fc.nat(1000),
      optional('actor', bareJid),
      optional('reason', line),
    )
    .map(
      ([jid, affiliation, revision, actor, reason]): DurableOperation => ({
        type: 'register',
        jid,
        entry: { affiliation, ...reason },
        revision,
        ...actor,
      }),
    ),
  fc
    .tuple(
      token,
      optional('role', fc.constantFrom<'participant' | 'moderator'>('participant', 'moderator')),
      fc.nat(1000),
      optional('actor', bareJid),
      optional('reason', line),
    )
    .map(
      ([whom, role, revision, actor, reason]): DurableOperation => ({
        type: 'entitle',
        whom,
        ...role,
        revision,
        ...actor,
        ...reason,
      }),
    ),
  optional('reason', line).map((reason): DurableOperation => ({ type: 'destroy', ...reason })),
)

export const event: fc.Arbitrary<LoggedEvent> = fc.record({
  id: fc.record({ instance, incarnation: token, seq }),
  stamp,
  epoch: fc.nat(10),
  revision: fc.nat(1000),
  stanzaId: token,
  operation,
})

export const vector: fc.Arbitrary<Vector> = fc
  .array(fc.tuple(instance, token, fc.nat(20), fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 5 })), {
    maxLength: 5,
  })
  .map((rows) =>
    rows.reduce((all, [where, incarnation, floor, seqs]) => {
      const origin = { instance: where, incarnation }
      return seqs.reduce((held, one) => held.with(origin, one), all.withFloor(origin, floor))
    }, Vector.empty),
  )

const signature = `${'A'.repeat(86)}==`

export const replica: fc.Arbitrary<Replica> = fc
  .record({
    vector,
    config,
    seed: fc.nat(),
    revisions: fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)),
    occupants: fc.nat(99),
  })
  .map(({ vector: held, config: all, seed, revisions, occupants }) => {
    const made = newSource(newRoom('coven@a.example', defaultPolicy), new SeededRandom(seed))
    const [configRevision, registerRevision, revision] = revisions
    const row = { jid: 'coven@b.example', kind: 'sync', rank: 1, gone: seed % 2 === 0 } as const
    return {
      ...made,
      occupantsRevision: occupants,
      vector: held,
      floors: new Map(
        [...held.entries()]
          .filter(({ contiguous }) => contiguous > 0)
          .map(({ instance: of, incarnation, contiguous }) => [
            `${of}\n${incarnation}`,
            { instance: of, incarnation, seq: contiguous, closed: contiguous % 2 === 0, signature },
          ]),
      ),
      table: { revision, instances: new Map(made.table.instances).set(row.jid, row) },
      room: {
        ...made.room,
        config: all,
        configRevision,
        registerRevision,
        entitled: new Map([['id', seed % 3 === 0 ? 'moderator' : 'participant'] as const]),
        register: new Map([['ann@a.example', { affiliation: 'owner', nick: 'ann' } as const]]),
        subject: {
          text: 'A Dark Cave',
          nick: 'ann',
          occupantId: 'id',
          stamp: { ms: seed, counter: 1 },
          stanzaId: '1x',
          ...(seed % 2 === 0 ? {} : { sourced: { ms: seed, counter: 0 } }),
        },
      },
    }
  })

/** Nothing, nonsense, or something of a wrong kind. */
const junk = fc.oneof(
  fc.constantFrom(undefined, '', '-1', '1e9', '99999999999999999999', ' ', '@', 'a@b@c', '\u0000', 'true'),
  line,
)

/** The same with some attributes replaced, children dropped, doubled or renamed. */
export const mutilated = (element: Element): fc.Arbitrary<Element> =>
  fc
    .array(fc.tuple(fc.nat(50), fc.nat(20), junk, fc.constantFrom('attribute', 'drop', 'double', 'rename')), {
      minLength: 1,
      maxLength: 6,
    })
    .map((changes) => {
      const broken = crossed(element)
      for (const [at, which, value, how] of changes) {
        const nodes = all(broken)
        const node = nodes[at % nodes.length]!
        const names = Object.keys(node.attrs)
        if (how === 'attribute' && names.length > 0) {
          const attribute = names[which % names.length]!
          if (value === undefined) delete node.attrs[attribute]
          else node.attrs[attribute] = value
        } else if (how === 'drop') node.children.splice(which % (node.children.length + 1), 1)
        else if (how === 'double' && node.children.length > 0) node.children.push(...node.children)
        else if (how === 'rename') node.name = 'other'
      }
      return broken
    })

const all = (element: Element): Element[] => [element, ...elements(element).flatMap(all)]
