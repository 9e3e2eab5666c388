/** slixmpp (Debian's python3-slixmpp) as a client: what its users do with an account, and with a room. */
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { selfSigned } from '../net/certificate-files.js'
import { type Dmucd, startDmucd, startDmucdPair } from './dmucd.js'
import { peer, systemPython } from './require-peer.js'
import { Slixmpp } from './slixmpp.js'
import { until } from './until.js'

const password = 'cauldron-bubble'
const users = { ann: password, bob: password, cat: password }
const clients: Slixmpp[] = []
const statuses = (text: string): string[] =>
  [...text.matchAll(/<status code="(\d+)"/g)].map((match) => match[1]!).sort()

async function online(server: Dmucd, user: string): Promise<Slixmpp> {
  const client = await Slixmpp.online(server, user, password)
  clients.push(client)
  return client
}

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

peer([systemPython], ['slixmpp'])('slixmpp', () => {
  let server: Dmucd
  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users })
  })
  afterAll(() => server.stop())

  describe('an account', () => {
    const login = async (change: { ca?: string; password?: string } = {}) => {
      const client = new Slixmpp()
      clients.push(client)
      const { c2sPort: port, certificate: ca } = server
      return client.do('login', { jid: 'ann@a.example/slix', password, host: '127.0.0.1', port, ca, ...change })
    }

    test('login over STARTTLS with SCRAM, the certificate verified', async () => {
      expect(await login()).toEqual({
        jid: 'ann@a.example/slix',
        mechanism: 'SCRAM-SHA-512-PLUS',
        tls: 'TLSv1.3',
        verified: true,
      })
    })

    test('a certificate that it was not told to trust ends the login at its side', async () => {
      const other = join(tmpdir(), `dmucd-other-${process.pid}.crt`)
      writeFileSync(other, (await selfSigned(['a.example'])).cert)
      await expect(login({ ca: other })).rejects.toThrow('ssl_invalid_chain')
      rmSync(other)
    })

    test('a wrong password is refused, by one mechanism after the other, until the client gives up by itself', async () => {
      await expect(login({ password: 'double-toil' })).rejects.toThrow('failed_all_auth')
    })

    test('contacts see each other, talk, and find what was said while they were away', async () => {
      const ann = await online(server, 'ann')
      const bob = await online(server, 'bob')
      await ann.do('contact', { jid: 'bob@a.example', name: 'Bob', groups: ['Friends'] })
      await ann.sees('bob@a.example/slix')
      await bob.sees('ann@a.example/slix')
      expect(await ann.do('roster', {})).toEqual({
        'bob@a.example': { name: 'Bob', subscription: 'both', groups: ['Friends'] },
      })
      await ann.do('message', { to: 'bob@a.example', body: 'When shall we meet again? ü € 😀 <&>' })
      expect((await bob.hears('When shall we meet again? ü € 😀 <&>')).attrs.from).toBe('ann@a.example/slix')
      await ann.do('presence', { show: 'away', status: 'on the heath' })
      const away = await bob.sees('ann@a.example/slix')
      expect([away.getChildText('show'), away.getChildText('status')]).toEqual(['away', 'on the heath'])
      await bob.do('logout', {})
      await ann.sees('bob@a.example/slix', 'unavailable')
      await ann.do('message', { to: 'bob@a.example', body: 'in thunder' })
      expect(await ann.do('ping', { jid: 'a.example' })).toBe(true)
      const again = await online(server, 'bob')
      const kept = await again.hears('in thunder')
      expect(kept.getChild('delay', 'urn:xmpp:delay')?.attrs.from).toBe('a.example')
      expect(Object.keys(await again.do('roster', {}))).toEqual(['ann@a.example'])
    })
  })

  describe('a room', () => {
    const room = (name: string): string => `${name}@rooms.a.example`

    test('made, configured by its form, and entered by another; both talk', async () => {
      const at = room('form')
      const ann = await online(server, 'ann')
      const bob = await online(server, 'bob')
      expect(await ann.do('join', { room: at, nick: 'ann' })).toMatchObject({
        statuses: [110, 170, 201],
        role: 'moderator',
        affiliation: 'owner',
        occupants: ['ann'],
      })
      await expect(bob.do('join', { room: at, nick: 'bob' })).rejects.toThrow('cancel item-not-found')
      const fields = await ann.do('form', { room: at })
      expect(fields['muc#roomconfig_roomname']).toMatchObject({ type: 'text-single' })
      const values = { 'muc#roomconfig_roomname': 'Three witches', 'muc#roomconfig_persistentroom': true }
      await ann.do('configure', { room: at, values })
      expect((await ann.do('form', { room: at }))['muc#roomconfig_roomname']?.value).toBe('Three witches')
      expect(await ann.do('features', { jid: at })).toContain('muc_persistent')
      expect(await bob.do('join', { room: at, nick: 'bob' })).toMatchObject({
        role: 'participant',
        affiliation: 'none',
        occupants: ['ann', 'bob'],
        history: [],
      })
      await ann.sees(`${at}/bob`)
      await ann.do('say', { room: at, body: 'Fair is foul' })
      await bob.do('say', { room: at, body: 'and foul is fair' })
      for (const client of [ann, bob]) {
        const first = await client.next((stanza) => stanza.getChildText('body') !== null)
        const second = await client.next((stanza) => stanza.getChildText('body') !== null)
        expect([first, second].map((stanza) => stanza.getChildText('body')).sort()).toEqual([
          'Fair is foul',
          'and foul is fair',
        ])
        expect(first.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs.by).toBe(at)
      }
      expect(await bob.do('occupants', { room: at })).toEqual(['ann', 'bob'])
    })

    test('history and subject on join, as many as asked for', async () => {
      const at = room('history')
      const ann = await online(server, 'ann')
      await ann.do('join', { room: at, nick: 'ann' })
      await ann.do('configure', { room: at, values: {} })
      for (let n = 1; n <= 5; n++) await ann.do('say', { room: at, body: `line ${n}` })
      await ann.hears('line 5')
      await ann.do('subject', { room: at, subject: 'A dark cave' })
      await ann.next((stanza) => stanza.getChildText('subject') === 'A dark cave')
      const bob = await online(server, 'bob')
      expect(await bob.do('join', { room: at, nick: 'bob', history: 3 })).toMatchObject({
        subject: 'A dark cave',
        history: ['line 3', 'line 4', 'line 5'],
      })
      await bob.do('subject', { room: at, subject: 'mine' })
      const refused = await bob.next((stanza) => stanza.attrs.type === 'error')
      expect(refused.getChild('error')?.getChild('forbidden')).toBeDefined()
    })

    test('nick change, kick, ban, membership, self-ping', async () => {
      const at = room('order')
      const ann = await online(server, 'ann')
      const bob = await online(server, 'bob')
      await ann.do('join', { room: at, nick: 'ann' })
      await ann.do('configure', { room: at, values: {} })
      await expect(bob.do('join', { room: at, nick: 'ann' })).rejects.toThrow('cancel conflict')
      await bob.do('join', { room: at, nick: 'bob' })
      await bob.do('nick', { room: at, nick: 'robert' })
      const left = await ann.sees(`${at}/bob`, 'unavailable')
      expect(left.toString()).toContain('nick="robert"')
      expect(statuses(left.toString())).toEqual(['303'])
      await ann.sees(`${at}/robert`)
      // XEP-0410: an answer says that one is still in the room, not-acceptable that one is not.
      expect(await bob.do('ping', { jid: `${at}/robert` })).toBe(true)

      await ann.do('role', { room: at, nick: 'robert', role: 'none', reason: 'Out, damned spot' })
      const kicked = await bob.sees(`${at}/robert`, 'unavailable')
      expect(statuses(kicked.toString())).toEqual(['110', '307'])
      expect(kicked.toString()).toContain('Out, damned spot')
      await expect(bob.do('ping', { jid: `${at}/robert` })).rejects.toThrow('not-acceptable')

      await ann.do('affiliation', { room: at, jid: 'cat@a.example', affiliation: 'member' })
      expect(await ann.do('affiliations', { room: at, affiliation: 'member' })).toEqual(['cat@a.example'])
      await expect(bob.do('affiliations', { room: at, affiliation: 'member' })).rejects.toThrow('forbidden')
      await ann.do('affiliation', { room: at, jid: 'bob@a.example', affiliation: 'outcast' })
      await expect(bob.do('join', { room: at, nick: 'bob' })).rejects.toThrow('auth forbidden')
      const cat = await online(server, 'cat')
      expect(await cat.do('join', { room: at, nick: 'cat' })).toMatchObject({ affiliation: 'member' })
    })

    test('an invitation; a destroyed room tells its occupants why', async () => {
      const at = room('end')
      const ann = await online(server, 'ann')
      const bob = await online(server, 'bob')
      await ann.do('join', { room: at, nick: 'ann' })
      await ann.do('configure', { room: at, values: {} })
      await ann.do('invite', { room: at, jid: 'bob@a.example', reason: 'Something wicked' })
      const invitation = await bob.next((stanza) => stanza.attrs.from === at && stanza.name === 'message')
      expect(invitation.toString()).toContain('Something wicked')
      await bob.do('join', { room: at, nick: 'bob' })
      await ann.do('destroy', { room: at, reason: 'Exeunt' })
      expect((await bob.sees(`${at}/bob`, 'unavailable')).toString()).toContain('Exeunt')
    })
  })
})

