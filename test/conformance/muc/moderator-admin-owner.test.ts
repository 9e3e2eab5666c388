/** XEP-0045 §8 to §11 (moderators, admins, owners, the service) by its own examples. */
import { describe, test } from '@jest/globals'
import { Stage } from '../../room/stage.js'
import { play } from './transcript.js'

const quiet = { 'muc#roomconfig_enablelogging': '0' }

/** Fluellen moderates, Pistol and Gower listen, a king owns it all; none but moderators sees real JIDs. */
const harfleur = (): Stage => {
  const stage = new Stage('harfleur@chat.shakespeare.lit').found('kinghenryv@shakespeare.lit/throne', 'King')
  stage.configure('kinghenryv@shakespeare.lit/throne', quiet)
  stage.join('fluellen@shakespeare.lit/pda', 'Fluellen')
  stage.join('pistol@shakespeare.lit/harfleur', 'pistol')
  stage.join('gower@shakespeare.lit/cell', 'gower')
  stage.admin('kinghenryv@shakespeare.lit/throne', `<item nick='Fluellen' role='moderator'/>`)
  return stage
}

const coven = (): Stage => {
  const stage = new Stage().found()
  stage.configure('crone1@shakespeare.lit/desktop', quiet)
  stage.admin('crone1@shakespeare.lit/desktop', `<item affiliation='member' jid='hag66@shakespeare.lit'/>`)
  stage.join('hag66@shakespeare.lit/pda', 'thirdwitch')
  return stage
}

const result = (room: string, id: string, to: string): string =>
  `S: <iq from='${room}' id='${id}' to='${to}' type='result'/>`

const crone = 'crone1@shakespeare.lit/desktop'
const hag = 'hag66@shakespeare.lit/pda'

