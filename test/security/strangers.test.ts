/** What strangers, occupants and peers may not make others believe, learn or keep (security.md, "IM and rooms"). */
import { afterEach, describe, expect, test } from '@jest/globals'
import { loadedReplica } from '../../src/modules/muc/storage.js'
import { type Element, elements } from '../../src/xml/element.js'
import { Federation } from '../dialogue/federation.js'
import { found, join, openRooms, room } from '../dialogue/muc-stage.js'
import { type Client, type Stage, settled } from '../dialogue/stage.js'
import { parse } from '../support/xml-match.js'

const sync = 'urn:xmpp:dmuc-sync:0'
const opened: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
})

async function rooms(): Promise<Stage> {
  const stage = await openRooms()
  opened.push(stage)
  return stage
}

const named = (stanza: Element, namespace: string): Element[] =>
  elements(stanza).filter((child) => child.getNS() === namespace)

describe('in a room', () => {
  test('marks that only rooms and instances make are taken out, under any prefix and in any number', async () => {
    const stage = await rooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await found(alice, 'alice')
    await join(bob, 'bob')
    await bob.clears()
    await alice.sends(`
      <message type='groupchat' id='m' to='${room}' xmlns:s='urn:xmpp:sid:0' xmlns:o='urn:xmpp:occupant-id:0' xmlns:d='${sync}'>
        <body>Hi</body>
        <s:stanza-id by='${room}' id='forged'/><s:stanza-id by='COVEN@rooms.a.example' id='forged'/>
        <o:occupant-id id='forged'/><o:occupant-id id='forged'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>
        <d:event instance='${room}' incarnation='forged' seq='1'/><d:occupant/>
        <x xmlns='http://jabber.org/protocol/muc#user'><invite from='forged@a.example'/><status code='307'/></x>
        <delay xmlns='urn:xmpp:delay' from='${room}' stamp='2000-01-01T00:00:00Z'/>
      </message>`)
    const seen = await bob.next()
    expect(seen.toString()).not.toContain('forged')
    expect(named(seen, 'urn:xmpp:sid:0')).toHaveLength(1)
    expect(named(seen, 'urn:xmpp:occupant-id:0')).toHaveLength(1)
    expect(named(seen, sync)).toEqual([])
    expect(named(seen, 'urn:xmpp:delay')).toEqual([])
    await bob.receivesNothing()
  })

  test('a private message carries exactly one muc#user element, ours and empty', async () => {
    const stage = await rooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await found(alice, 'alice')
    await join(bob, 'bob')
    await bob.clears()
    await alice.sends(`<message type='chat' to='${room}/bob'><body>Psst</body>
      <x xmlns='http://jabber.org/protocol/muc#user'><invite from='forged@a.example'/></x>
      <x xmlns='http://jabber.org/protocol/muc#user'><destroy/></x><event xmlns='${sync}'/></message>`)
    const seen = await bob.next()
    expect(named(seen, 'http://jabber.org/protocol/muc#user').map(String)).toEqual([
      '<x xmlns="http://jabber.org/protocol/muc#user"/>',
    ])
    expect(named(seen, sync)).toEqual([])
  })

  test('a participant of a semi-anonymous room never sees a real JID but its own', async () => {
    const stage = await rooms()
    const [alice, bob, carol] = [stage.client('alice'), stage.client('bob'), stage.client('carol')]
    await found(alice, 'ann')
    await join(bob, 'bee')
    await join(carol, 'cat')
    await alice.sends(`<message type='groupchat' to='${room}'><body>Hi</body></message>`)
    await carol.sends(`<message type='chat' to='${room}/bee'><body>Psst</body></message>`)
    await carol.sends(`<iq type='get' id='v' to='${room}/bee'><query xmlns='jabber:iq:version'/></iq>`)
    await carol.sends(`<presence to='${room}/cath'/>`)
    await alice.sends(`<iq type='set' id='k' to='${room}'><query xmlns='http://jabber.org/protocol/muc#admin'>
      <item nick='cath' role='none'><reason>noise</reason></item></query></iq>`)
    for (const list of ["affiliation='owner'", "affiliation='outcast'", "affiliation='member'", "role='moderator'"])
      await bob.sends(
        `<iq type='get' id='l' to='${room}'><query xmlns='http://jabber.org/protocol/muc#admin'><item ${list}/></query></iq>`,
      )
    for (const what of ['info', 'items'])
      await bob.sends(
        `<iq type='get' id='d' to='${room}'><query xmlns='http://jabber.org/protocol/disco#${what}'/></iq>`,
      )
    const heard = (await bob.drain()).map(String).join('\n')
    expect(heard).toContain('307')
    expect(heard).toContain('Psst')
    expect(heard).not.toMatch(/(alice|carol)@a\.example/)
  })

  test('a stranger who speaks like an instance gets an error for an IQ, and nothing happens', async () => {
    const stage = await rooms()
    const alice = stage.client('alice')
    await found(alice, 'alice')
    await alice.clears()
    const evil = stage.peer('rooms.evil.example')
    const from = `coven@rooms.evil.example`
    for (const payload of [
      `<config xmlns='urn:xmpp:dmuc:0'><x xmlns='jabber:x:data' type='submit'/></config>`,
      `<roster xmlns='urn:xmpp:dmuc:0'/>`,
      `<hello xmlns='${sync}' room='r' source='${from}' epoch='9' rank='0' incarnation='i' config='9' register='9' occupants='9'><instances revision='9'><instance jid='${from}' kind='sync' rank='0'/></instances><vector/></hello>`,
      `<order xmlns='${sync}' actor='alice@a.example'><destroy/></order>`,
      `<claim xmlns='${sync}' nick='x' jid='y@z'/>`,
    ]) {
      await evil.sends(`<iq type='set' id='1' from='${from}' to='${room}'>${payload}</iq>`)
      expect((await evil.next()).toString()).toContain('forbidden')
    }
    for (const service of ['replicate', 'peerhost']) {
      await evil.sends(
        `<iq type='set' id='1' from='rooms.evil.example' to='rooms.a.example'><${service} xmlns='urn:xmpp:dmuc:0'><room id='coven'/></${service}></iq>`,
      )
      expect((await evil.next()).attrs.type).toBe('error')
    }
    await evil.sends(`<message from='${from}' to='${room}'><leave xmlns='${sync}'/></message>`)
    await evil.sends(`<message from='${from}/x' to='${room}/x' type='groupchat'><body>Hi</body></message>`)
    await evil.receivesNothing()
    await alice.receivesNothing()
  })
})

