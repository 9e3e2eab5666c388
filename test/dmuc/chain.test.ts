/** The chain of a log, and what of it survives the way through others (dmuc.md §3, Proof of origin). */
import { describe, expect, test } from '@jest/globals'
import { contentDigest, isWhole } from '../../src/dmuc/chain.js'
import { isSigned } from '../../src/dmuc/signing.js'
import { readEvent, writeEvent } from '../../src/dmuc/wire/event.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { DurableOperation, LoggedEvent } from '../../src/room/types.js'
import { serialize } from '../../src/xml/writer.js'
import { parse } from '../support/xml-match.js'
import { chain, signerFor } from './chains.js'
import { event, message, other, register, Shadow, self, source } from './shadow.js'

const config = newRoom(source, defaultPolicy).config
const spoken = { nick: 'hag', occupantId: 'o', jid: 'hag66@shakespeare.lit' } as const

const operations: readonly (readonly [string, DurableOperation])[] = [
  ['a message', message('Hail! & <so> on')],
  [
    'a message with payloads, an id and a language',
    {
      type: 'message',
      ...spoken,
      id: 'm1',
      lang: 'en',
      content: "<body>Hail!\r\n</body><x xmlns='urn:x' b='2' a='&#xA;'><y/>t</x><thread>t</thread>",
    },
  ],
  ['a message with an id too long to be kept', { ...message('Hail'), id: 'x'.repeat(2000) } as DurableOperation],
  ['a subject', { type: 'subject', ...spoken, text: 'Double, double' }],
  ['a subject after one of the source', { type: 'subject', ...spoken, text: 'x', sourced: { ms: 5, counter: 1 } }],
  ['a configuration', { type: 'config', config, revision: 3 }],
  ['an entry of the register', register(2, 'outcast')],
  ['a moderation', { type: 'moderate', ...spoken, target: 't1', reason: 'Aroint' }],
  ['the end', { type: 'destroy', reason: 'over', alternate: 'a@b.example', password: 'p' }],
  [
    'what we do not know',
    { type: 'unknown', name: 'poll', body: "<poll a='1'><choice xmlns='urn:c'>one</choice></poll>" },
  ],
]

const crossed = (logged: LoggedEvent): LoggedEvent =>
  readEvent(parse(serialize(writeEvent(logged, true)))) as LoggedEvent

describe('a digest', () => {
  test.each(operations)('of %s is the same two hops on', (_, operation) => {
    const digest = contentDigest(operation)
    const first = crossed({ ...event(other, 1, 1, operation), digest, prev: 'p'.repeat(43) })
    const second = crossed(first)
    expect(second).toMatchObject({ digest, prev: 'p'.repeat(43) })
    expect(contentDigest(second.operation)).toBe(digest)
    expect(isWhole(second)).toBe(true)
  })

  test('does not depend on the order in which attributes were written', () => {
    const [a, b] = ["<x xmlns='urn:x' a='1' b='2'/>", "<x b='2' a='1' xmlns='urn:x'/>"].map((content) =>
      contentDigest({ type: 'message', ...spoken, content }),
    )
    expect(a).toBe(b)
  })

  test.each<[string, Partial<Extract<DurableOperation, { type: 'message' }>>]>([
    ['the text', { content: '<body>Hail?</body>' }],
    ['the nick', { nick: 'witch' }],
    ['the author', { jid: 'witch@shakespeare.lit' }],
    ['the occupant', { occupantId: 'p' }],
    ['the id', { id: 'm2' }],
  ])('is another where %s is', (_, change) => {
    const said: DurableOperation = { type: 'message', ...spoken, id: 'm1', content: '<body>Hail!</body>' }
    expect(contentDigest({ ...said, ...change })).not.toBe(contentDigest(said))
  })

  test('is that of the nick at the origin, under whatever nick it is shown here', () => {
    const said = message('Hail')
    const shown = { ...said, nick: 'hag (abc)', saidAs: 'hag' } as DurableOperation
    expect(contentDigest(shown)).toBe(contentDigest(said))
    expect(crossed(event(other, 1, 1, shown)).operation).toMatchObject({ nick: 'hag' })
  })

  test('stays with what was retracted, and with what is void', () => {
    const digest = contentDigest(message('Hail'))
    const retracted = { ...message('Hail'), content: '', retracted: { id: 'r', at: 1 } } as DurableOperation
    const gone = crossed({ ...event(other, 1, 1, retracted), digest })
    expect(gone).toMatchObject({ digest })
    expect(isWhole(gone)).toBe(false)
    expect(crossed({ ...event(other, 1, 1, message('Hail')), digest, void: true })).toMatchObject({
      digest,
      void: true,
    })
  })
})

describe('an instance signs', () => {
  const signer = signerFor(self)
  const shadow = (): Shadow => new Shadow(other)

  test('what it logged, once, as time passes, and tells those it is in touch with', () => {
    const bench = shadow()
    bench.signer = signer
    bench.happens({ type: 'local', operations: [message('one'), message('two')] })
    bench.happens({ type: 'tick' })
    expect(bench.of('head')).toMatchObject([{ head: { instance: self, seq: 2 } }])
    const told = bench.of('send').filter(({ stanza }) => stanza.toString().includes('<head'))
    expect(told.map(({ stanza }) => stanza.attrs.to)).toEqual([source, other])
    bench.happens({ type: 'tick' })
    expect(bench.of('head')).toEqual([])
  })

  test('what an earlier start left unsigned', () => {
    const bench = shadow()
    bench.signer = signer
    const { events } = chain(bench.replica.identity.roomId, [event(self, 1, 1, message('one'))], signer)
    bench.happens({ type: 'unsigned', last: events })
    expect(bench.of('head')).toMatchObject([{ head: { instance: self, incarnation: `${self}-1`, seq: 1 } }])
  })

  test('and tells who was out of reach then with its hello, what was signed in a start before included', () => {
    const bench = shadow()
    bench.signer = signer
    bench.happens({ type: 'link', peer: other, up: false })
    const signed = (run: number) => chain(bench.replica.identity.roomId, [event(self, run, 1, message('one'))], signer)
    bench.happens({ type: 'unsigned', last: signed(2).events, heads: [signed(1).proof.head] })
    expect(bench.of('send').map(({ stanza }) => stanza.attrs.to)).toEqual([source, source])
    bench.happens({ type: 'link', peer: other, up: true })
    const [hello] = bench.of('ask')
    const heads = hello?.iq.getChild('hello')?.getChildren('head') ?? []
    expect(heads.map(({ attrs }) => attrs.incarnation)).toEqual([`${self}-1`, `${self}-2`])
  })

  test('and a head of another’s log counts for nothing', () => {
    const bench = shadow()
    const { proof } = chain(bench.replica.identity.roomId, [event(source, 1, 1, message('one'))])
    const text = `<message from='${other}' to='${self}'><head xmlns='urn:xmpp:dmuc-sync:0' instance='${source}' incarnation='${proof.head.incarnation}' seq='1' signature='${proof.head.signature}'/></message>`
    bench.relays(other, parse(text))
    expect(bench.of('head')).toEqual([])
  })

  test('with Ed25519, by 32 bytes: RFC 8032 §7.1, test 2', () => {
    const publicKey = Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex').toString(
      'base64',
    )
    const signature = Buffer.from(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
      'hex',
    ).toString('base64')
    expect(isSigned(publicKey, 'r', signature)).toBe(true)
    expect(isSigned(publicKey, 's', signature)).toBe(false)
    expect(isSigned('none', 'r', signature)).toBe(false)
  })
})
