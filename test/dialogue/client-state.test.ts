/** XEP-0352: what waits for a client that nobody looks at, and what never does. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { type Client, Stage } from './stage.js'
import { Wire, WireClient } from './wire-client.js'

let stage: Stage
let wire: Wire
let alice: WireClient
let bob: Client

const inactive = `<inactive xmlns='urn:xmpp:csi:0'/>`
const active = `<active xmlns='urn:xmpp:csi:0'/>`

beforeEach(async () => {
  stage = await Stage.open()
  wire = new Wire(stage)
  await wire.letIn('alice')
  await stage.befriend('alice', 'bob')
  alice = await wire.client('alice')
  await alice.binds('phone')
  alice.sends('<presence/>')
  bob = stage.client('bob', 'desk')
  await bob.comesOnline()
  await alice.clears()
})

afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const status = (text: string): string => `<presence><status>${text}</status></presence>`
const typing = `<message to='alice@a.example/phone' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`

test('it is offered after the login', async () => {
  expect(await wire.stranger().hears()).not.toContain('urn:xmpp:csi:0')
  const client = new WireClient('alice', wire, 'tcp')
  await client.logIn(false)
  expect(await client.hears()).toContain(`<csi xmlns='urn:xmpp:csi:0'/>`)
})

test('presence and chat states wait, of each sender the last, until the client is looked at', async () => {
  alice.sends(inactive)
  await bob.sends(status('one'))
  await bob.sends(status('two'))
  await bob.sends(typing)
  await bob.sends(typing.replace('composing', 'paused'))
  expect(await alice.hears()).toBe('')
  alice.sends(active)
  const heard = await alice.hears()
  expect(heard).toMatch(/^<presence [^>]*><status>two<\/status><\/presence><message .*<paused /)
  expect(heard).not.toContain('composing')
  await bob.sends(status('three'))
  expect(await alice.hears()).toContain('three')
})

test('what matters comes at once, behind what has waited', async () => {
  alice.sends(inactive)
  await bob.sends(status('gone for a walk'))
  await bob.sends(`<message to='alice@a.example' type='chat'><body>hello</body></message>`)
  expect(await alice.hears()).toMatch(/^<presence .*gone for a walk.*<message .*hello/)
  await bob.sends(status('back'))
  expect(await alice.hears()).toBe('')
})

test('§5.1 the answer to a question comes behind what was waiting', async () => {
  alice.sends(inactive)
  await bob.sends(status('here'))
  alice.sends(`<iq type='get' id='p' to='a.example'><ping xmlns='urn:xmpp:ping'/></iq>`)
  expect(await alice.hears()).toMatch(/^<presence .*here.*<iq /)
})

test.each([
  [
    'an error',
    `<message to='alice@a.example/phone' type='error'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`,
    'error',
  ],
  [
    'a message that is encrypted',
    `<message to='alice@a.example/phone' type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/><encrypted xmlns='eu.siacs.conversations.axolotl'/></message>`,
    'encrypted',
  ],
  [
    'a receipt',
    `<message to='alice@a.example/phone' type='chat'><received xmlns='urn:xmpp:receipts' id='1'/></message>`,
    'received',
  ],
])('%s does not wait', async (_, text, word) => {
  const carol = stage.client('bob', 'other')
  alice.sends(inactive)
  await carol.sends(text)
  expect(await alice.hears()).toContain(word)
})

test('a room: who comes and goes waits, what is said about oneself does not', async () => {
  const peer = stage.peer('rooms.example')
  alice.sends(inactive)
  alice.sends(`<presence to='r@rooms.example/a'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  const presence = (nick: string, inside = ''): string =>
    `<presence from='r@rooms.example/${nick}' to='alice@a.example/phone'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/>${inside}</x></presence>`
  await peer.sends(presence('b'))
  await peer.sends(presence('c'))
  expect(await alice.hears()).toBe('')
  await peer.sends(presence('a', `<status code='110'/>`))
  expect((await alice.hears()).match(/rooms\.example\/./g)).toEqual([
    'rooms.example/b',
    'rooms.example/c',
    'rooms.example/a',
  ])
})

test('too much for the queue is no reason to lose any: it is sent', async () => {
  const peer = stage.peer('rooms.example')
  alice.sends(`<presence to='r@rooms.example/a'/>`)
  await alice.clears()
  alice.sends(inactive)
  for (let count = 0; count < 1000; count += 1)
    await peer.sends(`<presence from='r@rooms.example/${count}' to='alice@a.example/phone'/>`)
  expect(await alice.hears()).toBe('')
  await peer.sends(`<presence from='r@rooms.example/last' to='alice@a.example/phone'/>`)
  expect((await alice.hears()).match(/<presence /g)).toHaveLength(1001)
})

test('§5.2 a resumed stream is active, and what waited is there', async () => {
  alice.sends(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`)
  const id = /id='([^']+)'/.exec(await alice.hears())?.[1] ?? ''
  alice.sends(inactive)
  await bob.sends(status('while you were away'))
  alice.loses()
  const again = await wire.client('alice')
  again.sends(`<resume xmlns='urn:xmpp:sm:3' previd='${id}' h='0'/>`)
  expect(await again.hears()).toContain('while you were away')
  await bob.sends(status('and now'))
  expect(await again.hears()).toContain('and now')
})

test('what is neither active nor inactive ends the stream', async () => {
  alice.sends(`<asleep xmlns='urn:xmpp:csi:0'/>`)
  expect(await alice.hears()).toContain('<unsupported-stanza-type ')
})