describe('§8 Moderator Use Cases', () => {
  test('§8.1 Modifying the Room Subject, and the error of who may not', () => {
    play(
      coven(),
      `C: <message from='crone1@shakespeare.lit/desktop' id='lh2bs617' to='coven@chat.shakespeare.lit' type='groupchat'><subject>Fire Burn and Cauldron Bubble!</subject></message>
      S: <message from='coven@chat.shakespeare.lit/firstwitch' id='lh2bs617' to='crone1@shakespeare.lit/desktop' type='groupchat'><subject>Fire Burn and Cauldron Bubble!</subject></message>
      S: <message from='coven@chat.shakespeare.lit/firstwitch' id='lh2bs617' to='hag66@shakespeare.lit/pda' type='groupchat'><subject>Fire Burn and Cauldron Bubble!</subject></message>
      C: <message from='hag66@shakespeare.lit/pda' id='lh2bs617' to='coven@chat.shakespeare.lit' type='groupchat'><subject>Fire Burn and Cauldron Bubble!</subject></message>
      S: <message from='coven@chat.shakespeare.lit' id='lh2bs617' to='hag66@shakespeare.lit/pda' type='error'>
        <error by='coven@chat.shakespeare.lit' type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
    )
  })

  test('§8.2 Kicking an Occupant', () => {
    const kicked = (to: string, actor: string, jid = ''): string =>
      `S: <presence from='harfleur@chat.shakespeare.lit/pistol' to='${to}' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'${jid}><actor nick='Fluellen'${actor}/><reason>Avaunt, you cullion!</reason></item>
        ${to.startsWith('pistol') ? `<status code='110'/>` : ''}<status code='307'/></x></presence>`
    const real = ` jid='pistol@shakespeare.lit/harfleur'`
    play(
      harfleur(),
      `C: <iq from='fluellen@shakespeare.lit/pda' id='kick1' to='harfleur@chat.shakespeare.lit' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#admin'><item nick='pistol' role='none'><reason>Avaunt, you cullion!</reason></item></query></iq>
      ${kicked('pistol@shakespeare.lit/harfleur', '', real)}
      ${result('harfleur@chat.shakespeare.lit', 'kick1', 'fluellen@shakespeare.lit/pda')}
      ${kicked('gower@shakespeare.lit/cell', '')}
      ${kicked('fluellen@shakespeare.lit/pda', ` jid='fluellen@shakespeare.lit'`, real)}
      ${kicked('kinghenryv@shakespeare.lit/throne', ` jid='fluellen@shakespeare.lit'`, real)}`,
    )
  })

  test('§8.2 a user with a higher affiliation: not-allowed', () => {
    play(
      harfleur(),
      `C: <iq from='fluellen@shakespeare.lit/pda' id='kicktest' to='harfleur@chat.shakespeare.lit' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#admin'><item nick='King' role='none'/></query></iq>
      S: <iq from='harfleur@chat.shakespeare.lit' id='kicktest' to='fluellen@shakespeare.lit/pda' type='error'>
        <error by='harfleur@chat.shakespeare.lit' type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
    )
  })

  test('§8.3, §8.4 Granting and Revoking Voice', () => {
    const now = (to: string, role: string, reason: string): string =>
      `S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='${to}'><x xmlns='http://jabber.org/protocol/muc#user'>
        <item affiliation='member' jid='hag66@shakespeare.lit/pda' role='${role}'><actor nick='firstwitch'${to === hag ? '' : ` jid='crone1@shakespeare.lit'`}/><reason>${reason}</reason></item>
        ${to === hag ? `<status code='110'/>` : ''}</x></presence>`
    play(
      coven(),
      `C: <iq from='crone1@shakespeare.lit/desktop' id='voice2' to='coven@chat.shakespeare.lit' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#admin'><item nick='thirdwitch' role='visitor'><reason>Not so worthy after all!</reason></item></query></iq>
      ${result('coven@chat.shakespeare.lit', 'voice2', crone)}
      ${now(crone, 'visitor', 'Not so worthy after all!')}
      ${now(hag, 'visitor', 'Not so worthy after all!')}
      C: <iq from='crone1@shakespeare.lit/desktop' id='voice1' to='coven@chat.shakespeare.lit' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#admin'><item nick='thirdwitch' role='participant'><reason>A worthy witch indeed!</reason></item></query></iq>
      ${result('coven@chat.shakespeare.lit', 'voice1', crone)}
      ${now(crone, 'participant', 'A worthy witch indeed!')}
      ${now(hag, 'participant', 'A worthy witch indeed!')}`,
    )
  })

  test('§8.5 the Voice List', () => {
    play(
      coven(),
      `C: <iq from='crone1@shakespeare.lit/desktop' id='voice3' to='coven@chat.shakespeare.lit' type='get'><query xmlns='http://jabber.org/protocol/muc#admin'><item role='participant'/></query></iq>
      S: <iq from='coven@chat.shakespeare.lit' id='voice3' to='crone1@shakespeare.lit/desktop' type='result'><query xmlns='http://jabber.org/protocol/muc#admin'>
        <item affiliation='member' jid='hag66@shakespeare.lit/pda' nick='thirdwitch' role='participant'/></query></iq>`,
    )
  })
})

describe('§9 Admin Use Cases', () => {
  test('§9.1 Banning a User, §9.2 the Ban List', () => {
    const banned = (to: string): string =>
      `S: <presence from='harfleur@chat.shakespeare.lit/pistol' to='${to}' type='unavailable'>{...}<x xmlns='http://jabber.org/protocol/muc#user'>{...}<status code='301'/></x></presence>`
    play(
      harfleur(),
      `C: <iq from='kinghenryv@shakespeare.lit/throne' id='ban1' to='harfleur@chat.shakespeare.lit' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast' jid='pistol@shakespeare.lit'><reason>Treason</reason></item></query></iq>
      S: <presence from='harfleur@chat.shakespeare.lit/pistol' to='pistol@shakespeare.lit/harfleur' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='outcast' role='none' jid='pistol@shakespeare.lit/harfleur'><actor nick='King'/><reason>Treason</reason></item><status code='110'/><status code='301'/></x></presence>
      ${result('harfleur@chat.shakespeare.lit', 'ban1', 'kinghenryv@shakespeare.lit/throne')}
      ${['kinghenryv@shakespeare.lit/throne', 'fluellen@shakespeare.lit/pda', 'gower@shakespeare.lit/cell'].map(banned).join('\n')}
      C: <iq from='kinghenryv@shakespeare.lit/throne' id='ban2' to='harfleur@chat.shakespeare.lit' type='get'><query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='outcast'/></query></iq>
      S: <iq from='harfleur@chat.shakespeare.lit' id='ban2' to='kinghenryv@shakespeare.lit/throne' type='result'><query xmlns='http://jabber.org/protocol/muc#admin'>
        <item affiliation='outcast' jid='pistol@shakespeare.lit'><reason>Treason</reason></item></query></iq>`,
    )
  })

  test('§9.4 Revoking Membership in a members-only room: 321 alone', () => {
    const stage = coven()
    stage.configure(crone, { 'muc#roomconfig_membersonly': '1' })
    play(
      stage,
      `C: <iq from='crone1@shakespeare.lit/desktop' id='member2' to='coven@chat.shakespeare.lit' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='none' jid='hag66@shakespeare.lit'/></query></iq>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='hag66@shakespeare.lit/pda' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none' jid='hag66@shakespeare.lit/pda'><actor nick='firstwitch'/></item><status code='110'/><status code='321'/></x></presence>
      ${result('coven@chat.shakespeare.lit', 'member2', crone)}
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='crone1@shakespeare.lit/desktop' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none' jid='hag66@shakespeare.lit/pda'><actor nick='firstwitch' jid='crone1@shakespeare.lit'/></item><status code='321'/></x></presence>`,
    )
  })
})

