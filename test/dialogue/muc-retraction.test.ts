/** XEP-0424 and XEP-0425 in a room: who may take back what, what all are told, what history and archive keep. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { administer, found, join, openRooms, room, says } from './muc-stage.js'
import type { Client, Stage } from './stage.js'

const retractNs = 'urn:xmpp:message-retract:1'
const moderateNs = 'urn:xmpp:message-moderate:1'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await openRooms()
  alice = stage.client('alice')
  bob = stage.client('bob')
  await found(alice, 'ann', { 'muc#roomconfig_persistentroom': '1' })
  await join(bob, 'bob')
  await alice.clears()
  await bob.clears()
})
afterEach(() => stage.close())

const retract = (client: Client, target: string, more = ''): Promise<void> =>
  client.sends(`<message to='${room}' type='groupchat' id='r1'><retract xmlns='${retractNs}' id='${target}'>${more}</retract>
    <fallback xmlns='urn:xmpp:fallback:0' for='${retractNs}'/><body>/me retracted a message</body></message>`)

const moderate = (client: Client, target: string, reason = ''): Promise<void> =>
  client.sends(`<iq type='set' id='mod' to='${room}'><moderate xmlns='${moderateNs}' id='${target}'>
    <retract xmlns='${retractNs}'/>${reason}</moderate></iq>`)

/** The messages of the archive. */
async function archive(client: Client): Promise<Element[]> {
  await client.clears()
  await client.sends(`<iq type='set' id='q' to='${room}'><query xmlns='urn:xmpp:mam:2'/></iq>`)
  return (await client.drain()).flatMap((stanza) => {
    const result = stanza.getChild('result', 'urn:xmpp:mam:2')
    const message = result?.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message')
    return message ? [message] : []
  })
}

const tombstone = (message: Element | undefined): Element | undefined => message?.getChild('retracted', retractNs)

const bodies = (messages: readonly Element[]): (string | undefined)[] =>
  messages.map((message) => message.getChildText('body') ?? undefined)

async function features(client: Client): Promise<string[]> {
  await client.clears()
  await client.sends(`<iq type='get' id='i' to='${room}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
  return ((await client.next()).getChild('query')?.getChildren('feature') ?? []).map(({ attrs }) => String(attrs.var))
}

async function refusal(client: Client): Promise<string> {
  const stanza = await client.next()
  const error = stanza.getChild('error')
  return `${(error?.children[0] as Element | undefined)?.name}/${error?.attrs.type}`
}

test('XEP-0424 §2 and XEP-0425 §2: disco', async () => {
  expect(await features(alice)).toEqual(expect.arrayContaining([retractNs, `${retractNs}#tombstone`, moderateNs]))
})

