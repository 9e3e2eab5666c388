/** Of the contract of a store: archives of users, full-text search, what waits for a message, rooms by owner. */
import { describe, expect, test } from '@jest/globals'
import { BadSearch, readSearch, type Term } from '../../src/store/full-text.js'
import type { LogQuery, Store, Write } from '../../src/store/store.js'
import { account, archiveRecord, logRecord, putLog, putRoom, room, roomRecord } from './records.js'

const romeo = 'romeo@a.example'
/** Of the record that arrived at that time. */
const id = (at: number): string => archiveRecord(at).stanzaId
const bodyOf = (text: string): string =>
  JSON.stringify({ content: `<body>${text}</body><x xmlns='y'><body>z</body></x>` })

export function archives(given: () => Store): void {
  describe('of users', () => users(given))
  describe('full-text search', () => search(given))
  describe('changes of what has not arrived', () => amendments(given))
  describe('rooms by owner', () => owners(given))
}

function users(given: () => Store): void {
  const add = (...ats: number[]): Write => ({
    type: 'archive.add',
    owner: romeo,
    records: ats.map((at) => archiveRecord(at)),
  })
  const times = async (query: Partial<LogQuery> = {}) =>
    (await given().archive(romeo, { limit: 10, ...query })).map(({ archivedAt }) => archivedAt)

  test('records come back as they went in, each with an order that rises; one at a time', async () => {
    const store = given()
    await store.commit([add(5, 5, 3), { ...add(1), owner: 'other@a.example' } as Write])
    await store.commit([add(2)])
    const found = await store.archive(romeo, { limit: 10 })
    expect(found.map(({ stanzaId, archivedAt }) => [stanzaId, archivedAt])).toEqual([
      [id(5), 5],
      [id(5), 6],
      [id(3), 7],
      [id(2), 8],
    ])
    expect(found[0]).toEqual({ ...archiveRecord(5), order: found[0]!.order })
    const orders = found.map(({ order }) => order)
    expect(orders).toEqual([...new Set(orders)].sort((a, b) => a - b))
    expect(await store.logOrder(romeo, id(3))).toBe(orders[2])
    expect(await store.archive('nobody@a.example', { limit: 10 })).toEqual([])
  })

  test('they are paged and filtered as the log of a room is', async () => {
    const store = given()
    const nurse = archiveRecord(25, { jid: 'nurse@b.example', nick: 'phone' })
    await store.commit([add(10, 20), { type: 'archive.add', owner: romeo, records: [nurse] }, add(30, 40)])
    expect(await times({ limit: 2 })).toEqual([10, 20])
    expect(await times({ limit: 2, backward: true })).toEqual([30, 40])
    expect(await times({ start: 20, end: 30 })).toEqual([20, 25, 30])
    expect(await times({ with: 'nurse@b.example' })).toEqual([25])
    expect(await times({ with: 'nurse@b.example', nick: 'tablet' })).toEqual([])
    expect(await times({ stanzaIds: [id(10), id(40), id(99), 'none', ''], archived: true })).toEqual([10, 40])
    const order = await store.logOrder(romeo, id(25))
    expect(await times({ after: order! })).toEqual([30, 40])
    expect(await times({ before: order!, backward: true, limit: 1 })).toEqual([20])
  })

  test('trimming takes the oldest; the account takes all', async () => {
    const store = given()
    await store.commit([{ type: 'account.put', account: account(romeo) }, add(1, 2, 3)])
    await store.commit([{ type: 'archive.trim', owner: romeo, upTo: (await store.logOrder(romeo, id(2)))! }])
    expect(await times()).toEqual([3])
    await store.commit([{ type: 'account.delete', jid: romeo }])
    expect(await times()).toEqual([])
    await store.commit([add(1)])
    expect(await times()).toEqual([1])
  })
}

const terms = (text: string): readonly Term[] => {
  const read = readSearch(text)
  if (read instanceof BadSearch) throw new Error(read.why)
  return read
}

const searches: readonly (readonly [string, readonly number[]])[] = [
  ['meet', [1]],
  ['THUNDER', [2]],
  ['foul fair', [3]],
  ['"foul is"', [3]],
  ['"fair foul"', []],
  ['in', [2]],
  ['i*n', []],
  ['light*', [2]],
  ['"three me"*', [1]],
  ['ubermut strasse', [4]],
  ['时候', [5]],
  ['候时', []],
  ['z', []],
  ['meet thunder', []],
  ["meet' OR archive:a2", []],
  ['body', []],
]

