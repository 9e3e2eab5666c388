/** What an owner lets visitors and others do, beyond the fields that XEP-0045 has. */
import { describe, expect, test } from '@jest/globals'
import { presence, Stage } from './stage.js'

const room = 'coven@chat.shakespeare.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const wicca = 'wiccarocks@shakespeare.lit/laptop'
const hag = 'hag66@shakespeare.lit/pda'

/** The crone moderates, the wicca has voice, the hag has none. */
function stageWith(fields: Readonly<Record<string, string>>): Stage {
  const stage = new Stage().found()
  stage.configure(crone, { 'muc#roomconfig_moderatedroom': '1', ...fields })
  stage.join(wicca, 'secondwitch')
  stage.admin(crone, `<item nick='secondwitch' role='participant'/>`)
  stage.join(hag, 'thirdwitch')
  return stage
}

const available = (from: string, nick: string, content: string, type = ''): string =>
  `<presence xmlns='jabber:client' from='${from}' to='${room}/${nick}'${type}>${content}</presence>`
const whisper = (from: string, nick: string): string =>
  `<message xmlns='jabber:client' from='${from}' to='${room}/${nick}' type='chat'><body>psst</body></message>`
const ask = (from: string, nick: string, payload = `<query xmlns='jabber:iq:version'/>`): string =>
  `<iq xmlns='jabber:client' from='${from}' to='${room}/${nick}' id='q' type='get'>${payload}</iq>`
const voiceRequest = (from: string): string =>
  `<message xmlns='jabber:client' from='${from}' to='${room}'><x xmlns='jabber:x:data' type='submit'>
    <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>
    <field var='muc#role'><value>participant</value></field></x></message>`

describe('visitors', () => {
  test('allowvisitorstatus: their status text is left out, on entering, later and on leaving; that of others is not', () => {
    const said = '<show>away</show><status>buy my wares</status>'
    const stage = stageWith({ 'muc#roomconfig_allowvisitorstatus': '0' })
    const other = 'other@shakespeare.lit/x'
    const seen = [
      ...stage.seenBy(crone, presence(room, other, 'fourth', '', said)),
      ...stage.seenBy(crone, available(hag, 'thirdwitch', said)),
      ...stage.seenBy(crone, available(hag, 'thirdwitch', '<status>buy</status>', ` type='unavailable'`)),
    ]
    expect(seen).toHaveLength(3)
    expect(seen.filter((text) => text.includes('away'))).toHaveLength(2)
    expect(seen.filter((text) => text.includes('<status>'))).toEqual([])
    expect(stage.seenBy(crone, available(wicca, 'secondwitch', said))[0]).toContain('buy my wares')
    const allowed = stageWith({})
    expect(allowed.seenBy(crone, available(hag, 'thirdwitch', said))[0]).toContain('buy my wares')
  })

  test('allowvisitornickchange: they keep their nickname, others do not have to', () => {
    const stage = stageWith({ 'muc#roomconfig_allowvisitornickchange': '0' })
    expect(stage.refusal(available(hag, 'oldhag', ''))).toBe('not-allowed/cancel')
    expect(stage.refusal(available(wicca, 'wicca', ''))).toBe('ok')
    expect(stageWith({}).refusal(available(hag, 'oldhag', ''))).toBe('ok')
  })

  test('allowvoicerequests: nobody asks; voicerequestmininterval: nobody asks again so soon', () => {
    expect(stageWith({ 'muc#roomconfig_allowvoicerequests': '0' }).refusal(voiceRequest(hag))).toBe('forbidden/auth')
    const stage = stageWith({ 'muc#roomconfig_voicerequestmininterval': '600' })
    expect(stage.refusal(voiceRequest(hag))).toBe('ok')
    stage.at += 590_000
    expect(stage.refusal(voiceRequest(hag))).toBe('resource-constraint/wait')
    stage.at += 10_000
    expect(stage.refusal(voiceRequest(hag))).toBe('ok')
  })
})

describe('between occupants', () => {
  test('allow_modpm: moderators may be written to and write where others may not', () => {
    const stage = stageWith({ 'muc#roomconfig_allowpm': 'none', '{xmpp:prosody.im}muc#allow_modpm': '1' })
    expect(stage.refusal(whisper(hag, 'firstwitch'))).toBe('ok')
    expect(stage.refusal(whisper(crone, 'thirdwitch'))).toBe('ok')
    expect(stage.refusal(whisper(hag, 'secondwitch'))).toBe('forbidden/auth')
    expect(stageWith({ 'muc#roomconfig_allowpm': 'none' }).refusal(whisper(hag, 'firstwitch'))).toBe('forbidden/auth')
  })

  test('allow_query_users: only moderators ask others; everybody asks himself', () => {
    const stage = stageWith({ allow_query_users: '0' })
    expect(stage.refusal(ask(hag, 'secondwitch'))).toBe('not-allowed/cancel')
    expect(stage.refusal(ask(crone, 'secondwitch'))).toBe('ok')
    expect(stage.refusal(ask(hag, 'thirdwitch', `<ping xmlns='urn:xmpp:ping'/>`))).toBe('ok')
  })
})

test('XEP-0410 §3.2 who is not in the room is told so also where the room is locked or gone: not-acceptable', () => {
  const ping = ask(hag, 'thirdwitch', `<ping xmlns='urn:xmpp:ping'/>`)
  const locked = new Stage()
  locked.join(crone, 'firstwitch')
  expect(locked.refusal(ping)).toBe('not-acceptable/cancel')
  expect(locked.refusal(ask(hag, 'thirdwitch'))).toBe('item-not-found/cancel')
})
