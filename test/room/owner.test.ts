import { describe, expect, test } from '@jest/globals'
import { configFields, peersField } from '../../src/room/config-fields.js'
import { defaultConfig } from '../../src/room/index.js'
import { codes, configIq, presence, Stage } from './stage.js'

const room = 'coven@chat.shakespeare.lit'
const crone = 'crone1@shakespeare.lit/desktop'
const wicca = 'wiccarocks@shakespeare.lit/laptop'
const hag = 'hag66@shakespeare.lit/pda'

const ownerIq = (from: string, content = '', type = 'get'): string =>
  `<iq xmlns='jabber:client' from='${from}' to='${room}' id='o' type='${type}'><query xmlns='http://jabber.org/protocol/muc#owner'>${content}</query></iq>`

const form = (stage: Stage): string => stage.send(ownerIq(crone))[0]!

const field = (text: string, name: string): string | undefined =>
  new RegExp(`<field [^>]*var='${name.replace(/[{}#]/g, '.')}'[^>]*?(?:/>|>.*?</field>)`).exec(text)?.[0]

describe('XEP-0045 §10.2 configuration', () => {
  test('only owners get, set, cancel the form: forbidden', () => {
    const stage = new Stage().found()
    stage.join(wicca, 'secondwitch')
    expect(stage.refusal(ownerIq(wicca))).toBe('forbidden/auth')
    expect(stage.refusal(configIq(room, wicca, {}))).toBe('forbidden/auth')
    expect(stage.refusal(ownerIq(wicca, `<x xmlns='jabber:x:data' type='cancel'/>`, 'set'))).toBe('forbidden/auth')
    expect(stage.refusal(ownerIq(crone, `<y xmlns='urn:y'/>`, 'set'))).toBe('bad-request/modify')
  })

  test('§10.2, §16.5.3 the form has every standard field, filled in', () => {
    const stage = new Stage().found()
    const text = form(stage)
    expect(text).toContain(
      `<field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#roomconfig</value>`,
    )
    for (const name of [
      'muc#maxhistoryfetch',
      ...[
        'allowpm',
        'allowinvites',
        'changesubject',
        'enablelogging',
        'getmemberlist',
        'lang',
        'pubsub',
        'maxusers',
        'membersonly',
        'moderatedroom',
        'passwordprotectedroom',
        'persistentroom',
        'presencebroadcast',
        'publicroom',
        'roomadmins',
        'roomdesc',
        'roomname',
        'roomowners',
        'roomsecret',
        'whois',
      ].map((name) => `muc#roomconfig_${name}`),
    ])
      expect([name, field(text, name)]).toEqual([name, expect.any(String)])
    expect(field(text, 'muc#roomconfig_roomowners')).toContain('<value>crone1@shakespeare.lit</value>')
  })

  const cases: readonly (readonly [string, string | readonly string[], string, unknown])[] = [
    ['muc#roomconfig_roomname', 'A Dark Cave', 'name', 'A Dark Cave'],
    ['muc#roomconfig_roomdesc', 'The place!', 'description', 'The place!'],
    ['muc#roomconfig_lang', 'en', 'language', 'en'],
    ['muc#roomconfig_enablelogging', 'false', 'archive', false],
    ['archive_expires_after', '30', 'archiveDays', 30],
    ['muc#roomconfig_changesubject', 'true', 'changeSubject', true],
    ['muc#roomconfig_allowinvites', '1', 'allowInvites', true],
    ['muc#roomconfig_allowpm', 'moderators', 'allowPrivateMessages', 'moderators'],
    ['{xmpp:prosody.im}muc#allow_modpm', '1', 'allowModeratorMessages', true],
    ['muc#roomconfig_allowvisitorstatus', '0', 'allowVisitorStatus', false],
    ['muc#roomconfig_allowvisitornickchange', '0', 'allowVisitorNicks', false],
    ['muc#roomconfig_allowvoicerequests', '0', 'allowVoiceRequests', false],
    ['muc#roomconfig_voicerequestmininterval', '600', 'voiceRequestInterval', 600],
    ['allow_query_users', '0', 'allowQueries', false],
    ['public_list', '1', 'publicList', true],
    ['muc#roomconfig_maxusers', '10', 'maxUsers', 10],
    ['muc#roomconfig_presencebroadcast', ['moderator'], 'presenceBroadcast', ['moderator']],
    ['muc#roomconfig_getmemberlist', ['visitor', 'moderator'], 'getMemberList', ['moderator', 'visitor']],
    ['muc#roomconfig_publicroom', '0', 'public', false],
    ['muc#roomconfig_persistentroom', '1', 'persistent', true],
    ['muc#roomconfig_moderatedroom', '1', 'moderated', true],
    ['muc#roomconfig_membersonly', '1', 'membersOnly', true],
    ['muc#roomconfig_roomsecret', 'cauldronburn', 'password', 'cauldronburn'],
    ['muc#roomconfig_whois', 'anyone', 'whois', 'anyone'],
    ['muc#maxhistoryfetch', '50', 'historyLength', 50],
    [
      'muc#roomconfig_pubsub',
      'xmpp:pubsub.shakespeare.lit?;node=the-coven-node',
      'pubsub',
      'xmpp:pubsub.shakespeare.lit?;node=the-coven-node',
    ],
    ['muc#roomconfig_distributed', 'true', 'distributed', true],
    [
      peersField,
      ['rooms.macbeth.lit', 'Conference.Marlowe.lit'],
      'peers',
      ['rooms.macbeth.lit', 'conference.marlowe.lit'],
    ],
  ]

  test.each(cases)('%s is set and shown again', (name, value, key, expected) => {
    const stage = new Stage(room, { distribution: { peers: [] } }).found()
    stage.configure(crone, { [name]: value })
    expect(stage.state.config).toEqual({ ...defaultConfig, [key]: expected })
    const shown = field(form(stage), name)
    expect(stage.refusal(configIq(room, crone, { [name]: value }))).toBe('ok')
    expect(stage.last?.changes).toEqual([])
    expect(shown).toBeDefined()
  })

  test('the cases above are all fields there are', () => {
    expect(cases.map(([name]) => name).sort()).toEqual(
      configFields
        .map(({ var: name }) => name)
        .filter((name) => !/\}(hats|avatar)$/.test(name))
        .sort(),
    )
  })

  test.each([
    ['muc#roomconfig_enablelogging', 'maybe'],
    ['muc#roomconfig_allowpm', 'all'],
    ['muc#roomconfig_voicerequestmininterval', 'soon'],
    ['allow_query_users', 'yes'],
    ['muc#roomconfig_maxusers', '-1'],
    ['muc#roomconfig_maxusers', '101'],
    ['muc#roomconfig_presencebroadcast', 'king'],
    ['muc#roomconfig_whois', 'none'],
    ['muc#maxhistoryfetch', '1000'],
    ['muc#roomconfig_roomname', 'x'.repeat(201)],
    ['muc#roomconfig_passwordprotectedroom', '1'],
    ['muc#roomconfig_roomowners', ''],
    ['muc#roomconfig_distributed', '1'],
    [peersField, 'rooms.macbeth.lit'],
  ])('§10.1.3 %s = %s is refused with not-acceptable and the reason, and nothing changes', (name, value) => {
    const stage = new Stage(room, { maxUsers: 100 }).found()
    const before = stage.state
    const refusal = stage.refusal(configIq(room, crone, { 'muc#roomconfig_roomdesc': 'new', [name]: value }))
    expect(refusal).toBe(name.endsWith('owners') ? 'conflict/cancel' : 'not-acceptable/modify')
    expect(stage.state).toBe(before)
  })

  test('an option that the operator fixed is not offered, and refused', () => {
    const stage = new Stage(room, { fixed: { whois: 'moderators', persistent: true } }).found()
    expect(stage.state.config.persistent).toBe(true)
    expect(field(form(stage), 'muc#roomconfig_persistentroom')).toBeUndefined()
    expect(stage.refusal(configIq(room, crone, { 'muc#roomconfig_persistentroom': '0' }))).toBe('not-acceptable/modify')
    expect(stage.refusal(configIq(room, crone, { 'muc#roomconfig_persistentroom': '1' }))).toBe('ok')
  })

  test('XEP-0281 E1: the field for distribution only where the service allows it, peers chosen among its list', () => {
    expect(field(form(new Stage().found()), 'muc#roomconfig_distributed')).toBeUndefined()
    const peers = [{ jid: 'rooms.macbeth.lit', label: 'Macbeth' }]
    const stage = new Stage(room, { distribution: { peers } }).found()
    const text = form(stage)
    expect(text).toContain(
      `<field var='muc#roomconfig_distributed' type='boolean' label='Distribute Room Across Multiple Services?'><value>0</value></field>`,
    )
    expect(field(text, peersField)).toContain(`<option label='Macbeth'><value>rooms.macbeth.lit</value></option>`)
    expect(stage.refusal(configIq(room, crone, { [peersField]: 'evil.example' }))).toBe('not-acceptable/modify')
    stage.configure(crone, { 'muc#roomconfig_distributed': 'true', [peersField]: 'rooms.macbeth.lit' })
    expect(stage.state.config).toMatchObject({ distributed: true, peers: ['rooms.macbeth.lit'] })
  })

  test('§10.2.1 170, 171, 172, 173 where privacy changes, 104 for all else', () => {
    const stage = new Stage().found()
    const notified = (fields: Record<string, string>): string[] => codes(stage.configure(crone, fields).at(-1)!)
    expect(notified({ 'muc#roomconfig_enablelogging': '0' })).toEqual(['171'])
    expect(notified({ 'muc#roomconfig_enablelogging': '1' })).toEqual(['170'])
    expect(notified({ 'muc#roomconfig_whois': 'anyone' })).toEqual(['172'])
    expect(notified({ 'muc#roomconfig_whois': 'moderators', 'muc#roomconfig_roomdesc': 'x' })).toEqual(['173', '104'])
    expect(notified({ 'muc#roomconfig_roomname': 'x' })).toEqual(['104'])
    expect(stage.configure(crone, { 'muc#roomconfig_roomname': 'x' })).toHaveLength(1)
  })

  test('non-members leave a room that becomes members-only: 322', () => {
    const stage = new Stage().found()
    stage.join(wicca, 'secondwitch')
    stage.join(hag, 'thirdwitch')
    const lines = stage.configure(crone, { 'muc#roomconfig_membersonly': '1' })
    const removals = lines.filter((line) => line.includes("code='110'"))
    expect(removals.map(codes)).toEqual([
      ['110', '322'],
      ['110', '322'],
    ])
    expect(lines.filter((line) => line.startsWith(crone) && line.includes("code='322'"))).toHaveLength(2)
    expect(lines.filter((line) => line.startsWith(wicca))).toHaveLength(1)
    expect([...stage.state.occupants.keys()]).toEqual(['firstwitch'])
  })

  test('nobody has voice in a room that becomes moderated, but members and moderators', () => {
    const stage = new Stage().found()
    stage.join(hag, 'thirdwitch')
    stage.join(wicca, 'secondwitch')
    stage.send(`<iq from='${crone}' to='coven@chat.shakespeare.lit' id='m' type='set'><query xmlns='http://jabber.org/protocol/muc#admin'>
      <item affiliation='member' jid='${wicca.split('/')[0]}'/></query></iq>`)
    const lines = stage.configure(crone, { 'muc#roomconfig_moderatedroom': '1' })
    expect(lines.some((line) => line.startsWith(hag) && line.includes("role='visitor'"))).toBe(true)
    const roles = [...stage.state.occupants].map(([nick, { role }]) => [nick, role])
    expect(Object.fromEntries(roles)).toEqual({
      firstwitch: 'moderator',
      secondwitch: 'participant',
      thirdwitch: 'visitor',
    })
  })

  test('all have voice when a room is not moderated any more', () => {
    const stage = new Stage().found()
    stage.configure(crone, { 'muc#roomconfig_moderatedroom': '1' })
    stage.join(hag, 'thirdwitch')
    const lines = stage.configure(crone, { 'muc#roomconfig_moderatedroom': '0' })
    expect(lines.some((line) => line.startsWith(hag) && line.includes("role='participant'"))).toBe(true)
  })

  test('the lists of owners and admins are full lists', () => {
    const stage = new Stage().found()
    stage.configure(crone, {
      'muc#roomconfig_roomadmins': ['wiccarocks@shakespeare.lit', 'hecate@shakespeare.lit'],
      'muc#roomconfig_roomowners': ['crone1@shakespeare.lit', 'hag66@shakespeare.lit/pda'],
    })
    const now = (): Record<string, string> =>
      Object.fromEntries([...stage.state.register].map(([jid, entry]) => [jid.split('@')[0], entry.affiliation]))
    expect(now()).toEqual({ crone1: 'owner', wiccarocks: 'admin', hecate: 'admin', hag66: 'owner' })
    stage.configure(crone, {
      'muc#roomconfig_roomadmins': ['hecate@shakespeare.lit'],
      'muc#roomconfig_roomowners': ['crone1@shakespeare.lit'],
    })
    expect(now()).toEqual({ crone1: 'owner', hecate: 'admin', hag66: 'admin' })
  })

  test('cancelling a later configuration leaves everything as it was', () => {
    const stage = new Stage().found()
    const before = stage.state
    expect(stage.send(ownerIq(crone, `<x xmlns='jabber:x:data' type='cancel'/>`, 'set'))).toHaveLength(1)
    expect(stage.state).toBe(before)
  })
})

