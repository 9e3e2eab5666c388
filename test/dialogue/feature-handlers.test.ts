/**
 * XEP-0030 §3.1: who announces a feature answers its requests. Each feature that the server, its accounts, its service of rooms or a room
 * tells is either a request below, which has to be answered, or a way to behave, which its XEP's dialogue shows.
 */
import { afterEach, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { found, openRooms, room } from './muc-stage.js'
import type { Client, Stage } from './stage.js'

const pubsub = 'http://jabber.org/protocol/pubsub'
const muc = 'http://jabber.org/protocol/muc'
const submit = (type: string) =>
  `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>${type}</value></field></x>`
const inPubsub = (content: string) => `<pubsub xmlns='${pubsub}'>${content}</pubsub>`
const inOwner = (content: string) => `<pubsub xmlns='${pubsub}#owner'>${content}</pubsub>`

/** A request and where it goes, if not to who told the feature; answered by a result, or by the error that is named. */
interface Request {
  readonly type?: 'set'
  readonly content: string
  readonly to?: string
  readonly refused?: string
}
type Requests = Readonly<Record<string, Request>>

const own = 'alice@a.example'

const everywhere: Requests = {
  'http://jabber.org/protocol/disco#info': { content: `<query xmlns='http://jabber.org/protocol/disco#info'/>` },
  'http://jabber.org/protocol/disco#items': { content: `<query xmlns='http://jabber.org/protocol/disco#items'/>` },
  'jabber:iq:version': { content: `<query xmlns='jabber:iq:version'/>` },
  'jabber:iq:last': { content: `<query xmlns='jabber:iq:last'/>` },
  'urn:xmpp:ping': { content: `<ping xmlns='urn:xmpp:ping'/>` },
  'urn:xmpp:time': { content: `<time xmlns='urn:xmpp:time'/>` },
}

const archive: Requests = {
  'urn:xmpp:mam:2': { type: 'set', content: `<query xmlns='urn:xmpp:mam:2'/>` },
  'urn:xmpp:mam:2#extended': { content: `<metadata xmlns='urn:xmpp:mam:2'/>` },
  'urn:xmpp:fulltext:0': {
    type: 'set',
    content: `<query xmlns='urn:xmpp:mam:2'><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>
      <field var='{urn:xmpp:fulltext:0}fulltext'><value>cauldron</value></field></x></query>`,
  },
}

const server: Requests = {
  ...everywhere,
  'http://jabber.org/protocol/commands': {
    content: `<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>`,
  },
  'jabber:iq:private': {
    to: own,
    content: `<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>`,
  },
  'jabber:iq:register': { content: `<query xmlns='jabber:iq:register'/>` },
  'urn:xmpp:blocking': { to: own, content: `<blocklist xmlns='urn:xmpp:blocking'/>` },
  'urn:xmpp:reporting:1': {
    to: own,
    type: 'set',
    content: `<block xmlns='urn:xmpp:blocking'><item jid='spam@b.example'>
      <report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'/></item></block>`,
  },
  'urn:xmpp:carbons:2': { to: own, type: 'set', content: `<enable xmlns='urn:xmpp:carbons:2'/>` },
  'urn:xmpp:extdisco:2': { content: `<services xmlns='urn:xmpp:extdisco:2'/>` },
  'urn:xmpp:http:upload:0': {
    content: `<request xmlns='urn:xmpp:http:upload:0' filename='a.png' size='1' content-type='image/png'/>`,
  },
  'vcard-temp': { to: own, type: 'set', content: `<vCard xmlns='vcard-temp'><FN>Alice</FN></vCard>` },
}

const account: Requests = {
  ...everywhere,
  ...archive,
  [pubsub]: { content: inPubsub(`<subscriptions/>`) },
  [`${pubsub}#retrieve-subscriptions`]: { content: inPubsub(`<subscriptions/>`) },
  [`${pubsub}#retrieve-affiliations`]: { content: inPubsub(`<affiliations/>`) },
  [`${pubsub}#create-nodes`]: { type: 'set', content: inPubsub(`<create node='n'/>`) },
  [`${pubsub}#create-and-configure`]: {
    type: 'set',
    content: inPubsub(`<create node='c'/><configure>${submit(`${pubsub}#node_config`)}</configure>`),
  },
  [`${pubsub}#instant-nodes`]: { type: 'set', content: inPubsub(`<create/>`) },
  [`${pubsub}#auto-create`]: {
    type: 'set',
    content: inPubsub(`<publish node='auto'><item id='i'><a xmlns='urn:a'/></item></publish>`),
  },
  [`${pubsub}#publish`]: {
    type: 'set',
    content: inPubsub(`<publish node='n'><item id='i'><a xmlns='urn:a'/></item></publish>`),
  },
  [`${pubsub}#publish-options`]: {
    type: 'set',
    content: inPubsub(
      `<publish node='n'><item id='i'><a xmlns='urn:a'/></item></publish><publish-options>${submit(`${pubsub}#publish-options`)}</publish-options>`,
    ),
  },
  [`${pubsub}#retrieve-items`]: { content: inPubsub(`<items node='n'/>`) },
  [`${pubsub}#rsm`]: {
    content: inPubsub(`<items node='n'/><set xmlns='http://jabber.org/protocol/rsm'><max>1</max></set>`),
  },
  'http://jabber.org/protocol/rsm': {
    content: inPubsub(`<items node='n'/><set xmlns='http://jabber.org/protocol/rsm'><max>0</max></set>`),
  },
  [`${pubsub}#meta-data`]: { content: `<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>` },
  [`${pubsub}#subscribe`]: { type: 'set', content: inPubsub(`<subscribe node='n' jid='${own}'/>`) },
  [`${pubsub}#config-node`]: { content: inOwner(`<configure node='n'/>`) },
  [`${pubsub}#retrieve-default`]: { content: inOwner(`<default/>`) },
  [`${pubsub}#manage-subscriptions`]: { content: inOwner(`<subscriptions node='n'/>`) },
  [`${pubsub}#modify-affiliations`]: {
    type: 'set',
    content: inOwner(
      `<affiliations node='n'><affiliation jid='bob@a.example' affiliation='publisher'/></affiliations>`,
    ),
  },
  [`${pubsub}#retract-items`]: { type: 'set', content: inPubsub(`<retract node='n'><item id='i'/></retract>`) },
  [`${pubsub}#delete-items`]: {
    type: 'set',
    content: inPubsub(`<retract node='auto'><item id='i'/></retract>`),
  },
  [`${pubsub}#purge-nodes`]: { type: 'set', content: inOwner(`<purge node='n'/>`) },
  [`${pubsub}#delete-nodes`]: { type: 'set', content: inOwner(`<delete node='n'/>`) },
  'urn:ietf:params:xml:ns:vcard-4.0': {
    type: 'set',
    content: inPubsub(
      `<publish node='urn:xmpp:vcard4'><item><vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/></item></publish>`,
    ),
  },
  'urn:xmpp:push:0': {
    type: 'set',
    content: `<enable xmlns='urn:xmpp:push:0' jid='push.b.example' node='n'/>`,
  },
}

const service: Requests = {
  ...everywhere,
  [muc]: { content: `<query xmlns='http://jabber.org/protocol/disco#items'/>` },
  'http://jabber.org/protocol/rsm': {
    content: `<query xmlns='http://jabber.org/protocol/disco#items'><set xmlns='http://jabber.org/protocol/rsm'><max>1</max></set></query>`,
  },
  'vcard-temp': { to: room, content: `<vCard xmlns='vcard-temp'/>` },
  // Who is no instance of the room is refused, and not as if nobody knew the request.
  'urn:xmpp:dmuc:0': {
    to: room,
    type: 'set',
    content: `<replicate xmlns='urn:xmpp:dmuc:0'/>`,
    refused: 'forbidden',
  },
  'urn:xmpp:dmuc-sync:0': {
    to: room,
    content: `<hello xmlns='urn:xmpp:dmuc-sync:0' room='r'/>`,
    refused: 'forbidden',
  },
}

const aRoom: Requests = {
  ...everywhere,
  ...archive,
  [muc]: { content: `<query xmlns='${muc}#owner'/>` },
  [`${muc}#roomconfig`]: { content: `<query xmlns='${muc}#owner'/>` },
  [`${muc}#roominfo`]: { content: `<query xmlns='http://jabber.org/protocol/disco#info'/>` },
  [`${muc}#self-ping-optimization`]: { to: `${room}/firstwitch`, content: `<ping xmlns='urn:xmpp:ping'/>` },
  'http://jabber.org/protocol/commands': {
    content: `<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>`,
  },
  'urn:xmpp:hats:0': {
    type: 'set',
    content: `<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:list'/>`,
  },
  'jabber:iq:register': { content: `<query xmlns='jabber:iq:register'/>` },
  [`${muc}#register`]: { content: `<query xmlns='jabber:iq:register'/>` },
  'urn:xmpp:message-moderate:1': {
    type: 'set',
    content: `<moderate xmlns='urn:xmpp:message-moderate:1' id='none'><retract xmlns='urn:xmpp:message-retract:1'/></moderate>`,
    refused: 'item-not-found',
  },
  'urn:xmpp:message-moderate:0': {
    type: 'set',
    content: `<apply-to xmlns='urn:xmpp:fasten:0' id='none'><moderate xmlns='urn:xmpp:message-moderate:0'>
      <retract xmlns='urn:xmpp:message-retract:0'/></moderate></apply-to>`,
    refused: 'item-not-found',
  },
  'vcard-temp': { content: `<vCard xmlns='vcard-temp'/>` },
}

/** What an entity does without being asked for it by name; shown by the dialogues of the XEPs. */
const behaviour: ReadonlySet<string> = new Set([
  'http://jabber.org/protocol/caps',
  'msgoffline',
  'urn:xmpp:carbons:rules:0',
  'urn:xmpp:sid:0',
  'urn:xmpp:occupant-id:0',
  'urn:xmpp:message-retract:1',
  'urn:xmpp:message-retract:1#tombstone',
  'urn:xmpp:bookmarks-conversion:0',
  'urn:xmpp:bookmarks:1#compat',
  'urn:xmpp:bookmarks:1#compat-pep',
  'urn:xmpp:pep-vcard-conversion:0',
  `${muc}#stable_id`,
  `${muc}#request`,
  'muc_public',
  'muc_open',
  'muc_unmoderated',
  'muc_semianonymous',
  'muc_unsecured',
  'muc_temporary',
  ...['authorize', 'open', 'presence', 'roster', 'whitelist'].map((model) => `${pubsub}#access-${model}`),
  ...['member', 'outcast', 'publish-only', 'publisher'].map((rank) => `${pubsub}#${rank}-affiliation`),
  ...[
    'auto-subscribe',
    'config-node-max',
    'filtered-notifications',
    'item-ids',
    'last-published',
    'multi-items',
    'persistent-items',
    'presence-notifications',
    'presence-subscribe',
    'publish-node-full',
  ].map((feature) => `${pubsub}#${feature}`),
])

let stage: Stage
afterEach(() => stage.close())

async function answerTo(client: Client, to: string, { type, content }: Request): Promise<Element> {
  await client.clears()
  await client.sends(`<iq type='${type ?? 'get'}' id='asked' to='${to}'>${content}</iq>`)
  for (;;) {
    const stanza = await client.next()
    if (stanza.name === 'iq' && stanza.attrs.id === 'asked') return stanza
  }
}

/** `result`, or the condition of the error. */
const outcome = (answer: Element): string =>
  answer.attrs.type === 'error' ? String(answer.getChild('error')?.getChildElements()[0]?.name) : answer.attrs.type

test('XEP-0030 §3.1 each feature that is announced is answered for', async () => {
  stage = await openRooms({ dmuc: { allow: ['rooms.b.example'] } }, { httpBase: () => 'https://a.example/' })
  const alice = stage.client('alice')
  await alice.comesOnline()
  await found(alice, 'firstwitch')
  for (const [jid, requests] of Object.entries({
    'a.example': server,
    [own]: account,
    'rooms.a.example': service,
    [room]: aRoom,
  })) {
    const info = await answerTo(alice, jid, everywhere['http://jabber.org/protocol/disco#info']!)
    const told = info
      .getChild('query')!
      .getChildren('feature')
      .map(({ attrs }) => String(attrs.var))
    expect([jid, told.filter((feature) => requests[feature] === undefined && !behaviour.has(feature))]).toEqual([
      jid,
      [],
    ])
    const wrong: string[] = []
    for (const [feature, request] of Object.entries(requests).filter(([name]) => told.includes(name))) {
      const found = outcome(await answerTo(alice, request.to ?? jid, request))
      if (found !== (request.refused ?? 'result')) wrong.push(`${feature}: ${found}`)
    }
    expect([jid, wrong]).toEqual([jid, []])
  }
})
