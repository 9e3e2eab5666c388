/** Clauses of RFC 6121 that its dialogues elsewhere do not show. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, type Peer, Stage } from '../../dialogue/stage.js'

let stage: Stage
let alice: Client
let bob: Client
let peer: Peer

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['alice', 'bob', 'carol'] })
  await stage.befriend('alice', 'bob')
  alice = stage.client('alice', 'desk')
  bob = stage.client('bob', 'phone')
  peer = stage.peer('b.example')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const roster = `<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>`

describe('RFC 6121 §2 the roster', () => {
  test('RFC 6121 §2.1.4 it comes in one result, with name, groups and subscription of each', async () => {
    await alice.sends(
      `<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='carol@a.example' name='C'><group>A</group><group>B</group></item></query></iq>`,
    )
    await alice.clears()
    await alice.sends(roster)
    await alice.receives(`<iq type='result' id='r' from='alice@a.example' to='alice@a.example/desk'><query xmlns='jabber:iq:roster'>
      <item jid='bob@a.example' subscription='both'/>
      <item jid='carol@a.example' name='C' subscription='none'><group>A</group><group>B</group></item></query></iq>`)
  })

  test('RFC 6121 §2.1.4 an empty roster is a result with an empty query', async () => {
    const carol = stage.client('carol')
    await carol.sends(roster)
    const [found] = await carol.drain()
    expect([found?.attrs.type, found?.getChild('query', 'jabber:iq:roster')?.children]).toEqual(['result', []])
  })

  test('RFC 6121 §2.1.6 each push has an id of its own and comes from the account; its answers concern nobody', async () => {
    await alice.isInterested()
    const ids = []
    for (const name of ['one', 'two']) {
      await alice.sends(
        `<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='carol@a.example' name='${name}'/></query></iq>`,
      )
      const pushes = (await alice.drain()).filter(({ attrs }) => attrs.type === 'set')
      expect(pushes.map(({ attrs }) => [attrs.from, attrs.to])).toEqual([['alice@a.example', 'alice@a.example/desk']])
      ids.push(String(pushes[0]?.attrs.id))
    }
    expect(new Set(ids).size).toBe(2)
    await alice.sends(`<iq type='result' id='${ids[0]}'/>`)
    await alice.sends(
      `<iq type='error' id='${ids[1]}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    )
    await alice.receivesNothing()
  })

  test('RFC 6121 §2.2 only a client that has asked for the roster is told of its changes', async () => {
    const other = stage.client('alice', 'other')
    await other.isInterested()
    await alice.sends(
      `<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='carol@a.example'/></query></iq>`,
    )
    await alice.receives(`<iq type='result' id='s' from='alice@a.example' to='alice@a.example/desk'/>`)
    await alice.receivesNothing()
    expect((await other.drain()).map(({ attrs }) => attrs.type)).toEqual(['set'])
  })
})

describe('RFC 6121 §3 subscriptions', () => {
  test.each(['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'])(
    'RFC 6121 §3.1.2 %s to a full JID is one to the bare JID, and comes from the bare JID',
    async (type) => {
      // In the other direction first, where there has to be something to answer.
      await peer.sends(`<presence type='subscribe' from='dan@b.example' to='alice@a.example'/>`)
      if (type.startsWith('un')) await alice.sends(`<presence type='${type.slice(2)}' to='dan@b.example'/>`)
      await peer.clears()
      await alice.sends(`<presence type='${type}' to='dan@b.example/phone'/>`)
      const [first] = await peer.drain()
      expect([first?.attrs.type, first?.attrs.from, first?.attrs.to]).toEqual([
        type,
        'alice@a.example',
        'dan@b.example',
      ])
    },
  )

  test('RFC 6121 §3.1.3 a request that arrives at a full JID is one to the account', async () => {
    await alice.comesOnline()
    await alice.isInterested()
    await peer.sends(`<presence type='subscribe' from='dan@b.example/x' to='alice@a.example/nowhere'/>`)
    const [asked] = await alice.drain()
    expect([asked?.attrs.type, asked?.attrs.from]).toEqual(['subscribe', 'dan@b.example'])
  })

  test('RFC 6121 §3.1.3 a request to nobody is answered by nobody', async () => {
    await peer.sends(`<presence type='subscribe' from='dan@b.example' to='nobody@a.example'/>`)
    await peer.receivesNothing()
  })

  test('RFC 6121 §8.5.3.2.2 to a client that is gone a request is one to the account, the other three are nothing', async () => {
    await bob.isInterested()
    await bob.comesOnline()
    await bob.clears()
    for (const type of ['subscribed', 'unsubscribe', 'unsubscribed'])
      await peer.sends(`<presence type='${type}' from='dan@b.example' to='bob@a.example/gone'/>`)
    await stage.befriend('bob', 'dan@b.example')
    await peer.sends(`<presence type='unsubscribed' from='dan@b.example' to='bob@a.example/gone'/>`)
    await bob.receivesNothing()
    await peer.sends(`<presence type='unsubscribed' from='dan@b.example' to='bob@a.example/phone'/>`)
    expect((await bob.next()).attrs.type).toBe('unsubscribed')
  })

  test('RFC 6121 §3.1.6, §3.2.3 what nobody asked for reaches no client', async () => {
    await alice.comesOnline()
    await alice.isInterested()
    for (const type of ['subscribed', 'unsubscribed', 'unsubscribe'])
      await peer.sends(`<presence type='${type}' from='dan@b.example' to='alice@a.example'/>`)
    await alice.receivesNothing()
  })
})

describe('RFC 6121 §4 presence', () => {
  test('RFC 6121 §4.2.2 what a client says of itself goes out whole: show, status, priority and extensions', async () => {
    await bob.comesOnline()
    const content = `<show>away</show><status xml:lang='de'>weg</status><priority>5</priority><x xmlns='urn:x'>y</x>`
    await alice.sends(`<presence id='p'>${content}</presence>`)
    await bob.receives(`<presence id='p' from='alice@a.example/desk' to='bob@a.example'>${content}</presence>`)
  })

  test('RFC 6121 §4.5.2 the last words of a client go to all who were told that it came', async () => {
    await bob.comesOnline()
    await alice.comesOnline()
    await bob.clears()
    await alice.sends(`<presence type='unavailable'><status>Good night</status></presence>`)
    await bob.receives(
      `<presence type='unavailable' from='alice@a.example/desk' to='bob@a.example'><status>Good night</status></presence>`,
    )
    await alice.sends(`<presence type='unavailable'/>`)
    await bob.receivesNothing()
  })

  test('RFC 6121 §4.5.2 all clients of the account see one leave, itself included, and a presence after that is an initial one', async () => {
    const other = stage.client('alice', 'other')
    await other.comesOnline()
    await alice.comesOnline()
    await other.clears()
    await alice.sends(`<presence type='unavailable' id='u'/>`)
    for (const client of [alice, other])
      await client.receives(`<presence type='unavailable' id='u' from='alice@a.example/desk' to='${client.jid}'/>`)
    await alice.sends(`<presence/>`)
    expect((await alice.drain()).map(({ attrs }) => attrs.from)).toContain('alice@a.example/other')
  })

  test('RFC 6121 §4.6.3 directed presence makes a client no more available: no probes, no messages to the account', async () => {
    await alice.sends(`<presence to='bob@a.example'/>`)
    await alice.receivesNothing()
    await peer.sends(`<message from='dan@b.example/x' to='alice@a.example' type='headline'><body>Hi</body></message>`)
    await alice.receivesNothing()
  })

  test('RFC 6121 §4.7.1 a presence of an unknown type is refused', async () => {
    await alice.sends(`<presence type='busy' id='p' to='bob@a.example'/>`)
    const error = await alice.next()
    expect(error.getChild('error')?.getChild('bad-request')).toBeDefined()
    await bob.receivesNothing()
  })
})

describe('RFC 6121 §5, §8 messages', () => {
  test('RFC 6121 §9 an address with the scheme of a URI is none: jid-malformed', async () => {
    await alice.sends(`<message to='xmpp:bob@a.example' id='1'><body>Hi</body></message>`)
    expect((await alice.next()).getChild('error')?.getChild('jid-malformed')).toBeDefined()
    await bob.receivesNothing()
  })

  test.each([
    ['no type', ''],
    ['an unknown type', ` type='telegram'`],
  ])('RFC 6121 §5.2.2 a message of %s is a normal one', async (_name, type) => {
    await alice.comesOnline()
    await peer.sends(`<message from='dan@b.example/x' to='alice@a.example'${type} id='1'><body>Hi</body></message>`)
    expect((await alice.next()).getChildText('body')).toBe('Hi')
  })

  test('RFC 6121 §5.2, §5.3 subjects, bodies in languages, threads and what is unknown pass as they are', async () => {
    await bob.comesOnline()
    const content = `<subject>S</subject><body>Hi</body><body xml:lang='cs'>Ahoj</body><thread parent='a'>b</thread><x xmlns='urn:x'><y/></x>`
    await alice.sends(`<message to='bob@a.example/phone' type='chat' id='1'>${content}</message>`)
    await bob.receives(
      `<message from='alice@a.example/desk' to='bob@a.example/phone' type='chat' id='1'>${content}{...}</message>`,
    )
  })

  test('RFC 6121 §8.5.1 nobody there: messages and requests are refused, presence and probes tell nothing', async () => {
    await alice.sends(`<message to='nobody@a.example' id='1'><body>Hi</body></message>`)
    await alice.sends(`<iq to='nobody@a.example' type='get' id='2'><query xmlns='jabber:iq:version'/></iq>`)
    await alice.sends(`<presence to='nobody@a.example' id='3'/>`)
    expect((await alice.drain()).map(({ attrs }) => [attrs.id, attrs.type])).toEqual([
      ['1', 'error'],
      ['2', 'error'],
    ])
  })
})
