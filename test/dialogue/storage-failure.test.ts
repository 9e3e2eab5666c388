/** When the store fails: the sender is told, and nothing has changed, neither on disk nor in memory. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, Stage } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await Stage.open()
  alice = stage.client('alice', 'phone')
  bob = stage.client('bob', 'phone')
  await alice.isInterested()
  await bob.isInterested()
})
afterEach(async () => {
  stage.store.failing = false
  await stage.close()
})

const failed = `<error type='cancel'><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`
const set = `<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='eve@b.example'/></query></iq>`
const get = `<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`
const emptyRoster = `<iq type='result' id='r' from='{any}' to='{any}'><query xmlns='jabber:iq:roster'/></iq>`

describe('a write fails', () => {
  beforeEach(() => {
    stage.store.failing = 'commits'
  })

  test('a roster set', async () => {
    await alice.sends(set)
    await alice.receives(
      `<iq type='error' id='r' from='alice@a.example' to='alice@a.example/phone'>{...}${failed}</iq>`,
    )
    await alice.sends(get)
    await alice.receives(emptyRoster)
    await alice.receivesNothing()
    expect(stage.errors).toHaveLength(1)
    stage.store.failing = false
    await alice.sends(set)
    expect((await alice.next()).attrs.type).toBe('set')
    expect((await alice.next()).attrs.type).toBe('result')
  })

  test('removing a contact', async () => {
    stage.store.failing = false
    await stage.befriend('alice', 'bob')
    stage.store.failing = 'commits'
    await alice.sends(
      `<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='bob@a.example' subscription='remove'/></query></iq>`,
    )
    await alice.receives(
      `<iq type='error' id='r' from='alice@a.example' to='alice@a.example/phone'>{...}${failed}</iq>`,
    )
    await bob.receivesNothing()
    await alice.sends(get)
    expect((await alice.next()).getChild('query')?.children.join('')).toBe(
      '<item jid="bob@a.example" subscription="both"/>',
    )
  })

  test('asking for a subscription: nothing is routed', async () => {
    await alice.sends(`<presence id='s' to='bob@a.example' type='subscribe'/>`)
    await alice.receives(
      `<presence type='error' id='s' from='bob@a.example' to='alice@a.example/phone'>${failed}</presence>`,
    )
    await bob.receivesNothing()
    await alice.sends(get)
    await alice.receives(emptyRoster)
  })

  test('a request from outside: neither kept nor delivered', async () => {
    const peer = stage.peer('b.example')
    await bob.comesOnline()
    await peer.sends(`<presence id='s' from='dave@b.example' to='bob@a.example' type='subscribe'/>`)
    await peer.receives(`<presence type='error' id='s' from='bob@a.example' to='dave@b.example'>${failed}</presence>`)
    await bob.receivesNothing()
    stage.store.failing = false
    await peer.sends(`<presence id='s' from='dave@b.example' to='bob@a.example' type='subscribe'/>`)
    await bob.receives(`<presence id='s' from='dave@b.example' to='bob@a.example' type='subscribe'/>`)
  })

  test('an offline message, a vCard, private data', async () => {
    await alice.sends(`<message id='r' to='bob@a.example'><body>Hi</body></message>`)
    await alice.receives(
      `<message type='error' id='r' from='bob@a.example' to='alice@a.example/phone'>${failed}</message>`,
    )
    for (const payload of [
      `<vCard xmlns='vcard-temp'/>`,
      `<query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query>`,
    ]) {
      await alice.sends(`<iq type='set' id='r'>${payload}</iq>`)
      await alice.receives(`<iq type='error' id='r' from='alice@a.example' to='{any}'>${payload}${failed}</iq>`)
    }
    stage.store.failing = false
    await bob.sends('<presence/>')
    await bob.next()
    await bob.receivesNothing()
  })

  test('deleting what was handed over: it is kept, and given again rather than lost', async () => {
    stage.store.failing = ['offline.delete']
    await alice.sends(`<message id='r' to='bob@a.example'><body>Hi</body></message>`)
    await bob.sends('<presence/>')
    await bob.next()
    expect((await bob.next()).attrs.id).toBe('r')
    await bob.receivesNothing()
    expect(await stage.store.offlineCount('bob@a.example')).toBe(1)
    expect(stage.errors).toHaveLength(1)
    stage.store.failing = false
    await bob.sends(`<presence type='unavailable'/>`)
    await bob.sends('<presence/>')
    await bob.clears()
    expect(await stage.store.offlineCount('bob@a.example')).toBe(0)
  })
})

describe('a read fails', () => {
  test('an account that cannot be loaded is not decided on; later it is', async () => {
    stage.store.failing = 'reads'
    await alice.sends(`<message id='r' to='carol@a.example'><body>Hi</body></message>`)
    await alice.receives(`<message type='error' id='r' from='carol@a.example' to='{any}'>${failed}</message>`)
    stage.store.failing = false
    await alice.sends(`<message id='r' to='carol@a.example'><body>Hi</body></message>`)
    await alice.receives(`<message type='error' id='r' from='carol@a.example' to='{any}'>{...}</message>`)
  })

  test('offline messages that cannot be read stay where they are', async () => {
    await alice.sends(`<message id='r' to='bob@a.example'><body>Hi</body></message>`)
    stage.store.failing = 'reads'
    await bob.comesOnline()
    stage.store.failing = false
    expect(await stage.store.offlineCount('bob@a.example')).toBe(1)
    await bob.sends('<presence/>')
    await bob.next()
    expect((await bob.next()).attrs.id).toBe('r')
  })
})
