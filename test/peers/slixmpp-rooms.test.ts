/** What people do in rooms, as dialogues of slixmpp's users at a live server: from the locked door to the restart. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer, systemPython } from './require-peer.js'
import { Slixmpp } from './slixmpp.js'

const password = 'cauldron-bubble'
const users = { ann: password, bob: password, cat: password }
const statuses = (stanza: Element): string[] =>
  [...stanza.toString().matchAll(/<status code="(\d+)"/g)].map((match) => match[1]!).sort()
const stanzaId = (stanza: Element): string => String(stanza.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs.id)

peer([systemPython], ['slixmpp'])('rooms with slixmpp', () => {
  let server: Dmucd
  let ann: Slixmpp
  let bob: Slixmpp
  let cat: Slixmpp
  const logIn = async (): Promise<void> => {
    ;[ann, bob, cat] = await Promise.all([
      Slixmpp.online(server, 'ann', password),
      Slixmpp.online(server, 'bob', password),
      Slixmpp.online(server, 'cat', password),
    ])
  }
  const logOut = async (): Promise<void> => {
    await Promise.all([ann, bob, cat].map((client) => client?.close()))
  }

  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users })
    await logIn()
  })
  afterAll(async () => {
    await logOut()
    await server?.stop()
  })

  const room = (name: string): string => `${name}@rooms.a.example`

  /** Ann makes it; bob and cat are in it where they are asked for. */
  async function opens(
    at: string,
    values: Readonly<Record<string, unknown>> = {},
    ...guests: Slixmpp[]
  ): Promise<void> {
    await ann.do('join', { room: at, nick: 'ann' })
    await ann.do('configure', { room: at, values })
    for (const guest of guests) {
      const nick = guest === bob ? 'bob' : 'cat'
      await guest.do('join', { room: at, nick })
      await ann.sees(`${at}/${nick}`)
    }
  }

  test('a password: none and a wrong one stay outside', async () => {
    const at = room('password')
    await opens(at, { 'muc#roomconfig_passwordprotectedroom': true, 'muc#roomconfig_roomsecret': 'double-toil' })
    await expect(bob.do('join', { room: at, nick: 'bob' })).rejects.toThrow('auth not-authorized')
    await expect(bob.do('join', { room: at, nick: 'bob', password: 'trouble' })).rejects.toThrow('auth not-authorized')
    expect(await bob.do('join', { room: at, nick: 'bob', password: 'double-toil' })).toMatchObject({
      occupants: ['ann', 'bob'],
    })
  })

  test('voice: a visitor is not heard, asks, is granted it, and is heard', async () => {
    const at = room('voice')
    await opens(at, { 'muc#roomconfig_moderatedroom': true }, bob)
    await bob.do('say', { room: at, body: 'May I?' })
    const refused = await bob.next(({ attrs }) => attrs.type === 'error' && attrs.from === at)
    expect(refused.getChild('error')?.getChild('forbidden')).toBeDefined()
    await bob.do('ask_for_voice', { room: at })
    const asked = await ann.next((stanza) => stanza.getChild('x', 'jabber:x:data') !== undefined)
    expect(asked.toString()).toContain('bob@a.example/slix')
    await ann.do('submit', {
      to: at,
      values: {
        FORM_TYPE: 'http://jabber.org/protocol/muc#request',
        'muc#role': 'participant',
        'muc#jid': 'bob@a.example/slix',
        'muc#roomnick': 'bob',
        'muc#request_allow': '1',
      },
    })
    expect((await bob.sees(`${at}/bob`)).toString()).toContain('role="participant"')
    await bob.do('say', { room: at, body: 'Now I may' })
    await ann.hears('Now I may')
  })

  test('an invitation to a members-only room makes a member; another is declined', async () => {
    const at = room('members')
    await opens(at, { 'muc#roomconfig_membersonly': true })
    await expect(bob.do('join', { room: at, nick: 'bob' })).rejects.toThrow('auth registration-required')
    await ann.do('invite', { room: at, jid: 'bob@a.example', reason: 'Fair is foul' })
    const invitation = await bob.next((stanza) => stanza.name === 'message' && stanza.attrs.from === at)
    expect(invitation.toString()).toContain('Fair is foul')
    expect(await bob.do('join', { room: at, nick: 'bob' })).toMatchObject({ affiliation: 'member' })
    await ann.do('invite', { room: at, jid: 'cat@a.example', reason: 'Hover with us' })
    await cat.next((stanza) => stanza.toString().includes('Hover with us'))
    await cat.do('decline', { room: at, jid: `${at}/ann`, reason: 'Too much fog' })
    const declined = await ann.next((stanza) => stanza.toString().includes('<decline'))
    expect(declined.toString()).toMatch(/<decline from="cat@a\.example.*Too much fog/)
  })

  test('a private message reaches one occupant; one to nobody comes back', async () => {
    const at = room('whisper')
    await opens(at, {}, bob, cat)
    await ann.do('message', { to: `${at}/bob`, body: 'for you alone' })
    const heard = await bob.hears('for you alone')
    expect(heard.attrs).toMatchObject({ from: `${at}/ann`, type: 'chat' })
    expect(heard.getChildren('x', 'http://jabber.org/protocol/muc#user')).toHaveLength(1)
    await ann.do('say', { room: at, body: 'for all' })
    await cat.hears('for all')
    expect(cat.received.map((stanza) => stanza.getChildText('body'))).not.toContain('for you alone')
    await ann.do('message', { to: `${at}/nobody`, body: 'anybody?' })
    const returned = await ann.next((stanza) => stanza.attrs.from === `${at}/nobody`)
    expect(returned.getChild('error')?.getChild('item-not-found')).toBeDefined()
  })

  test('the archive, page by page, each message once and in order', async () => {
    const at = room('archive')
    await opens(at, {}, bob)
    const lines = Array.from({ length: 12 }, (_, index) => `line ${index + 1}`)
    for (const body of lines) await ann.do('say', { room: at, body })
    await ann.hears('line 12')
    expect(await bob.do('archive', { room: at, page: 5 })).toEqual({ bodies: lines, pages: 3 })
    await expect(cat.do('archive', { room: at, page: 5 })).rejects.toThrow('auth forbidden')
  })

  test('a moderator takes a message out of the room, an author takes one back; tombstones in the archive', async () => {
    const at = room('regret')
    await opens(at, {}, bob)
    await bob.do('say', { room: at, body: 'spam' })
    const spam = stanzaId(await ann.hears('spam'))
    await bob.do('say', { room: at, body: 'a slip' })
    const slip = stanzaId(await bob.hears('a slip'))
    const moderate = `<moderate xmlns="urn:xmpp:message-moderate:1" id="${spam}"><retract xmlns="urn:xmpp:message-retract:1"/><reason>No spam</reason></moderate>`
    await expect(bob.do('set', { to: at, payload: moderate })).rejects.toThrow('auth forbidden')
    await ann.do('set', { to: at, payload: moderate })
    const told = await bob.next((stanza) => stanza.getChild('retract') !== undefined)
    expect(told.attrs.from).toBe(at)
    expect(told.getChild('retract')?.attrs.id).toBe(spam)
    expect(told.toString()).toContain('No spam')
    await bob.do('add', {
      to: at,
      type: 'groupchat',
      payload: `<retract xmlns="urn:xmpp:message-retract:1" id="${slip}"/>`,
    })
    const back = await ann.next((stanza) => stanza.getChild('retract')?.attrs.id === slip)
    expect(back.attrs.from).toBe(`${at}/bob`)
    const { bodies } = await ann.do('archive', { room: at, page: 10 })
    expect(bodies.filter((body) => body !== '')).toEqual([])
    expect(bodies.length).toBeGreaterThanOrEqual(2)
    expect(await cat.do('join', { room: at, nick: 'cat', history: 20 })).toMatchObject({ history: [] })
  })

  test('a member who is made admin from outside hears of it, and so does the room', async () => {
    const at = room('absent')
    await opens(at)
    await ann.do('affiliation', { room: at, jid: 'cat@a.example', affiliation: 'admin' })
    const told = await cat.next((stanza) => stanza.name === 'message' && stanza.attrs.from === at)
    expect(statuses(told)).toEqual(['101'])
    await ann.next((stanza) => stanza.toString().includes('<item affiliation="admin" jid="cat@a.example"'))
  })

  test('the avatar of a room: an owner sets it, occupants are told, everybody fetches it', async () => {
    const at = room('portrait')
    const image = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB'
    await opens(at, {}, bob)
    await expect(bob.do('publish_card', { jid: at, type: 'image/png', image })).rejects.toThrow('auth forbidden')
    await ann.do('publish_card', { jid: at, type: 'image/png', image })
    const told = await bob.next((stanza) => stanza.attrs.from === at && statuses(stanza).includes('104'))
    expect(told.name).toBe('message')
    expect(await cat.do('card', { jid: at })).toBe(image)
    const digest = createHash('sha1').update(Buffer.from(image, 'base64')).digest('hex')
    expect((await cat.do('roominfo', { jid: at }))['muc#roominfo_avatarhash']).toBe(digest)
  })

  test('hats: made and given by command, seen by all, and by who comes later', async () => {
    const at = room('wardrobe')
    const node = (name: string): string => `urn:xmpp:hats:commands:${name}`
    const worn = (stanza: Element): string[] =>
      (stanza.getChild('hats', 'urn:xmpp:hats:0')?.getChildren('hat') ?? []).map(({ attrs }) => String(attrs.title))
    await opens(at, {}, bob)
    expect(await ann.do('commands', { jid: at })).toContain(node('create'))
    expect(await bob.do('commands', { jid: at })).not.toContain(node('create'))
    const uri = 'https://hats.example/host'
    const create = { jid: at, node: node('create'), values: { 'hats#title': 'Host', 'hats#uri': uri } }
    await expect(bob.do('command', create)).rejects.toThrow('auth forbidden')
    expect(await ann.do('command', create)).toEqual({
      fields: ['FORM_TYPE', 'hats#hue', 'hats#title', 'hats#uri'],
      status: 'completed',
    })
    const assign = { jid: at, node: node('assign'), values: { 'hats#jid': 'bob@a.example', 'hats#uri': uri } }
    expect(await ann.do('command', assign)).toMatchObject({ status: 'completed' })
    expect(worn(await bob.next((stanza) => worn(stanza).length > 0))).toEqual(['Host'])
    await cat.do('join', { room: at, nick: 'cat' })
    expect(worn(await cat.sees(`${at}/bob`))).toEqual(['Host'])
  })

  test('registration: at once in an open room; by an admin, who is asked with a form, in a members-only one', async () => {
    const open = room('register')
    await opens(open)
    expect(await bob.do('register', { jid: open, nick: 'Robert' })).toBe('')
    expect(await bob.do('register', { jid: open, nick: 'Robert' })).toBe('Robert')
    await expect(cat.do('join', { room: open, nick: 'Robert' })).rejects.toThrow('cancel conflict')
    expect(await bob.do('join', { room: open, nick: 'Robert' })).toMatchObject({ affiliation: 'member' })
    const at = room('club')
    await opens(at, { 'muc#roomconfig_membersonly': true })
    await cat.do('register', { jid: at, nick: 'Kitty' })
    await expect(cat.do('join', { room: at, nick: 'Kitty' })).rejects.toThrow('auth registration-required')
    const asked = await ann.next(
      (stanza) => stanza.attrs.from === at && stanza.toString().includes('muc#register_allow'),
    )
    expect(asked.toString()).toContain('Kitty')
    await ann.do('submit', {
      to: at,
      values: {
        FORM_TYPE: 'http://jabber.org/protocol/muc#register',
        'muc#jid': 'cat@a.example',
        'muc#register_roomnick': 'Kitty',
        'muc#register_allow': '1',
      },
    })
    await cat.next((stanza) => stanza.name === 'message' && stanza.attrs.from === at)
    expect(await cat.do('join', { room: at, nick: 'Kitty' })).toMatchObject({ affiliation: 'member' })
  })

  test('a destroyed room names the venue, then and to who comes later', async () => {
    const at = room('venue')
    await opens(at, { 'muc#roomconfig_persistentroom': true }, bob)
    await ann.do('destroy', { room: at, reason: 'Exeunt', venue: room('elsewhere') })
    const gone = await bob.sees(`${at}/bob`, 'unavailable')
    expect(gone.toString()).toMatch(/<destroy jid="elsewhere@rooms\.a\.example".*Exeunt/)
    await expect(bob.do('features', { jid: at })).rejects.toThrow('cancel gone')
    await expect(bob.do('join', { room: at, nick: 'bob' })).rejects.toThrow('cancel gone')
  })

  test('the server restarts: all are told with 332, and who comes back finds the room as it was', async () => {
    const at = room('lasting')
    await opens(at, { 'muc#roomconfig_persistentroom': true, 'muc#roomconfig_roomname': 'Lasting' }, bob)
    await ann.do('affiliation', { room: at, jid: 'bob@a.example', affiliation: 'admin' })
    await ann.do('subject', { room: at, subject: 'Acts and scenes' })
    await bob.do('say', { room: at, body: 'before the end' })
    await ann.hears('before the end')
    await server.restart()
    expect(statuses(await bob.sees(`${at}/bob`, 'unavailable'))).toEqual(['110', '332'])
    await logOut()
    await logIn()
    expect(await bob.do('join', { room: at, nick: 'bob', history: 20 })).toMatchObject({
      affiliation: 'admin',
      role: 'moderator',
      subject: 'Acts and scenes',
      history: ['before the end'],
    })
    expect((await bob.do('roominfo', { jid: at }))['muc#roomconfig_roomname']).toBe('Lasting')
    expect((await bob.do('archive', { room: at, page: 10 })).bodies).toContain('before the end')
  })
})
