/**
 * What becomes of each kind of message: is it copied to the user's other clients (XEP-0280 §6.1), archived (XEP-0313 §6.1), kept for a
 * user who is away (XEP-0160 §3); with the hints of XEP-0334.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Client, Stage, settled } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await Stage.open()
  await stage.befriend('alice', 'bob')
  alice = stage.client('alice')
  bob = stage.client('bob')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const body = '<body>Hi</body>'
const hint = (name: string) => `<${name} xmlns='urn:xmpp:hints'/>`
const chatState = `<composing xmlns='http://jabber.org/protocol/chatstates'/>`

interface Kind {
  readonly name: string
  readonly type?: string
  readonly content: string
  readonly copied: boolean
  readonly archived: boolean
  /** `refused`: the sender is told that it did not arrive. */
  readonly away: 'kept' | 'dropped' | 'refused'
}
const conversation = { copied: true, archived: true, away: 'kept' } as const

const kinds: readonly Kind[] = [
  { name: 'a chat message', content: body, ...conversation },
  { name: 'a normal message', type: 'normal', content: body, ...conversation },
  { name: 'XEP-0085 a chat state', content: chatState, copied: true, archived: false, away: 'dropped' },
  {
    name: 'XEP-0085 a chat state that nobody shall store',
    content: chatState + hint('no-store'),
    copied: true,
    archived: false,
    away: 'dropped',
  },
  { name: 'XEP-0085 a chat state with a body', content: body + chatState, ...conversation },
  { name: 'XEP-0184 a receipt', content: `<received xmlns='urn:xmpp:receipts' id='x'/>`, ...conversation },
  {
    name: 'XEP-0184 a receipt of type normal',
    type: 'normal',
    content: `<received xmlns='urn:xmpp:receipts' id='x'/>`,
    ...conversation,
  },
  {
    name: 'XEP-0308 a correction',
    content: `${body}<replace xmlns='urn:xmpp:message-correct:0' id='x'/>`,
    ...conversation,
  },
  { name: 'XEP-0333 a marker', content: `<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>`, ...conversation },
  { name: 'XEP-0424 a retraction', content: `<retract xmlns='urn:xmpp:message-retract:1' id='x'/>`, ...conversation },
  {
    name: 'XEP-0444 a reaction',
    content: `<reactions xmlns='urn:xmpp:reactions:0' id='x'><reaction>👋</reaction></reactions>`,
    ...conversation,
  },
  { name: 'XEP-0461 a reply', content: `${body}<reply xmlns='urn:xmpp:reply:0' id='x'/>`, ...conversation },
  {
    name: 'an encrypted message (XEP-0384)',
    content: `<encrypted xmlns='eu.siacs.conversations.axolotl'/>${hint('store')}`,
    ...conversation,
  },
  {
    name: 'XEP-0249 an invitation',
    type: 'normal',
    content: `<x xmlns='jabber:x:conference' jid='c@b.example'/>`,
    ...conversation,
  },
  {
    name: 'what is unknown',
    type: 'normal',
    content: `<x xmlns='urn:x'/>`,
    copied: false,
    archived: false,
    away: 'kept',
  },
  {
    name: 'XEP-0334 §4.1 no-permanent-store',
    content: body + hint('no-permanent-store'),
    copied: true,
    archived: false,
    away: 'kept',
  },
  { name: 'XEP-0334 §4.2 no-store', content: body + hint('no-store'), copied: true, archived: false, away: 'refused' },
  { name: 'XEP-0334 §4.3 no-copy', content: body + hint('no-copy'), copied: false, archived: true, away: 'kept' },
  { name: 'XEP-0334 §4.4 store', content: `<x xmlns='urn:x'/>${hint('store')}`, ...conversation },
  {
    name: 'XEP-0280 §9 private',
    content: `${body}<private xmlns='urn:xmpp:carbons:2'/>`,
    copied: false,
    archived: true,
    away: 'kept',
  },
  { name: 'a headline', type: 'headline', content: body, copied: false, archived: false, away: 'dropped' },
  {
    name: 'an error',
    type: 'error',
    content: `${body}<error type='cancel'/>`,
    copied: false,
    archived: false,
    away: 'dropped',
  },
  { name: 'what a room says', type: 'groupchat', content: body, copied: false, archived: false, away: 'refused' },
]

const message = ({ type = 'chat', content }: Kind, to: string) =>
  `<message to='${to}' type='${type}' id='m'>${content}</message>`
const carbons = `<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>`

describe.each(kinds)('$name', (kind) => {
  test(`is ${kind.copied ? '' : 'not '}copied, and ${kind.archived ? '' : 'not '}archived`, async () => {
    const others = [stage.client('alice', 'laptop'), stage.client('bob', 'laptop')]
    for (const each of others) {
      await each.sends(carbons)
      await each.clears()
    }
    await alice.sends(message(kind, bob.jid))
    expect((await bob.next()).attrs.id).toBe('m')
    for (const [each, direction] of [
      [others[0]!, 'sent'],
      [others[1]!, 'received'],
    ] as const) {
      const copies = (await each.drain()).filter((stanza) => stanza.getChild(direction) !== undefined)
      expect(copies).toHaveLength(kind.copied ? 1 : 0)
    }
    for (const owner of ['alice@a.example', 'bob@a.example'])
      expect(await stage.store.archive(owner, { limit: 10 })).toHaveLength(kind.archived ? 1 : 0)
  })

  test(`to a user who is away it is ${kind.away}`, async () => {
    bob.disconnects()
    await alice.sends(message(kind, 'bob@a.example'))
    await settled()
    expect(await stage.store.offlineCount('bob@a.example')).toBe(kind.away === 'kept' ? 1 : 0)
    const answers = await alice.drain()
    expect(answers.map(({ attrs }) => attrs.type)).toEqual(kind.away === 'refused' ? ['error'] : [])
  })
})

describe('XEP-0280 §6.1: rooms, and what fails', () => {
  let laptop: Client
  beforeEach(async () => {
    laptop = stage.client('alice', 'laptop')
    await laptop.sends(carbons)
    await laptop.clears()
  })

  test('the error that answers a copied message is copied, once, and no other', async () => {
    const peer = stage.peer('b.example')
    await alice.sends(`<message to='nobody@b.example' type='chat' id='m1'>${body}</message>`)
    await laptop.next()
    const failed = (id: string) => `<message type='error' id='${id}' from='nobody@b.example' to='${alice.jid}'>
      <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`
    for (const id of ['m2', 'm1', 'm1']) await peer.sends(failed(id))
    const copies = await laptop.drain()
    expect(
      copies.map((stanza) => stanza.getChild('received')?.getChild('forwarded')?.getChild('message')?.attrs.id),
    ).toEqual(['m1'])
    expect(await alice.drain()).toHaveLength(3)
  })

  test('an invitation by a room is copied, what an occupant says in private is not; what one says to an occupant is', async () => {
    const peer = stage.peer('b.example')
    const x = (content = '') => `<x xmlns='http://jabber.org/protocol/muc#user'>${content}</x>`
    await peer.sends(`<message from='coven@b.example/witch' to='${alice.jid}' type='chat'>${body}${x()}</message>`)
    await laptop.receivesNothing()
    await peer.sends(
      `<message from='coven@b.example' to='${alice.jid}'>${x(`<invite from='witch@b.example'/>`)}</message>`,
    )
    expect((await laptop.next()).getChild('received')).toBeDefined()
    await alice.sends(`<message to='coven@b.example/witch' type='chat'>${body}${x()}</message>`)
    expect((await laptop.next()).getChild('sent')).toBeDefined()
  })
})