describe('§10 Owner Use Cases', () => {
  const create = `C: <presence from='crone1@shakespeare.lit/desktop' to='coven@chat.shakespeare.lit/firstwitch'><x xmlns='http://jabber.org/protocol/muc'/></presence>`

  test('§10.1.1, §10.1.2 Creating an Instant Room', () => {
    const stage = new Stage()
    stage.policy = { ...stage.policy, defaults: { ...stage.policy.defaults, archive: false } }
    stage.state = { ...stage.state, config: stage.policy.defaults }
    play(
      stage,
      `${create}
      S: <presence from='coven@chat.shakespeare.lit/firstwitch' to='crone1@shakespeare.lit/desktop'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator' jid='crone1@shakespeare.lit/desktop'/><status code='110'/><status code='201'/></x></presence>
      S: <message from='coven@chat.shakespeare.lit' to='crone1@shakespeare.lit/desktop' type='groupchat'><subject/></message>
      C: <iq from='crone1@shakespeare.lit/desktop' id='create1' to='coven@chat.shakespeare.lit' type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>
      ${result('coven@chat.shakespeare.lit', 'create1', crone)}`,
    )
  })

  test('§10.1.3 Creating a Reserved Room: the form and its submission', () => {
    const fields = Object.entries({
      FORM_TYPE: 'http://jabber.org/protocol/muc#roomconfig',
      'muc#roomconfig_roomname': 'A Dark Cave',
      'muc#roomconfig_roomdesc': 'The place for all good witches!',
      'muc#roomconfig_enablelogging': '1',
      'muc#roomconfig_changesubject': '1',
      'muc#roomconfig_allowinvites': '0',
      'muc#roomconfig_allowpm': 'anyone',
      'muc#roomconfig_maxusers': '10',
      'muc#roomconfig_publicroom': '0',
      'muc#roomconfig_persistentroom': '0',
      'muc#roomconfig_moderatedroom': '0',
      'muc#roomconfig_membersonly': '0',
      'muc#roomconfig_passwordprotectedroom': '1',
      'muc#roomconfig_roomsecret': 'cauldronburn',
      'muc#roomconfig_whois': 'moderators',
      'muc#maxhistoryfetch': '50',
    })
    const submit = (text: string): string =>
      `C: <iq from='crone1@shakespeare.lit/desktop' id='create2' to='coven@chat.shakespeare.lit' type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>${text}
        <field var='muc#roomconfig_roomadmins'><value>wiccarocks@shakespeare.lit</value><value>hecate@shakespeare.lit</value></field></x></query></iq>`
    const all = fields.map(([name, value]) => `<field var='${name}'><value>${value}</value></field>`).join('')
    play(
      new Stage(),
      `${create}
      S: ...
      C: <iq from='crone1@shakespeare.lit/desktop' id='create1' to='coven@chat.shakespeare.lit' type='get'><query xmlns='http://jabber.org/protocol/muc#owner'/></iq>
      S: <iq from='coven@chat.shakespeare.lit' id='create1' to='crone1@shakespeare.lit/desktop' type='result'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='form'>{...}</x></query></iq>
      ${submit(all.replace('<value>cauldronburn</value>', '<value></value>'))}
      S: <iq from='coven@chat.shakespeare.lit' id='create2' to='crone1@shakespeare.lit/desktop' type='error'>
        <error type='modify'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
      ${submit(all)}
      ${result('coven@chat.shakespeare.lit', 'create2', crone)}`,
    )
  })

  test('§10.2.1 Notification of Configuration Changes', () => {
    const told = (to: string): string =>
      `S: <message from='coven@chat.shakespeare.lit' to='${to}' type='groupchat'><x xmlns='http://jabber.org/protocol/muc#user'><status code='170'/></x></message>`
    play(
      coven(),
      `C: <iq from='crone1@shakespeare.lit/desktop' id='config1' to='coven@chat.shakespeare.lit' type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>
        <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field><field var='muc#roomconfig_enablelogging'><value>1</value></field></x></query></iq>
      ${result('coven@chat.shakespeare.lit', 'config1', crone)}
      ${told(crone)}
      ${told(hag)}`,
    )
  })

  test('§10.3 Granting Owner Status', () => {
    const now = (to: string): string =>
      `S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='${to}'><x xmlns='http://jabber.org/protocol/muc#user'>
        <item affiliation='owner' jid='hag66@shakespeare.lit/pda' role='moderator'><actor nick='firstwitch' jid='crone1@shakespeare.lit'/><reason>A worthy witch indeed!</reason></item>
        ${to === hag ? `<status code='110'/>` : ''}</x></presence>`
    play(
      coven(),
      `C: <iq from='crone1@shakespeare.lit/desktop' id='owner1' to='coven@chat.shakespeare.lit' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='owner' jid='hag66@shakespeare.lit'><reason>A worthy witch indeed!</reason></item></query></iq>
      ${result('coven@chat.shakespeare.lit', 'owner1', crone)}
      ${now(crone)}
      ${now(hag)}`,
    )
  })

  test('§10.9 Destroying a Room', () => {
    const removed = (nick: string, to: string): string =>
      `S: <presence from='coven@chat.shakespeare.lit/${nick}' to='${to}' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/>
        <destroy jid='heath@chat.shakespeare.lit'><reason>Macbeth doth come.</reason></destroy><status code='110'/></x></presence>`
    play(
      coven(),
      `C: <iq from='hag66@shakespeare.lit/pda' id='destroytest' to='coven@chat.shakespeare.lit' type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy jid='heath@chat.shakespeare.lit'><reason>Macbeth doth come.</reason></destroy></query></iq>
      S: <iq from='coven@chat.shakespeare.lit' id='destroytest' to='hag66@shakespeare.lit/pda' type='error'>
        <error by='coven@chat.shakespeare.lit' type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
      C: <iq from='crone1@shakespeare.lit/desktop' id='begone' to='coven@chat.shakespeare.lit' type='set'><query xmlns='http://jabber.org/protocol/muc#owner'><destroy jid='heath@chat.shakespeare.lit'><reason>Macbeth doth come.</reason></destroy></query></iq>
      ${removed('firstwitch', crone)}
      ${removed('thirdwitch', hag)}
      ${result('coven@chat.shakespeare.lit', 'begone', crone)}`,
    )
  })
})

test('§11.1 Service removes user because of error response', () => {
  play(
    harfleur(),
    `C: <message from='pistol@shakespeare.lit/harfleur' to='harfleur@chat.shakespeare.lit/gower' type='error'><error type='wait'><remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>
    S: <presence from='harfleur@chat.shakespeare.lit/pistol' to='pistol@shakespeare.lit/harfleur' type='unavailable'>
      <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none' jid='pistol@shakespeare.lit/harfleur'/><status code='110'/><status code='333'/></x></presence>
    S: <presence from='harfleur@chat.shakespeare.lit/pistol' to='gower@shakespeare.lit/cell' type='unavailable'>
      <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/><status code='333'/></x></presence>
    S: ...`,
  )
})
