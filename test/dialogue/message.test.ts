/** Delivery of messages (RFC 6121 §8.5). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, Stage } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['alice', 'bob', 'carol'], without: ['user_archive'] })
  alice = stage.client('alice', 'phone')
  bob = stage.client('bob', 'phone')
})
afterEach(() => stage.close())

const unavailable = `<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`

describe('RFC 6121 §8.5.3 full JID', () => {
  test('§8.5.3.1 a connected client gets it, whatever its presence, with a stamped from', async () => {
    await alice.sends(`<message to='bob@a.example/phone' type='chat' id='1'><body>Hi</body></message>`)
    await bob.receives(
      `<message from='alice@a.example/phone' to='bob@a.example/phone' type='chat' id='1'><body>Hi</body></message>`,
    )
  })

  test('§8.5.3.2.1 a chat message to a client that is gone goes to those that are there', async () => {
    await bob.comesOnline()
    await alice.sends(`<message to='bob@a.example/gone' type='chat'><body>Hi</body></message>`)
    await bob.receives(
      `<message from='alice@a.example/phone' to='bob@a.example/gone' type='chat'><body>Hi</body></message>`,
    )
  })

  test.each(['groupchat', 'normal'])('§8.5.3.2.1 a %s message to a client that is gone is refused', async (type) => {
    await bob.comesOnline()
    await alice.sends(`<message to='bob@a.example/gone' type='${type}' id='g'><body>Hi</body></message>`)
    await alice.receives(
      `<message from='bob@a.example/gone' to='alice@a.example/phone' type='error' id='g'>${unavailable}</message>`,
    )
    await bob.receivesNothing()
  })

  test.each(['headline', 'error'])(
    '§8.5.3.2.1 a message of type %s to a client that is gone is dropped',
    async (type) => {
      await bob.comesOnline()
      await alice.sends(`<message to='bob@a.example/gone' type='${type}'><body>Hi</body></message>`)
      await bob.receivesNothing()
      await alice.receivesNothing()
    },
  )
})

describe('RFC 6121 §8.5.2 bare JID', () => {
  test('§8.5.2.1.1 the clients of the highest priority get it, to is not rewritten', async () => {
    const laptop = stage.client('bob', 'laptop')
    const tablet = stage.client('bob', 'tablet')
    await bob.comesOnline(1)
    await laptop.comesOnline(5)
    await tablet.comesOnline(5)
    await bob.clears()
    await laptop.clears()
    await alice.sends(`<message to='bob@a.example'><body>Hi</body></message>`)
    const expected = `<message from='alice@a.example/phone' to='bob@a.example'><body>Hi</body></message>`
    await laptop.receives(expected)
    await tablet.receives(expected)
    await bob.receivesNothing()
  })

  test('§8.5.2.1.1 a negative priority gets nothing, nor does a client without presence', async () => {
    await bob.comesOnline(-1)
    const laptop = stage.client('bob', 'laptop')
    await alice.sends(`<message to='bob@a.example' type='headline'><body>News</body></message>`)
    await bob.receivesNothing()
    await laptop.receivesNothing()
  })

  test('§8.5.2.1.1 a headline goes to all of non-negative priority', async () => {
    const laptop = stage.client('bob', 'laptop')
    await bob.comesOnline(1)
    await laptop.comesOnline(5)
    await bob.clears()
    await alice.sends(`<message to='bob@a.example' type='headline'><body>News</body></message>`)
    await bob.receives(`<message from='{any}' to='bob@a.example' type='headline'><body>News</body></message>`)
    await laptop.receives(`<message from='{any}' to='bob@a.example' type='headline'><body>News</body></message>`)
  })

  test('§8.5.2.1.1 groupchat to an account is refused', async () => {
    await bob.comesOnline()
    await alice.sends(`<message to='bob@a.example' type='groupchat' id='g'><body>Hi</body></message>`)
    await alice.receives(
      `<message from='bob@a.example' to='alice@a.example/phone' type='error' id='g'>${unavailable}</message>`,
    )
    await bob.receivesNothing()
  })

  test('§8.5.1 an account that does not exist', async () => {
    await alice.sends(`<message to='nobody@a.example' id='n'><body>Hi</body></message>`)
    await alice.receives(
      `<message from='nobody@a.example' to='alice@a.example/phone' type='error' id='n'>${unavailable}</message>`,
    )
  })

  test('RFC 6120 §10.3.1 without to it concerns the sender itself', async () => {
    await alice.comesOnline()
    await alice.sends(`<message id='self'><body>Note</body></message>`)
    await alice.receives(
      `<message from='alice@a.example/phone' to='alice@a.example' id='self'><body>Note</body></message>`,
    )
  })
})

describe('remote domains', () => {
  test('out to a peer and in from it, addresses prepared', async () => {
    const peer = stage.peer('b.example')
    await alice.sends(`<message to='Dave@B.example/Desk' id='1'><body>Hi</body></message>`)
    await peer.receives(
      `<message from='alice@a.example/phone' to='dave@b.example/Desk' id='1'><body>Hi</body></message>`,
    )
    await bob.comesOnline()
    await peer.sends(`<message from='DAVE@b.example/Desk' to='BOB@A.example'><body>Hi</body></message>`)
    await bob.receives(`<message from='dave@b.example/Desk' to='bob@a.example'><body>Hi</body></message>`)
  })

  test('order holds while the account is being loaded', async () => {
    const sent = Array.from({ length: 20 }, (_, n) =>
      alice.sends(`<message to='bob@a.example/phone' id='${n}'><body>${n}</body></message>`),
    )
    await Promise.all(sent)
    for (let n = 0; n < 20; n += 1) expect((await bob.next()).attrs.id).toBe(String(n))
  })
})

describe('XEP-0280 carbons', () => {
  const enable = `<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`

  test('§5 and §6 what one client gets or sends the others see', async () => {
    const laptop = stage.client('bob', 'laptop')
    await laptop.sends(enable)
    await laptop.receives(`<iq type='result' id='c' from='bob@a.example' to='bob@a.example/laptop'/>`)
    await alice.sends(`<message to='bob@a.example/phone' type='chat'><body>Hi</body></message>`)
    await laptop.receives(`
      <message type='chat' from='bob@a.example' to='bob@a.example/laptop'>
        <received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>
          <message xmlns='jabber:client' from='alice@a.example/phone' to='bob@a.example/phone' type='chat'>
            <body>Hi</body>
          </message>
        </forwarded></received>
      </message>`)
    await bob.next()
    await bob.sends(`<message to='alice@a.example/phone' type='chat'><body>Yes?</body></message>`)
    await laptop.receives(`
      <message type='chat' from='bob@a.example' to='bob@a.example/laptop'>
        <sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>
          <message xmlns='jabber:client' from='bob@a.example/phone' to='alice@a.example/phone' type='chat'>
            <body>Yes?</body>
          </message>
        </forwarded></sent>
      </message>`)
    await bob.receivesNothing()
  })

  test.each([
    `<message to='bob@a.example/phone' type='groupchat'><body>Hi</body></message>`,
    `<message to='bob@a.example/phone' type='chat'><body>Hi</body><private xmlns='urn:xmpp:carbons:2'/></message>`,
    `<message to='bob@a.example/phone' type='chat'><body>Hi</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>`,
  ])('§6.1 not copied: %s', async (text) => {
    const laptop = stage.client('bob', 'laptop')
    await laptop.sends(enable)
    await laptop.next()
    await alice.sends(text)
    await bob.next()
    await laptop.receivesNothing()
  })

  test('§6.1 a client that got the message itself gets no copy', async () => {
    await bob.sends(enable)
    await bob.next()
    await bob.comesOnline()
    await alice.sends(`<message to='bob@a.example' type='chat'><body>Hi</body></message>`)
    await bob.receives(`<message from='{any}' to='bob@a.example' type='chat'><body>Hi</body></message>`)
    await bob.receivesNothing()
  })
})
