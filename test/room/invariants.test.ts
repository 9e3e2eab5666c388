/**
 * Any sequence of what clients may send keeps the room whole. Beside the room's own invariants each client's view is kept as a client
 * keeps it, from the presence it gets, and must be what the room holds; and no stanza shows a real JID to one who may not see it.
 */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { apply, type Delivery, operationOf, type RoomState } from '../../src/room/index.js'
import { roleFits } from '../../src/room/roles.js'
import { type Element, elements } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { adminIq, bare, configIq, groupchat, presence, Stage } from './stage.js'
import { affiliationOf, isShown, localSessions, maySee, occupantOf } from './views.js'

const room = 'coven@chat.shakespeare.lit'
const users = ['ann@a.lit', 'bob@a.lit', 'cat@b.lit', 'dan@b.lit', 'eve@c.lit']
const sessions = users.flatMap((jid) => [`${jid}/one`, `${jid}/two`])
const nicks = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']

const from = fc.constantFrom(...sessions)
const nick = fc.constantFrom(...nicks)
const jid = fc.constantFrom(...users, 'b.lit')
const flag = fc.constantFrom('0', '1')

const item = fc.oneof(
  fc
    .record({ nick, role: fc.constantFrom('none', 'visitor', 'participant', 'moderator') })
    .map(({ nick, role }) => `<item nick='${nick}' role='${role}'/>`),
  fc
    .record({ jid, affiliation: fc.constantFrom('outcast', 'none', 'member', 'admin', 'owner') })
    .map(({ jid, affiliation }) => `<item jid='${jid}' affiliation='${affiliation}'/>`),
  fc.record({ jid, nick }).map(({ jid, nick }) => `<item jid='${jid}' affiliation='member' nick='${nick}'/>`),
)

const config = fc.record(
  {
    'muc#roomconfig_moderatedroom': flag,
    'muc#roomconfig_membersonly': flag,
    'muc#roomconfig_whois': fc.constantFrom('anyone', 'moderators'),
    'muc#roomconfig_changesubject': flag,
    'muc#roomconfig_allowinvites': flag,
    'muc#roomconfig_maxusers': fc.constantFrom('none', '3'),
    'muc#roomconfig_presencebroadcast': fc.subarray(['moderator', 'participant', 'visitor']),
    'muc#roomconfig_roomadmins': fc.subarray(users),
  },
  { requiredKeys: [] },
)

/** The nick that a user mostly has, so that updates and second clients are not rare. */
const usual = (from: string): string => nicks[users.indexOf(bare(from))]!

const away = (from: string, nick: string, content: string, type = ''): string =>
  `<presence xmlns='jabber:client' from='${from}' to='${room}/${nick}'${type}>${content}</presence>`