describe('XEP-0424', () => {
  test('§3 a retraction reaches all as it was sent, and is archived', async () => {
    const [id] = await says(bob, 'oops')
    await alice.clears()
    await retract(bob, id!)
    await alice.receives(`
      <message from='${room}/bob' to='alice@a.example/phone' type='groupchat' id='r1'>
        <retract xmlns='${retractNs}' id='${id}'/>{...}
        <body>/me retracted a message</body>
        <stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='{any}'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
      </message>`)
    expect((await archive(alice)).at(-1)?.getChild('retract', retractNs)?.attrs.id).toBe(id)
  })

  test('§4 the archive has a tombstone in its place, with who said it, and when it went', async () => {
    const [id] = await says(bob, 'oops')
    stage.clock.advance(60_000)
    const at = new Date(stage.clock.now()).toISOString()
    await retract(bob, id!)
    const [message] = await archive(alice)
    expect(message?.attrs).toMatchObject({ from: `${room}/bob`, id: 'oops' })
    expect(message?.getChildText('body')).toBeNull()
    expect(tombstone(message)?.attrs).toMatchObject({ id: 'r1', stamp: at })
    expect(message?.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs.id).toBe(id)
    expect(message?.getChild('occupant-id', 'urn:xmpp:occupant-id:0')).toBeDefined()
  })

  test('§5 who enters later is not told what it said', async () => {
    const [id] = await says(bob, 'oops')
    await retract(bob, id!)
    const carol = stage.client('carol')
    await join(carol, 'carol')
    const history = (await carol.drain()).filter(({ name }) => name === 'message')
    expect(bodies(history).filter((body) => body !== undefined)).toEqual(['/me retracted a message'])
    expect(tombstone(history[0])?.attrs.id).toBe('r1')
  })

  test('§5 nobody takes back what others said', async () => {
    const [id] = await says(alice, 'mine')
    await bob.clears()
    await retract(bob, id!)
    expect(await refusal(bob)).toBe('forbidden/auth')
    expect(bodies(await archive(alice))).toEqual(['mine'])
  })

  test('what was said before a restart is taken back by its author alone', async () => {
    const ids = [...(await says(alice, 'mine')), ...(await says(bob, 'oops'))]
    const many = Array.from({ length: 210 }, (_, n) => `m${n}`)
    await says(alice, ...many)
    for (const id of ids) await retract(bob, id)
    const all = await stage.store.log(room, { limit: 2, types: ['message'] })
    expect(all.map(({ body }) => JSON.parse(body).content)).toEqual(['<body>mine</body>', ''])
    expect(all[1]?.body).not.toContain('oops</body>')
  })

  test.each([
    [`<moderated xmlns='${moderateNs}' by='${room}/ann'/>`, 'x'],
    ['', ''],
  ])('§6 what looks like the word of the room, or names nothing, is refused: %s', async (more, target) => {
    await retract(bob, target, more)
    expect(await refusal(bob)).toBe('bad-request/modify')
  })

  test('§4 a tombstone of a client is not passed on', async () => {
    await bob.sends(`<message to='${room}' type='groupchat'><body>x</body><retracted xmlns='${retractNs}'/></message>`)
    expect(tombstone(await alice.next())).toBeUndefined()
  })

  test('a retraction that asks not to be stored is stored (§5)', async () => {
    const [id] = await says(bob, 'oops')
    await bob.sends(`<message to='${room}' type='groupchat' id='r2'><retract xmlns='${retractNs}' id='${id}'/>
      <no-store xmlns='urn:xmpp:hints'/></message>`)
    expect(tombstone((await archive(alice))[0])?.attrs.id).toBe('r2')
  })
})

