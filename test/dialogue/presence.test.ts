/** Presence: broadcast, probes, directed presence, and what strangers may not see (RFC 6121 §4, §8.5). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, type Peer, Stage } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client
let peer: Peer

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['alice', 'bob', 'carol'] })
  await stage.befriend('alice', 'bob')
  await stage.befriend('alice', 'dave@b.example')
  alice = stage.client('alice', 'phone')
  bob = stage.client('bob', 'phone')
  peer = stage.peer('b.example')
})
afterEach(() => stage.close())

describe('RFC 6121 §4.2 to §4.5: broadcast', () => {
  test('§4.2 initial presence goes to subscribers and own clients, and brings the contacts’ presence', async () => {
    await bob.comesOnline()
    const laptop = stage.client('alice', 'laptop')
    await laptop.comesOnline()
    await bob.clears()
    await peer.clears()
    await alice.sends(`<presence id='p'><show>away</show><priority>7</priority></presence>`)
    const told = (to: string): string =>
      `<presence from='alice@a.example/phone' to='${to}' id='p'><show>away</show><priority>7</priority></presence>`
    await alice.receivesAll(
      told('alice@a.example/phone'),
      `<presence from='alice@a.example/laptop' to='alice@a.example/phone'/>`,
      `<presence from='bob@a.example/phone' to='alice@a.example/phone'/>`,
    )
    await laptop.receives(told('alice@a.example/laptop'))
    await bob.receives(told('bob@a.example'))
    await peer.receivesAll(
      told('dave@b.example'),
      `<presence type='probe' from='alice@a.example' to='dave@b.example'/>`,
    )
    await peer.receivesNothing()
    expect(alice.session.priority).toBe(7)
  })

  test('§4.4 subsequent presence is broadcast without probes', async () => {
    await alice.comesOnline()
    await peer.clears()
    await alice.sends(`<presence><show>dnd</show></presence>`)
    await peer.receives(`<presence from='alice@a.example/phone' to='dave@b.example'><show>dnd</show></presence>`)
    await peer.receivesNothing()
  })

  test.each([
    ['unavailable presence', async () => alice.sends(`<presence type='unavailable' id='u'/>`), ` id='u'`],
    ['a lost connection', async () => alice.disconnects(), ''],
  ])('§4.5 %s is told once to each subscriber', async (_name, leave, id) => {
    await bob.comesOnline()
    await alice.comesOnline()
    await bob.clears()
    await peer.clears()
    await leave()
    await bob.receives(`<presence type='unavailable' from='alice@a.example/phone' to='bob@a.example'${id}/>`)
    await peer.receives(`<presence type='unavailable' from='alice@a.example/phone' to='dave@b.example'${id}/>`)
    alice.disconnects()
    await bob.receivesNothing()
    await peer.receivesNothing()
  })

  test('a client that was never available leaves silently', async () => {
    alice.disconnects()
    await peer.receivesNothing()
  })

  test.each([
    ['300', 127],
    ['-300', -128],
    ['x', 0],
    ['+5', 5],
  ])('§4.7.2.3 priority %s counts as %d', async (text, priority) => {
    await alice.sends(`<presence><priority>${text}</priority></presence>`)
    expect(alice.session.priority).toBe(priority)
  })

  test('§8.5.3.1 presence to a full JID reaches that client only', async () => {
    const laptop = stage.client('alice', 'laptop')
    await alice.comesOnline()
    await laptop.comesOnline()
    await peer.sends(`<presence from='room@b.example/nick' to='alice@a.example/laptop'/>`)
    await laptop.receives(`<presence from='room@b.example/nick' to='alice@a.example/laptop'/>`)
    await peer.sends(`<presence from='room@b.example/nick' to='alice@a.example/none'/>`)
    await alice.clears()
    await peer.sends(`<presence from='dave@b.example/desk' to='alice@a.example'/>`)
    await alice.receives(`<presence from='dave@b.example/desk' to='alice@a.example'/>`)
    await alice.receivesNothing()
  })
})

describe('RFC 6121 §4.3: probes', () => {
  const probe = (from: string, to = 'alice@a.example'): string => `<presence type='probe' from='${from}' to='${to}'/>`

  test('§4.3.2 a contact gets the presence of each client', async () => {
    const laptop = stage.client('alice', 'laptop')
    await alice.comesOnline()
    await laptop.sends(`<presence><show>xa</show></presence>`)
    await peer.clears()
    await peer.sends(probe('dave@b.example/desk'))
    await peer.receives(`<presence from='alice@a.example/phone' to='dave@b.example/desk'/>`)
    await peer.receives(`<presence from='alice@a.example/laptop' to='dave@b.example/desk'><show>xa</show></presence>`)
    await peer.sends(probe('dave@b.example', 'alice@a.example/laptop'))
    await peer.receives(`<presence from='alice@a.example/laptop' to='dave@b.example'><show>xa</show></presence>`)
    await peer.receivesNothing()
  })

  test('§4.3.2 nobody there: unavailable, to contacts only', async () => {
    await peer.sends(probe('dave@b.example'))
    await peer.receives(`<presence type='unavailable' from='alice@a.example' to='dave@b.example'/>`)
  })

  test('RFC 6121 §4.3.2.1 that nobody is there or may be seen has the id of the probe, presence keeps its own', async () => {
    const asks = (from: string): string => `<presence type='probe' id='q' from='${from}' to='alice@a.example'/>`
    await peer.sends(asks('dave@b.example'))
    await peer.receives(`<presence type='unavailable' id='q' from='alice@a.example' to='dave@b.example'/>`)
    await peer.sends(asks('mallory@b.example'))
    await peer.receives(`<presence type='unsubscribed' id='q' from='alice@a.example' to='mallory@b.example'/>`)
    await alice.sends(`<presence id='p'/>`)
    await peer.clears()
    await peer.sends(asks('dave@b.example'))
    await peer.receives(`<presence id='p' from='alice@a.example/phone' to='dave@b.example'/>`)
  })

  test('RFC 6121 §4.3 a client may probe: it is routed, and no error', async () => {
    await alice.sends(`<presence type='probe' to='dave@b.example'/>`)
    await peer.receives(`<presence type='probe' from='alice@a.example/phone' to='dave@b.example'/>`)
    await alice.sends(`<presence type='probe' to='bob@a.example'/>`)
    await alice.receives(`<presence type='unavailable' from='bob@a.example' to='alice@a.example/phone'/>`)
  })

  test.each(['alice@a.example', 'nobody@a.example', 'carol@a.example/phone'])(
    '§4.3.2 a stranger is told the same of %s, there or not',
    async (to) => {
      await alice.comesOnline()
      await peer.clears()
      await peer.sends(probe('mallory@b.example/x', to))
      await peer.receives(`<presence type='unsubscribed' from='${to.replace(/\/.*/, '')}' to='mallory@b.example'/>`)
      await peer.receivesNothing()
    },
  )

  test('§4.6 a room that was sent directed presence may probe its occupant', async () => {
    await alice.sends(
      `<presence to='room@rooms.b.example/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
    )
    const rooms = stage.peer('rooms.b.example')
    await rooms.clears()
    await rooms.sends(probe('room@rooms.b.example/alice', 'alice@a.example/phone'))
    await rooms.receives(
      `<presence from='alice@a.example/phone' to='room@rooms.b.example/alice'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
    )
  })
})

