/** XEP-0237 and RFC 6121 §2.6: who has the roster already is not sent it again. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type Client, Stage } from './stage.js'

let stage: Stage
let alice: Client

beforeEach(async () => {
  stage = await Stage.open()
  await stage.befriend('alice', 'bob')
  alice = stage.client('alice')
})
afterEach(() => stage.close())

const bob = `<item jid='bob@a.example' subscription='both'/>`
const carol = `<item jid='carol@b.example' name='Carol' subscription='none'/>`
const asks = (ver: string, client = alice) =>
  client.sends(`<iq type='get' id='r'><query xmlns='jabber:iq:roster' ver='${ver}'/></iq>`)
const roster = (items: string, ver = '{$ver}', client = alice) =>
  `<iq type='result' id='r' from='alice@a.example' to='${client.jid}'><query xmlns='jabber:iq:roster' ver='${ver}'>${items}</query></iq>`
const unchanged = (client = alice) => `<iq type='result' id='r' from='alice@a.example' to='${client.jid}'/>`
const push = (item: string, ver: string) =>
  `<iq type='set' id='{any}' from='alice@a.example' to='${alice.jid}'><query xmlns='jabber:iq:roster' ver='${ver}'>${item}</query></iq>`
const set = (item: string) => `<iq type='set' id='s'><query xmlns='jabber:iq:roster'>${item}</query></iq>`

test('§2.6.1 it is announced', () => {
  const features = stage.server.clients.streamFeatures('a.example').map(String)
  expect(features).toContain('<ver xmlns="urn:xmpp:features:rosterver"/>')
})

test('§2.6.2 all of it comes once; then what changes, each with the version that it makes', async () => {
  await asks('')
  await alice.receives(roster(bob))
  await asks(stage.captures.ver!)
  await alice.receives(unchanged())
  await alice.sends(set(`<item jid='carol@b.example' name='Carol'/>`))
  await alice.receives(push(carol, '{$next}'))
  expect(stage.captures.next).not.toBe(stage.captures.ver)
  await alice.clears()
  const laptop = stage.client('alice', 'laptop')
  await asks(stage.captures.next!, laptop)
  await laptop.receives(unchanged(laptop))
  await asks(stage.captures.ver!, laptop)
  await laptop.receives(roster(bob + carol, '{$next}', laptop))
})

test('it outlives a restart, and comes back with what it stands for', async () => {
  await asks('')
  await alice.receives(roster(bob))
  await alice.sends(set(`<item jid='carol@b.example' name='Carol'/>`))
  await alice.sends(set(`<item jid='carol@b.example' subscription='remove'/>`))
  await alice.clears()
  await stage.server.accountChanged('alice@a.example')
  await asks(stage.captures.ver!)
  await alice.receives(unchanged())
})

test('strangers’ requests, which the user does not see in the roster, make no version', async () => {
  await asks('')
  await alice.receives(roster(bob))
  await stage.peer('b.example').sends(`<presence type='subscribe' from='eve@b.example' to='alice@a.example'/>`)
  await alice.clears()
  await asks(stage.captures.ver!)
  await alice.receives(unchanged())
})

test('a client that knows no versions is sent none', async () => {
  await alice.sends(`<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`)
  await alice.receives(
    `<iq type='result' id='r' from='alice@a.example' to='${alice.jid}'><query xmlns='jabber:iq:roster'>${bob}</query></iq>`,
  )
  await alice.sends(set(`<item jid='carol@b.example' name='Carol'/>`))
  await alice.receives(
    `<iq type='set' id='{any}' from='alice@a.example' to='${alice.jid}'><query xmlns='jabber:iq:roster'>${carol}</query></iq>`,
  )
})
