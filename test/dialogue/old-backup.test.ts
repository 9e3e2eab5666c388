/** A firsthost out of last night's backup, when the room was not distributed yet (docs/distributed-rooms.md). */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { digest } from '../../src/dmuc/digest.js'
import { type MucService, mucService } from '../../src/modules/muc/index.js'
import { openMemoryStore } from '../../src/store/memory.js'
import type { Write } from '../../src/store/store.js'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

const letters = ['a', 'b', 'c'] as const
let federation: Federation
let commits: (readonly Write[])[] = []
let backup: number
let bob: Client
const service = (letter: string): MucService =>
  federation.site(`${letter}.example`).server.service(`rooms.${letter}.example`, mucService) as MucService
const at = (letter: string): string => `coven@rooms.${letter}.example`
const replica = (letter: string) => service(letter).rooms.get(at(letter))?.replica
const affiliation = (letter: string, jid: string) => replica(letter)?.room.register.get(jid)?.affiliation

async function enters(client: Client, letter: string): Promise<void> {
  await client.sends(`<presence to='${at(letter)}/${letter}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await federation.wait(6000)
}
async function says(client: Client, letter: string, body: string): Promise<void> {
  await client.sends(`<message to='${at(letter)}' type='groupchat' id='${body}'><body>${body}</body></message>`)
  await federation.wait(2000)
}
async function said(letter: string): Promise<(string | undefined)[]> {
  const log = await federation.site(`${letter}.example`).store.log(at(letter), { types: ['message'], limit: 50 })
  return log.map(({ body }) => /<body>(.*?)<\/body>/.exec(body)?.[1]).sort()
}

/** Made, backed up, distributed; people write and are banned everywhere. */
beforeEach(async () => {
  commits = []
  federation = await Federation.open(['a.example', 'b.example', 'c.example'], {}, {})
  const { store } = federation.site('a.example')
  await settled()
  const commit = store.commit.bind(store)
  // What the service had before, its key among it.
  const key = await store.data('rooms.a.example', 'urn:xmpp:dmuc-sync:0', 'signing-key')
  commits.push([
    {
      type: 'data.put',
      owner: 'rooms.a.example',
      kind: 'urn:xmpp:dmuc-sync:0',
      key: 'signing-key',
      value: String(key),
    },
  ])
  store.commit = (batch, options) => {
    commits.push(batch)
    return commit(batch, options)
  }
  const ann = await federation.client('ann@a.example/x')
  bob = await federation.client('bob@b.example/x')
  await service('a').operations.create(at('a'), 'ann@a.example', 'coven')
  await enters(ann, 'a')
  await says(ann, 'a', 'yesterday')
  backup = commits.length
  await service('a').operations.distribute(at('a'), ['rooms.b.example', 'rooms.c.example'])
  await federation.wait(5000)
  await enters(bob, 'b')
  await says(ann, 'a', 'today-a')
  await says(bob, 'b', 'today-b')
  await service('a').operations.setAffiliation(at('a'), 'eve@c.example', 'outcast')
  await federation.wait(5000)
})
afterEach(() => federation.close())

async function comesBack(keeps: (write: Write) => boolean = () => true): Promise<void> {
  const restored = openMemoryStore()
  for (const batch of commits.slice(0, backup)) await restored.commit(batch.filter(keeps))
  federation.site('a.example').store = restored
  await federation.crash('a.example')
}

const isOne = (): void => {
  expect(letters.map((letter) => digest(replica(letter)!).whole)).toEqual(
    letters.map(() => digest(replica('a')!).whole),
  )
}

const everything = ['today-a', 'today-b', 'yesterday']

test('has the room of today again once the others greet it, with what everybody wrote and decided', async () => {
  await comesBack()
  await federation.wait(70_000)
  for (const letter of letters) expect(await said(letter)).toEqual(everything)
  for (const letter of letters) expect(affiliation(letter, 'eve@c.example')).toBe('outcast')
  isOne()
  expect((await service('a').operations.peers(at('a'))).map(({ state }) => state)).toEqual(['in step', 'in step'])
})

test('what was said and decided there while nobody could be asked is kept beside it', async () => {
  for (const letter of ['b', 'c']) federation.cut('a.example', `${letter}.example`)
  await comesBack()
  const ann = await federation.client('ann@a.example/y')
  await enters(ann, 'a')
  await says(ann, 'a', 'fork')
  await service('a').operations.setAffiliation(at('a'), 'mallory@c.example', 'outcast')
  await service('a').operations.setConfig(at('a'), 'muc#roomconfig_roomname', ['A Dark Cave'])
  await says(bob, 'b', 'meanwhile')
  for (const letter of ['b', 'c']) federation.heal('a.example', `${letter}.example`)
  await federation.wait(120_000)
  for (const letter of letters) {
    expect(await said(letter)).toEqual([...everything, 'fork', 'meanwhile'].sort())
    expect(affiliation(letter, 'eve@c.example')).toBe('outcast')
    expect(affiliation(letter, 'mallory@c.example')).toBe('outcast')
    expect(replica(letter)?.room.config).toMatchObject({ name: 'A Dark Cave', distributed: true })
  }
  isOne()
})

test('without its key nothing can be proved: both sides say so, and the word of the operator brings all back', async () => {
  await comesBack((write) => write.type !== 'data.put')
  const ann = await federation.client('ann@a.example/y')
  await enters(ann, 'a')
  await says(ann, 'a', 'fork')
  await federation.wait(120_000)
  expect(replica('a')?.table.instances.size).toBe(1)
  const [claim] = await service('a').operations.peers(at('a'))
  expect(claim).toMatchObject({ state: 'diverged', reason: expect.stringContaining('dmucctl room restore') })
  expect(federation.site('a.example').notes.join('\n')).toContain('cannot prove it by our signature')
  const [theirs] = await service('b').operations.peers(at('b'))
  expect(theirs).toMatchObject({
    jid: at('a'),
    state: 'diverged',
    lastError: expect.stringContaining('does not know us'),
  })
  const restoring = service('a').operations.restore(at('a'), at('b'))
  await federation.wait(120_000)
  await restoring
  for (const letter of letters) {
    expect(await said(letter)).toEqual([...everything, 'fork'].sort())
    expect(affiliation(letter, 'eve@c.example')).toBe('outcast')
  }
  isOne()
})
