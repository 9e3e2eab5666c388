/** Keys that are made when a password is shown, and what a host may offer. */
import { beforeEach, expect, test } from '@jest/globals'
import { deriveKeys } from '../../src/sasl/scram-keys.js'
import { LocalLogins } from '../../src/server/logins.js'
import { openMemoryStore } from '../../src/store/memory.js'
import type { Account, Store } from '../../src/store/store.js'
import { silentLogger } from '../../src/util/logger.js'
import { Jid } from '../../src/xmpp/jid.js'

const jid = 'juliet@a.example'
let store: Store
let logins: LocalLogins
let before: Account

beforeEach(async () => {
  store = openMemoryStore()
  logins = new LocalLogins({ store, host: () => undefined, log: silentLogger })
  const { sha1, sha256 } = await deriveKeys('pencil', 1000)
  before = { jid, sha1, sha256, createdAt: 0, disabled: false }
  await store.commit([{ type: 'account.put', account: before }])
  await logins.look('a.example')
})

test('a host offers only what every account has keys for; a login with PLAIN adds them, and no salt changes', async () => {
  expect(logins.hashes('a.example')).toEqual(['sha1', 'sha256'])
  await logins.passwordShown(Jid.parse(jid), 'pencil')
  expect(logins.hashes('a.example')).toEqual(['sha1', 'sha256', 'sha512'])
  const after = await store.account(jid)
  expect(after).toMatchObject({ sha1: before.sha1, sha256: before.sha256 })
  await logins.passwordShown(Jid.parse(jid), 'pencil')
  expect((await store.account(jid))?.sha512).toEqual(after?.sha512)
})

test('another account without such keys: not offered, until it has them too', async () => {
  const romeo = { ...before, jid: 'romeo@a.example' }
  await store.commit([{ type: 'account.put', account: romeo }])
  await logins.passwordShown(Jid.parse(jid), 'pencil')
  expect(logins.hashes('a.example')).toEqual(['sha1', 'sha256'])
  await logins.passwordShown(Jid.parse(romeo.jid), 'pencil')
  expect(logins.hashes('a.example')).toEqual(['sha1', 'sha256', 'sha512'])
})

test('a password that is changed meanwhile stays', async () => {
  const adding = logins.passwordShown(Jid.parse(jid), 'pencil')
  await new Promise((resolve) => setImmediate(resolve))
  const fresh = await deriveKeys('pen', 1000)
  const changed = { ...before, sha256: fresh.sha256, sha1: fresh.sha1 }
  await store.commit([{ type: 'account.put', account: changed }])
  await adding
  expect(await store.account(jid)).toMatchObject({ sha256: fresh.sha256 })
  expect((await store.account(jid))?.sha512).toBeUndefined()
})
