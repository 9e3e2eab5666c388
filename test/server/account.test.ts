import { describe, expect, test } from '@jest/globals'
import { AccountRegistry } from '../../src/server/account.js'
import { StoreError } from '../../src/store/store.js'
import { addAccount } from '../dialogue/stage.js'
import { openFailingStore } from '../support/failing-store.js'

const alice = 'alice@a.example'

async function registry(inUse: (jid: string) => boolean = () => false) {
  const store = openFailingStore()
  await addAccount(store, alice)
  const loads: string[] = []
  const loader = {
    name: 'x',
    load: async (jid: string) => {
      loads.push(jid)
      return `data of ${jid}`
    },
  }
  return { store, loads, accounts: new AccountRegistry(store, () => [loader], inUse, 1000) }
}

describe('loading', () => {
  test('once, with what the modules need, before the first task', async () => {
    const { accounts, loads } = await registry()
    expect(accounts.get(alice)).toBeUndefined()
    const seen: unknown[] = []
    const first = accounts.within(alice, ({ exists, data }) => void seen.push(exists, data.get('x')))
    const second = accounts.within(alice, () => void seen.push('second'))
    expect(seen).toEqual([])
    await Promise.all([first, second])
    expect(seen).toEqual([true, `data of ${alice}`, 'second'])
    expect(accounts.within(alice, () => void seen.push('at once'))).toBeUndefined()
    expect(seen.at(-1)).toBe('at once')
    expect(loads).toEqual([alice])
  })

  test('an account that does not exist is not kept in memory', async () => {
    const { accounts, loads } = await registry()
    for (let turn = 0; turn < 2; turn += 1)
      await accounts.within('nobody@a.example', ({ exists }) => expect(exists).toBe(false))
    expect(accounts.get('nobody@a.example')).toBeUndefined()
    expect(loads).toHaveLength(2)
  })

  test('a failure is told to all who wait, and tried again by the next', async () => {
    const { accounts, store } = await registry()
    store.failing = 'reads'
    const waiting = [accounts.within(alice, () => undefined), accounts.within(alice, () => undefined)]
    for (const one of waiting) await expect(one).rejects.toThrow(StoreError)
    store.failing = false
    let ran = false
    await accounts.within(alice, () => {
      ran = true
    })
    expect(ran).toBe(true)
  })

  test('what was forgotten is read again', async () => {
    const { accounts, loads } = await registry()
    await accounts.within(alice, () => undefined)
    accounts.forget(alice)
    await accounts.within(alice, () => undefined)
    expect(loads).toHaveLength(2)
  })

  test('idle accounts are bounded: the least used go, those with sessions stay', async () => {
    const inUse = 'user3@a.example'
    const { accounts, store } = await registry((jid) => jid === inUse)
    const jids = Array.from({ length: 10_200 }, (_, n) => `user${n}@a.example`)
    for (const jid of jids) await addAccount(store, jid)
    for (const jid of jids) await accounts.within(jid, () => undefined)
    for (const jid of jids.slice(0, 200)) await accounts.within(jid, () => undefined)
    const kept = jids.filter((jid) => accounts.get(jid) !== undefined)
    expect(kept.length).toBeLessThanOrEqual(10_000 + 64)
    expect(kept).toContain(inUse)
    expect(kept).toContain(jids.at(-1))
  })
})

describe('writing', () => {
  const item = { type: 'data.put', owner: alice, kind: 'k', key: '', value: 'v' } as const

  test('the memory changes when the batch is durable; what comes meanwhile waits', async () => {
    const { accounts, store } = await registry()
    await accounts.within(alice, () => undefined)
    const seen: string[] = []
    const gate = store.hold()
    const written = accounts.within(alice, (account) => account.write([item], () => void seen.push('applied')))
    const later = accounts.within(alice, () => void seen.push('later'))
    expect(accounts.isIdle(alice)).toBe(false)
    expect(seen).toEqual([])
    gate.release()
    await Promise.all([written, later])
    expect(seen).toEqual(['applied', 'later'])
    expect(accounts.isIdle(alice)).toBe(true)
  })

  test('a failed one applies nothing, and the rest goes on', async () => {
    const { accounts, store } = await registry()
    await accounts.within(alice, () => undefined)
    store.failing = 'commits'
    const seen: string[] = []
    const written = accounts.within(alice, (account) => account.write([item], () => void seen.push('applied')))
    const later = accounts.within(alice, () => void seen.push('later'))
    await expect(written).rejects.toThrow('disk I/O error')
    await later
    expect(seen).toEqual(['later'])
  })

  test('too much to write is told as resource-constraint', async () => {
    const { accounts, store } = await registry()
    await accounts.within(alice, () => undefined)
    store.failing = 'commits'
    store.code = 'overloaded'
    await expect(accounts.within(alice, (account) => account.write([item], () => undefined))).rejects.toMatchObject({
      condition: 'resource-constraint',
      type: 'wait',
    })
  })
})