describe('RFC 6121 §4.6: directed presence', () => {
  test('§4.6.3 who got it is told of the end, once, also when the connection is lost', async () => {
    const rooms = stage.peer('rooms.b.example')
    await alice.sends(`<presence to='one@rooms.b.example/alice'/>`)
    await alice.sends(`<presence to='two@rooms.b.example/alice'/>`)
    await alice.sends(`<presence to='two@rooms.b.example/alice' type='unavailable'/>`)
    await rooms.clears()
    alice.disconnects()
    await rooms.receives(`<presence type='unavailable' from='alice@a.example/phone' to='one@rooms.b.example/alice'/>`)
    await rooms.receivesNothing()
  })

  test('§4.6.3 a contact that also got the broadcast is told once', async () => {
    await bob.comesOnline()
    await alice.comesOnline()
    await alice.sends(`<presence to='bob@a.example/phone'><show>chat</show></presence>`)
    await bob.clears()
    await alice.sends(`<presence type='unavailable'/>`)
    await bob.receives(`<presence type='unavailable' from='alice@a.example/phone' to='bob@a.example'/>`)
    await bob.receivesNothing()
  })

  test('who answered with an error is not told', async () => {
    const rooms = stage.peer('rooms.b.example')
    await alice.sends(`<presence to='one@rooms.b.example/alice'/>`)
    await rooms.sends(`<presence type='error' from='one@rooms.b.example/alice' to='alice@a.example/phone'/>`)
    await rooms.clears()
    alice.disconnects()
    await rooms.receivesNothing()
  })

  test('RFC 6121 §4.6.1 who left is not told', async () => {
    const rooms = stage.peer('rooms.b.example')
    await alice.sends(`<presence to='one@rooms.b.example/alice'/>`)
    await alice.sends(`<presence to='two@rooms.b.example'/>`)
    await rooms.sends(`<presence type='unavailable' from='one@rooms.b.example/alice' to='alice@a.example/phone'/>`)
    await rooms.sends(`<presence type='unavailable' from='two@rooms.b.example' to='alice@a.example'/>`)
    await rooms.clears()
    alice.disconnects()
    await rooms.receivesNothing()
  })

  test('a thousand addresses are the bound', async () => {
    for (let n = 0; n < 1000; n += 1) await alice.sends(`<presence to='r${n}@rooms.b.example/alice'/>`)
    await alice.sends(`<presence to='more@rooms.b.example/alice' id='x'/>`)
    await alice.receives(`
      <presence type='error' id='x' from='more@rooms.b.example/alice' to='alice@a.example/phone'>
        <error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error>
      </presence>`)
  })
})

