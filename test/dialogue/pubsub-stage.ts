/** What dialogues about publishing share: requests, answers, and clients that say which nodes they want to hear of. */
import { verification } from '../../src/xmpp/capabilities.js'
import { parse } from '../support/xml-match.js'
import { type Client, type Peer, settled } from './stage.js'

const pubsubNs = 'http://jabber.org/protocol/pubsub'
const stanzas = 'urn:ietf:params:xml:ns:xmpp-stanzas'

/** What a client that wants to hear of these nodes answers about itself. */
export const discoInfo = (...nodes: readonly string[]): string =>
  `<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='pc' name='Test'/>${nodes
    .map((node) => `<feature var='${node}+notify'/>`)
    .join('')}</query>`

export const caps = (...nodes: readonly string[]): string =>
  `<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:test' ver='${verification(parse(discoInfo(...nodes)))}'/>`

/** Comes online wanting to hear of these nodes, and answers where it is asked; what it gets then stays to be received. */
export async function comesWanting(client: Client, ...nodes: readonly string[]): Promise<void> {
  await client.sends(`<presence>${caps(...nodes)}</presence>`)
  for (const stanza of await client.drain())
    if (stanza.name === 'iq')
      await client.sends(
        `<iq type='result' id='${stanza.attrs.id}' to='${stanza.attrs.from}'>${discoInfo(...nodes)}</iq>`,
      )
  await settled()
}

/** The same of a contact of `owner` at another server. */
export async function wants(peer: Peer, jid: string, owner: string, ...nodes: readonly string[]): Promise<void> {
  await peer.sends(`<presence from='${jid}' to='${owner}'>${caps(...nodes)}</presence>`)
  for (const stanza of await peer.drain())
    if (stanza.name === 'iq')
      await peer.sends(
        `<iq type='result' id='${stanza.attrs.id}' from='${jid}' to='${stanza.attrs.from}'>${discoInfo(...nodes)}</iq>`,
      )
  await settled()
}

/** A form that was filled in, of fields without their `pubsub#`. */
export const form = (type: string, fields: Readonly<Record<string, string>>): string =>
  `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>${pubsubNs}#${type}</value></field>${Object.entries(
    fields,
  )
    .map(([name, value]) => `<field var='pubsub#${name}'><value>${value}</value></field>`)
    .join('')}</x>`

/** `<publish-options/>`. */
export const options = (fields: Readonly<Record<string, string>>): string =>
  `<publish-options>${form('publish-options', fields)}</publish-options>`

const iq = (type: string, ns: string, body: string, to?: string): string =>
  `<iq type='${type}' id='q'${to === undefined ? '' : ` to='${to}'`}><pubsub xmlns='${ns}'>${body}</pubsub></iq>`
export const get = (body: string, to?: string): string => iq('get', pubsubNs, body, to)
export const set = (body: string, to?: string): string => iq('set', pubsubNs, body, to)
export const ownerGet = (body: string, to?: string): string => iq('get', `${pubsubNs}#owner`, body, to)
export const ownerSet = (body: string, to?: string): string => iq('set', `${pubsubNs}#owner`, body, to)

export const publish = (node: string, payload: string, id = 'current', more = ''): string =>
  set(`<publish node='${node}'><item id='${id}'>${payload}</item></publish>${more}`)

/** The answer to `client` from `from`; without a body, an empty result. */
export const answer = (client: Client, body = '', from = client.jid.split('/')[0], ns = pubsubNs): string =>
  body === ''
    ? `<iq type='result' id='q' from='${from}' to='${client.jid}'/>`
    : `<iq type='result' id='q' from='${from}' to='${client.jid}'><pubsub xmlns='${ns}'>${body}</pubsub></iq>`
export const published = (client: Client, node: string, id = 'current'): string =>
  answer(client, `<publish node='${node}'><item id='${id}'/></publish>`)

export const refused = (
  client: Client,
  type: string,
  condition: string,
  own = '',
  from = client.jid.split('/')[0],
): string =>
  `<iq type='error' id='q' from='${from}' to='${client.jid}'>{...}<error type='${type}'><${condition} xmlns='${stanzas}'/>{...}${own === '' ? '' : `<${own} xmlns='${pubsubNs}#errors'/>`}</error></iq>`

export const event = (from: string, to: string, body: string, more = ''): string =>
  `<message from='${from}' to='${to}' type='headline' id='{any}'>
    <event xmlns='${pubsubNs}#event'>${body}</event>${more}</message>`
export const delay = (from: string): string => `<delay xmlns='urn:xmpp:delay' from='${from}' stamp='{any}'/>`
