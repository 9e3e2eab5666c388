/** The table of instances, signed by the source: any member may pass it on, and none may change it (dmuc.md §3 and §4). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import type { InstanceTable, Replica } from '../../src/dmuc/replica.js'
import { isSealed, sealed, tableHash } from '../../src/dmuc/table-seal.js'
import { readTable, writeTable } from '../../src/dmuc/wire/hello.js'
import { loadedReplica, roomRecord } from '../../src/modules/muc/storage.js'
import { signerFor } from './chains.js'
import { other, Shadow, self, source } from './shadow.js'

const third = 'coven@rooms.third.lit'
let shadow: Shadow
beforeEach(() => {
  shadow = new Shadow(other)
})

const row = { jid: third, kind: 'sync', rank: 9, gone: false } as const
/** The next table, in which there is a third, as `signer` signs it. */
function next(signer = source, epoch = 1): InstanceTable {
  const { table } = shadow.replica
  const instances = new Map(table.instances).set(third, row)
  const made = { ...shadow.replica, table: { revision: table.revision + 1, instances } }
  return sealed({ ...made, identity: { ...made.identity, epoch } }, table, signerFor(signer)).table
}
const greets = (from: string, table: InstanceTable): void => shadow.isGreeted(from, { table })
const known = (): boolean => shadow.replica.table.instances.has(third)

describe('a table that another member passes on', () => {
  test('is taken where the source has signed it, and who is new is greeted', () => {
    greets(other, next())
    expect(known()).toBe(true)
    expect(shadow.of('ask').map(({ iq }) => iq.attrs.to)).toContain(third)
    expect(shadow.of('save')).toHaveLength(1)
  })

  test.each<[string, () => InstanceTable]>([
    ['it signed itself', () => next(other)],
    ['nobody signed', () => ({ ...next(), signature: undefined }) as unknown as InstanceTable],
    ['was signed with another revision', () => ({ ...next(), revision: 99 })],
    [
      'was signed with other rows',
      () => ({ ...next(), instances: new Map(next().instances).set(third, { ...row, rank: 0 }) }),
    ],
    [
      'lets somebody vouch for all',
      () => ({ ...next(), instances: new Map(next().instances).set(third, { ...row, users: ['*'] }) }),
    ],
    ['was signed in another epoch', () => next(source, 2)],
  ])('is passed over where %s', (_, make) => {
    greets(other, make())
    expect(known()).toBe(false)
  })

  test('takes nothing back to what it was', () => {
    const before = shadow.replica.table
    greets(other, next())
    greets(source, { ...before, revision: 1 })
    expect(known()).toBe(true)
  })
})

describe('the source', () => {
  const atSource = (): Replica => ({
    ...shadow.replica,
    identity: { ...shadow.replica.identity, source: self },
  })
  beforeEach(() => {
    shadow.signer = signerFor(self)
    shadow.replica = atSource()
  })

  test('signs each revision, which follows on the one before', () => {
    const before = shadow.replica.table
    shadow.happens({ type: 'replicated', jid: third, kind: 'sync' })
    const { table } = shadow.replica
    expect(table.prev).toBe(tableHash(before))
    expect(isSealed(shadow.replica, table, signerFor(self).publicKey)).toBe(true)
    const read = readTable(writeTable(table))!
    expect(isSealed(shadow.replica, read, signerFor(self).publicKey)).toBe(true)
    // It is kept over a restart.
    const state = roomRecord(shadow.replica, 0)
    const instances = [...table.instances.values()].map((each) => ({ jid: each.jid, state: JSON.stringify(each) }))
    const loaded = loadedReplica(
      {
        room: state,
        affiliations: [],
        occupants: [],
        instances,
        recent: [],
        vector: [],
        amendments: [],
        lastArchivedAt: 0,
      },
      'next',
    )
    expect(loaded.table).toEqual(table)
  })

  test('has its own table back from others, if it lost it', () => {
    const lost = shadow.replica
    shadow.happens({ type: 'replicated', jid: third, kind: 'sync' })
    const { table } = shadow.replica
    shadow.replica = lost
    shadow.isGreeted(other, { table, identity: lost.identity })
    expect(known()).toBe(true)
    expect(shadow.replica.table.revision).toBe(table.revision)
  })
})

test('a table of the source that does not follow on ours is noted', () => {
  greets(source, { ...next(), prev: 'x'.repeat(43) })
  expect(shadow.of('note')).toContainEqual(
    expect.objectContaining({ text: expect.stringContaining('does not follow') }),
  )
})
