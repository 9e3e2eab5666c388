/** XEP-0045 §7 (occupant use cases) by its own examples. */
import { describe, test } from '@jest/globals'
import { Stage } from '../../room/stage.js'
import { play } from './transcript.js'

const crone = 'crone1@shakespeare.lit/desktop'
const wicca = 'wiccarocks@shakespeare.lit/laptop'
const hag = 'hag66@shakespeare.lit/pda'

/** The coven: firstwitch owns it, secondwitch is an admin, thirdwitch a member; nothing is logged. */
const coven = (fields: Readonly<Record<string, string>> = {}): Stage => {
  const stage = new Stage().found()
  stage.configure(crone, { 'muc#roomconfig_enablelogging': '0', ...fields })
  stage.admin(
    crone,
    `<item affiliation='admin' jid='wiccarocks@shakespeare.lit'/><item affiliation='member' jid='hag66@shakespeare.lit'/>`,
  )
  stage.join(wicca, 'secondwitch', '<password>cauldronburn</password>')
  return stage
}

const full = (fields: Readonly<Record<string, string>> = {}): Stage => {
  const stage = coven(fields)
  stage.join(hag, 'thirdwitch', '<password>cauldronburn</password>')
  return stage
}

const seeking = `C: <presence from='hag66@shakespeare.lit/pda' id='n13mt3l' to='coven@chat.shakespeare.lit/thirdwitch'>
  <x xmlns='http://jabber.org/protocol/muc'/></presence>`

const denied = (condition: string, type: string): string => `${seeking}
  S: <presence from='coven@chat.shakespeare.lit/thirdwitch' id='n13mt3l' to='hag66@shakespeare.lit/pda' type='error'>
    <error by='coven@chat.shakespeare.lit' type='${type}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`

