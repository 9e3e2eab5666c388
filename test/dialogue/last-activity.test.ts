/** XEP-0012: when a user was here last, for those who may see it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type Client, Stage, settled } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['alice', 'bob', 'carol'] })
  await stage.befriend('alice', 'bob')
  alice = stage.client('alice', 'desk')
  await alice.comesOnline()
  bob = stage.client('bob', 'phone')
  await bob.comesOnline()
  await alice.clears()
})

afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const query = `<query xmlns='jabber:iq:last'/>`

async function asks(to = 'bob@a.example', client = alice): Promise<void> {
  await settled()
  await client.clears()
  await client.sends(`<iq type='get' id='l' to='${to}'>${query}</iq>`)
}

const learns = (seconds: number, status = '', from = 'bob@a.example') =>
  alice.receives(`
    <iq type='result' id='l' from='${from}' to='alice@a.example/desk'>
      <query xmlns='jabber:iq:last' seconds='${seconds}'>${status}</query></iq>`)

test('§3 how long ago the user logged out, and the last words', async () => {
  await bob.sends(`<presence type='unavailable'><status>Heading home</status></presence>`)
  stage.clock.advance(903_900)
  await asks()
  await learns(903, 'Heading home')
})

test('§3 of a user who is there it is 0, while one client is left', async () => {
  const laptop = stage.client('bob', 'laptop')
  await laptop.comesOnline()
  bob.disconnects()
  stage.clock.advance(60_000)
  await asks()
  await learns(0)
  laptop.disconnects()
  stage.clock.advance(5_000)
  await asks()
  await learns(5)
})

test('it outlives a restart', async () => {
  bob.disconnects()
  await settled()
  await stage.server.accountChanged('bob@a.example')
  stage.clock.advance(7_000)
  await asks()
  await learns(7)
})

test('§3 strangers are refused, whether the user is there or not', async () => {
  const carol = stage.client('carol', 'phone')
  for (const there of [true, false]) {
    if (!there) bob.disconnects()
    await asks('bob@a.example', carol)
    await carol.receives(`
      <iq type='error' id='l' from='bob@a.example' to='carol@a.example/phone'>${query}
        <error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`)
  }
})

test('of a contact who was never here there is nothing to tell', async () => {
  await stage.befriend('alice', 'carol')
  await asks('carol@a.example')
  expect((await alice.next()).getChild('error')?.getChild('item-not-found')).toBeDefined()
})

test('a farewell that is too long is left out', async () => {
  await bob.sends(`<presence type='unavailable'><status>${'x'.repeat(1025)}</status></presence>`)
  await asks()
  await learns(0)
})

test('a deleted account leaves nothing to the next of its name', async () => {
  await stage.store.commit([{ type: 'account.delete', jid: 'bob@a.example' }])
  await stage.server.accountChanged('bob@a.example')
  await settled()
  expect(await stage.store.dataKeys('bob@a.example', 'last-activity')).toEqual([])
})

test('§5 of the host: for how long it has been running', async () => {
  stage.clock.advance(3_600_000)
  await asks('a.example')
  await learns(3600, '', 'a.example')
})