const stanza: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(nick, fc.constantFrom('none', 'visitor', 'participant', 'moderator'))
      .map(([nick, role]) => adminIq(room, sessions[0]!, `<item nick='${nick}' role='${role}'/>`)),
  },
  { weight: 6, arbitrary: from.map((from) => presence(room, from, usual(from))) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(from, fc.constantFrom('dnd', 'xa'))
      .map(([from, show]) => away(from, usual(from), `<show>${show}</show>`)),
  },
  { weight: 6, arbitrary: fc.tuple(from, nick).map(([from, nick]) => presence(room, from, nick)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(from, nick, fc.constantFrom('<show>dnd</show>', '<show>xa</show>', ''))
      .map(([from, nick, show]) => away(from, nick, show)),
  },
  { weight: 1, arbitrary: fc.tuple(from, nick).map(([from, nick]) => away(from, nick, '', ` type='unavailable'`)) },
  { weight: 3, arbitrary: from.map((from) => groupchat(room, from, '<body>hello</body>')) },
  { weight: 1, arbitrary: from.map((from) => groupchat(room, from, '<subject>on</subject>')) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(from, nick)
      .map(
        ([from, nick]) =>
          `<message xmlns='jabber:client' from='${from}' to='${room}/${nick}' type='chat'><body>psst</body></message>`,
      ),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(sessions[0]!, ...sessions), fc.array(item, { minLength: 1, maxLength: 3 }))
      .map(([from, items]) => adminIq(room, from, items.join(''))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(sessions[0]!, sessions[0]!, ...sessions), config)
      .map(([from, fields]) => configIq(room, from, fields)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(from, jid)
      .map(
        ([from, jid]) =>
          `<message xmlns='jabber:client' from='${from}' to='${room}'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='${jid}'/></x></message>`,
      ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(from, nick)
      .map(
        ([from, nick]) =>
          `<iq xmlns='jabber:client' from='${from}' to='${room}' id='r' type='set'><query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'><field var='muc#register_roomnick'><value>${nick}</value></field></x></query></iq>`,
      ),
  },
  {
    weight: 1,
    arbitrary: from.map(
      (from) =>
        `<presence xmlns='jabber:client' from='${from}' to='${room}/x' type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`,
    ),
  },
)

/** XEP-0424 and XEP-0425 on what was said here, or never was: the stage counts its ids. */
const retraction: fc.Arbitrary<string> = fc
  .tuple(fc.oneof(fc.constant(sessions[0]!), from), fc.integer({ min: 1, max: 20 }), fc.boolean())
  .map(([from, number, byModerator]) => {
    const retract = `<retract xmlns='urn:xmpp:message-retract:1' id='sid-${number}'/>`
    if (!byModerator) return groupchat(room, from, retract)
    return `<iq xmlns='jabber:client' from='${from}' to='${room}' id='mod' type='set'>
      <moderate xmlns='urn:xmpp:message-moderate:1' id='sid-${number}'>${retract}</moderate></iq>`
  })

/** XEP-0486: one of two images, or none any more. */
const card: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom(sessions[0]!, ...sessions), fc.constantFrom('AAAA', 'AAAB', ''))
  .map(([from, data]) => {
    const photo = data === '' ? '' : `<PHOTO><TYPE>image/png</TYPE><BINVAL>${data}</BINVAL></PHOTO>`
    return `<iq xmlns='jabber:client' from='${from}' to='${room}' id='card' type='set'><vCard xmlns='vcard-temp'>${photo}</vCard></iq>`
  })

/** XEP-0045 §7.10 and §9.9 as it is decided by admins. */
const approval: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom(sessions[0]!, ...sessions), fc.constantFrom(...users), nick, flag)
  .map(([from, jid, nick, allow]) => {
    const fields = Object.entries({
      FORM_TYPE: 'http://jabber.org/protocol/muc#register',
      'muc#jid': jid,
      'muc#register_roomnick': nick,
      'muc#register_allow': allow,
    }).map(([name, value]) => `<field var='${name}'><value>${value}</value></field>`)
    return `<message xmlns='jabber:client' from='${from}' to='${room}'><x xmlns='jabber:x:data' type='submit'>${fields.join('')}</x></message>`
  })

/** XEP-0317, mostly by the founder. */
const hats: fc.Arbitrary<string> = fc
  .record({
    from: fc.constantFrom(sessions[0]!, sessions[0]!, ...sessions),
    name: fc.constantFrom('create', 'assign', 'assign', 'unassign', 'destroy'),
    uri: fc.constantFrom('u:host', 'u:scribe'),
    title: fc.constantFrom('Host', 'Scribe'),
    jid: fc.constantFrom(...users),
  })
  .map(({ from, name, ...given }) => {
    const fields = Object.entries(given).map(
      ([key, value]) => `<field var='hats#${key}'><value>${value}</value></field>`,
    )
    return `<iq xmlns='jabber:client' from='${from}' to='${room}' id='hat' type='set'>
      <command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:${name}'>
      <x xmlns='jabber:x:data' type='submit'>${fields.join('')}</x></command></iq>`
  })

