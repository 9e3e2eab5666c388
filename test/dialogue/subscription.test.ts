/** Subscriptions between two local users and over a peer (RFC 6121 §3), rosters and pushes (§2). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, type Peer, Stage } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await Stage.open()
  alice = stage.client('alice', 'phone')
  bob = stage.client('bob', 'phone')
})
afterEach(() => stage.close())

const push = (to: string, item: string): string =>
  `<iq type='set' id='{any}' from='${to.slice(0, to.indexOf('/'))}' to='${to}'><query xmlns='jabber:iq:roster'>${item}</query></iq>`
const rosterOf = async (client: Client): Promise<string> => {
  await client.sends(`<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>`)
  return (await client.next()).getChild('query')?.children.join('') ?? ''
}

test('RFC 6121 §3.1: a subscription is asked for, approved, and shows presence; then the other way', async () => {
  await alice.isInterested()
  await bob.isInterested()
  await alice.comesOnline()
  await bob.comesOnline()

  await alice.sends(`<presence to='bob@a.example/phone' type='subscribe' id='s1'/>`)
  await alice.receives(push(alice.jid, `<item jid='bob@a.example' subscription='none' ask='subscribe'/>`))
  await bob.receives(`<presence from='alice@a.example' to='bob@a.example' type='subscribe' id='s1'/>`)

  await bob.sends(`<presence to='alice@a.example' type='subscribed'/>`)
  await bob.receives(push(bob.jid, `<item jid='alice@a.example' subscription='from'/>`))
  await alice.receives(`<presence from='bob@a.example' to='alice@a.example' type='subscribed'/>`)
  await alice.receives(push(alice.jid, `<item jid='bob@a.example' subscription='to'/>`))
  await alice.receives(`<presence from='bob@a.example/phone' to='alice@a.example'/>`)

  await bob.sends(`<presence to='alice@a.example' type='subscribe'/>`)
  await bob.receives(push(bob.jid, `<item jid='alice@a.example' subscription='from' ask='subscribe'/>`))
  await alice.receives(`<presence from='bob@a.example' to='alice@a.example' type='subscribe'/>`)
  await alice.sends(`<presence to='bob@a.example' type='subscribed'/>`)
  await alice.receives(push(alice.jid, `<item jid='bob@a.example' subscription='both'/>`))
  await bob.receives(`<presence from='alice@a.example' to='bob@a.example' type='subscribed'/>`)
  await bob.receives(push(bob.jid, `<item jid='alice@a.example' subscription='both'/>`))
  await bob.receives(`<presence from='alice@a.example/phone' to='bob@a.example'/>`)

  await alice.receivesNothing()
  await bob.receivesNothing()
  expect(await rosterOf(alice)).toBe('<item jid="bob@a.example" subscription="both"/>')
})

describe('RFC 6121 §3.1.3: a request to a user who is away', () => {
  test('is kept, shown at each login, and is no contact', async () => {
    await alice.sends(
      `<presence to='bob@a.example' type='subscribe'><status>It is me</status><x xmlns='urn:example:x'/></presence>`,
    )
    const request = `<presence from='alice@a.example' to='bob@a.example' type='subscribe'><status>It is me</status><x xmlns='urn:example:x'/></presence>`
    expect(await rosterOf(bob)).toBe('')
    await bob.sends('<presence/>')
    await bob.receives(`<presence from='bob@a.example/phone' to='bob@a.example/phone'/>`)
    await bob.receives(request)
    const laptop = stage.client('bob', 'laptop')
    await laptop.sends('<presence/>')
    await laptop.receivesAll(
      `<presence from='bob@a.example/phone' to='bob@a.example/laptop'/>`,
      `<presence from='bob@a.example/laptop' to='bob@a.example/laptop'/>`,
      request,
    )
  })

  test('a second one is not delivered again', async () => {
    await bob.comesOnline()
    await alice.sends(`<presence to='bob@a.example' type='subscribe'/>`)
    await bob.next()
    await alice.sends(`<presence to='bob@a.example' type='subscribe'/>`)
    await bob.receivesNothing()
  })

  test('after a refusal nothing is left', async () => {
    await alice.isInterested()
    await alice.sends(`<presence to='bob@a.example' type='subscribe'/>`)
    await alice.next()
    await bob.sends(`<presence to='alice@a.example' type='unsubscribed'/>`)
    await alice.receives(`<presence from='bob@a.example' to='alice@a.example' type='unsubscribed'/>`)
    await alice.receives(push(alice.jid, `<item jid='bob@a.example' subscription='none'/>`))
    expect(await stage.store.roster('bob@a.example')).toEqual([])
    expect(await rosterOf(bob)).toBe('')
  })
})

describe('RFC 6121 §3.4: pre-approval', () => {
  test('the request is answered by the server', async () => {
    await alice.isInterested()
    await bob.isInterested()
    await bob.comesOnline()
    await bob.sends(`<presence to='alice@a.example' type='subscribed'/>`)
    await bob.receives(push(bob.jid, `<item jid='alice@a.example' subscription='none' approved='true'/>`))
    await alice.receivesNothing()
    await alice.sends(`<presence to='bob@a.example' type='subscribe'/>`)
    await alice.receivesAll(
      push(alice.jid, `<item jid='bob@a.example' subscription='none' ask='subscribe'/>`),
      `<presence from='bob@a.example' to='alice@a.example' type='subscribed'/>`,
      push(alice.jid, `<item jid='bob@a.example' subscription='to'/>`),
    )
    await bob.receives(push(bob.jid, `<item jid='alice@a.example' subscription='from' approved='true'/>`))
    await bob.receivesNothing()
  })

  test('§3.4.2 is taken back by unsubscribed', async () => {
    await bob.sends(`<presence to='alice@a.example' type='subscribed'/>`)
    await bob.sends(`<presence to='alice@a.example' type='unsubscribed'/>`)
    await alice.sends(`<presence to='bob@a.example' type='subscribe'/>`)
    expect((await stage.store.roster('bob@a.example'))[0]).toMatchObject({ subscription: 'none', approved: false })
  })
})

describe('ending a subscription', () => {
  beforeEach(async () => {
    await stage.befriend('alice', 'bob')
    await alice.isInterested()
    await bob.isInterested()
    await alice.comesOnline()
    await bob.comesOnline()
    await alice.clears()
  })

  test('§3.2 the user cancels it: the contact sees the clients leave', async () => {
    await alice.sends(`<presence to='bob@a.example' type='unsubscribed'/>`)
    await alice.receives(push(alice.jid, `<item jid='bob@a.example' subscription='to'/>`))
    // §3.2.2, §3.2.3: while it still is a subscriber, and before its roster changes.
    await bob.receives(`<presence from='alice@a.example/phone' to='bob@a.example' type='unavailable'/>`)
    await bob.receives(`<presence from='alice@a.example' to='bob@a.example' type='unsubscribed'/>`)
    await bob.receives(push(bob.jid, `<item jid='alice@a.example' subscription='from'/>`))
    await bob.receivesNothing()
  })

  test('§3.3 the user unsubscribes: the contact’s clients leave from sight', async () => {
    await alice.sends(`<presence to='bob@a.example' type='unsubscribe'/>`)
    await alice.receivesAll(
      push(alice.jid, `<item jid='bob@a.example' subscription='from'/>`),
      `<presence from='bob@a.example/phone' to='alice@a.example' type='unavailable'/>`,
    )
    await bob.receivesAll(
      `<presence from='alice@a.example' to='bob@a.example' type='unsubscribe'/>`,
      push(bob.jid, `<item jid='alice@a.example' subscription='to'/>`),
    )
  })

  test('§2.5 removing a contact ends both', async () => {
    await alice.sends(
      `<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='bob@a.example' subscription='remove'/></query></iq>`,
    )
    await alice.receivesAll(
      push(alice.jid, `<item jid='bob@a.example' subscription='remove'/>`),
      `<iq type='result' id='r' from='alice@a.example' to='alice@a.example/phone'/>`,
      `<presence from='bob@a.example/phone' to='alice@a.example' type='unavailable'/>`,
    )
    await bob.receivesAll(
      `<presence from='alice@a.example/phone' to='bob@a.example' type='unavailable'/>`,
      `<presence from='alice@a.example' to='bob@a.example' type='unsubscribe'/>`,
      push(bob.jid, `<item jid='alice@a.example' subscription='to'/>`),
      `<presence from='alice@a.example' to='bob@a.example' type='unsubscribed'/>`,
      push(bob.jid, `<item jid='alice@a.example' subscription='none'/>`),
    )
    await alice.receivesNothing()
    await bob.receivesNothing()
    expect(await stage.store.roster('alice@a.example')).toEqual([])
  })
})

describe('RFC 6121 §2: the roster', () => {
  const set = (item: string): string => `<iq type='set' id='r'><query xmlns='jabber:iq:roster'>${item}</query></iq>`
  const refused = (type: string, condition: string): string =>
    `<iq type='error' id='r' from='alice@a.example' to='alice@a.example/phone'>{...}<error type='${type}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error></iq>`

  test('§2.3 §2.4 add and change, pushed to each interested client and to no other', async () => {
    const laptop = stage.client('alice', 'laptop')
    await stage.client('alice', 'tablet').receivesNothing()
    await alice.isInterested()
    await laptop.isInterested()
    await alice.sends(set(`<item jid='Carol@b.example' name='Carol'><group>Friends</group><group>Work</group></item>`))
    const item = `<item jid='carol@b.example' name='Carol' subscription='none'><group>Friends</group><group>Work</group></item>`
    await alice.receives(push(alice.jid, item))
    await alice.receives(`<iq type='result' id='r' from='alice@a.example' to='alice@a.example/phone'/>`)
    await laptop.receives(push(laptop.jid, item))
    await alice.sends(set(`<item jid='carol@b.example'/>`))
    await laptop.receives(push(laptop.jid, `<item jid='carol@b.example' subscription='none'/>`))
    expect((await stage.store.roster('alice@a.example'))[0]).toMatchObject({ jid: 'carol@b.example', name: '' })
  })

  test('§2.1.2.6 the client cannot set subscription states', async () => {
    await alice.sends(set(`<item jid='bob@a.example' subscription='both' ask='subscribe' approved='true'/>`))
    expect(await stage.store.roster('alice@a.example')).toMatchObject([
      { subscription: 'none', ask: false, approved: false },
    ])
  })

  test.each([
    ['two items', `<item jid='b@b.example'/><item jid='c@b.example'/>`, 'modify', 'bad-request'],
    ['no item', '', 'modify', 'bad-request'],
    ['no jid', '<item/>', 'modify', 'bad-request'],
    ['a jid that is none', `<item jid='@'/>`, 'modify', 'jid-malformed'],
    ['an empty group', `<item jid='b@b.example'><group/></item>`, 'modify', 'not-acceptable'],
    ['a group twice', `<item jid='b@b.example'><group>A</group><group>A</group></item>`, 'modify', 'bad-request'],
    ['a name too long', `<item jid='b@b.example' name='${'x'.repeat(1024)}'/>`, 'modify', 'not-acceptable'],
    ['removing who is not there', `<item jid='b@b.example' subscription='remove'/>`, 'cancel', 'item-not-found'],
    ['oneself', `<item jid='alice@a.example'/>`, 'cancel', 'not-allowed'],
  ])('§2.3.3 %s is refused', async (_name, item, type, condition) => {
    await alice.isInterested()
    await alice.sends(set(item))
    await alice.receives(refused(type, condition))
    expect(await stage.store.roster('alice@a.example')).toEqual([])
  })

  test.each(['get', 'set'])('§2.1.5 the roster of another is nobody’s: %s', async (type) => {
    const item = type === 'set' ? `<item jid='eve@b.example'/>` : ''
    await alice.sends(
      `<iq type='${type}' id='r' to='bob@a.example'><query xmlns='jabber:iq:roster'>${item}</query></iq>`,
    )
    await alice.receives(
      `<iq type='error' id='r' from='bob@a.example' to='alice@a.example/phone'>{...}<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    )
    expect(await stage.store.roster('bob@a.example')).toEqual([])
  })
})

describe('with another domain', () => {
  let peer: Peer
  beforeEach(() => {
    peer = stage.peer('b.example')
  })

  test('§3.1.2 a request without an answer is sent again at the next login, contacts are probed', async () => {
    await alice.sends(`<presence to='dave@b.example' type='subscribe'/>`)
    await peer.receives(`<presence from='alice@a.example' to='dave@b.example' type='subscribe'/>`)
    await alice.sends('<presence/>')
    await peer.receives(`<presence from='alice@a.example' to='dave@b.example' type='subscribe'/>`)
    await peer.sends(`<presence from='dave@b.example' to='alice@a.example' type='subscribed'/>`)
    await alice.sends(`<presence type='unavailable'/>`)
    await alice.sends('<presence/>')
    await peer.receives(`<presence from='alice@a.example' to='dave@b.example' type='probe'/>`)
    await peer.receivesNothing()
  })

  test('§3.1.3 who is subscribed already is answered by the server', async () => {
    await alice.comesOnline()
    await peer.sends(`<presence from='dave@b.example' to='alice@a.example' type='subscribe'/>`)
    await alice.next()
    await alice.sends(`<presence to='dave@b.example' type='subscribed'/>`)
    await peer.receives(`<presence from='alice@a.example' to='dave@b.example' type='subscribed'/>`)
    await peer.receives(`<presence from='alice@a.example/phone' to='dave@b.example'/>`)
    await peer.sends(`<presence from='dave@b.example' to='alice@a.example' type='subscribe'/>`)
    await peer.receives(`<presence from='alice@a.example' to='dave@b.example' type='subscribed'/>`)
    await peer.receives(`<presence from='alice@a.example/phone' to='dave@b.example'/>`)
    await alice.receivesNothing()
  })

  test('appendix A.3.3: an approval that nobody asked for changes nothing', async () => {
    await alice.isInterested()
    await peer.sends(`<presence from='mallory@b.example' to='alice@a.example' type='subscribed'/>`)
    await alice.receivesNothing()
    expect(await stage.store.roster('alice@a.example')).toEqual([])
  })

  test('a request of a hundred kilobytes is delivered, but only who asked is kept', async () => {
    await peer.sends(
      `<presence from='dave@b.example' to='alice@a.example' type='subscribe'><status>${'x'.repeat(100_000)}</status></presence>`,
    )
    expect((await stage.store.roster('alice@a.example'))[0]?.pendingIn?.length).toBeLessThan(200)
  })
})