describe('§7.2 Entering a Room', () => {
  test('§7.2.2 Presence Broadcast: existing occupants, the new one to all, itself last', () => {
    play(
      coven(),
      `${seeking}
      S: <presence from='coven@chat.shakespeare.lit/firstwitch' to='hag66@shakespeare.lit/pda'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator'/></x></presence>
      S: <presence from='coven@chat.shakespeare.lit/secondwitch' to='hag66@shakespeare.lit/pda'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='admin' role='moderator'/></x></presence>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='crone1@shakespeare.lit/desktop'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/></x></presence>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='wiccarocks@shakespeare.lit/laptop'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/></x></presence>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' id='n13mt3l' to='hag66@shakespeare.lit/pda'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/><status code='110'/></x></presence>
      S: <message from='coven@chat.shakespeare.lit' to='hag66@shakespeare.lit/pda' type='groupchat'><subject/></message>`,
    )
  })

  test('§7.2.3 Non-Anonymous Rooms: the full JID for all, 100 for who enters', () => {
    play(
      coven({ 'muc#roomconfig_whois': 'anyone' }),
      `${seeking}
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='crone1@shakespeare.lit/desktop'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/></x></presence>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' id='n13mt3l' to='hag66@shakespeare.lit/pda'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/><status code='100'/><status code='110'/></x></presence>
      S: ...`,
    )
  })

  test('§7.2.1 No Nickname Specified', () => {
    play(
      coven(),
      `C: <presence from='hag66@shakespeare.lit/pda' id='273hs51g' to='coven@chat.shakespeare.lit'><x xmlns='http://jabber.org/protocol/muc'/></presence>
      S: <presence from='coven@chat.shakespeare.lit' id='273hs51g' to='hag66@shakespeare.lit/pda' type='error'>
        <error by='coven@chat.shakespeare.lit' type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`,
    )
  })

  test('§7.2.5 Password-Protected Rooms', () => {
    const stage = coven({ 'muc#roomconfig_roomsecret': 'cauldronburn' })
    play(stage, denied('not-authorized', 'auth'))
    play(
      stage,
      `C: <presence from='hag66@shakespeare.lit/pda' id='djn4714' to='coven@chat.shakespeare.lit/thirdwitch'>
        <x xmlns='http://jabber.org/protocol/muc'><password>cauldronburn</password></x></presence>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' id='djn4714' to='hag66@shakespeare.lit/pda'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/><status code='110'/></x></presence>
      S: ...`,
    )
  })

  test('§7.2.6 Members-Only Rooms', () => {
    const stage = coven({ 'muc#roomconfig_membersonly': '1' })
    stage.admin(crone, `<item affiliation='none' jid='hag66@shakespeare.lit'/>`)
    play(stage, denied('registration-required', 'auth'))
  })

  test('§7.2.7 Banned Users', () => {
    const stage = coven()
    stage.admin(crone, `<item affiliation='outcast' jid='hag66@shakespeare.lit'/>`)
    play(stage, denied('forbidden', 'auth'))
  })

  test('§7.2.8 Nickname Conflict', () => {
    const stage = coven()
    stage.join('other@shakespeare.lit/x', 'thirdwitch')
    play(stage, denied('conflict', 'cancel'))
  })

  test('§7.2.9 Max Users', () => play(coven({ 'muc#roomconfig_maxusers': '1' }), denied('service-unavailable', 'wait')))

  test('§7.2.10 Locked Room', () => {
    const stage = new Stage()
    stage.join(crone, 'firstwitch')
    play(stage, denied('item-not-found', 'cancel'))
  })

  test('§7.2.12 Room Logging: 170', () => {
    play(
      coven({ 'muc#roomconfig_enablelogging': '1', 'muc#roomconfig_whois': 'anyone' }),
      `${seeking}
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' id='n13mt3l' to='hag66@shakespeare.lit/pda'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/><status code='100'/><status code='110'/><status code='170'/></x></presence>
      S: ...`,
    )
  })

  test('§7.2.13, §7.2.15 Discussion History and Room Subject, stamped by the room', () => {
    const stage = coven()
    play(
      stage,
      `C: <message from='crone1@shakespeare.lit/desktop' id='162BEBB1-F6DB-4D9A-9BD8-CFDCC801A0B2' to='coven@chat.shakespeare.lit' type='groupchat'><body>Thrice the brinded cat hath mew'd.</body></message>
      S: ...
      C: <message from='crone1@shakespeare.lit/desktop' to='coven@chat.shakespeare.lit' type='groupchat'><subject>Fire Burn and Cauldron Bubble!</subject></message>
      S: ...
      ${seeking}
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' id='n13mt3l' to='hag66@shakespeare.lit/pda'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/><status code='110'/></x></presence>
      S: <message from='coven@chat.shakespeare.lit/firstwitch' id='162BEBB1-F6DB-4D9A-9BD8-CFDCC801A0B2' to='hag66@shakespeare.lit/pda' type='groupchat'>
        <body>Thrice the brinded cat hath mew'd.</body><delay xmlns='urn:xmpp:delay' from='coven@chat.shakespeare.lit' stamp='{any}'/></message>
      S: <message from='coven@chat.shakespeare.lit/firstwitch' to='hag66@shakespeare.lit/pda' type='groupchat'>
        <subject>Fire Burn and Cauldron Bubble!</subject><delay xmlns='urn:xmpp:delay' from='coven@chat.shakespeare.lit' stamp='{any}'/></message>
      S: ...`,
    )
  })

  test('§7.2.18 presence of a non-occupant: an explicit kick', () => {
    play(
      coven(),
      `C: <presence from='hag66@shakespeare.lit/pda' to='coven@chat.shakespeare.lit/thirdwitch'/>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='hag66@shakespeare.lit/pda' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'><reason>You are not in the room.</reason></item>
        <status code='110'/><status code='307'/><status code='333'/></x></presence>`,
    )
  })
})