interface Seen {
  readonly role: string
  readonly affiliation: string
  readonly hats: string
  /** Of the room itself, whose nick is empty. */
  readonly photo?: string
}
const nobody: Seen = { role: '', affiliation: '', hats: '' }
type Views = Map<string, Map<string, Seen>>

const hatsIn = (presence: Element): string =>
  (presence.getChild('hats', 'urn:xmpp:hats:0')?.getChildren('hat') ?? [])
    .map(({ attrs }) => `${attrs.uri} ${attrs.title}`)
    .join()

/** What a client does with presence (§7.2.2, §7.6, §7.14). */
function watch(views: Views, { to, stanza }: Delivery): void {
  if (stanza.name !== 'presence' || stanza.attrs.type === 'error') return
  if (stanza.attrs.from === room) {
    const update = stanza.getChild('x', 'vcard-temp:x:update')
    for (const client of to) views.get(client)?.set('', { ...nobody, photo: update?.getChildText('photo') ?? '' })
    return
  }
  const user = elements(stanza).find((child) => child.getNS() === 'http://jabber.org/protocol/muc#user')
  const item = user?.getChild('item')
  const codes = user?.getChildren('status').map(({ attrs }) => attrs.code) ?? []
  const nick = String(stanza.attrs.from).slice(room.length + 1)
  for (const client of to) {
    const view = views.get(client) ?? new Map<string, Seen>()
    views.set(client, view)
    if (stanza.attrs.type !== 'unavailable')
      view.set(nick, { role: item?.attrs.role, affiliation: item?.attrs.affiliation, hats: hatsIn(stanza) })
    else if (codes.includes('110') && !codes.includes('303')) views.delete(client)
    else view.delete(nick)
  }
}

/** A million times faster than `expect` when it holds. */
function must(holds: boolean, ...detail: readonly unknown[]): void {
  if (!holds) expect(detail).toBe('as it must be')
}

const same = (one: Iterable<string>, other: Iterable<string>): boolean =>
  [...one].sort().join() === [...other].sort().join()

function checkState(state: RoomState): void {
  const clients = new Set<string>()
  for (const [nick, occupant] of state.occupants) {
    const affiliation = affiliationOf(state, occupant.jid)
    must(occupant.nick === nick && occupant.sessions.length > 0, nick, occupant)
    must(roleFits(occupant.role, affiliation), affiliation, occupant)
    must(!state.config.membersOnly || affiliation !== 'none', 'not a member', occupant)
    for (const session of occupant.sessions) {
      must(bare(session.jid) === occupant.jid && !clients.has(session.jid), session, occupant)
      clients.add(session.jid)
    }
  }
  must(same(localSessions(state), clients), localSessions(state), clients)
  const reserved = [...state.register.values()].flatMap(({ nick }) => nick ?? [])
  must(new Set(reserved).size === reserved.length, reserved)
  must(
    [...state.register.values()].some(({ affiliation }) => affiliation === 'owner'),
    'no owner',
    state.register,
  )
}

/** XEP-0424 §4: what is gone says nothing; only its author, or a moderator, has made it so. */
function checkRetracted({ history }: RoomState): number {
  let gone = 0
  for (const { operation } of history) {
    if (operation.type !== 'message' || operation.retracted === undefined) continue
    must(operation.content === '', operation)
    gone++
  }
  return gone
}

