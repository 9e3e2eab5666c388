/** An instance that signs two logs, and one that says it has what it does not give (dmuc.md §4; docs/dmuc-sync.md §7). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { chained, linkOf } from '../../src/dmuc/chain.js'
import { signHead } from '../../src/dmuc/heads.js'
import { writeHeads } from '../../src/dmuc/lies.js'
import { Vector } from '../../src/dmuc/vector.js'
import { writeHello } from '../../src/dmuc/wire/hello.js'
import { compareHead, hashAt, heldHeads } from '../../src/modules/muc/compare-heads.js'
import { loadedReplica, logRecord, roomRecord } from '../../src/modules/muc/storage.js'
import { openMemoryStore } from '../../src/store/memory.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { chain, signerFor } from '../dmuc/chains.js'
import { arrival, event, list, live, message, occupant, other, Shadow, self, source } from '../dmuc/shadow.js'

let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
})

const said = (body: string) => {
  const { events } = chain(shadow.replica.identity.roomId, [event(other, 1, 1, message(body))], signerFor(other))
  const last = events[0]!
  return { told: last, hash: chained(last.prev!, linkOf(last)!) }
}

const headOf = (hash: string, signer = other) => {
  const { instance, incarnation, seq } = said('one').told.id
  return signHead(signerFor(signer), shadow.replica.identity.roomId, { instance, incarnation, seq }, hash)
}

/** The source tells which head it holds of the other. */
const tells = (hash: string, signer = other): void =>
  shadow.relays(source, xml('message', { from: source, to: self }, writeHeads([{ head: headOf(hash, signer), hash }])))

describe('what others hold of an instance', () => {
  test('is looked up in our own log where the instance has signed it', () => {
    const { told, hash } = said('one')
    shadow.relays(other, live(told))
    tells(said('two').hash)
    expect(shadow.of('compare')).toMatchObject([{ hash: said('two').hash, by: source, head: { instance: other } }])
    tells(hash)
    expect(shadow.of('compare')).toHaveLength(1)
  })

  test.each(['one whom it does not concern', 'the one who tells it'])(
    'is passed over where it is signed by %s',
    (who) => {
      shadow.relays(other, live(said('one').told))
      tells(said('two').hash, who === 'the one who tells it' ? source : 'nobody')
      expect(shadow.of('compare')).toEqual([])
    },
  )

  test('is passed over where we do not have as much', () => {
    tells(said('two').hash)
    expect(shadow.of('compare')).toEqual([])
  })

  test('is told with each hello, where there is a third', () => {
    shadow.isGreeted(source)
    expect(shadow.of('tell-heads')).toEqual([{ type: 'tell-heads', to: source }])
    const two = new Shadow()
    two.isGreeted(source)
    expect(two.of('tell-heads')).toEqual([])
  })
})

describe('who signed another log than it told us', () => {
  const hag = occupant(other)
  beforeEach(() => {
    shadow.relays(other, arrival(hag, 1))
    shadow.happens({ type: 'equivocated', head: headOf(said('two').hash), by: source })
  })

  test('is cut off, and the operator reads why', () => {
    expect(shadow.of('note')).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        peer: other,
        text: expect.stringContaining(`it told ${source} something else`),
      }),
    )
    expect(shadow.replica.peers.get(other)).toMatchObject({ link: 'down', diverged: true })
    expect(shadow.replica.peers.get(other)?.lastError).toContain('nothing is believed of it')
    // The others may compare, too.
    expect(shadow.of('tell-heads')).toEqual([{ type: 'tell-heads', to: source }])
  })

  test('is not heard, answered or greeted any more', () => {
    shadow.relays(other, live(said('one').told))
    expect(shadow.logged).toEqual([])
    shadow.isGreeted(other)
    expect(shadow.of('reply')[0]?.payload).toMatchObject({ condition: 'not-allowed' })
    shadow.happens({ type: 'link', peer: other, up: true })
    expect(shadow.asked('hello')).toEqual([])
    shadow.answers(other, { type: 'hello' }, xml('iq', { type: 'result' }, writeHello(shadow.replica)))
    expect(shadow.replica.peers.get(other)?.link).toBe('down')
  })

  test('is known after a restart, too', async () => {
    expect(shadow.of('save')).toHaveLength(1)
    const store = openMemoryStore()
    const instances = [...shadow.replica.table.instances.values()].map(
      (instance) =>
        ({
          type: 'room.instance.put',
          room: self,
          instance: { jid: instance.jid, state: JSON.stringify(instance) },
        }) as const,
    )
    await store.commit([{ type: 'room.put', room: roomRecord(shadow.replica, 0) }, ...instances])
    shadow.replica = loadedReplica((await store.loadRoom(self, 9))!, 'anew')
    shadow.happens({ type: 'link', peer: other, up: true })
    expect(shadow.asked('hello')).toEqual([])
    expect(shadow.replica.peers.get(other)).toMatchObject({ link: 'down', diverged: true })
    shadow.happens({ type: 'link', peer: source, up: true })
    expect(shadow.asked('hello')).toHaveLength(1)
  })

  test('is not believed by way of others either', () => {
    const { told } = said('one')
    shadow.isGreeted(source, { vector: Vector.empty.withFloor(told.id, 1) })
    shadow.getsPage(source, told)
    expect(shadow.logged).toEqual([])
  })
})