describe('§7.4 to §7.8', () => {
  test('§7.4 Sending a Message to All Occupants', () => {
    const reflected = (to: string): string =>
      `S: <message from='coven@chat.shakespeare.lit/thirdwitch' id='hysf1v37' to='${to}' type='groupchat'><body>Harpier cries: 'tis time, 'tis time.</body></message>`
    play(
      full(),
      `C: <message from='hag66@shakespeare.lit/pda' id='hysf1v37' to='coven@chat.shakespeare.lit' type='groupchat'><body>Harpier cries: 'tis time, 'tis time.</body></message>
      ${[crone, wicca, hag].map(reflected).join('\n')}`,
    )
  })

  test('§7.5 Sending a Private Message', () => {
    play(
      full(),
      `C: <message from='wiccarocks@shakespeare.lit/laptop' id='hgn27af1' to='coven@chat.shakespeare.lit/firstwitch' type='chat'>
        <body>I'll give thee a wind.</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>
      S: <message from='coven@chat.shakespeare.lit/secondwitch' id='hgn27af1' to='crone1@shakespeare.lit/desktop' type='chat'>
        <body>I'll give thee a wind.</body><x xmlns='http://jabber.org/protocol/muc#user'/></message>
      C: <message from='wiccarocks@shakespeare.lit/laptop' id='bx71f29k' to='coven@chat.shakespeare.lit/firstwitch' type='groupchat'><body>I'll give thee a wind.</body></message>
      S: <message from='coven@chat.shakespeare.lit/firstwitch' id='bx71f29k' to='wiccarocks@shakespeare.lit/laptop' type='error'>
        <error by='coven@chat.shakespeare.lit' type='modify'><bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`,
    )
  })

  test('§7.6 Changing Nickname', () => {
    const changed = (to: string, self: string): string => `
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='${to}' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' nick='oldhag' role='participant'/>${self}<status code='303'/></x></presence>
      S: <presence from='coven@chat.shakespeare.lit/oldhag' to='${to}'${self && ` id='ifd1c35'`}>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'/>${self}</x></presence>`
    play(
      full(),
      `C: <presence from='hag66@shakespeare.lit/pda' id='ifd1c35' to='coven@chat.shakespeare.lit/oldhag'/>
      ${changed(crone, '')}${changed(wicca, '')}${changed(hag, `<status code='110'/>`)}
      C: <presence from='hag66@shakespeare.lit/pda' id='nx6z2v5' to='coven@chat.shakespeare.lit/secondwitch'/>
      S: <presence from='coven@chat.shakespeare.lit/secondwitch' id='nx6z2v5' to='hag66@shakespeare.lit/pda' type='error'>
        <error by='coven@chat.shakespeare.lit' type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`,
    )
  })

  test('§7.7 Changing Availability Status', () => {
    const passed = (to: string, self = ''): string =>
      `S: <presence from='coven@chat.shakespeare.lit/secondwitch' to='${to}'><show>xa</show><status>gone where the goblins go</status>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='admin' jid='wiccarocks@shakespeare.lit/laptop' role='moderator'/>${self}</x></presence>`
    play(
      coven(),
      `C: <presence from='wiccarocks@shakespeare.lit/laptop' id='kr7v143h' to='coven@chat.shakespeare.lit/secondwitch'><show>xa</show><status>gone where the goblins go</status></presence>
      ${passed(crone)}
      ${passed(wicca, `<status code='110'/>`)}`,
    )
  })

  test('§7.8.2 Mediated Invitation, and its decline', () => {
    play(
      full({ 'muc#roomconfig_whois': 'anyone', 'muc#roomconfig_roomsecret': 'cauldronburn' }),
      `C: <message from='crone1@shakespeare.lit/desktop' id='nzd143v8' to='coven@chat.shakespeare.lit'>
        <x xmlns='http://jabber.org/protocol/muc#user'><invite to='hecate@shakespeare.lit'><reason>Hey Hecate, this is the place for all good witches!</reason></invite></x></message>
      S: <message from='coven@chat.shakespeare.lit' id='nzd143v8' to='hecate@shakespeare.lit'>
        <x xmlns='http://jabber.org/protocol/muc#user'><invite from='crone1@shakespeare.lit'><reason>Hey Hecate, this is the place for all good witches!</reason></invite><password>cauldronburn</password></x></message>
      C: <message from='hecate@shakespeare.lit/broom' id='jk2vs61v' to='coven@chat.shakespeare.lit'>
        <x xmlns='http://jabber.org/protocol/muc#user'><decline to='crone1@shakespeare.lit'><reason>Sorry, I'm too busy right now.</reason></decline></x></message>
      S: <message from='coven@chat.shakespeare.lit' id='jk2vs61v' to='crone1@shakespeare.lit/desktop'>
        <x xmlns='http://jabber.org/protocol/muc#user'><decline from='hecate@shakespeare.lit'><reason>Sorry, I'm too busy right now.</reason></decline></x></message>`,
    )
  })
})

