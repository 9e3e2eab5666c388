/** Messages to the room that are not meant for all: invitations, declines, requests for voice (XEP-0045 §§7.8, 7.13, 8.6). */
import { child, childText, type Element, elements } from '../xml/element.js'
import { booleanValue, type Form, formType, readForm, value } from '../xmpp/data-form.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Command, Invitation } from './command.js'
import { registerForm } from './registration.js'
import { voiceForm } from './voice.js'

/** One message may invite several; more is abuse. */
const maxInvitations = 20

/** Undefined where there is neither an invitation nor a decline. */
export function userCommand(stanza: Element): Command | StanzaError | undefined {
  const user = child(stanza, 'x', ns.mucUser)
  if (user === undefined) return undefined
  const { from, to, id } = stanza.attrs
  const decline = child(user, 'decline', ns.mucUser)
  if (decline !== undefined) {
    const inviter = Jid.tryParse(decline.attrs.to)
    if (inviter === undefined) return new StanzaError('jid-malformed', { by: to })
    return { type: 'decline', from, id, to: inviter.toString(), reason: childText(decline, 'reason') }
  }
  const invites = elements(user).filter(({ name }) => name === 'invite')
  if (invites.length === 0) return undefined
  if (invites.length > maxInvitations)
    return new StanzaError('policy-violation', { by: to, text: `At most ${maxInvitations} invitations in one message` })
  const invitations: Invitation[] = []
  for (const invite of invites) {
    const invitee = Jid.tryParse(invite.attrs.to)
    if (invitee === undefined || invitee.local === '')
      return new StanzaError('jid-malformed', { by: to, text: 'Nobody has that address' })
    const goesOn = child(invite, 'continue', ns.mucUser)
    invitations.push({
      to: invitee.toString(),
      reason: childText(invite, 'reason'),
      ...(goesOn === undefined ? {} : { continue: { thread: goesOn.attrs.thread } }),
    })
  }
  return { type: 'invite', from, id, invitations }
}

/** Undefined where there is no form that a room reads. */
export function formCommand(stanza: Element): Command | StanzaError | undefined {
  const element = child(stanza, 'x', ns.dataForm)
  const form = element === undefined ? undefined : readForm(element)
  if (form === undefined || form.type !== 'submit') return undefined
  const { from, id } = stanza.attrs
  if (formType(form) === registerForm) return approval(form, { from, id })
  if (formType(form) !== voiceForm) return undefined
  const allow = value(form, 'muc#request_allow')
  if (allow === undefined) return { type: 'voice-request', from, id }
  return {
    type: 'voice-approval',
    from,
    id,
    nick: value(form, 'muc#roomnick') ?? '',
    allow: allow === '1' || allow === 'true',
  }
}

function approval(form: Form, asked: Pick<Command, 'from' | 'id'>): Command | StanzaError {
  const jid = Jid.tryParse(value(form, 'muc#jid'))
  const allow = booleanValue(form, 'muc#register_allow')
  if (jid === undefined || allow === undefined)
    return new StanzaError('bad-request', { text: 'The form says neither who registers nor whether that is allowed' })
  const nick = value(form, 'muc#register_roomnick') ?? ''
  return { type: 'register-approval', ...asked, jid: jid.bare().toString(), nick, allow }
}