function search(given: () => Store): void {
  const found = async (text: string, query: Partial<LogQuery> = {}): Promise<number[]> =>
    (await given().log(room, { text: terms(text), limit: 20, ...query })).map(({ seq }) => seq)

  /** What was said a moment ago is found soon: waits until it is. */
  const indexed = async (text: string, seq: number): Promise<void> => {
    const end = Date.now() + 20_000
    while (!(await found(text)).includes(seq)) if (Date.now() > end) throw new Error(`${text} is not found`)
  }

  const texts = [
    'When shall we three meet again',
    'In thunder, lightning, or in rain?',
    'Fair is foul &amp; FOUL is fair',
    'Übermut tut selten gut; Straße',
    '我们什么时候再见面',
    'the last one',
  ]
  const fill = async (): Promise<void> => {
    const records = texts.map((text, index) => logRecord(index + 1, { body: bodyOf(text), nick: `n${index % 2}` }))
    const other = 'other@rooms.a.example'
    await given().commit([putRoom(), putRoom({ jid: other }), putLog(records), putLog(records, other)])
    await indexed('last', 6)
  }

  test('words in any order, without case and accents; words in quotes in their order; beginnings with a star', async () => {
    await fill()
    for (const [text, seqs] of searches) expect([text, await found(text)]).toEqual([text, seqs])
  })

  test('together with all other filters, by pages, in its own room', async () => {
    await fill()
    expect(await found('i*', { limit: 1 }).catch(() => 'refused')).toBe('refused')
    expect(await found('is', {})).toEqual([3])
    expect(await found('the*', {})).toEqual([6])
    const all = await given().log(room, { limit: 9 })
    const said = (seq: number): number => all[seq - 1]!.order
    await given().commit([putLog([7, 8, 9].map((seq) => logRecord(seq, { body: bodyOf('rain again') })))])
    await indexed('again', 9)
    expect(await found('again')).toEqual([1, 7, 8, 9])
    expect(await found('again', { limit: 2 })).toEqual([1, 7])
    expect(await found('again', { limit: 2, backward: true })).toEqual([8, 9])
    expect(await found('again', { after: said(1) })).toEqual([7, 8, 9])
    expect(await found('again', { start: 7, end: 8 })).toEqual([7, 8])
    expect(await found('again', { nick: 'n0' })).toEqual([1])
    expect(await found('again', { with: 'nobody@a.example' })).toEqual([])
    expect(await found('again', { stanzaIds: ['id-7', 'id-2'] })).toEqual([7])
  })

  test('what is erased, retracted, or not of the archive is not found', async () => {
    await fill()
    const hidden = logRecord(7, { body: bodyOf('meet in secret'), archived: false })
    await given().commit([
      putLog([hidden, logRecord(8, { body: bodyOf('meet me') })]),
      { type: 'room.void', room, stanzaIds: ['id-1'] },
      { type: 'room.amend', room, stanzaId: 'id-2', once: 'retracted', patch: '{"content":"","retracted":{}}' },
    ])
    expect(await found('when')).toEqual([])
    expect(await found('thunder')).toEqual([])
    await indexed('meet', 8)
    expect(await found('meet')).toEqual([8])
    await given().commit([{ type: 'room.delete', jid: room }, putRoom()])
    expect(await found('fair')).toEqual([])
  })

  test('of a user: at once, by pages and with the other filters', async () => {
    const texts = ['Good night', 'good day', 'Gute Nacht', 'a good end']
    const records = texts.map((text, at) => archiveRecord(at + 1, { body: bodyOf(text), jid: `n${at % 2}@b.example` }))
    await given().commit([{ type: 'archive.add', owner: romeo, records }])
    const ask = async (text: string, query: Partial<LogQuery> = {}) =>
      (await given().archive(romeo, { text: terms(text), limit: 9, ...query })).map(({ archivedAt }) => archivedAt)
    expect(await ask('good')).toEqual([1, 2, 4])
    expect(await ask('good', { limit: 1, backward: true })).toEqual([4])
    expect(await ask('good', { with: 'n1@b.example' })).toEqual([2, 4])
    expect(await ask('good', { stanzaIds: [id(2), id(3)] })).toEqual([2])
    expect(await ask('NIGHT')).toEqual([1])
    expect(await ask('z')).toEqual([])
  })
}

function amendments(given: () => Store): void {
  const amend = { type: 'room.amend', room, once: 'retracted', patch: '{"content":"","retracted":{"id":"r"}}' } as const
  const waiting = async () => (await given().loadRoom(room, 0))?.amendments

  test('come with the room until the message has arrived', async () => {
    const store = given()
    await store.commit([
      putRoom(),
      putLog([logRecord(1)]),
      { ...amend, stanzaId: 'id-1' },
      { ...amend, stanzaId: 'id-2' },
      { ...amend, stanzaId: 'id-3', jid: 'a@a.example', instance: 'coven@rooms.b.example' },
    ])
    const second = { stanzaId: 'id-2', patch: amend.patch, jid: undefined, instance: undefined }
    const third = { ...second, stanzaId: 'id-3', jid: 'a@a.example', instance: 'coven@rooms.b.example' }
    expect(await waiting()).toEqual([second, third])
    await store.commit([putLog([logRecord(2)])])
    expect(await waiting()).toEqual([third])
  })

  test('the newest 200 are kept', async () => {
    const store = given()
    await store.commit([putRoom()])
    const many = Array.from({ length: 210 }, (_, n) => ({ ...amend, stanzaId: `x-${n}` }))
    await store.commit(many)
    const kept = await waiting()
    expect(kept).toHaveLength(200)
    expect(kept?.[0]?.stanzaId).toBe('x-10')
  })
}

function owners(given: () => Store): void {
  test('sources that somebody owns are counted, on their service', async () => {
    const store = given()
    const own = (at: string, affiliation = 'owner'): Write[] => [
      putRoom({ jid: at }),
      { type: 'room.affiliation', room: at, entry: { jid: romeo, affiliation, nick: undefined, reason: undefined } },
    ]
    const shadow = roomRecord({ jid: 's@rooms.a.example', source: 's@rooms.b.example' })
    await store.commit([
      ...own('a@rooms.a.example'),
      ...own('b@rooms.a.example'),
      ...own('c@rooms.a.example', 'admin'),
      ...own('d@rooms.b.example'),
      ...own('s@rooms.a.example'),
      { type: 'room.put', room: shadow },
    ])
    expect(await store.ownedRooms('rooms.a.example', romeo)).toBe(2)
    expect(await store.ownedRooms('rooms.a.example', 'juliet@a.example')).toBe(0)
    await store.commit([{ type: 'room.delete', jid: 'a@rooms.a.example' }])
    expect(await store.ownedRooms('rooms.a.example', romeo)).toBe(1)
  })
}