peer([systemPython], ['slixmpp'])('slixmpp at two servers that share a room', () => {
  let a: Dmucd
  let b: Dmucd
  beforeAll(async () => {
    ;[a, b] = await startDmucdPair({ domain: 'a.example', users }, { domain: 'b.example', users })
  })
  afterAll(async () => {
    await b.stop()
    await a.stop()
  })

  test('made distributed in its form; each enters at home, talks, and is seen at the other', async () => {
    const ann = await online(a, 'ann')
    const bob = await online(b, 'bob')
    const [atA, atB] = [`coven@${a.rooms}`, `coven@${b.rooms}`]
    await ann.do('join', { room: atA, nick: 'ann' })
    const values = {
      'muc#roomconfig_persistentroom': true,
      'muc#roomconfig_distributed': true,
      '{urn:xmpp:dmuc-sync:0}peers': [b.rooms],
    }
    await ann.do('configure', { room: atA, values })
    await ann.do('say', { room: atA, body: 'before you came' })
    await ann.next((stanza) => String(stanza.getChildText('body')).startsWith(`${b.rooms} holds this room`))
    // The shadow shows itself once it has the roster.
    const shown = (): Promise<boolean> =>
      bob.do('features', { jid: atB }).then(
        () => true,
        () => false,
      )
    await until(shown, () => `the room at ${b.rooms}`)
    const joined = await bob.do('join', { room: atB, nick: 'bob', history: 20 })
    expect(joined.history).toContain('before you came')
    expect(joined).toMatchObject({ affiliation: 'none', occupants: ['ann', 'bob'] })
    await ann.sees(`${atA}/bob`)
    await ann.do('say', { room: atA, body: 'from a' })
    await bob.hears('from a')
    await bob.do('say', { room: atB, body: 'from b' })
    const [here, there] = [await ann.hears('from b'), await bob.hears('from b')]
    expect([here.attrs.from, there.attrs.from]).toEqual([`${atA}/bob`, `${atB}/bob`])
    const ids = [here, there].map((stanza) => stanza.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs.id)
    expect(ids[0]).toBe(ids[1])
    await ann.do('role', { room: atA, nick: 'bob', role: 'none', reason: 'the hurly-burly is done' })
    expect(statuses((await bob.sees(`${atB}/bob`, 'unavailable')).toString())).toEqual(['110', '307'])
  })
})
