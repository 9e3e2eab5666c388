/** XEP-0281 §4.2 as a peerhost: rooms.macbeth.lit holds the shadow theroom of a plain firsthost's source coven. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { covenHistory, covenRoster, PlainFirsthost, PlainPeer } from './plain-peer.js'
import { field, joins, openPeerhost, quiet, says, type Theatre } from './shakespeare.js'

let theatre: Theatre
let shakespeare: PlainFirsthost
beforeEach(async () => {
  theatre = await openPeerhost()
  shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
})
afterEach(() => theatre.stage.close())

const room = 'theroom@rooms.macbeth.lit'

async function reopen(dmuc: Readonly<Record<string, unknown>>): Promise<void> {
  await theatre.stage.close()
  theatre = await openPeerhost(dmuc)
  shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
}

const refusal = (id: string, type: string, condition: string): string => `
  <iq from='{any}' id='${id}' to='{any}' type='error'>
    {...}
    <error type='${type}'>
      <${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
      <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>{any}</text>
    </error>
  </iq>`

const replicate = (from: string, id: string): string => `
  <iq from='${from}' id='replicate1' to='rooms.macbeth.lit' type='set'>
    <replicate xmlns='urn:xmpp:dmuc:0'><room id='${id}'/></replicate>
  </iq>`

describe('the request', () => {
  test('13 E3 and 14 E4 the peerhost accepts', async () => {
    await shakespeare.sends(`
      <iq from='chat.shakespeare.lit' id='replicate1' to='rooms.macbeth.lit' type='set'>
        <replicate xmlns='urn:xmpp:dmuc:0'>
          <room id='theroom'/>
        </replicate>
      </iq>`)
    await shakespeare.receives(`<iq from='rooms.macbeth.lit' id='replicate1' to='chat.shakespeare.lit' type='result'/>`)
  })

  test('13 a full JID is accepted as id: its localpart names the shadow', async () => {
    await shakespeare.sends(replicate('chat.shakespeare.lit', 'coven@chat.shakespeare.lit'))
    await shakespeare.receives(`<iq from='rooms.macbeth.lit' id='replicate1' to='chat.shakespeare.lit' type='result'/>`)
    await shakespeare.sends(`
      <iq from='coven@chat.shakespeare.lit' id='config1' to='coven@rooms.macbeth.lit' type='set'>
        <config xmlns='urn:xmpp:dmuc:0'><x xmlns='jabber:x:data' type='form'/></config>
      </iq>`)
    await shakespeare.receives(
      `<iq from='coven@rooms.macbeth.lit' id='config1' to='coven@chat.shakespeare.lit' type='result'/>`,
    )
  })

  test('13 the source is bound by the first configuration from that service, and no other room is it then', async () => {
    await shakespeare.requestsReplication()
    await shakespeare.sendsConfig()
    await shakespeare.sends(`
      <iq from='heath@chat.shakespeare.lit' id='config2' to='${room}' type='set'>
        <config xmlns='urn:xmpp:dmuc:0'><x xmlns='jabber:x:data' type='form'/></config>
      </iq>`)
    await shakespeare.receives(`
      <iq from='${room}' id='config2' to='heath@chat.shakespeare.lit' type='error'>
        {...}
        <error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </iq>`)
  })

  test('13 a configuration from another service binds nothing', async () => {
    await shakespeare.requestsReplication()
    const marlowe = new PlainPeer(theatre.stage.peer('conference.marlowe.lit'))
    await marlowe.sends(`
      <iq from='coven@conference.marlowe.lit' id='config1' to='${room}' type='set'>
        <config xmlns='urn:xmpp:dmuc:0'><x xmlns='jabber:x:data' type='form'/></config>
      </iq>`)
    const answer = await marlowe.next()
    expect(answer.attrs.type).toBe('error')
    await shakespeare.sendsConfig()
  })

  test('15 forbidden: a service that the operator does not allow', async () => {
    const stranger = new PlainPeer(theatre.stage.peer('chat.bacon.lit'))
    await stranger.sends(replicate('chat.bacon.lit', 'theroom'))
    await stranger.receives(refusal('replicate1', 'auth', 'forbidden'))
  })

  test('15 forbidden: a room or a user of an allowed service is not that service', async () => {
    await shakespeare.sends(replicate('coven@chat.shakespeare.lit', 'theroom'))
    await shakespeare.receives(refusal('replicate1', 'auth', 'forbidden'))
  })

  test('15 conflict: a room of our own has that address', async () => {
    const macduff = theatre.stage.client('macduff@macbeth.lit', 'castle')
    await joins(macduff, `${room}/macduff`)
    await shakespeare.sends(replicate('chat.shakespeare.lit', 'theroom'))
    await shakespeare.receives(refusal('replicate1', 'cancel', 'conflict'))
  })

  test('15 conflict: the shadow of another firsthost has that address', async () => {
    await shakespeare.requestsReplication()
    const marlowe = new PlainPeer(theatre.stage.peer('conference.marlowe.lit'))
    await marlowe.sends(replicate('conference.marlowe.lit', 'theroom'))
    await marlowe.receives(refusal('replicate1', 'cancel', 'conflict'))
  })

  test('15 resource-constraint: no more shadows of one firsthost than the operator wants', async () => {
    await reopen({ max_shadows: 1 })
    await shakespeare.requestsReplication()
    await shakespeare.sends(replicate('chat.shakespeare.lit', 'heath'))
    await shakespeare.receives(refusal('replicate1', 'wait', 'resource-constraint'))
  })

  test.each([
    ['no room', ''],
    ['no id', '<room/>'],
    ['an id that is no localpart', "<room id='the room'/>"],
    ['an occupant', "<room id='coven@chat.shakespeare.lit/foo'/>"],
  ])('15 bad-request: %s', async (_what, inside) => {
    await shakespeare.sendsAnything(`
      <iq from='chat.shakespeare.lit' id='replicate1' to='rooms.macbeth.lit' type='set'>
        <replicate xmlns='urn:xmpp:dmuc:0'>${inside}</replicate>
      </iq>`)
    const answer = await shakespeare.next()
    expect(answer.getChild('error')?.getChild('bad-request')).toBeDefined()
  })

  test('15 a request that was granted gets the same result again', async () => {
    await shakespeare.requestsReplication('replicate1')
    await shakespeare.requestsReplication('replicate2')
    await shakespeare.sendsConfig()
    await shakespeare.sendsRoster(...covenRoster)
    await shakespeare.givesHistory()
    await shakespeare.requestsReplication('replicate3')
  })

  test('46 where distribution is switched off nothing is replicated', async () => {
    await reopen({ allow: [] })
    await shakespeare.sends(replicate('chat.shakespeare.lit', 'theroom'))
    const answer = await shakespeare.next()
    expect(answer.getChild('error')?.getChild('service-unavailable')).toBeDefined()
  })
})

describe('what the source gives', () => {
  test.each(['form', 'submit', 'result'])(
    '17 E5 and 18 E6 a configuration of type %s is acknowledged',
    async (type) => {
      await shakespeare.requestsReplication()
      await shakespeare.sendsConfig(field('muc#roomconfig_roomname', 'A Dark Cave'), type)
    },
  )

  test('17 a cancelled form, or none, is no configuration', async () => {
    await shakespeare.requestsReplication()
    for (const form of ["<x xmlns='jabber:x:data' type='cancel'/>", '']) {
      await shakespeare.sendsAnything(`
        <iq from='coven@chat.shakespeare.lit' id='config1' to='${room}' type='set'>
          <config xmlns='urn:xmpp:dmuc:0'>${form}</config>
        </iq>`)
      const answer = await shakespeare.next()
      expect(answer.getChild('error')?.getChild('bad-request')).toBeDefined()
    }
  })

  test('19 E7 and 20 E8 the roster is acknowledged, and its occupants are in the room', async () => {
    await shakespeare.givesShadow()
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await joins(somewitch, `${room}/anotherwitch`)
    for (const [nick, affiliation, role] of [
      ['foo', 'owner', 'moderator'],
      ['bar', 'admin', 'moderator'],
      ['baz', 'none', 'participant'],
    ])
      await somewitch.receives(`
        <presence from='${room}/${nick}' to='somewitch@macbeth.lit/mobile'>
          <x xmlns='http://jabber.org/protocol/muc#user'>
            <item affiliation='${affiliation}' role='${role}'/>
          </x>
          <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
        </presence>`)
    await somewitch.receives(`
      <presence from='${room}/anotherwitch' to='somewitch@macbeth.lit/mobile'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
          <status code='110'/>
          <status code='170'/>
        </x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
      </presence>`)
  })

  test('16 the roster does not come before the configuration', async () => {
    await shakespeare.requestsReplication()
    await shakespeare.sends(`
      <iq from='coven@chat.shakespeare.lit' id='roster1' to='${room}' type='set'>
        <roster xmlns='urn:xmpp:dmuc:0'>${covenRoster.join('')}</roster>
      </iq>`)
    const answer = await shakespeare.next()
    expect(answer.attrs.type).toBe('error')
    await shakespeare.sendsConfig()
  })

  test('16 until config and roster are in, the room is hidden and nobody enters it', async () => {
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    const isHidden = async (): Promise<void> => {
      await somewitch.sends(
        `<iq to='rooms.macbeth.lit' id='nb2ga51g' type='get'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`,
      )
      await somewitch.receives(`
        <iq from='rooms.macbeth.lit' id='nb2ga51g' to='somewitch@macbeth.lit/mobile' type='result'>
          <query xmlns='http://jabber.org/protocol/disco#items'/>
        </iq>`)
      await joins(somewitch, `${room}/anotherwitch`)
      const answer = await somewitch.next()
      expect(answer.name).toBe('presence')
      expect(answer.getChild('error')?.getChild('item-not-found')).toBeDefined()
    }
    await shakespeare.requestsReplication()
    await isHidden()
    await shakespeare.sendsConfig()
    await isHidden()
    await shakespeare.sendsRoster(...covenRoster)
    await joins(somewitch, `${room}/anotherwitch`)
    expect((await somewitch.next()).attrs.type).toBeUndefined()
  })
})

describe('the history', () => {
  test('21 and 22 E9 the new shadow asks for it', async () => {
    await shakespeare.requestsReplication()
    await shakespeare.sendsConfig()
    await shakespeare.sendsRoster(...covenRoster)
    await shakespeare.receives(`
      <iq from='theroom@rooms.macbeth.lit' id='{any}' to='coven@chat.shakespeare.lit' type='get'>
        <room xmlns='urn:xmpp:dmuc:0' id='theroom'>
          <history xmlns='http://jabber.org/protocol/muc' maxstanzas='1000'/>
        </room>
      </iq>`)
  })

  test('21 as much as the operator wants', async () => {
    await reopen({ max_history: 7 })
    await shakespeare.requestsReplication()
    await shakespeare.sendsConfig()
    await shakespeare.sendsRoster(...covenRoster)
    expect((await shakespeare.next()).getChild('room')?.getChild('history')?.attrs.maxstanzas).toBe('7')
  })

  async function historyAt(nick: string): Promise<void> {
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await joins(somewitch, `${room}/${nick}`)
    for (let presences = 0; presences < 4; presences += 1) expect((await somewitch.next()).name).toBe('presence')
    for (const [who, body, stamp] of [
      ['foo', 'Message 1.', '2002-10-13T23:58:37.000Z'],
      ['bar', 'Message 2.', '2002-10-13T23:58:43.000Z'],
      ['baz', 'Message 3.', '2002-10-13T23:58:49.000Z'],
    ])
      await somewitch.receives(`
        <message from='${room}/${who}' to='somewitch@macbeth.lit/mobile' type='groupchat'>
          <body>${body}</body>
          <stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='{any}'/>
          <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
          <delay xmlns='urn:xmpp:delay' from='${room}' stamp='${stamp}'/>
        </message>`)
  }

  test('24 E10 it is the history of the room from then on', async () => {
    await shakespeare.givesShadow('', covenRoster, covenHistory)
    await historyAt('anotherwitch')
  })

  test('24 E10 it is accepted inside <room/>, too', async () => {
    await shakespeare.requestsReplication()
    await shakespeare.sendsConfig()
    await shakespeare.sendsRoster(...covenRoster)
    const { id } = (await shakespeare.next()).attrs
    await shakespeare.sends(`
      <iq from='coven@chat.shakespeare.lit' id='${id}' to='${room}' type='result'>
        <room xmlns='urn:xmpp:dmuc:0' id='theroom'>
          <history xmlns='http://jabber.org/protocol/muc'>${covenHistory}</history>
        </room>
      </iq>`)
    await historyAt('anotherwitch')
  })

  test('24 what was said live while the history was under way is not taken twice', async () => {
    await shakespeare.requestsReplication()
    await shakespeare.sendsConfig()
    await shakespeare.sendsRoster(...covenRoster)
    const { id } = (await shakespeare.next()).attrs
    await shakespeare.says('baz', 'Message 3.')
    await shakespeare.sends(`
      <iq from='coven@chat.shakespeare.lit' id='${id}' to='${room}' type='result'>
        <history xmlns='http://jabber.org/protocol/muc'>${covenHistory}</history>
      </iq>`)
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await quiet()
    await joins(somewitch, `${room}/anotherwitch`)
    await quiet()
    const bodies = (await somewitch.drain())
      .map((stanza) => stanza.getChildText('body'))
      .filter((body) => body !== null)
    expect(bodies.sort()).toEqual(['Message 1.', 'Message 2.', 'Message 3.'])
  })

  test('25 E11 what is printed as an acknowledgement of the history is never sent', async () => {
    await shakespeare.givesShadow('', covenRoster, covenHistory)
    await shakespeare.receivesNothing()
  })

  test('24 a firsthost that refuses the history has a shadow all the same', async () => {
    await shakespeare.requestsReplication()
    await shakespeare.sendsConfig()
    await shakespeare.sendsRoster(...covenRoster)
    const { id } = (await shakespeare.next()).attrs
    await shakespeare.sends(`
      <iq from='coven@chat.shakespeare.lit' id='${id}' to='${room}' type='error'>
        <error type='cancel'><feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </iq>`)
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await joins(somewitch, `${room}/anotherwitch`)
    await quiet(somewitch)
    await says(somewitch, room, 'Message 4.')
    expect((await somewitch.next()).getChildText('body')).toBe('Message 4.')
  })
})

describe('notices', () => {
  const notice = (from: string): string => `
    <iq from='${from}' id='ph1' to='rooms.macbeth.lit' type='set'>
      <peerhost xmlns='urn:xmpp:dmuc:0'>
        <room id='theroom'/>
      </peerhost>
    </iq>`

  test('26 E12 and 27 E13 that of the firsthost is acknowledged', async () => {
    await shakespeare.givesShadow()
    await shakespeare.sends(notice('chat.shakespeare.lit'))
    await shakespeare.receives(`<iq from='rooms.macbeth.lit' id='ph1' to='chat.shakespeare.lit' type='result'/>`)
  })

  test('26 that of another service is forbidden', async () => {
    await shakespeare.givesShadow()
    const marlowe = new PlainPeer(theatre.stage.peer('conference.marlowe.lit'))
    await marlowe.sends(notice('conference.marlowe.lit'))
    const answer = await marlowe.next()
    expect(answer.getChild('error')?.getChild('forbidden')).toBeDefined()
  })

  test('26 of a room that we do not hold: item-not-found', async () => {
    await shakespeare.sends(notice('chat.shakespeare.lit'))
    const answer = await shakespeare.next()
    expect(answer.getChild('error')?.getChild('item-not-found')).toBeDefined()
  })
})
