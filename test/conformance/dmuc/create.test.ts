/** XEP-0281 §1.2, §1.3 and §4.1: which rooms are distributed, and who decides it. The shadow's service is a plain peer. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../../src/xml/element.js'
import type { Client } from '../../dialogue/stage.js'
import { expectXml } from '../../support/xml-match.js'
import { PlainPeerhost } from './plain-peer.js'
import { configures, distributed, field, joins, makesCoven, openFirsthost, quiet, type Theatre } from './shakespeare.js'

let theatre: Theatre
afterEach(() => theatre.stage.close())

const macbethOf = ({ stage }: Theatre): PlainPeerhost => new PlainPeerhost(stage.peer('rooms.macbeth.lit'))
const marloweOf = ({ stage }: Theatre): PlainPeerhost => new PlainPeerhost(stage.peer('conference.marlowe.lit'))

async function formField(owner: Client, name: string): Promise<Element | undefined> {
  await owner.sends(`
    <iq to='coven@chat.shakespeare.lit' id='create1' type='get'>
      <query xmlns='http://jabber.org/protocol/muc#owner'/>
    </iq>`)
  const answer = await owner.next()
  expectXml(
    answer,
    `<iq from='coven@chat.shakespeare.lit' id='create1' to='crone1@shakespeare.lit/desktop' type='result'>
       <query xmlns='http://jabber.org/protocol/muc#owner'>
         <x xmlns='jabber:x:data' type='form'>
           {...}
         </x>
       </query>
     </iq>`,
  )
  const fields = answer.getChild('query')?.getChild('x')?.getChildren('field') ?? []
  return fields.find(({ attrs }) => attrs.var === name)
}

describe('who wants it', () => {
  test('1 a room whose owner does not want it is not distributed, whatever the service allows', async () => {
    theatre = await openFirsthost()
    await makesCoven(theatre, field('{urn:xmpp:dmuc-sync:0}peers', 'rooms.macbeth.lit'))
    await macbethOf(theatre).receivesNothing()
  })

  test('1 an owner cannot choose a service that the operator does not allow', async () => {
    theatre = await openFirsthost({ allow: ['conference.marlowe.lit'] })
    const crone1 = await makesCoven(theatre)
    await configures(crone1, distributed('rooms.macbeth.lit'))
    await crone1.receives(`
      <iq from='coven@chat.shakespeare.lit' id='configure1' to='crone1@shakespeare.lit/desktop' type='error'>
        {...}
        <error type='modify'>
          <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
          <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>{any}name services among conference.marlowe.lit</text>
        </error>
      </iq>`)
    await macbethOf(theatre).receivesNothing()
  })

  test('2 immediate: the peerhost is asked as soon as the owner wants it', async () => {
    theatre = await openFirsthost({ replicate: 'immediate' })
    const macbeth = macbethOf(theatre)
    await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.acceptsReplication()
  })

  test('2 on-join: the peerhost is asked when as many of its users have joined as the threshold says', async () => {
    theatre = await openFirsthost({
      replicate: 'on-join',
      on_join_threshold: 2,
      redirect: { 'macbeth.lit': 'rooms.macbeth.lit' },
    })
    const macbeth = macbethOf(theatre)
    await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    const users = theatre.stage.peer('macbeth.lit')
    for (const [user, nick] of [
      ['somewitch@macbeth.lit/mobile', 'firstwitch'],
      ['macduff@macbeth.lit/castle', 'macduff'],
    ]) {
      await macbeth.receivesNothing()
      await users.sends(`
        <presence from='${user}' to='coven@chat.shakespeare.lit/${nick}'>
          <x xmlns='http://jabber.org/protocol/muc'/>
        </presence>`)
    }
    await macbeth.acceptsReplication()
  })

  test('2 and 12 manual: the peerhost is asked when the operator says so', async () => {
    theatre = await openFirsthost({ replicate: 'manual' })
    const macbeth = macbethOf(theatre)
    await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.receivesNothing()
    const { rooms, distribution } = theatre.rooms()
    await rooms.with('coven@chat.shakespeare.lit', (room) => room && distribution.distribute(room))
    await macbeth.acceptsReplication()
  })

  test('7 a UUID as localpart goes to the peerhost as it is, and so does the human-readable name', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    const room = '8f5e2d1a-6c1b-4e1e-9d0f-3a2b1c4d5e6f@chat.shakespeare.lit'
    const crone1 = theatre.stage.client('crone1@shakespeare.lit', 'desktop')
    await joins(crone1, `${room}/foo`)
    await crone1.sends(`
      <iq to='${room}' id='configure1' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#owner'>
          <x xmlns='jabber:x:data' type='submit'>
            ${field('muc#roomconfig_roomname', 'A Dark Cave')}${distributed('rooms.macbeth.lit')}
          </x>
        </query>
      </iq>`)
    const { id } = await macbeth.receives(`
      <iq from='chat.shakespeare.lit' id='{$id}' to='rooms.macbeth.lit' type='set'>
        <replicate xmlns='urn:xmpp:dmuc:0'>
          <room id='8f5e2d1a-6c1b-4e1e-9d0f-3a2b1c4d5e6f'/>
          {...}
        </replicate>
      </iq>`)
    await macbeth.sends(`<iq from='rooms.macbeth.lit' id='${id}' to='chat.shakespeare.lit' type='result'/>`)
    const config = await macbeth.next()
    expect(config.attrs.to).toBe('8f5e2d1a-6c1b-4e1e-9d0f-3a2b1c4d5e6f@rooms.macbeth.lit')
    expect(config.toString()).toContain('<value>A Dark Cave</value>')
  })

  test('8 the service may default all rooms to distributed', async () => {
    theatre = await openFirsthost({ distributed_by_default: true })
    const [macbeth, marlowe] = [macbethOf(theatre), marloweOf(theatre)]
    const crone1 = theatre.stage.client('crone1@shakespeare.lit', 'desktop')
    await joins(crone1, 'coven@chat.shakespeare.lit/foo')
    await macbeth.receivesNothing()
    await crone1.sends(`
      <iq to='coven@chat.shakespeare.lit' id='create1' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#owner'>
          <x xmlns='jabber:x:data' type='submit'/>
        </query>
      </iq>`)
    await macbeth.acceptsReplication()
    await marlowe.acceptsReplication()
  })
})

describe('the configuration form', () => {
  test('10 E1 the service offers the owner to distribute the room', async () => {
    theatre = await openFirsthost()
    const crone1 = await makesCoven(theatre)
    expectXml(
      (await formField(crone1, 'muc#roomconfig_distributed')) as Element,
      `<field xmlns='jabber:x:data'
           label='Distribute Room Across Multiple Services?'
           type='boolean'
           var='muc#roomconfig_distributed'>
         <value>0</value>
       </field>`,
    )
  })

  test('9 a field of the extension names the services that are to hold a shadow', async () => {
    theatre = await openFirsthost()
    const crone1 = await makesCoven(theatre)
    expectXml(
      (await formField(crone1, '{urn:xmpp:dmuc-sync:0}peers')) as Element,
      `<field xmlns='jabber:x:data' label='{any}' type='list-multi' var='{urn:xmpp:dmuc-sync:0}peers'>
         <option label='rooms.macbeth.lit'><value>rooms.macbeth.lit</value></option>
         <option label='conference.marlowe.lit'><value>conference.marlowe.lit</value></option>
       </field>`,
    )
  })

  test('46 where distribution is switched off the form does not offer it', async () => {
    theatre = await openFirsthost({ allow: [] })
    const crone1 = await makesCoven(theatre)
    expect(await formField(crone1, 'muc#roomconfig_distributed')).toBeUndefined()
    expect(await formField(crone1, '{urn:xmpp:dmuc-sync:0}peers')).toBeUndefined()
  })

  test('11 E2 the owner submits the form', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    const crone1 = await makesCoven(theatre, field('{urn:xmpp:dmuc-sync:0}peers', 'rooms.macbeth.lit'))
    await crone1.sends(`
      <iq from='crone1@shakespeare.lit/desktop' id='configure1' to='coven@chat.shakespeare.lit' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#owner'>
          <x xmlns='jabber:x:data' type='submit'>
            <field type='hidden' var='FORM_TYPE'>
              <value>http://jabber.org/protocol/muc#roomconfig</value>
            </field>
            <field var='muc#roomconfig_distributed'>
              <value>true</value>
            </field>
          </x>
        </query>
      </iq>`)
    await crone1.receives(
      `<iq from='coven@chat.shakespeare.lit' id='configure1' to='crone1@shakespeare.lit/desktop' type='result'/>`,
    )
    await macbeth.acceptsReplication()
  })

  test.each([
    ['1', '1'],
    ['true', '1'],
    ['0', '0'],
    ['false', '0'],
  ])('9 the value %s is understood', async (submitted, shown) => {
    theatre = await openFirsthost()
    const crone1 = await makesCoven(theatre)
    await configures(crone1, field('muc#roomconfig_distributed', shown === '1' ? '0' : '1'))
    await configures(crone1, field('muc#roomconfig_distributed', submitted))
    await quiet(crone1)
    const offered = await formField(crone1, 'muc#roomconfig_distributed')
    expect(offered?.getChildText('value')).toBe(shown)
  })

  test('9 another value is not acceptable', async () => {
    theatre = await openFirsthost()
    const crone1 = await makesCoven(theatre)
    await configures(crone1, field('muc#roomconfig_distributed', 'perhaps'))
    const answer = await crone1.next()
    expect(answer.attrs.type).toBe('error')
    expect(answer.getChild('error')?.getChild('not-acceptable')).toBeDefined()
  })
})
