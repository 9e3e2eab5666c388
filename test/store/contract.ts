/** What every Store does, whatever it is made of: run by the test file of each implementation. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { LogQuery, Store, StoredLogRecord, VectorEntry, Write } from '../../src/store/store.js'
import { archives } from './archives.js'
import { account, keys, logRecord, putLog, putRoom, room, roomRecord, rosterItem } from './records.js'

export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(`${name}: the contract of a store`, () => {
    let store: Store
    beforeEach(async () => {
      store = await open()
    })
    afterEach(() => store.close())
    const given = (): Store => store

    describe('batches', () => batches(given))
    describe('users', () => users(given))
    describe('rooms', () => rooms(given))
    describe('the log', () => log(given))
    describe('archives', () => archives(given))
    describe('the version vector', () => vector(given))
    describe('closing', () => closing(given))
  })
}

function batches(given: () => Store): void {
  test('a batch that fails leaves nothing behind, and fails alone', async () => {
    const store = given()
    await store.commit([putRoom(), putLog([logRecord(1)])])
    const settled = await Promise.allSettled([
      store.commit([putLog([logRecord(2)])]),
      store.commit([
        { type: 'account.put', account: account('lost@a.example') },
        { type: 'room.put', room: roomRecord({ name: 'Lost' }) },
        putLog([logRecord(3), logRecord(4)]),
        { type: 'room.void', room, stanzaIds: ['id-1'] },
        putLog([logRecord(3, { archivedAt: 9 })]),
      ]),
      store.commit([putLog([logRecord(3, { body: 'kept' })])]),
    ])
    expect(settled.map((one) => one.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(settled[1]).toMatchObject({ reason: { name: 'StoreError', code: 'constraint' } })
    const log = await store.log(room, { limit: 10, includeVoid: true })
    expect(log.map((record) => [record.seq, record.void])).toEqual([
      [1, false],
      [2, false],
      [3, false],
    ])
    expect(log[2]?.body).toBe('kept')
    const loaded = await store.loadRoom(room, 0)
    expect(loaded?.room.name).toBe('Coven')
    expect(loaded?.vector).toEqual([{ instance: room, incarnation: 'i1', contiguous: 3, above: [] }])
    expect(await store.account('lost@a.example')).toBeUndefined()
  })

  test('batches take effect in the order of the calls', async () => {
    const store = given()
    const put = (value: string) =>
      store.commit([{ type: 'data.put', owner: 'a@a.example', kind: 'k', key: 'x', value }])
    await Promise.all(Array.from({ length: 200 }, (_, index) => put(String(index))))
    expect(await store.data('a@a.example', 'k', 'x')).toBe('199')
  })

  test('a read asked after a confirmation sees what was confirmed', async () => {
    const store = given()
    for (let n = 1; n <= 50; n += 1) {
      await store.commit([{ type: 'offline.add', owner: 'a@a.example', at: n, stanza: '<message/>' }])
      expect(await store.offlineCount('a@a.example')).toBe(n)
    }
  })

  test('an empty batch is confirmed, and `pending` counts what is not', async () => {
    const store = given()
    expect(store.pending).toBe(0)
    const commit = store.commit([])
    expect(store.pending).toBe(1)
    await commit
    expect(store.pending).toBe(0)
    expect(store.pendingLimit).toBeGreaterThan(0)
  })

  test('a batch may ask to be on the disk before it is confirmed', async () => {
    const store = given()
    await store.commit([putRoom()], { synced: true })
    expect((await store.loadRoom(room, 0))?.room).toEqual(roomRecord())
  })
}

function users(given: () => Store): void {
  test('accounts are put, replaced, listed by domain in order, and deleted with all they had', async () => {
    const store = given()
    const romeo = account('romeo@a.example')
    await store.commit([
      { type: 'account.put', account: romeo },
      { type: 'account.put', account: account('juliet@a.example', { disabled: true }) },
      { type: 'account.put', account: account('nurse@b.example') },
      { type: 'roster.put', owner: romeo.jid, item: rosterItem('juliet@a.example') },
      { type: 'offline.add', owner: romeo.jid, at: 1, stanza: '<message/>' },
      { type: 'data.put', owner: romeo.jid, kind: 'vcard', key: '', value: '<vCard/>' },
    ])
    expect(await store.account(romeo.jid)).toEqual(romeo)
    expect((await store.account('juliet@a.example'))?.disabled).toBe(true)
    expect(await store.accounts('a.example')).toEqual(['juliet@a.example', 'romeo@a.example'])
    const changed = { ...romeo, sha1: { ...romeo.sha1, salt: 'other' } }
    await store.commit([{ type: 'account.put', account: changed }])
    expect(await store.account(romeo.jid)).toEqual(changed)
    expect(await store.roster(romeo.jid)).toHaveLength(1)
    await store.commit([
      { type: 'account.delete', jid: romeo.jid },
      { type: 'account.delete', jid: 'nobody@a.example' },
    ])
    expect(await store.account(romeo.jid)).toBeUndefined()
    expect(await store.accounts('a.example')).toEqual(['juliet@a.example'])
    expect(await store.roster(romeo.jid)).toEqual([])
    expect(await store.offline(romeo.jid)).toEqual([])
    expect(await store.data(romeo.jid, 'vcard', '')).toBeUndefined()
  })

  test('SHA-512 keys are added once, and only while the password is the one they were made of', async () => {
    const store = given()
    const before = account('romeo@a.example', { sha512: undefined })
    await store.commit([
      { type: 'account.put', account: before },
      { type: 'account.put', account: account('juliet@a.example') },
      { type: 'account.put', account: account('nurse@b.example') },
    ])
    expect([await store.lacksSha512('a.example'), await store.lacksSha512('b.example')]).toEqual([true, false])
    const add = (of: number, given: number) =>
      store.commit([{ type: 'account.sha512', jid: before.jid, keys: keys(of), given: keys(given) }])
    await add(1, 1)
    expect(await store.account(before.jid)).toEqual(before)
    await add(2, 10_000)
    expect(await store.account(before.jid)).toEqual({ ...before, sha512: keys(2) })
    await add(3, 10_000)
    expect((await store.account(before.jid))?.sha512).toEqual(keys(2))
    expect(await store.lacksSha512('a.example')).toBe(false)
  })

  test('roster items come back as they were, in order of their JIDs', async () => {
    const store = given()
    const owner = 'romeo@a.example'
    const full = rosterItem('juliet@b.example', {
      name: 'Juliet ♥',
      groups: ['Friends', 'Verona, "Capulet"'],
      subscription: 'both',
      ask: true,
      pendingIn: '<presence type="subscribe"/>',
      approved: true,
    })
    await store.commit([
      { type: 'roster.put', owner, item: rosterItem('nurse@b.example') },
      { type: 'roster.put', owner, item: full },
      { type: 'roster.put', owner: 'other@a.example', item: rosterItem('x@b.example') },
    ])
    expect(await store.roster(owner)).toEqual([full, rosterItem('nurse@b.example')])
    const emptied = rosterItem(full.jid, { subscription: 'to' })
    await store.commit([
      { type: 'roster.put', owner, item: emptied },
      { type: 'roster.delete', owner, jid: 'nurse@b.example' },
    ])
    expect(await store.roster(owner)).toEqual([emptied])
  })

  test('offline messages keep their order and are deleted up to one, whose number is never used again', async () => {
    const store = given()
    const owner = 'romeo@a.example'
    const add = (n: number) => store.commit([{ type: 'offline.add', owner, at: n, stanza: `<message id="${n}"/>` }])
    for (const n of [1, 2, 3]) await add(n)
    const [, second, third] = await store.offline(owner)
    expect(second).toMatchObject({ at: 2, stanza: '<message id="2"/>' })
    await store.commit([{ type: 'offline.delete', owner, upTo: second?.order ?? 0 }])
    expect(await store.offline(owner)).toEqual([third])
    await store.commit([{ type: 'offline.delete', owner, upTo: third?.order ?? 0 }])
    expect(await store.offlineCount(owner)).toBe(0)
    await add(4)
    expect((await store.offline(owner))[0]?.order).toBeGreaterThan(third?.order ?? 0)
  })

  test('nodes come back in order of their names with their items in order of publication, and what these say', async () => {
    const store = given()
    const owner = 'a@a.example'
    const item = (id: string, at: number) => ({ id, publisher: `${owner}/phone`, at, size: 4 })
    const put = (node: string, id: string, at: number): Write => ({
      type: 'item.put',
      owner,
      node,
      item: item(id, at),
      payload: `<x>${id}${at}</x>`,
    })
    await store.commit([
      { type: 'account.put', account: account(owner) },
      put('tune', 'one', 1),
      { type: 'node.put', owner, name: 'tune', state: '{}' },
      { type: 'node.put', owner, name: 'mood', state: '{"a":1}' },
      put('tune', 'two', 2),
      put('tune', 'three', 3),
      put('stray', 'one', 3),
      { type: 'node.put', owner: 'b@a.example', name: 'tune', state: '{}' },
    ])
    await store.commit([put('tune', 'one', 4), { type: 'item.delete', owner, node: 'tune', ids: ['two', 'none'] }])
    expect(await store.nodes(owner)).toEqual([
      { name: 'mood', state: '{"a":1}', items: [] },
      { name: 'tune', state: '{}', items: [item('three', 3), item('one', 4)] },
    ])
    expect(await store.payloads(owner, 'tune', ['one', 'two'])).toEqual(new Map([['one', '<x>one4</x>']]))
    await store.commit([{ type: 'node.delete', owner, name: 'tune' }])
    await store.commit([{ type: 'node.put', owner, name: 'tune', state: '{}' }])
    expect((await store.nodes(owner))[1]?.items).toEqual([])
    await store.commit([put('tune', 'one', 1), { type: 'account.delete', jid: owner }])
    expect(await store.nodes(owner)).toEqual([])
    expect(await store.payloads(owner, 'tune', ['one'])).toEqual(new Map())
    expect(await store.nodes('b@a.example')).toHaveLength(1)
  })

  test('data is kept by owner, kind and key', async () => {
    const store = given()
    const put = (key: string, value: string | undefined, kind = 'pep') =>
      ({ type: 'data.put', owner: 'a@a.example', kind, key, value }) as const
    await store.commit([put('b', '2'), put('a', '1'), put('a', 'other', 'vcard')])
    expect(await store.dataKeys('a@a.example', 'pep')).toEqual(['a', 'b'])
    expect(await store.data('a@a.example', 'pep', 'a')).toBe('1')
    expect(await store.data('b@a.example', 'pep', 'a')).toBeUndefined()
    await store.commit([put('a', undefined), put('b', '3')])
    expect(await store.dataKeys('a@a.example', 'pep')).toEqual(['b'])
    expect(await store.data('a@a.example', 'pep', 'b')).toBe('3')
    expect(await store.data('a@a.example', 'vcard', 'a')).toBe('other')
  })
}

function rooms(given: () => Store): void {
  test('a room comes back with its register, roster and instances', async () => {
    const store = given()
    const record = roomRecord({ public: false, epoch: 2, epochRank: 1, source: 'coven@rooms.b.example' })
    const owner = { jid: 'crone1@a.example', affiliation: 'owner', nick: 'firstwitch', reason: undefined }
    const outcast = { jid: 'wiccarocks@a.example', affiliation: 'outcast', nick: undefined, reason: 'Treason' }
    const occupant = { nick: 'thirdwitch', jid: 'hag66@b.example', home: record.source, since: 7, revision: 4 }
    const instance = { jid: record.source, state: '{"rank":0}' }
    await store.commit([
      { type: 'room.put', room: record },
      { type: 'room.affiliation', room, entry: outcast },
      { type: 'room.affiliation', room, entry: { ...owner, affiliation: 'admin' } },
      { type: 'room.affiliation', room, entry: owner },
      { type: 'room.occupant.put', room, occupant: { ...occupant, revision: 3 } },
      { type: 'room.occupant.put', room, occupant },
      { type: 'room.occupant.put', room, occupant: { ...occupant, nick: 'gone' } },
      { type: 'room.occupant.delete', room, nick: 'gone' },
      { type: 'room.instance.put', room, instance: { ...instance, state: '' } },
      { type: 'room.instance.put', room, instance },
      { type: 'room.instance.put', room, instance: { ...instance, jid: 'coven@rooms.c.example' } },
      { type: 'room.instance.delete', room, jid: 'coven@rooms.c.example' },
    ])
    expect(await store.loadRoom(room, 10)).toEqual({
      room: record,
      affiliations: [owner, outcast],
      occupants: [occupant],
      instances: [instance],
      recent: [],
      vector: [],
      amendments: [],
      lastArchivedAt: 0,
    })
    await store.commit([{ type: 'room.affiliation.delete', room, jid: outcast.jid }])
    expect((await store.loadRoom(room, 10))?.affiliations).toEqual([owner])
  })

  test('a room that rests is found by whom it is shared with, until it wakes or is deleted', async () => {
    const store = given()
    const other = 'hall@rooms.a.example'
    const [b, c] = ['rooms.b.example', 'rooms.c.example']
    const rest = (jid: string, tag: string, ...peers: string[]): Write => ({
      type: 'room.rest',
      room: jid,
      memory: `memory of ${tag}`,
      shared: peers.map((peer) => ({ peer, tag, digest: `digest of ${tag}` })),
    })
    const found = async (peer: string, after = '', limit = 10): Promise<string[]> =>
      (await store.resting('rooms.a.example', peer, after, limit)).map(({ tag }) => tag)
    await store.commit([putRoom(), putRoom({ jid: other, source: `hall@${b}` })])
    expect((await store.loadRoom(room, 0))?.memory).toBeUndefined()
    await store.commit([rest(room, 'old', c), rest(room, 'one', b, c), rest(other, 'two', b)])
    expect((await store.loadRoom(room, 0))?.memory).toBe('memory of one')
    expect(await store.resting('rooms.a.example', b, '', 1)).toEqual([
      { jid: room, tag: 'one', digest: 'digest of one' },
    ])
    expect(await found(b, 'one')).toEqual(['two'])
    expect(await found(c)).toEqual(['one'])
    expect(await store.resting('rooms.d.example', b, '', 9)).toEqual([])
    expect(await store.restingPeers('rooms.a.example')).toEqual([b, c])
    expect(await store.shadowCount('rooms.a.example', b)).toBe(1)
    expect(await store.shadowCount('rooms.a.example', c)).toBe(0)
    await store.commit([{ type: 'room.wake', room }, putRoom()])
    expect((await store.loadRoom(room, 0))?.memory).toBeUndefined()
    expect(await found(b)).toEqual(['two'])
    expect(await store.rooms('rooms.a.example', { limit: 9, awakeOnly: true })).toEqual([roomRecord()])
    await store.commit([{ type: 'room.delete', jid: other }])
    expect(await store.restingPeers('rooms.a.example')).toEqual([])
  })

  test('putting a room again changes the room and nothing else', async () => {
    const store = given()
    await store.commit([putRoom(), putLog([logRecord(1)])])
    await store.commit([{ type: 'room.instance.put', room, instance: { jid: room, state: '' } }])
    const changed = roomRecord({ name: 'Other', state: '{}', persistent: false, epoch: 2 })
    await store.commit([{ type: 'room.put', room: changed }])
    const loaded = await store.loadRoom(room, 10)
    expect(loaded?.room).toEqual(changed)
    expect(loaded?.recent).toHaveLength(1)
    expect(loaded?.instances).toHaveLength(1)
  })

  test('a deleted room is gone with all it had; one of the same name starts empty, with higher orders', async () => {
    const store = given()
    await store.commit([
      putRoom(),
      putLog([logRecord(1), logRecord(2)]),
      {
        type: 'room.affiliation',
        room,
        entry: { jid: 'a@a', affiliation: 'owner', nick: undefined, reason: undefined },
      },
      { type: 'data.put', owner: room, kind: 'vcard', key: '', value: '<vCard/>' },
    ])
    const [, newest] = await store.log(room, { limit: 10 })
    await store.commit([
      { type: 'room.delete', jid: room },
      { type: 'room.delete', jid: 'nowhere@rooms.a.example' },
    ])
    expect(await store.loadRoom(room, 10)).toBeUndefined()
    expect(await store.log(room, { limit: 10 })).toEqual([])
    expect(await store.logOrder(room, 'id-1')).toBeUndefined()
    expect(await store.logRange(room, room, 'i1', 1, 9, 9)).toEqual([])
    expect(await store.data(room, 'vcard', '')).toBeUndefined()
    await store.commit([putRoom(), putLog([logRecord(1)])])
    const again = await store.loadRoom(room, 10)
    expect(again?.affiliations).toEqual([])
    expect(again?.recent.map((record) => record.seq)).toEqual([1])
    expect(again?.vector).toEqual([{ instance: room, incarnation: 'i1', contiguous: 1, above: [] }])
    expect(again?.recent[0]?.order).toBeGreaterThan(newest?.order ?? 0)
  })

  test('a room can be deleted and made anew in one batch', async () => {
    const store = given()
    await store.commit([putRoom(), putLog([logRecord(1, { archivedAt: 99 })])])
    await store.commit([{ type: 'room.delete', jid: room }, putRoom({ name: 'New' }), putLog([logRecord(1)])])
    const loaded = await store.loadRoom(room, 10)
    expect([loaded?.room.name, loaded?.lastArchivedAt]).toEqual(['New', 1])
  })

  test("a service's rooms are paged by JID", async () => {
    const store = given()
    const jids = ['a', 'b', 'c', 'd', 'é', '🧙'].map((local) => `${local}@rooms.a.example`)
    await store.commit(jids.toReversed().map((jid, index) => putRoom({ jid, public: index % 2 === 0 })))
    await store.commit([putRoom({ jid: 'a@rooms.b.example' })])
    const list = async (options: Parameters<Store['rooms']>[1]) =>
      (await store.rooms('rooms.a.example', options)).map((record) => record.jid)
    expect(await list({ limit: 10 })).toEqual(jids)
    expect(await list({ limit: 2, after: jids[1] ?? '' })).toEqual(jids.slice(2, 4))
    expect(await list({ limit: 10, after: jids[5] ?? '' })).toEqual([])
    expect(await list({ limit: 2, before: jids[3] ?? '' })).toEqual(jids.slice(0, 2))
    expect(await list({ limit: 2, before: jids[3] ?? '', backward: true })).toEqual(jids.slice(1, 3))
    expect(await list({ limit: 2, backward: true })).toEqual(jids.slice(4))
    expect(await list({ limit: 9, after: jids[0] ?? '', before: jids[4] ?? '', backward: true })).toEqual(
      jids.slice(1, 4),
    )
    expect(await list({ limit: 0, backward: true })).toEqual([])
    expect(await list({ limit: 10, publicOnly: true })).toEqual(jids.filter((_, index) => index % 2 === 1))
    await store.commit([putRoom({ jid: jids[2] ?? '', persistent: false, public: false })])
    expect(await list({ limit: 10, temporaryOnly: true })).toEqual([jids[2]])
    expect(await store.roomCount('rooms.a.example')).toBe(6)
    expect(await store.roomCount('rooms.a.example', true)).toBe(3)
    expect(await store.roomCount('rooms.c.example')).toBe(0)
  })

  test.each([
    { type: 'room.affiliation', room, entry: { jid: 'a@a', affiliation: 'owner', nick: undefined, reason: undefined } },
    { type: 'room.log', room, records: [logRecord(1)] },
    { type: 'room.floor', room, instance: room, incarnation: 'i1', seq: 1 },
    { type: 'room.occupant.put', room, occupant: { nick: 'n', jid: 'a@a', home: room, since: 1, revision: 1 } },
    { type: 'room.instance.put', room, instance: { jid: room, state: '' } },
  ] as const)('$type: a room that is not there is refused', async (write) => {
    await expect(given().commit([write])).rejects.toMatchObject({ code: 'constraint' })
  })
}

function log(given: () => Store): void {
  const head = (seq: number): Write => ({
    type: 'room.head',
    room,
    instance: room,
    incarnation: 'i1',
    head: { seq, signature: `signed ${seq}` },
  })

  test('digests and chain come back as they were stored', async () => {
    const store = given()
    await store.commit([putRoom(), putLog([logRecord(1, { digest: 'd', prev: 'p' }), logRecord(2)])])
    const [first, second] = await store.logRange(room, room, 'i1', 1, 2, 9)
    expect(first).toMatchObject({ digest: 'd', prev: 'p' })
    expect(second?.digest).toBeUndefined()
    await store.commit([{ type: 'room.void', room, stanzaIds: [first!.stanzaId] }])
    expect((await store.logRange(room, room, 'i1', 1, 1, 9))[0]).toMatchObject({ void: true, digest: 'd', prev: 'p' })
  })

  test('of the heads of an origin the last stays, and one each 64', async () => {
    const store = given()
    await store.commit([putRoom(), head(63), head(64), head(100), head(130), head(129)])
    const found = await Promise.all([1, 64, 65, 130, 131].map((seq) => store.logHead(room, room, 'i1', seq)))
    expect(found.map((one) => one?.seq)).toEqual([64, 64, 129, 130, 130])
    expect(found[0]).toEqual({ seq: 64, signature: 'signed 64' })
    expect(await store.logHead(room, room, 'i2', 1)).toBeUndefined()
    expect(await store.logHead('none@a.example', room, 'i1', 1)).toBeUndefined()
  })

  test('what has expired leaves the log, and stays counted', async () => {
    const store = given()
    const cut = (seq: number, closed = false): Write => ({
      type: 'room.expire',
      room,
      instance: room,
      incarnation: 'i1',
      seq,
      closed,
    })
    const config = logRecord(2, { type: 'config', archived: false })
    await store.commit([putRoom(), putLog([logRecord(1), config, logRecord(3), logRecord(4)]), head(2), head(4)])
    const [first, , third] = await store.logRange(room, room, 'i1', 1, 3, 9)
    const origin = { instance: room, incarnation: 'i1' }
    expect(await store.expired(room, Number.MAX_SAFE_INTEGER)).toEqual([])
    await store.commit([{ type: 'room.void', room, stanzaIds: [first!.stanzaId] }])
    expect(await store.expired(room, Number.MAX_SAFE_INTEGER)).toEqual([
      { ...origin, seq: 2, revision: config.revision },
    ])
    expect(await store.expired(room, first!.archivedAt)).toEqual([])
    await store.commit([{ type: 'room.void', room, stanzaIds: [third!.stanzaId] }, cut(3)])
    expect((await store.logRange(room, room, 'i1', 1, 9, 9)).map(({ seq }) => seq)).toEqual([4])
    expect((await store.loadRoom(room, 9))?.vector).toEqual([{ ...origin, contiguous: 4, above: [] }])
    expect(await store.expired(room, 0)).toEqual([{ ...origin, seq: 3, revision: 0 }])
    expect((await store.logHead(room, room, 'i1', 1))?.seq).toBe(4)
    await store.commit([cut(4, true)])
    expect((await store.loadRoom(room, 9))?.vector).toEqual([])
    expect((await store.loadRoom(room, 9))?.recent).toEqual([])
    expect(await store.logHead(room, room, 'i1', 1)).toBeUndefined()
    await store.commit([putLog([logRecord(1, { stanzaId: 'again', archivedAt: 1e6 })])])
    expect((await store.loadRoom(room, 9))?.vector).toEqual([{ ...origin, contiguous: 1, above: [] }])
  })

  test('what no head covers is the last of each incarnation of one instance', async () => {
    const store = given()
    const elsewhere = { instance: 'coven@b.example', incarnation: 'i9', seq: 1, stanzaId: 'x', archivedAt: 90 }
    await store.commit([putRoom(), putLog([logRecord(1), logRecord(2), logRecord(3, elsewhere)])])
    expect((await store.unsigned(room, room)).map(({ seq }) => seq)).toEqual([2])
    await store.commit([head(1)])
    expect((await store.unsigned(room, room)).map(({ seq }) => seq)).toEqual([2])
    await store.commit([head(2)])
    expect(await store.unsigned(room, room)).toEqual([])
    await store.commit([{ type: 'room.delete', jid: room }])
    expect(await store.logHead(room, room, 'i1', 1)).toBeUndefined()
  })

  const fill = async (count: number): Promise<StoredLogRecord[]> => {
    const records = Array.from({ length: count }, (_, index) =>
      logRecord(index + 1, {
        archivedAt: 100 + 10 * index,
        type: index % 5 === 4 ? 'config' : index % 7 === 6 ? 'subject' : 'message',
        jid: index % 3 === 2 ? undefined : `author${index % 3}@a.example`,
        nick: index % 3 === 2 ? undefined : `witch${index % 4}`,
        void: index % 11 === 10,
        archived: index % 11 !== 10 && index % 5 !== 4 && index % 13 !== 12,
        body: index % 11 === 10 ? '' : `body ${index}`,
      }),
    )
    const other = 'other@rooms.a.example'
    await given().commit([putRoom(), putRoom({ jid: other })])
    for (const record of records) await given().commit([putLog([record]), putLog([record], other)])
    return given().log(room, { limit: count, includeVoid: true })
  }

  test('records come back as they went in, in rising order', async () => {
    const records = await fill(20)
    expect(records).toHaveLength(20)
    expect(records[0]).toEqual({
      ...logRecord(1, { archivedAt: 100, jid: 'author0@a.example', nick: 'witch0', body: 'body 0' }),
      order: records[0]?.order,
    })
    expect(records[2]?.jid).toBeUndefined()
    for (const [index, record] of records.entries()) {
      expect(record.seq).toBe(index + 1)
      expect(record.order).toBeGreaterThan(records[index - 1]?.order ?? 0)
    }
  })

  test('a page is what filtering all records gives, for any query', async () => {
    const all = await fill(60)
    const orders = fc.integer({ min: 0, max: (all.at(-1)?.order ?? 0) + 2 })
    const times = fc.integer({ min: 90, max: 710 })
    const query: fc.Arbitrary<LogQuery> = fc.record(
      {
        after: orders,
        before: orders,
        start: times,
        end: times,
        with: fc.constantFrom('author0@a.example', 'author1@a.example', 'nobody@a.example'),
        nick: fc.constantFrom('witch0', 'witch3', 'nobody'),
        stanzaIds: fc.array(
          fc.integer({ min: 1, max: 70 }).map((seq) => `id-${seq}`),
          { maxLength: 5 },
        ),
        types: fc.constantFrom(['message'], ['message', 'subject'], [], ['config']),
        includeVoid: fc.boolean(),
        archived: fc.boolean(),
        limit: fc.integer({ min: 0, max: 20 }),
        backward: fc.boolean(),
      },
      { requiredKeys: ['limit'] },
    )
    await fc.assert(
      fc.asyncProperty(query, async (q) => {
        expect(await given().log(room, q)).toEqual(filtered(all, q))
      }),
      { seed: 281, numRuns: 300 },
    )
  })

  test('an author whose JID holds SQL is only text', async () => {
    await fill(3)
    expect(await given().log(room, { limit: 9, with: `x' OR '1'='1` })).toEqual([])
    expect(await given().logOrder(room, `id-1' --`)).toBeUndefined()
  })

  test('recent history is the newest messages and subjects, oldest first', async () => {
    const all = await fill(40)
    const shown = all.filter((record) => !record.void && ['message', 'subject'].includes(record.type))
    const loaded = await given().loadRoom(room, 7)
    expect(loaded?.recent).toEqual(shown.slice(-7))
    expect(loaded?.lastArchivedAt).toBe(490)
  })

  test('a stanza-id leads to its order, in its own room', async () => {
    const all = await fill(5)
    expect(await given().logOrder(room, 'id-4')).toBe(all[3]?.order)
    expect(await given().logOrder(room, 'id-9')).toBeUndefined()
    expect(await given().logOrder('nowhere@rooms.a.example', 'id-4')).toBeUndefined()
  })

  test('a range of one origin comes in order of seq, void ones too, within its limit', async () => {
    const store = given()
    const ofShadow = { instance: 'coven@rooms.b.example', incarnation: 'j1' }
    await store.commit([
      putRoom(),
      putLog([
        logRecord(3, { archivedAt: 1 }),
        logRecord(1, { archivedAt: 2 }),
        logRecord(2, { archivedAt: 3, void: true, body: '' }),
        logRecord(2, { archivedAt: 4, ...ofShadow }),
        logRecord(4, { archivedAt: 5 }),
      ]),
    ])
    const range = async (from: number, to: number, limit: number) =>
      (await store.logRange(room, room, 'i1', from, to, limit)).map((record) => record.seq)
    expect(await range(1, 4, 10)).toEqual([1, 2, 3, 4])
    expect(await range(2, 3, 10)).toEqual([2, 3])
    expect(await range(1, 4, 2)).toEqual([1, 2])
    expect(await range(5, 9, 2)).toEqual([])
    const [shadow] = await store.logRange(room, ofShadow.instance, ofShadow.incarnation, 1, 9, 9)
    expect(shadow).toMatchObject({ ...ofShadow, seq: 2, archivedAt: 4 })
  })

  describe('amending a body', () => {
    const patch = JSON.stringify({ content: '', lang: null, retracted: { id: 'r' } })
    const amend = { type: 'room.amend', room, patch, once: 'retracted' } as const
    const bodies = async (): Promise<unknown[]> =>
      (await given().log(room, { limit: 9 })).map(({ body }) => JSON.parse(body))
    const said = { content: '<body>x</body>', lang: 'en', nick: 'n' }
    const gone = { content: '', nick: 'n', retracted: { id: 'r' } }
    beforeEach(async () => {
      const body = JSON.stringify(said)
      const records = [logRecord(1, { body }), logRecord(2, { body }), logRecord(3, { body, type: 'config' })]
      await given().commit([putRoom(), putLog(records)])
    })

    test('a merge patch changes the message with that id, and no other record', async () => {
      await given().commit([1, 3, 9].map((n) => ({ ...amend, stanzaId: `id-${n}` })))
      expect(await bodies()).toEqual([gone, said, said])
    })

    test('once, and not what is void', async () => {
      await given().commit([{ ...amend, stanzaId: 'id-1' }])
      const again = JSON.stringify({ retracted: { id: 'other' } })
      await given().commit([{ ...amend, patch: again, stanzaId: 'id-1' }])
      expect((await bodies())[0]).toEqual(gone)
      await given().commit([
        { type: 'room.void', room, stanzaIds: ['id-2'] },
        { ...amend, stanzaId: 'id-2' },
      ])
      const voided = await given().log(room, { stanzaIds: ['id-2'], includeVoid: true, limit: 1 })
      expect(voided[0]?.body).toBe('')
    })

    test('only what that author said at that instance, where one is named', async () => {
      const { jid, instance } = { jid: 'crone1@a.example', instance: room }
      await given().commit([
        { ...amend, stanzaId: 'id-1', jid: 'other@a.example', instance },
        { ...amend, stanzaId: 'id-1', jid, instance: 'other@rooms.a.example' },
      ])
      expect(await bodies()).toEqual([said, said, said])
      await given().commit([{ ...amend, stanzaId: 'id-1', jid, instance }])
      expect(await bodies()).toEqual([gone, said, said])
    })

    test('in the batch in which it was said', async () => {
      const late = putLog([logRecord(4, { body: JSON.stringify(said) })])
      await given().commit([late, { ...amend, stanzaId: 'id-4' }])
      expect((await bodies())[3]).toEqual(gone)
    })
  })

  test('voiding erases the content and keeps the identity', async () => {
    const store = given()
    await fill(5)
    await store.commit([{ type: 'room.void', room, stanzaIds: ['id-2', 'id-4', 'unknown'] }])
    expect((await store.log(room, { limit: 9 })).map((record) => record.seq)).toEqual([1, 3, 5])
    const erased = await store.logRange(room, room, 'i1', 2, 2, 1)
    expect(erased).toMatchObject([{ seq: 2, void: true, body: '', stanzaId: 'id-2' }])
    expect((await store.loadRoom(room, 9))?.vector).toEqual([
      { instance: room, incarnation: 'i1', contiguous: 5, above: [] },
    ])
    expect(await store.log('other@rooms.a.example', { limit: 9 })).toHaveLength(5)
  })

  test.each([
    ['an identity twice', [logRecord(1), logRecord(1, { archivedAt: 2 })]],
    ['an arrival time that stands still', [logRecord(1, { archivedAt: 5 }), logRecord(2, { archivedAt: 5 })]],
    ['an arrival time that falls', [logRecord(1, { archivedAt: 5 }), logRecord(2, { archivedAt: 4 })]],
    ['a number below 1', [logRecord(0, { archivedAt: 5 })]],
  ])('%s is refused', async (_, records) => {
    const store = given()
    await store.commit([putRoom()])
    await expect(store.commit([putLog(records)])).rejects.toMatchObject({ name: 'StoreError', code: 'constraint' })
    expect((await store.loadRoom(room, 9))?.lastArchivedAt).toBe(0)
  })

  test('text of any script and numbers of full size survive', async () => {
    const store = given()
    const record = logRecord(Number.MAX_SAFE_INTEGER, {
      archivedAt: 8_640_000_000_000_000,
      stampMs: Number.MAX_SAFE_INTEGER,
      nick: 'Ведьма 🧙‍♀️',
      body: JSON.stringify({ content: '<body>\u0000 \ud83e\uddd9 "\'\\</body>' }),
    })
    await store.commit([putRoom(), putLog([record])])
    expect(await store.log(room, { limit: 1 })).toEqual([{ ...record, order: expect.any(Number) }])
  })
}

function filtered(all: readonly StoredLogRecord[], query: LogQuery): StoredLogRecord[] {
  const found = all.filter((record) => {
    if (query.after !== undefined && record.order <= query.after) return false
    if (query.before !== undefined && record.order >= query.before) return false
    if (query.start !== undefined && record.archivedAt < query.start) return false
    if (query.end !== undefined && record.archivedAt > query.end) return false
    if (query.with !== undefined && record.jid !== query.with) return false
    if (query.nick !== undefined && record.nick !== query.nick) return false
    if (query.stanzaIds !== undefined && !query.stanzaIds.includes(record.stanzaId)) return false
    if (query.types !== undefined && !query.types.includes(record.type)) return false
    if (query.archived !== undefined && (query.archived !== record.archived || record.void)) return false
    return query.includeVoid === true || !record.void
  })
  return query.backward === true ? found.slice(Math.max(0, found.length - query.limit)) : found.slice(0, query.limit)
}

function vector(given: () => Store): void {
  const event = fc.record({
    kind: fc.constantFrom('one', 'one', 'one', 'two', 'two', 'floor'),
    incarnation: fc.constantFrom('i1', 'i2', 'i3'),
    seq: fc.integer({ min: 1, max: 20 }),
    room: fc.constantFrom('a@rooms.a.example', 'b@rooms.a.example'),
  })

  test('it is what counting the log and the floors gives, whatever the order of arrival and of failure', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 20, maxLength: 80, size: 'max' }), async (events) => {
        run += 1
        const store = given()
        const rooms = ['a@rooms.a.example', 'b@rooms.a.example'].map((jid) => `${run}-${jid}`)
        const writes = events.map(({ kind, incarnation, seq, room: jid }, index): Write => {
          const to = `${run}-${jid}`
          if (kind === 'floor') return { type: 'room.floor', room: to, instance: room, incarnation, seq }
          const records = [logRecord(seq, { incarnation, archivedAt: 2 * index + 1 })]
          if (kind === 'two') records.push(logRecord(seq + 1, { incarnation, archivedAt: 2 * index + 2 }))
          return putLog(records, to)
        })
        await store.commit(rooms.map((jid) => putRoom({ jid })))
        await Promise.allSettled(writes.map((write) => store.commit([write])))
        for (const jid of rooms) {
          const floors = writes.filter((write) => write.type === 'room.floor').filter((floor) => floor.room === jid)
          const log = await store.log(jid, { limit: 1_000, includeVoid: true })
          expect((await store.loadRoom(jid, 0))?.vector).toEqual(counted(log, floors))
        }
      }),
      { seed: 45, numRuns: 100 },
    )
  })
}

type Floor = Extract<Write, { readonly type: 'room.floor' }>

function counted(log: readonly StoredLogRecord[], floors: readonly Floor[]): VectorEntry[] {
  const incarnations = [...new Set([...log, ...floors].map((one) => one.incarnation))].sort()
  return incarnations.map((incarnation) => {
    const seqs = new Set(log.filter((record) => record.incarnation === incarnation).map((record) => record.seq))
    let contiguous = Math.max(0, ...floors.filter((one) => one.incarnation === incarnation).map((one) => one.seq))
    while (seqs.has(contiguous + 1)) contiguous += 1
    const above: [number, number][] = []
    for (let seq = contiguous + 2; seq <= 30; seq += 1) {
      if (!seqs.has(seq)) continue
      const last = above.at(-1)
      if (last !== undefined && last[1] === seq - 1) last[1] = seq
      else above.push([seq, seq])
    }
    return { instance: room, incarnation, contiguous, above }
  })
}

function closing(given: () => Store): void {
  test('what was handed over before is confirmed; what comes after is refused; closing again is nothing', async () => {
    const store = given()
    const before = [store.commit([putRoom()]), store.commit([putLog([logRecord(1)])])]
    const read = store.account('a@a.example')
    const closed = Promise.all([store.close(), store.close()])
    await expect(store.commit([])).rejects.toMatchObject({ code: 'closed' })
    await closed
    await Promise.all(before)
    expect(await read).toBeUndefined()
    await store.close()
    await expect(store.commit([])).rejects.toMatchObject({ code: 'closed' })
    await expect(store.account('a@a.example')).rejects.toMatchObject({ code: 'closed' })
    await expect(store.roomCount('rooms.a.example')).rejects.toMatchObject({ code: 'closed' })
  })
}
