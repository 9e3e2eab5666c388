/** What clients send to a room (XEP-0045). */
import { type Element, xml } from '../../src/xml/element.js'
import { ns } from '../../src/xmpp/namespaces.js'

/** `entering`: as one who is not in the room yet. */
export const presenceTo = (room: string, nick: string, entering: boolean): Element =>
  xml('presence', { to: `${room}/${nick}` }, entering ? xml('x', { xmlns: ns.muc }) : undefined)

export const statusTo = (room: string, nick: string, text: string): Element =>
  xml('presence', { to: `${room}/${nick}` }, xml('status', {}, text))

export const leaving = (room: string, nick: string): Element =>
  xml('presence', { type: 'unavailable', to: `${room}/${nick}` })

export const groupchat = (room: string, id: string, name: 'body' | 'subject', text: string): Element =>
  xml('message', { type: 'groupchat', id, to: room }, xml(name, {}, text))

export const administering = (room: string, id: string, item: Readonly<Record<string, string>>): Element =>
  xml('iq', { type: 'set', id, to: room }, xml('query', { xmlns: ns.mucAdmin }, xml('item', item)))

/** XEP-0410. */
export const selfPing = (room: string, nick: string, id: string): Element =>
  xml('iq', { type: 'get', id, to: `${room}/${nick}` }, xml('ping', { xmlns: ns.ping }))

export const destroying = (room: string, id: string): Element =>
  xml('iq', { type: 'set', id, to: room }, xml('query', { xmlns: ns.mucOwner }, xml('destroy')))

export type Fields = Readonly<Record<string, readonly string[]>>

export function configuring(room: string, id: string, fields: Fields): Element {
  const form = Object.entries({ FORM_TYPE: [ns.mucRoomConfig], ...fields }).map(([name, values]) =>
    xml('field', { var: name }, ...values.map((value) => xml('value', {}, value))),
  )
  const x = xml('x', { xmlns: ns.dataForm, type: 'submit' }, ...form)
  return xml('iq', { type: 'set', id, to: room }, xml('query', { xmlns: ns.mucOwner }, x))
}

/** Where the room is to be (XEP-0281 §4.1). */
export const distributing = (peers: readonly string[]): Fields => ({
  'muc#roomconfig_distributed': [peers.length > 0 ? '1' : '0'],
  '{urn:xmpp:dmuc-sync:0}peers': peers,
})
