/** XEP-0191: who is blocked is not heard, and does not hear of it. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { found, join, openRooms, room, say } from './muc-stage.js'
import { type Client, type Peer, Stage, settled } from './stage.js'

const blockingNs = 'urn:xmpp:blocking'
const item = (jid: string): string => `<item jid='${jid}'/>`

let stage: Stage
let alice: Client
let bob: Client
let peer: Peer

beforeEach(async () => {
  stage = await Stage.open()
  await stage.befriend('alice', 'bob')
  alice = stage.client('alice', 'desk')
  bob = stage.client('bob', 'phone')
  peer = stage.peer('b.example')
  await alice.comesOnline()
  await bob.comesOnline()
  await alice.clears()
})

afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

async function changes(name: 'block' | 'unblock', ...jids: readonly string[]): Promise<void> {
  await bob.sends(`<iq type='set' id='b'><${name} xmlns='${blockingNs}'>${jids.map(item).join('')}</${name}></iq>`)
  await bob.receives(`<iq type='result' id='b' from='bob@a.example' to='bob@a.example/phone'/>`)
}

const gone = `<presence type='unavailable' from='bob@a.example/phone' to='alice@a.example'/>`

describe('the list', () => {
  test('§3.2, §3.3 it is told to its owner, and changes to those who have asked for it; it outlives a restart', async () => {
    await bob.sends(`<iq type='get' id='l'><blocklist xmlns='${blockingNs}'/></iq>`)
    await bob.receives(`
      <iq type='result' id='l' from='bob@a.example' to='bob@a.example/phone'><blocklist xmlns='${blockingNs}'/></iq>`)
    await bob.sends(`<iq type='set' id='b'><block xmlns='${blockingNs}'>${item('eve@b.example')}</block></iq>`)
    await bob.receivesAll(
      `<iq type='result' id='b' from='bob@a.example' to='bob@a.example/phone'/>`,
      `<iq type='set' id='{any}' from='bob@a.example' to='bob@a.example/phone'>
        <block xmlns='${blockingNs}'>${item('eve@b.example')}</block></iq>`,
    )
    await stage.server.accountChanged('bob@a.example')
    await bob.sends(`<iq type='get' id='l'><blocklist xmlns='${blockingNs}'/></iq>`)
    await bob.receives(`
      <iq type='result' id='l' from='bob@a.example' to='bob@a.example/phone'>
        <blocklist xmlns='${blockingNs}'>${item('eve@b.example')}</blocklist></iq>`)
  })

  test.each([
    [`<block xmlns='${blockingNs}'/>`, 'bad-request'],
    [`<block xmlns='${blockingNs}'><item/></block>`, 'jid-malformed'],
    [`<block xmlns='${blockingNs}'>${item('@')}</block>`, 'jid-malformed'],
    [
      `<block xmlns='${blockingNs}'>${[...Array(1001).keys()].map((n) => item(`u${n}@x`)).join('')}</block>`,
      'resource-constraint',
    ],
  ])('refused: %.60s (%s)', async (payload, condition) => {
    await bob.sends(`<iq type='set' id='b'>${payload}</iq>`)
    expect((await bob.next()).getChild('error')?.getChild(condition)).toBeDefined()
  })

  test('nobody else reads or changes it', async () => {
    for (const payload of ['block', 'unblock']) {
      await alice.sends(
        `<iq type='set' id='x' to='bob@a.example'><${payload} xmlns='${blockingNs}'>${item('a@x')}</${payload}></iq>`,
      )
      expect((await alice.next()).attrs.type).toBe('error')
    }
    await alice.sends(`<iq type='get' id='x' to='bob@a.example'><blocklist xmlns='${blockingNs}'/></iq>`)
    expect((await alice.next()).attrs.type).toBe('error')
  })
})

describe('§3.3 a contact who is blocked', () => {
  beforeEach(async () => {
    await changes('block', 'alice@a.example')
    await alice.receives(gone)
  })

  test('is told that nobody is there, and is not heard', async () => {
    await alice.sends(`<message to='bob@a.example' type='chat' id='1'><body>Hi</body></message>`)
    await alice.sends(`<iq to='bob@a.example/phone' type='get' id='2'><ping xmlns='urn:xmpp:ping'/></iq>`)
    await alice.sends(`<presence to='bob@a.example' type='probe'/>`)
    await alice.sends(`<presence to='bob@a.example' type='subscribe'/>`)
    const answers = await alice.drain()
    expect(answers.map(({ attrs }) => [attrs.id, attrs.type])).toEqual([
      ['1', 'error'],
      ['2', 'error'],
    ])
    expect(answers.every((answer) => answer.getChild('error')?.getChild('service-unavailable') !== undefined)).toBe(
      true,
    )
    await bob.receivesNothing()
    expect(await stage.store.offlineCount('bob@a.example')).toBe(0)
  })

  test('sees nothing of the clients, until unblocked', async () => {
    await bob.sends('<presence><show>away</show></presence>')
    await alice.receivesNothing()
    await bob.clears()
    await changes('unblock', 'alice@a.example')
    await alice.receives(`<presence from='bob@a.example/phone' to='alice@a.example'><show>away</show></presence>`)
  })

  test('is not written to by mistake', async () => {
    await bob.sends(`<message to='alice@a.example' type='chat' id='1'><body>Hi</body></message>`)
    await bob.receives(`
      <message type='error' id='1' from='alice@a.example' to='bob@a.example/phone'><error type='modify'>
        <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><blocked xmlns='urn:xmpp:blocking:errors'/>
      </error></message>`)
    await alice.receivesNothing()
  })

  test('an empty <unblock/> unblocks everybody', async () => {
    await changes('unblock')
    await alice.receives(`<presence from='bob@a.example/phone' to='alice@a.example'/>`)
    await alice.sends(`<message to='bob@a.example' type='chat' id='1'><body>Hi</body></message>`)
    expect((await bob.next()).attrs.id).toBe('1')
  })
})

describe('§5 what an address matches', () => {
  test.each([
    ['b.example', 'eve@b.example/x', true],
    ['eve@b.example', 'eve@b.example/x', true],
    ['eve@b.example/x', 'eve@b.example/x', true],
    ['eve@b.example/x', 'eve@b.example/y', false],
    ['eve@b.example', 'dan@b.example/x', false],
    ['b.example/x', 'eve@b.example/x', true],
    ['b.example/x', 'eve@b.example/y', false],
  ])('%s: %s (%p)', async (blocked, from, silenced) => {
    await changes('block', blocked)
    await peer.sends(`<message from='${from}' to='bob@a.example/phone' type='chat' id='1'><body>Hi</body></message>`)
    expect((await bob.drain()).length).toBe(silenced ? 0 : 1)
  })

  test('nobody blocks the clients of their own account, nor the server', async () => {
    await changes('block', 'bob@a.example', 'a.example')
    const laptop = stage.client('bob', 'laptop')
    await laptop.sends(`<message to='bob@a.example/phone' type='chat' id='1'><body>Hi</body></message>`)
    expect((await bob.next()).attrs.id).toBe('1')
  })

  test('what a blocked occupant says in a room is dropped without an error, which would end the stay there', async () => {
    await changes('block', 'coven@b.example/eve')
    await peer.sends(
      `<message from='coven@b.example/eve' to='bob@a.example/phone' type='groupchat' id='1'><body>Hi</body></message>`,
    )
    await bob.receivesNothing()
    await peer.receivesNothing()
  })
})

test('an occupant who is blocked is not heard in a room of this server either, and the others are', async () => {
  const rooms = await openRooms()
  const [ann, ben, kim] = ['alice', 'bob', 'carol'].map((name) => rooms.client(name)) as [Client, Client, Client]
  await found(ann, 'ann')
  await join(ben, 'ben')
  await join(kim, 'kim')
  await ben.sends(`<iq type='set' id='b'><block xmlns='${blockingNs}'>${item(`${room}/kim`)}</block></iq>`)
  await settled()
  await ben.clears()
  await say(kim, 'from kim')
  await kim.sends(`<presence to='${room}/kim'><show>away</show></presence>`)
  await say(ann, 'from ann')
  await settled()
  expect((await ben.drain()).map(({ attrs }) => attrs.from)).toEqual([`${room}/ann`])
  expect((await ann.drain()).map(({ attrs }) => attrs.from)).toContain(`${room}/kim`)
  await rooms.close()
})