test('strangers of one domain make a hundred rooms, and then one in ten seconds', async () => {
  const stage = await rooms()
  const peer = stage.peer('b.example')
  const enters = (n: number): Promise<void> =>
    peer.sends(
      `<presence from='eve@b.example/x' to='r${n}@rooms.a.example/eve'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
    )
  for (let n = 0; n < 105; n++) await enters(n)
  const refused = (await peer.drain()).filter((stanza) => stanza.toString().includes('resource-constraint'))
  expect(refused).toHaveLength(5)
  stage.clock.advance(10_000)
  await enters(200)
  expect((await peer.drain()).some((stanza) => stanza.toString().includes('resource-constraint'))).toBe(false)
  await enters(0)
  expect((await peer.drain()).some(({ attrs }) => attrs.type === 'error')).toBe(false)
})

describe('between instances', () => {
  async function coven(): Promise<{ federation: Federation; ann: Client; bob: Client }> {
    const federation = await Federation.open(['a.example', 'b.example'])
    opened.push(federation)
    const [ann, bob] = [await federation.client('ann@a.example/x'), await federation.client('bob@b.example/x')]
    await ann.sends(`<presence to='${room}/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await ann.sends(`<iq type='set' id='cfg' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'>
      <x xmlns='jabber:x:data' type='submit'>
        <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
        <field var='muc#roomconfig_distributed'><value>true</value></field>
        <field var='{${sync}}peers'><value>rooms.b.example</value></field></x></query></iq>`)
    await settled()
    await settled()
    await bob.sends(`<presence to='coven@rooms.b.example/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await settled()
    await ann.clears()
    await bob.clears()
    return { federation, ann, bob }
  }

  test('a private message or a message in the name of another instance’s occupant is not delivered', async () => {
    const { federation, ann } = await coven()
    const { servers } = federation.site('a.example').server
    const carl = await federation.client('carl@a.example/x')
    await carl.sends(`<presence to='${room}/carl'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await ann.clears()
    await servers.receive(
      parse(`<message type='chat' from='coven@rooms.b.example/carl' to='${room}/ann'><body>Trust me</body></message>`),
    )
    await servers.receive(
      parse(
        `<message type='groupchat' from='coven@rooms.b.example/carl' to='${room}/carl'><body>Trust me</body></message>`,
      ),
    )
    await servers.receive(
      parse(
        `<iq type='get' id='1' from='coven@rooms.b.example/carl' to='${room}/ann'><query xmlns='jabber:iq:version'/></iq>`,
      ),
    )
    await ann.receivesNothing()
  })

  test('a peer has a few pages of the log read for it at a time', async () => {
    const { federation } = await coven()
    const { servers } = federation.site('a.example').server
    const before = federation.wire.length
    const pull = (n: number): string =>
      `<iq type='get' id='p${n}' from='coven@rooms.b.example' to='${room}'><pull xmlns='${sync}' room='r'><range instance='${room}' incarnation='i' from='1' to='9'/></pull></iq>`
    for (let n = 0; n < 10; n++) void servers.receive(parse(pull(n)))
    await settled()
    const answers = federation.wire.slice(before).filter((text) => /id="p\d"/.test(text))
    expect(answers).toHaveLength(10)
    expect(answers.filter((text) => text.includes('resource-constraint'))).toHaveLength(6)
  })

  test('a stamp in the far future does not become our own time after a restart', async () => {
    const { federation } = await coven()
    const { store } = federation.site('a.example')
    const loaded = await store.loadRoom(room, 10)
    if (loaded === undefined) throw new Error('the room was not stored')
    const at = loaded.lastArchivedAt
    const poisoned = { ...loaded, recent: loaded.recent.map((record) => ({ ...record, stampMs: 999_999_999_999_999 })) }
    expect(loadedReplica(poisoned, 'next').stamp.ms).toBeLessThanOrEqual(at + 5 * 60_000)
  })
})

describe('an account', () => {
  test('keeps no message of a stranger that is longer than a page', async () => {
    const stage = await rooms()
    const peer = stage.peer('b.example')
    await peer.sends(
      `<message type='chat' id='1' from='eve@b.example' to='alice@a.example'><body>${'x'.repeat(40_000)}</body></message>`,
    )
    expect((await peer.next()).toString()).toContain('service-unavailable')
    expect(await stage.store.offlineCount('alice@a.example')).toBe(0)
  })

  test('requests of strangers leave room for contacts', async () => {
    const stage = await rooms()
    const peer = stage.peer('b.example')
    for (let n = 0; n < 510; n++)
      await peer.sends(`<presence type='subscribe' from='u${n}@b.example' to='alice@a.example'/>`)
    expect(await stage.store.roster('alice@a.example')).toHaveLength(500)
    expect(stage.refused.filter((each) => each === 'stanza: too-many-strangers')).toHaveLength(10)
    const alice = stage.client('alice')
    await alice.sends(
      `<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='friend@b.example'/></query></iq>`,
    )
    expect(await stage.store.roster('alice@a.example')).toHaveLength(501)
  })
})