describe('muc#roomconfig_presencebroadcast', () => {
  test('presence of other roles reaches only its owner; who falls silent vanishes, who is heard appears', () => {
    const stage = new Stage().found()
    stage.configure(crone, {
      'muc#roomconfig_presencebroadcast': ['moderator', 'participant'],
      'muc#roomconfig_moderatedroom': '1',
    })
    expect(stage.join(hag, 'thirdwitch').filter((line) => line.startsWith(crone))).toEqual([])
    const [, shown] = stage.admin(crone, `<item nick='thirdwitch' role='participant'/>`)
    expect(shown).toContain(`<presence from='${room}/thirdwitch'>`)
    const hidden = stage.admin(crone, `<item nick='thirdwitch' role='visitor'/>`)
    expect(hidden.find((line) => line.startsWith(crone) && line.includes('thirdwitch'))).toContain(`type='unavailable'`)
    expect(hidden.find((line) => line.startsWith(hag))).toContain(`role='visitor'`)
    const all = stage.configure(crone, { 'muc#roomconfig_presencebroadcast': ['moderator', 'participant', 'visitor'] })
    expect(all.some((line) => line.startsWith(crone) && line.includes(`<presence from='${room}/thirdwitch'>`))).toBe(
      true,
    )
  })
})

describe('XEP-0045 §10.9 destroying a room', () => {
  test('one stanza to each client with venue, password and reason, then the result', () => {
    const stage = new Stage().found()
    stage.join(wicca, 'secondwitch')
    const lines = stage.send(
      ownerIq(
        crone,
        `<destroy jid='heath@chat.shakespeare.lit'><password>p</password><reason>Macbeth doth come.</reason></destroy>`,
        'set',
      ),
    )
    expect(lines).toHaveLength(3)
    expect(lines[1]).toContain(
      `${wicca} <- <presence from='${room}/secondwitch' type='unavailable'><x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/>` +
        `<destroy jid='heath@chat.shakespeare.lit'><password>p</password><reason>Macbeth doth come.</reason></destroy>`,
    )
    expect(lines[2]).toContain("type='result'")
    expect(stage.refusal(presence(room, hag, 'x'))).toBe('item-not-found/cancel')
  })

  test('only owners: forbidden; a venue that is no JID: jid-malformed', () => {
    const stage = new Stage().found()
    stage.join(wicca, 'secondwitch')
    expect(stage.refusal(ownerIq(wicca, '<destroy/>', 'set'))).toBe('forbidden/auth')
    expect(stage.refusal(ownerIq(crone, `<destroy jid='@@'/>`, 'set'))).toBe('jid-malformed/modify')
  })
})
