/** From the stanza of a client to what it asks of the room. Only the form is judged here, never a right. */
import { child, childText, type Element, elements } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Command } from './command.js'
import { iqCommand } from './commands-iq.js'
import { formCommand, userCommand } from './commands-user.js'
import { isEphemeral, remember, sanitized, writeContent } from './content.js'
import { retraction } from './features/retraction.js'
import { bareOf, resourceOf } from './jids.js'
import type { HistoryRequest } from './types.js'

export interface CommandOptions {
  /** The room JIDs of the other instances, in whose name clients may not speak either. */
  readonly instances?: ReadonlySet<string>
}

/**
 * `stanza` carries `from` (full) and `to` (of this room), both prepared and trusted.
 * 'ignored': nothing is to be done nor answered. 'foreign': not of XEP-0045 (a ping of the room, a vCard, the answer to an IQ): the
 * caller's to handle or to refuse.
 */
export function commandFromStanza(
  stanza: Element,
  options: CommandOptions = {},
): Command | StanzaError | 'ignored' | 'foreign' {
  const { from, to } = stanza.attrs
  if (typeof from !== 'string' || typeof to !== 'string') return 'ignored'
  const ours = new Set([bareOf(to), ...(options.instances ?? [])])
  switch (stanza.name) {
    case 'presence':
      return presenceCommand(stanza, ours)
    case 'message':
      return messageCommand(stanza, ours)
    case 'iq':
      return iqCommand(stanza)
    default:
      return 'ignored'
  }
}

function presenceCommand(stanza: Element, ours: ReadonlySet<string>): Command | StanzaError | 'ignored' {
  const { from, to, id, type } = stanza.attrs
  if (type === 'unavailable') return { type: 'leave', from, id, status: childText(stanza, 'status') }
  if (type === 'error') return bounce(stanza)
  // §17.3: neither a request to join nor to exit.
  if (type !== undefined) return 'ignored'
  const nick = resourceOf(to)
  if (nick === undefined)
    return new StanzaError('jid-malformed', { by: bareOf(to), text: 'A room is entered with a nickname' })
  const content = sanitized(stanza, ours)
  const presence = writeContent(content)
  const muc = child(stanza, 'x', ns.muc)
  const command: Command =
    muc === undefined
      ? { type: 'presence', from, id, nick, presence }
      : { type: 'join', from, id, nick, presence, password: childText(muc, 'password'), history: historyOf(muc) }
  remember(command, content)
  return command
}

const count = (value: unknown): number | undefined =>
  typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : undefined

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/** §7.2.14; what is not well-formed is as if it were not there. */
function historyOf(muc: Element): Omit<HistoryRequest, 'at'> | undefined {
  const history = child(muc, 'history', ns.muc)
  if (history === undefined) return undefined
  const { maxchars, maxstanzas, seconds, since } = history.attrs
  const moment = typeof since === 'string' && dateTime.test(since) ? Date.parse(since) : Number.NaN
  return {
    maxchars: count(maxchars),
    maxstanzas: count(maxstanzas),
    seconds: count(seconds),
    ...(Number.isNaN(moment) ? {} : { since: moment }),
  }
}

function bounce(stanza: Element): Command {
  const error = elements(stanza).find(({ name }) => name === 'error')
  return { type: 'bounce', from: stanza.attrs.from, condition: StanzaError.from(error).condition }
}

function messageCommand(stanza: Element, ours: ReadonlySet<string>): Command | StanzaError | 'ignored' {
  const { from, to, id, type } = stanza.attrs
  if (type === 'error') return bounce(stanza)
  const nick = resourceOf(to)
  if (nick !== undefined) return { type: 'private-message', from, id, nick, stanza }
  if (type === 'groupchat') return groupchatCommand(stanza, ours)
  if (type === 'headline') return 'ignored'
  return (
    userCommand(stanza) ??
    formCommand(stanza) ??
    new StanzaError('bad-request', { by: to, text: 'A message to all is of type groupchat' })
  )
}

function groupchatCommand(stanza: Element, ours: ReadonlySet<string>): Command | StanzaError {
  const { from, to, id } = stanza.attrs
  const lang: string | undefined = stanza.attrs['xml:lang']
  const subject = childText(stanza, 'subject')
  // §8.1: with a body or a thread it is a message that has a subject, too.
  const isChange =
    subject !== undefined && childText(stanza, 'body') === undefined && childText(stanza, 'thread') === undefined
  if (isChange) return { type: 'subject', from, id, lang, text: subject }
  const content = sanitized(stanza, ours)
  const fault = retraction.fault(content, to)
  if (fault !== undefined) return fault
  const command: Command = {
    type: 'message',
    from,
    id,
    lang,
    content: writeContent(content),
    ephemeral: isEphemeral(content) && retraction.element(content) === undefined,
  }
  remember(command, content)
  return command
}