describe('what is compared', () => {
  const room = 'coven@rooms.macbeth.lit'
  async function stored() {
    const store = openMemoryStore()
    const { told, hash } = said('one')
    const replica = { ...shadow.replica, vector: Vector.empty.withFloor(told.id, 1) }
    const { instance, incarnation, ...head } = headOf(hash)
    await store.commit([
      { type: 'room.put', room: roomRecord(replica, 0) },
      { type: 'room.log', room, records: [logRecord(told, 1, true)] },
      { type: 'room.head', room, instance, incarnation, head },
    ])
    return { store, told, hash, replica }
  }

  test('is the hash of the chain with what was told here', async () => {
    const { store, told, hash } = await stored()
    expect(await hashAt(store, room, told.id)).toBe(hash)
    expect(await hashAt(store, room, { ...told.id, seq: 2 })).toBeUndefined()
  })

  test('and what another knows to be signed proves it from then on', () => {
    shadow.relays(other, live(said('one').told))
    const head = headOf(said('one').hash)
    shadow.happens({ type: 'headed', head, by: source })
    expect(shadow.of('head')).toEqual([{ type: 'head', head }])
  })

  test('with what another holds: what proves more than our own heads is kept, and what differs is a lie', async () => {
    const { store, told, hash } = await stored()
    expect(await compareHead(store, room, told.id, hash)).toBeUndefined()
    expect(await compareHead(store, room, told.id, said('two').hash)).toBe('equivocated')
    const unproved = openMemoryStore()
    await unproved.commit([
      { type: 'room.put', room: roomRecord(shadow.replica, 0) },
      { type: 'room.log', room, records: [logRecord(told, 1, true)] },
    ])
    expect(await compareHead(unproved, room, told.id, hash)).toBe('headed')
    expect(await compareHead(unproved, room, { ...told.id, seq: 2 }, hash)).toBeUndefined()
  })

  test('and others are told of it, but not the instance itself', async () => {
    const { store, hash, replica } = await stored()
    expect(await heldHeads(store, replica, source)).toEqual([{ head: headOf(hash), hash }])
    expect(await heldHeads(store, replica, other)).toEqual([])
  })
})

describe('an instance that says it has more than it gives', () => {
  test('is not asked for ever, and the operator reads it', () => {
    const { told } = said('one')
    shadow.isGreeted(other, { vector: Vector.empty.withFloor(told.id, 9) })
    shadow.getsPage(other)
    expect(shadow.asked('pull')).toEqual([])
    expect(shadow.replica.peers.get(other)?.lastError).toBe('it does not have what it says it holds')
  })

  test('but its list is, where what it cannot give is of a third who is gone', () => {
    const third = 'coven@rooms.kyd.lit'
    shadow = new Shadow(other, third)
    shadow.happens({ type: 'link', peer: third, up: false, reason: 'it was killed before it signed its last words' })
    const vector = Vector.empty.withFloor({ instance: third, incarnation: `${third}-1` }, 9)
    shadow.isGreeted(other, { vector, occupantsRevision: 1 })
    shadow.getsPage(other)
    expect(shadow.asked('pull')).toEqual([])
    expect(shadow.asked('occupants')).toHaveLength(1)
    shadow.answers(other, { type: 'occupants' }, list(other, 1, 0, occupant(other)))
    expect(shadow.replica.room.occupants.get('hag')?.home).toBe(other)
    // It is asked once more, and then no more.
    shadow.getsPage(other)
    expect(shadow.of('ask')).toEqual([])
  })

  test('and neither is its list, where it is of its own', () => {
    const { told } = said('one')
    shadow.isGreeted(other, { vector: Vector.empty.withFloor(told.id, 9), occupantsRevision: 1 })
    shadow.getsPage(other)
    expect(shadow.of('ask')).toEqual([])
  })

  test('nor is one that falls silent in the middle of it', () => {
    const { told } = said('one')
    shadow.isGreeted(other, { vector: Vector.empty.withFloor(told.id, 9) })
    const question = shadow.asked('pull')[0]!
    shadow.answers(other, question, new StanzaError('remote-server-timeout'))
    expect(shadow.asked('pull')).toEqual([])
    expect(shadow.of('note')).toMatchObject([{ level: 'warn', peer: other }])
    // It goes on with the next hello.
    shadow.isGreeted(other)
    expect(shadow.asked('pull')).toHaveLength(1)
  })
})