describe('security.md, IM: a stranger sees nothing', () => {
  const ping = `<ping xmlns='urn:xmpp:ping'/>`
  const unavailable = `${ping}<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`

  test.each(['alice@a.example/phone', 'alice@a.example/nowhere', 'nobody@a.example/phone', 'nobody@a.example'])(
    'RFC 6121 §8.5.3.1 a request to %s is answered alike, and not delivered',
    async (to) => {
      await alice.comesOnline()
      await peer.sends(`<iq type='get' id='1' from='mallory@b.example/x' to='${to}'>${ping}</iq>`)
      await peer.clears()
      await peer.sends(`<iq type='get' id='2' from='mallory@b.example/x' to='${to}'>${ping}</iq>`)
      await peer.receives(`<iq type='error' id='2' from='${to}' to='mallory@b.example/x'>${unavailable}</iq>`)
      await alice.receivesNothing()
    },
  )

  test('a contact’s request is delivered', async () => {
    await bob.sends(`<iq type='get' id='1' to='alice@a.example/phone'>${ping}</iq>`)
    await alice.receives(`<iq type='get' id='1' from='bob@a.example/phone' to='alice@a.example/phone'>${ping}</iq>`)
    await alice.sends(`<iq type='result' id='1' to='bob@a.example/phone'/>`)
    await bob.receives(`<iq type='result' id='1' from='alice@a.example/phone' to='bob@a.example/phone'/>`)
  })

  test('so is one of a room that the client is in, and none after it has left', async () => {
    const rooms = stage.peer('rooms.b.example')
    const ask = `<iq type='get' id='1' from='room@rooms.b.example/other' to='alice@a.example/phone'>${ping}</iq>`
    await alice.sends(`<presence to='room@rooms.b.example/alice'/>`)
    await rooms.sends(ask)
    await alice.receives(ask)
    await alice.sends(`<presence to='room@rooms.b.example/alice' type='unavailable'/>`)
    await rooms.sends(ask)
    await alice.receivesNothing()
  })
})