function checkViews(state: RoomState, views: Views): void {
  must(same(views.keys(), localSessions(state)), [...views.keys()], localSessions(state))
  for (const [client, view] of views) {
    const own = occupantOf(state, client)
    const expected = [...state.occupants.values()].filter((occupant) => occupant === own || isShown(state, occupant))
    const agrees = expected.every(({ nick, role, jid }) => {
      const seen = view.get(nick)
      const worn = state.config.hats.filter(({ wearers }) => wearers.includes(jid))
      const hats = worn.map(({ uri, title }) => `${uri} ${title}`).join()
      return seen?.role === role && seen.affiliation === affiliationOf(state, jid) && seen.hats === hats
    })
    // As last announced: who entered when there was none has heard nothing.
    must((view.get('')?.photo ?? '') === (state.config.avatar?.photos[0] ?? ''), client, state.config.avatar)
    must(agrees && view.size - Number(view.has('')) === expected.length, client, Object.fromEntries(view), expected)
  }
}

/** Presence and groupchat: the content that clients send here never holds a JID, so one that is found was put in by the room. */
function checkAnonymity(states: readonly RoomState[], { to, stanza }: Delivery): number {
  if (stanza.name === 'iq' || (stanza.name === 'message' && stanza.attrs.type !== 'groupchat')) return 0
  const text = serialize(stanza)
  const shown = users.filter((jid) => text.includes(`'${jid}`))
  for (const client of to)
    for (const jid of shown) must(jid === bare(client) || states.some((state) => maySee(state, client)), client, text)
  return shown.length
}

describe('XEP-0045 as invariants', () => {
  test('any sequence of stanzas keeps the room, every client’s view, and anonymity; its replay gives the same room', () => {
    const counted = new Map<string, number>()
    const count = (name: string): void => void counted.set(name, (counted.get(name) ?? 0) + 1)
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            { weight: 10, arbitrary: stanza },
            { weight: 3, arbitrary: retraction },
            { weight: 3, arbitrary: fc.oneof({ weight: 4, arbitrary: hats }, card, approval) },
          ),
          {
            minLength: 20,
            maxLength: 80,
            size: 'max',
          },
        ),
        (stanzas) => {
          const stage = new Stage(room).found(sessions[0]!, 'n1')
          const views: Views = new Map([
            [sessions[0]!, new Map([['n1', { role: 'moderator', affiliation: 'owner', hats: '' }]])],
          ])
          for (const text of stanzas) {
            const before = stage.state
            const known = stage.changes.length
            const result = stage.try(text)
            if (result instanceof StanzaError) {
              must(stage.state === before, text)
              count('refusal')
              continue
            }
            const states = [before]
            for (const change of stage.changes.slice(known)) states.push(apply(states.at(-1)!, change))
            for (const delivery of result) {
              must(delivery.to.length > 0 && delivery.stanza.attrs.to === undefined, delivery)
              watch(views, delivery)
              if (checkAnonymity(states, delivery) > 0) count('real JID shown')
              count('delivery')
            }
            // The answer to a stranger's presence makes it no client of the room.
            for (const client of views.keys())
              if (views.get(client)?.size === 0 && occupantOf(stage.state, client) === undefined) views.delete(client)
            for (const change of stage.changes.slice(known)) count(operationOf(change).type)
            checkState(stage.state)
            if (checkRetracted(stage.state) > 0) count('tombstone')
            checkViews(stage.state, views)
            if (stage.state.config.hats.some(({ wearers }) => wearers.length > 0)) count('hat worn')
            if (stage.state.config.avatar !== undefined) count('avatar')
          }
          expect(stage.replayed()).toEqual(stage.state)
        },
      ),
      { numRuns: 600, seed: 45 },
    )
    const least = {
      join: 1000,
      presence: 100,
      nick: 50,
      role: 150,
      leave: 100,
      register: 400,
      config: 200,
      message: 300,
      moderate: 20,
      tombstone: 100,
      'hat worn': 200,
      avatar: 500,
      subject: 50,
      refusal: 1000,
      delivery: 10_000,
      'real JID shown': 5000,
    }
    console.info(`invariants: ${[...counted].map(([name, times]) => `${name} ${times}`).join(', ')}`)
    for (const [name, minimum] of Object.entries(least))
      expect([name, (counted.get(name) ?? 0) >= minimum]).toEqual([name, true])
  })
})