describe('§7.12 to §7.14', () => {
  test('§7.12 Discovering Reserved Room Nickname', () => {
    const stage = coven()
    stage.admin(crone, `<item affiliation='member' jid='hag66@shakespeare.lit' nick='thirdwitch'/>`)
    play(
      stage,
      `C: <iq from='hag66@shakespeare.lit/pda' id='getnick1' to='coven@chat.shakespeare.lit' type='get'><query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/></iq>
      S: <iq from='coven@chat.shakespeare.lit' id='getnick1' to='hag66@shakespeare.lit/pda' type='result'><query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'>
        <identity category='conference' name='thirdwitch' type='text'/></query></iq>`,
    )
  })

  test('§7.13, §8.6 Requesting Voice and Approving Voice Requests', () => {
    const stage = full({ 'muc#roomconfig_moderatedroom': '1' })
    stage.admin(crone, `<item nick='thirdwitch' role='visitor'/>`)
    stage.send(
      `<presence xmlns='jabber:client' from='${wicca}' to='coven@chat.shakespeare.lit/secondwitch' type='unavailable'/>`,
    )
    play(
      stage,
      `C: <message from='hag66@shakespeare.lit/pda' id='yd53c486' to='coven@chat.shakespeare.lit'><x xmlns='jabber:x:data' type='submit'>
        <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>
        <field var='muc#role' type='list-single' label='Requested role'><value>participant</value></field></x></message>
      S: <message from='coven@chat.shakespeare.lit' id='{any}' to='crone1@shakespeare.lit/desktop'><x xmlns='jabber:x:data' type='form'>
        <title>Voice request</title><instructions>{any}</instructions>
        <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#request</value></field>
        <field var='muc#role' type='list-single' label='Requested role'><value>participant</value></field>
        <field var='muc#jid' type='jid-single' label='User ID'><value>hag66@shakespeare.lit/pda</value></field>
        <field var='muc#roomnick' type='text-single' label='Room Nickname'><value>thirdwitch</value></field>
        <field var='muc#request_allow' type='boolean' label='Grant voice to this person?'><value>false</value></field></x></message>
      C: <message from='crone1@shakespeare.lit/desktop' id='approve' to='coven@chat.shakespeare.lit'><x xmlns='jabber:x:data' type='submit'>
        <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#request</value></field>
        <field var='muc#role'><value>participant</value></field><field var='muc#jid'><value>hag66@shakespeare.lit/pda</value></field>
        <field var='muc#roomnick'><value>thirdwitch</value></field><field var='muc#request_allow'><value>true</value></field></x></message>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='crone1@shakespeare.lit/desktop'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'><actor nick='firstwitch' jid='crone1@shakespeare.lit'/></item></x></presence>
      S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='hag66@shakespeare.lit/pda'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='participant'><actor nick='firstwitch'/></item><status code='110'/></x></presence>`,
    )
  })

  test('§7.14 Exiting a Room', () => {
    const left = (to: string, self = ''): string =>
      `S: <presence from='coven@chat.shakespeare.lit/thirdwitch' to='${to}' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='member' jid='hag66@shakespeare.lit/pda' role='none'/>${self}</x></presence>`
    play(
      full(),
      `C: <presence from='hag66@shakespeare.lit/pda' to='coven@chat.shakespeare.lit/thirdwitch' type='unavailable'/>
      ${left(hag, `<status code='110'/>`)}
      ${left(crone)}
      ${left(wicca)}`,
    )
  })
})