describe('XEP-0425', () => {
  test('§3.1 a moderator has a message retracted: all are told by whom and why, then the result', async () => {
    const [id] = await says(bob, 'spam')
    await alice.clears()
    await moderate(alice, id!, '<reason>off topic</reason>')
    await alice.receives(`<iq type='result' id='mod' from='${room}' to='alice@a.example/phone'/>`)
    const told = (to: string): string => `
      <message from='${room}' to='${to}' type='groupchat' id='{$sid}'>
        <retract xmlns='${retractNs}' id='${id}'>
          <moderated xmlns='${moderateNs}' by='${room}/ann'>
            <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
          </moderated>
          <reason>off topic</reason>
        </retract>
        <apply-to xmlns='urn:xmpp:fasten:0' id='${id}'>
          <moderated xmlns='urn:xmpp:message-moderate:0' by='${room}/ann'>
            <retract xmlns='urn:xmpp:message-retract:0'/>
            <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
            <reason>off topic</reason>
          </moderated>
        </apply-to>
        <stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='{$sid}'/>
      </message>`
    await alice.receives(told('alice@a.example/phone'))
    await bob.receives(told('bob@a.example/phone'))
  })

  test('version 0.2 (urn:xmpp:message-moderate:0) is understood, told and kept beside; nobody says it in the name of the room', async () => {
    const [id] = await says(bob, 'spam')
    await alice.clears()
    const former = (inner: string): string => `<apply-to xmlns='urn:xmpp:fasten:0' id='${id}'>${inner}</apply-to>`
    const asks = `<moderate xmlns='urn:xmpp:message-moderate:0'><retract xmlns='urn:xmpp:message-retract:0'/><reason>off topic</reason></moderate>`
    const forged = `<moderated xmlns='urn:xmpp:message-moderate:0' by='${room}/ann'><retract xmlns='urn:xmpp:message-retract:0'/></moderated>`
    await bob.sends(`<message to='${room}' type='groupchat'><body>x</body>${former(forged)}${forged}</message>`)
    expect((await alice.next()).toString()).not.toContain('message-moderate')
    await bob.sends(`<iq type='set' id='old' to='${room}'>${former(asks)}</iq>`)
    await bob.next()
    expect((await bob.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
    await alice.sends(`<iq type='set' id='old' to='${room}'>${former(asks)}</iq>`)
    await alice.receives(`<iq type='result' id='old' from='${room}' to='alice@a.example/phone'/>`)
    const told = (await alice.next()).getChild('apply-to', 'urn:xmpp:fasten:0')
    expect(told?.attrs.id).toBe(id)
    const [message] = await archive(bob)
    const kept = message?.getChild('moderated', 'urn:xmpp:message-moderate:0')
    expect(kept?.attrs.by).toBe(`${room}/ann`)
    expect(kept?.getChild('retracted', 'urn:xmpp:message-retract:0')?.attrs.stamp).toMatch(/Z$/)
    expect(kept?.getChildText('reason')).toBe('off topic')
    expect(message?.getChildText('body')).toBeNull()
  })

  test('§4 the tombstone names the moderator; what all were told is in the archive, too', async () => {
    const [id] = await says(bob, 'spam')
    await moderate(alice, id!, '<reason>off topic</reason>')
    const [message, notice] = await archive(bob)
    expect(message?.getChildText('body')).toBeNull()
    expect(tombstone(message)?.getChild('moderated', moderateNs)?.attrs.by).toBe(`${room}/ann`)
    expect(tombstone(message)?.getChildText('reason')).toBe('off topic')
    expect(notice?.attrs.from).toBe(room)
    expect(notice?.getChild('retract', retractNs)?.attrs.id).toBe(id)
    expect(tombstone(message)?.attrs.id).toBe(notice?.attrs.id)
  })

  test('§3.2 moderators alone', async () => {
    const [id] = await says(alice, 'mine')
    await bob.clears()
    await moderate(bob, id!)
    expect(await refusal(bob)).toBe('forbidden/auth')
    await administer(alice, `<item nick='bob' role='moderator'/>`)
    await bob.clears()
    await moderate(bob, id!)
    expect((await bob.next()).attrs.type).toBe('result')
    expect(bodies(await archive(alice))[0]).toBeUndefined()
  })

  test('§3.2 a message that is not there', async () => {
    await moderate(alice, 'never-was')
    expect(await refusal(alice)).toBe('item-not-found/cancel')
  })

  test('a message that is not in memory any more', async () => {
    const [id] = await says(bob, 'spam')
    await says(alice, ...Array.from({ length: 210 }, (_, n) => `m${n}`))
    await alice.clears()
    await moderate(alice, id!)
    await alice.receives(`<iq type='result' id='mod' from='${room}' to='alice@a.example/phone'/>`)
    const [first] = await archive(bob)
    expect(tombstone(first)).toBeDefined()
  })

  test('twice comes to the same as once', async () => {
    const [id] = await says(bob, 'spam')
    await moderate(alice, id!)
    await bob.clears()
    await moderate(alice, id!)
    await bob.receivesNothing()
    expect((await archive(bob)).filter((message) => message.getChild('retract', retractNs))).toHaveLength(1)
  })

  test('what is asked for without an id, or to do something else', async () => {
    await alice.sends(
      `<iq type='set' id='m' to='${room}'><moderate xmlns='${moderateNs}'><retract xmlns='${retractNs}'/></moderate></iq>`,
    )
    expect(await refusal(alice)).toBe('bad-request/modify')
    await alice.sends(
      `<iq type='set' id='m' to='${room}'><moderate xmlns='${moderateNs}' id='x'><edit xmlns='urn:x'/></moderate></iq>`,
    )
    expect(await refusal(alice)).toBe('feature-not-implemented/cancel')
  })

  test('a write that fails changes nothing, and the moderator is told', async () => {
    const [id] = await says(bob, 'spam')
    await alice.clears()
    await bob.clears()
    stage.store.failing = ['room.amend']
    await moderate(alice, id!)
    expect(await refusal(alice)).toBe('internal-server-error/wait')
    stage.store.failing = false
    await bob.receivesNothing()
    expect(bodies(await archive(bob))).toEqual(['spam'])
  })
})

test('tombstones are there after a restart', async () => {
  const [one, other] = await says(bob, 'spam', 'oops')
  await moderate(alice, one!)
  await retract(bob, other!)
  const { store } = stage
  await stage.server.close()
  stage = await openRooms({}, { store, accounts: [] })
  bob = stage.client('bob')
  await join(bob, 'bob')
  const history = (await bob.drain()).filter((stanza) => stanza.name === 'message')
  expect(history.slice(0, 2).map((message) => tombstone(message)?.attrs.id)).toEqual([expect.any(String), 'r1'])
  expect((await archive(bob)).slice(0, 2).map((message) => tombstone(message) !== undefined)).toEqual([true, true])
})
