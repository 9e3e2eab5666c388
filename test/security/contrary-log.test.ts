/** An origin that says something else than it signs: it lies, or is broken (dmuc.md §3, Proof of origin; docs/dmuc-sync.md §7). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { chained, contentDigest, linkOf } from '../../src/dmuc/chain.js'
import { signHead } from '../../src/dmuc/heads.js'
import { Vector } from '../../src/dmuc/vector.js'
import { writeHello } from '../../src/dmuc/wire/hello.js'
import { checkpoint, type Head, writeHead } from '../../src/dmuc/wire/proof.js'
import type { LoggedEvent } from '../../src/room/types.js'
import { xml } from '../../src/xml/element.js'
import { chain, signerFor } from '../dmuc/chains.js'
import { event, live, message, other, Shadow, self, source } from '../dmuc/shadow.js'

let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
})

const roomId = (): string => shadow.replica.identity.roomId
const start = { instance: other, incarnation: `${other}-1` }

const said = (count: number, word = 'word'): readonly LoggedEvent[] =>
  chain(
    roomId(),
    Array.from({ length: count }, (_, index) => event(other, 1, index + 1, message(`${word} ${index + 1}`))),
  ).events

/** The head after these events; `hash`: of another chain. */
function headOf(events: readonly LoggedEvent[], hash?: string, key = other): Head {
  const last = events.at(-1)!
  return signHead(signerFor(key), roomId(), { ...start, seq: last.id.seq }, hash ?? chained(last.prev!, linkOf(last)!))
}

const hears = (events: readonly LoggedEvent[]): void => {
  for (const each of events) shadow.relays(other, live(each))
}

/** `other` says hello, with its head and key. */
const greets = (head: Head, key = signerFor(other).publicKey): void => {
  const vector = Vector.empty.withFloor(start, head.seq)
  const replica = { ...shadow.replica, incarnation: start.incarnation, signed: head, vector }
  const iq = xml('iq', { type: 'set', id: 'h', from: other, to: self }, writeHello(replica, key))
  shadow.happens({ type: 'request', from: other, iq })
}

const lied = (): string | undefined => shadow.replica.peers.get(other)?.lied

describe('an origin whose event does not say what its digest says', () => {
  const lie = (): LoggedEvent => ({ ...said(1)[0]!, operation: message('a lie') })

  test('live: it is dropped, and the origin is flagged', () => {
    hears([lie()])
    expect(shadow.logged).toEqual([])
    expect(lied()).toContain('what it says in its event 1 is not what it signs')
    expect(shadow.of('note')).toContainEqual(expect.objectContaining({ level: 'warn', peer: other }))
    expect(shadow.replica.peers.get(other)).toMatchObject({ link: 'down', diverged: true })
  })

  test('in a page: the same, and it is not pulled again', () => {
    shadow.isGreeted(other, { vector: Vector.empty.withFloor(start, 1) })
    shadow.getsPage(other, lie())
    expect(shadow.logged).toEqual([])
    expect(lied()).toContain('event 1')
    expect([...shadow.asked('pull'), ...shadow.asked('hello')]).toEqual([])
    shadow.now += 600_000
    shadow.happens({ type: 'link', peer: other, up: true })
    shadow.happens({ type: 'tick' })
    expect(shadow.of('ask').filter(({ iq }) => iq.attrs.to === other)).toEqual([])
  })

  test('what others have of it is not believed either', () => {
    hears([lie()])
    shadow.isGreeted(source, { vector: Vector.empty.withFloor(start, 1) })
    expect(shadow.asked('pull')).toHaveLength(1)
    shadow.getsPage(source, said(1)[0]!)
    expect(shadow.logged).toEqual([])
  })
})

test('an event that does not follow on those before it is not taken, and its origin is flagged', () => {
  hears(said(2))
  hears([said(3, 'other')[2]!])
  expect(shadow.logged).toEqual([])
  expect(lied()).toContain('its event 3 does not follow')
})

test('nor is a first one that follows on something', () => {
  hears([{ ...said(1)[0]!, prev: contentDigest(message('nothing')) }])
  expect([shadow.logged, lied()]).toEqual([[], expect.stringContaining('its event 1 does not follow')])
})

describe('an origin whose head is none of what it said', () => {
  const elsewhere = 'p'.repeat(43)

  test('is flagged when it greets', () => {
    hears(said(2))
    greets(headOf(said(2), elsewhere))
    expect(lied()).toContain('what it signed up to its event 2 is not what it said')
    expect([shadow.of('head'), shadow.asked('pull')]).toEqual([[], []])
  })

  test('is flagged when what lay between is here', () => {
    greets(headOf(said(2), elsewhere))
    expect(lied()).toBeUndefined()
    shadow.getsPage(other, ...said(2))
    expect(lied()).toContain('event 2')
    expect(shadow.of('head')).toEqual([])
  })

  test('is flagged at a checkpoint', () => {
    greets(headOf(said(1)))
    shadow.getsPage(other, said(1)[0]!)
    hears(said(checkpoint).slice(1))
    const head = headOf(said(checkpoint), elsewhere)
    shadow.relays(other, xml('message', { from: other, to: self }, writeHead(head)))
    expect(lied()).toContain(`event ${checkpoint}`)
  })

  test('is not, where that is its own', () => {
    hears(said(2))
    greets(headOf(said(2)))
    expect(lied()).toBeUndefined()
    expect(shadow.of('head')).toHaveLength(1)
  })

  test('is not, while its key is not in the table yet', () => {
    hears(said(2))
    greets(headOf(said(2), undefined, 'anew'), signerFor('anew').publicKey)
    expect(lied()).toBeUndefined()
  })
})
