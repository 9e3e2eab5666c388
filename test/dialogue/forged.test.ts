/** What a stranger forges does not arrive (security.md, "IM and rooms"), and what is malformed is refused. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { StreamError } from '../../src/xmpp/stream-error.js'
import { parse } from '../support/xml-match.js'
import { type Client, type Peer, Stage } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client
let peer: Peer

beforeEach(async () => {
  stage = await Stage.open()
  await stage.befriend('alice', 'bob')
  await stage.befriend('alice', 'mallory@b.example')
  alice = stage.client('alice', 'phone')
  bob = stage.client('bob', 'phone')
  peer = stage.peer('b.example')
  await alice.comesOnline()
  await alice.isInterested()
  await peer.clears()
})
afterEach(() => stage.close())

const item = `<query xmlns='jabber:iq:roster'><item jid='eve@b.example' subscription='both'/></query>`
const copyOf = (direction: string): string =>
  `<${direction} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='bob@a.example/x' to='alice@a.example' type='chat'><body>I owe you</body></message></forwarded></${direction}>`

describe('dropped', () => {
  test('a roster push, also from a contact', async () => {
    for (const to of ['alice@a.example/phone', 'alice@a.example']) {
      await peer.sends(`<iq type='set' id='1' from='mallory@b.example/x' to='${to}'>${item}</iq>`)
      expect((await peer.next()).attrs.type).toBe('error')
      await bob.sends(`<iq type='set' id='1' to='${to}'>${item}</iq>`)
      expect((await bob.next()).attrs.type).toBe('error')
    }
    await alice.receivesNothing()
    expect((await stage.store.roster('alice@a.example')).map(({ jid }) => jid)).not.toContain('eve@b.example')
  })

  test.each(['sent', 'received'])('a carbon of kind %s, and no copy is made of it', async (direction) => {
    const laptop = stage.client('alice', 'laptop')
    await laptop.sends(`<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`)
    await laptop.clears()
    for (const to of ['alice@a.example/phone', 'alice@a.example']) {
      await peer.sends(`<message type='chat' from='mallory@b.example/x' to='${to}'>${copyOf(direction)}</message>`)
      await bob.sends(`<message type='chat' to='${to}'>${copyOf(direction)}</message>`)
    }
    await alice.receivesNothing()
    await laptop.receivesNothing()
    expect(await stage.store.offlineCount('alice@a.example')).toBe(0)
  })

  test('the result of an IQ that nobody asked for, to account and host', async () => {
    for (const to of ['alice@a.example', 'a.example', 'nobody@a.example']) {
      await peer.sends(`<iq type='result' id='1' from='mallory@b.example/x' to='${to}'>${item}</iq>`)
      await peer.sends(
        `<iq type='error' id='1' from='mallory@b.example/x' to='${to}'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      )
    }
    await alice.receivesNothing()
    await peer.receivesNothing()
  })

  test('an answer that the client did not ask for: another sender, another id, a second time', async () => {
    const ask = `<ping xmlns='urn:xmpp:ping'/>`
    const answer = (from: string, id: string): string =>
      `<iq type='result' id='${id}' from='${from}' to='alice@a.example/phone'/>`
    await peer.sends(answer('mallory@b.example/x', '1'))
    await alice.sends(`<iq type='get' id='1' to='dave@b.example/desk'>${ask}</iq>`)
    await peer.sends(answer('mallory@b.example/x', '1'))
    await peer.sends(answer('dave@b.example', '1'))
    await peer.sends(answer('dave@b.example/desk', '2'))
    await bob.sends(`<iq type='result' id='1' to='alice@a.example/phone'/>`)
    await alice.receivesNothing()
    await peer.sends(answer('dave@b.example/desk', '1'))
    await alice.receives(answer('dave@b.example/desk', '1'))
    await peer.sends(answer('dave@b.example/desk', '1'))
    await alice.receivesNothing()
  })

  test('two requests with one id get two answers; a thousand wait at most', async () => {
    const answers = async (id: string): Promise<void> =>
      peer.sends(`<iq type='result' id='${id}' from='dave@b.example' to='alice@a.example/phone'/>`)
    const asks = async (id: string): Promise<void> =>
      alice.sends(`<iq type='get' id='${id}' to='dave@b.example'><ping xmlns='urn:xmpp:ping'/></iq>`)
    await asks('twice')
    await asks('twice')
    await answers('twice')
    await answers('twice')
    expect([(await alice.next()).attrs.id, (await alice.next()).attrs.id]).toEqual(['twice', 'twice'])
    for (let n = 0; n <= 1000; n += 1) await asks(`n${n}`)
    expect(stage.refused).toContain('stanza: too-many-requests')
    await answers('n0')
    await alice.receivesNothing()
    await answers('n1')
    expect((await alice.next()).attrs.id).toBe('n1')
  })

  test('an answer to the server’s own request from anybody but the one that was asked', async () => {
    const ask = (): Promise<unknown> =>
      stage.server.router.request(
        parse(`<iq type='get' id='mine' from='a.example' to='dave@c.example/x'><ping xmlns='urn:xmpp:ping'/></iq>`),
        1000,
      )
    const other = stage.peer('c.example')
    let answer = 'none'
    const asked = ask().then(() => {
      answer = 'came'
    })
    await other.next()
    await peer.sends(`<iq type='result' id='mine' from='mallory@b.example/x' to='a.example'/>`)
    await other.sends(`<iq type='result' id='mine' from='dave@c.example/y' to='a.example'/>`)
    await other.sends(`<iq type='result' id='other' from='dave@c.example/x' to='a.example'/>`)
    await other.sends(`<iq type='result' id='mine' from='dave@c.example/x' to='alice@a.example'/>`)
    await alice.receivesNothing()
    expect(answer).toBe('none')
    await other.sends(`<iq type='result' id='mine' from='dave@c.example/x' to='a.example'/>`)
    await asked
    expect(answer).toBe('came')
    const late = ask()
    stage.clock.advance(1000)
    await expect(late).rejects.toMatchObject({ condition: 'remote-server-timeout' })
    const refused = ask()
    await other.sends(
      `<iq type='error' id='mine' from='dave@c.example/x' to='a.example'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    )
    await expect(refused).rejects.toMatchObject({ condition: 'forbidden', type: 'auth' })
  })

  test('a peer that speaks for one of our domains', async () => {
    await peer.sends(`<message from='bob@a.example/phone' to='alice@a.example/phone'><body>Hi</body></message>`)
    await peer.sends(`<message from='@' to='alice@a.example/phone'><body>Hi</body></message>`)
    await alice.receivesNothing()
    await peer.receivesNothing()
  })
})

describe('a client’s from (RFC 6120 §8.1.2.1)', () => {
  test.each(['alice@a.example', 'alice@a.example/phone', 'ALICE@A.example/phone'])('%s is its own', async (from) => {
    await alice.sends(`<message from='${from}' to='bob@a.example/phone'/>`)
    await bob.receives(`<message from='alice@a.example/phone' to='bob@a.example/phone'/>`)
  })

  test.each(['bob@a.example', 'alice@a.example/laptop', 'a.example', 'alice@b.example', '@'])(
    '%s ends its stream with invalid-from',
    async (from) => {
      await expect(alice.sends(`<message from='${from}' to='bob@a.example/phone'/>`)).rejects.toMatchObject({
        condition: 'invalid-from',
      })
      await expect(alice.sends(`<message from='${from}' to='bob@a.example/phone'/>`)).rejects.toThrow(StreamError)
      await bob.receivesNothing()
    },
  )
})

describe('malformed', () => {
  const conditionOf = async (who: Client | Peer): Promise<string> => {
    const error = (await who.next()).getChild('error')
    return `${error?.attrs.type} ${(error?.children[0] as { name: string } | undefined)?.name}`
  }

  test.each([
    [`<iq type='get' to='a.example'><ping xmlns='urn:xmpp:ping'/></iq>`, 'modify bad-request'],
    [`<iq type='get' id='1' to='a.example'/>`, 'modify bad-request'],
    [`<iq type='set' id='1' to='a.example'><a xmlns='urn:x'/><b xmlns='urn:x'/></iq>`, 'modify bad-request'],
    [`<iq type='please' id='1' to='a.example'><a xmlns='urn:x'/></iq>`, 'modify bad-request'],
    [`<iq id='1' to='a.example'><a xmlns='urn:x'/></iq>`, 'modify bad-request'],
    [`<presence type='here' to='bob@a.example'/>`, 'modify bad-request'],
    [`<presence type='subscribe'/>`, 'modify bad-request'],
    [`<message to='@a.example'/>`, 'modify jid-malformed'],
    [`<message to='bob@a.example/'/>`, 'modify jid-malformed'],
    [`<iq type='get' to='@'><ping xmlns='urn:xmpp:ping'/></iq>`, 'modify bad-request'],
    [`<iq type='get' id='1'/>`, 'modify bad-request'],
  ])('%s', async (text, condition) => {
    await alice.sends(text)
    expect(await conditionOf(alice)).toBe(condition)
  })

  test('an address that is none is echoed to a client', async () => {
    await alice.sends(`<message id='m' to='b ob@a.example'><body>Hi</body></message>`)
    await alice.receives(`
      <message type='error' id='m' from='b ob@a.example' to='alice@a.example/phone'>
        <error type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error>
      </message>`)
  })

  test('and refused by the host to a peer', async () => {
    await peer.sends(`<message id='m' from='dave@b.example' to='b ob@a.example'><body>Hi</body></message>`)
    await peer.receives(`
      <message type='error' id='m' from='a.example' to='dave@b.example'>
        <error type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error>
      </message>`)
  })

  test('a peer is not relayed to another domain', async () => {
    const other = stage.peer('c.example')
    await peer.sends(`<message id='m' from='dave@b.example' to='carol@c.example'><body>Hi</body></message>`)
    expect(await conditionOf(peer)).toBe('cancel item-not-found')
    await other.receivesNothing()
  })

  test('an error is never answered', async () => {
    await alice.sends(`<message type='error' to='nobody@a.example'/>`)
    await alice.sends(`<message type='error' to='@'/>`)
    await alice.sends(`<iq type='result' id='1' to='@'/>`)
    await alice.receivesNothing()
  })
})
