/** XEP-0045 §16.6.2: every status code of the registry that a room sends: who gets it, and with which others. */
import { expect, test } from '@jest/globals'
import { apply, leaveAll, render } from '../../../src/room/index.js'
import { codes, lines, presence, Stage } from '../../room/stage.js'
import { affiliation, coven, crone, hag, hecate, outsider, role, room, to, wicca } from './cast.js'

type Scenario = () => readonly string[]

const enter = (fields: Readonly<Record<string, string>>, from = outsider, nick = 'macbeth'): Scenario => {
  return () => coven(fields).join(from, nick)
}
const configure = (before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): Scenario => {
  return () => coven(before).configure(crone, after)
}
const administer = (item: string, fields: Readonly<Record<string, string>> = {}): Scenario => {
  return () => coven(fields).admin(crone, item)
}
const from = (nick: string, type = ''): string => `<presence from='${room}/${nick}'${type}`
const gone = " type='unavailable'"
const said = `<message from='${room}'`

const lockedNicks: Scenario = () => {
  const stage = coven()
  stage.admin(crone, `<item affiliation='member' jid='${outsider}' nick='king'/>`)
  stage.policy = { ...stage.policy, lockNicks: true }
  return stage.join(outsider, 'macbeth')
}
const stops: Scenario = () => {
  let { state } = coven()
  return leaveAll(state).flatMap((operation) => {
    const before = state
    state = apply(state, operation)
    return lines(render(before, operation, state))
  })
}
const leaves = (stanza: string): Scenario => {
  return () => coven().send(stanza)
}

/** Code, scenario, whose copies are looked at, how they begin, and the codes of each of them. */
const cases: readonly (readonly [string, string, Scenario, string, string, readonly (readonly string[])[]])[] = [
  [
    '100',
    'all may see your real JID',
    enter({ 'muc#roomconfig_whois': 'anyone' }),
    outsider,
    from('macbeth'),
    [['100', '110']],
  ],
  [
    '101',
    'your affiliation changed while you were not in the room',
    administer(`<item affiliation='admin' jid='${outsider}'/>`),
    'macbeth@shakespeare.lit',
    said,
    [['101']],
  ],
  [
    '104',
    'the configuration changed',
    configure({}, { 'muc#roomconfig_roomdesc': 'A heath' }),
    hecate,
    said,
    [['104']],
  ],
  ['110', 'it is you', enter({}), outsider, from('macbeth'), [['110']]],
  ['110', 'and not others', enter({}), crone, from('macbeth'), [[]]],
  [
    '170',
    'the room is archived, on entering',
    enter({ 'muc#roomconfig_enablelogging': '1' }),
    outsider,
    from('macbeth'),
    [['110', '170']],
  ],
  ['170', 'the room is archived now', configure({}, { 'muc#roomconfig_enablelogging': '1' }), hecate, said, [['170']]],
  [
    '171',
    'the room is not archived any more',
    configure({ 'muc#roomconfig_enablelogging': '1' }, { 'muc#roomconfig_enablelogging': '0' }),
    hecate,
    said,
    [['171']],
  ],
  [
    '172',
    'the room is non-anonymous now',
    configure({}, { 'muc#roomconfig_whois': 'anyone' }),
    hecate,
    said,
    [['172']],
  ],
  [
    '173',
    'the room is semi-anonymous now',
    configure({ 'muc#roomconfig_whois': 'anyone' }, { 'muc#roomconfig_whois': 'moderators' }),
    hecate,
    said,
    [['173']],
  ],
  [
    '201',
    'you created the room',
    () => new Stage(room).join(outsider, 'macbeth'),
    outsider,
    from('macbeth'),
    [['110', '170', '201']],
  ],
  ['210', 'the service chose your nickname', lockedNicks, outsider, from('king'), [['110', '210']]],
  [
    '301',
    'banned, to the banned',
    administer(affiliation('hecate', 'outcast')),
    hecate,
    from('hecate', gone),
    [['110', '301']],
  ],
  ['301', 'banned, to others', administer(affiliation('hecate', 'outcast')), hag, from('hecate', gone), [['301']]],
  [
    '303',
    'a new nickname, to oneself',
    leaves(`<presence from='${hecate}' to='${room}/hex'/>`),
    hecate,
    from('hecate', gone),
    [['110', '303']],
  ],
  [
    '303',
    'a new nickname, to others',
    leaves(`<presence from='${hecate}' to='${room}/hex'/>`),
    hag,
    from('hecate', gone),
    [['303']],
  ],
  ['307', 'kicked, to the kicked', administer(role('hecate', 'none')), hecate, from('hecate', gone), [['110', '307']]],
  ['307', 'kicked, to others', administer(role('hecate', 'none')), hag, from('hecate', gone), [['307']]],
  [
    '321',
    'no member any more, to oneself',
    administer(affiliation('thirdwitch', 'none'), { 'muc#roomconfig_membersonly': '1' }),
    hag,
    from('thirdwitch', gone),
    [['110', '321']],
  ],
  [
    '321',
    'no member any more, to others',
    administer(affiliation('thirdwitch', 'none'), { 'muc#roomconfig_membersonly': '1' }),
    wicca,
    from('thirdwitch', gone),
    [['321']],
  ],
  [
    '322',
    'members-only now, to who is none',
    configure({}, { 'muc#roomconfig_membersonly': '1' }),
    hecate,
    from('hecate', gone),
    [['110', '322']],
  ],
  [
    '322',
    'members-only now, to others',
    configure({}, { 'muc#roomconfig_membersonly': '1' }),
    hag,
    from('hecate', gone),
    [['322']],
  ],
  ['332', 'the service stops, each of itself', stops, hecate, from('hecate', gone), [['110', '332']]],
  [
    '333',
    'a technical problem, to oneself',
    leaves(
      `<presence from='${hecate}' to='${room}/hecate' type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`,
    ),
    hecate,
    from('hecate', gone),
    [['110', '333']],
  ],
  [
    '333',
    'a technical problem, to others',
    leaves(
      `<presence from='${hecate}' to='${room}/hecate' type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`,
    ),
    hag,
    from('hecate', gone),
    [['333']],
  ],
]

test.each(cases)('§16.6.2 %s: %s', (code, _what, scenario, reader, start, expected) => {
  const seen = to(reader, scenario()).filter((line) => line.startsWith(start))
  expect(seen.map((line) => codes(line).sort())).toEqual(expected)
  if (!_what.startsWith('and not')) expect(expected.flat()).toContain(code)
})

test('§14.3 logging is told with 170 on entering and when it is turned on', () => {
  const stage = coven()
  expect(stage.join(outsider, 'macbeth').filter((line) => line.includes("code='170'"))).toEqual([])
  const warned = stage
    .configure(crone, { 'muc#roomconfig_enablelogging': '1' })
    .filter((line) => line.includes("code='170'"))
  expect(warned.map((line) => line.split(' ')[0])).toEqual([crone, wicca, hag, hecate, outsider])
  expect(to('lady@shakespeare.lit/x', stage.join('lady@shakespeare.lit/x', 'lady')).flatMap(codes)).toContain('170')
})

test('§14.5 real JIDs for all are told with 100 on entering, and with 172 when that changes', () => {
  const stage = coven()
  const warned = stage
    .configure(crone, { 'muc#roomconfig_whois': 'anyone' })
    .filter((line) => line.includes("code='172'"))
  expect(warned).toHaveLength(4)
  expect(to(outsider, stage.send(presence(room, outsider, 'macbeth'))).flatMap(codes)).toContain('100')
})
