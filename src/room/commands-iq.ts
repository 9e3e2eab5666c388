/** IQs to a room and to its occupants (XEP-0045 §§6, 7.10, 8 to 10, 17.4). */
import { child, childText, type Element, elements } from '../xml/element.js'
import { readCommand } from '../xmpp/ad-hoc.js'
import { readForm, value } from '../xmpp/data-form.js'
import { ns } from '../xmpp/namespaces.js'
import { payload } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { AdminItem, Command } from './command.js'
import { avatar } from './features/avatar.js'
import { moderation } from './features/moderation.js'
import { resourceOf } from './jids.js'
import { registerNamespace } from './registration.js'
import { type Affiliation, affiliations, type Role, roles } from './types.js'

export function iqCommand(iq: Element): Command | StanzaError | 'ignored' | 'foreign' {
  const { type, from, to, id } = iq.attrs
  if (type !== 'get' && type !== 'set') return 'foreign'
  const nick = resourceOf(to)
  if (nick !== undefined) return { type: 'private-iq', from, id, nick, stanza: iq }
  const query = payload(iq)
  const asked = { from, id }
  const moderate = moderation.command(iq)
  if (moderate !== undefined) return moderate
  const card = avatar.command(iq)
  if (card !== undefined) return card
  const request = readCommand(iq)
  if (request !== undefined) return request instanceof StanzaError ? request : { type: 'ad-hoc', ...asked, request }
  if (query?.name !== 'query') return 'foreign'
  switch (query.getNS()) {
    case ns.mucAdmin:
      return type === 'get' ? adminGet(query, asked) : adminSet(query, asked)
    case ns.mucOwner:
      return type === 'get' ? { type: 'config-get', ...asked } : ownerSet(query, asked)
    case registerNamespace:
      return type === 'get' ? { type: 'register-get', ...asked } : registerSet(query, asked)
    case ns.discoInfo:
      return type === 'get' ? { type: 'disco-info', ...asked, node: query.attrs.node } : 'foreign'
    case ns.discoItems:
      return type === 'get' ? { type: 'disco-items', ...asked, node: query.attrs.node } : 'foreign'
    default:
      return 'foreign'
  }
}

type Asked = Pick<Command, 'from' | 'id'>

const badRequest = (text: string): StanzaError => new StanzaError('bad-request', { text })

const isAffiliation = (name: unknown): name is Affiliation => affiliations.some((known) => known === name)
const isRole = (name: unknown): name is Role => roles.some((known) => known === name)

function adminGet(query: Element, asked: Asked): Command | StanzaError {
  const item = child(query, 'item', ns.mucAdmin)
  const { affiliation, role } = item?.attrs ?? {}
  if (isAffiliation(affiliation) && role === undefined)
    return { type: 'admin-get', ...asked, by: 'affiliation', list: affiliation }
  if (isRole(role) && affiliation === undefined) return { type: 'admin-get', ...asked, by: 'role', list: role }
  return badRequest('One item names an affiliation or a role')
}

function adminSet(query: Element, asked: Asked): Command | StanzaError {
  const items: AdminItem[] = []
  for (const item of elements(query)) {
    if (item.name !== 'item') continue
    const { affiliation, role, jid, nick } = item.attrs
    if (affiliation !== undefined && !isAffiliation(affiliation)) return badRequest(`${affiliation} is no affiliation`)
    if (role !== undefined && !isRole(role)) return badRequest(`${role} is no role`)
    items.push({ affiliation, role, jid, nick, reason: childText(item, 'reason') })
  }
  return { type: 'admin-set', ...asked, items }
}

function ownerSet(query: Element, asked: Asked): Command | StanzaError {
  const destroy = child(query, 'destroy', ns.mucOwner)
  if (destroy !== undefined)
    return {
      type: 'destroy',
      ...asked,
      alternate: destroy.attrs.jid || undefined,
      password: childText(destroy, 'password'),
      reason: childText(destroy, 'reason'),
    }
  const form = child(query, 'x', ns.dataForm)
  if (form?.attrs.type === 'cancel') return { type: 'config-cancel', ...asked }
  if (form?.attrs.type !== 'submit') return badRequest('There is neither a submitted form nor a destroy element')
  const isInstant = !elements(form).some(({ name }) => name === 'field')
  return { type: 'config-set', ...asked, form: isInstant ? undefined : form }
}

function registerSet(query: Element, asked: Asked): Command | StanzaError {
  if (child(query, 'remove', registerNamespace) !== undefined) return { type: 'register-remove', ...asked }
  const element = child(query, 'x', ns.dataForm)
  const form = element === undefined ? undefined : readForm(element)
  const nick = form?.type === 'submit' ? value(form, 'muc#register_roomnick') : undefined
  return nick === undefined || nick === ''
    ? badRequest('There is no submitted form with a nickname')
    : { type: 'register-set', ...asked, nick }
}
