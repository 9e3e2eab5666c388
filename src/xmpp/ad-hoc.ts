/**
 * Ad-hoc commands (XEP-0050 1.3) on the wire: what is asked, and what is answered. Who offers commands keeps no session where
 * a command is one form: the id is echoed, the form holds everything.
 */
import { child, type Element, elements, xml } from '../xml/element.js'
import { type Form, readForm, writeForm } from './data-form.js'
import { ns } from './namespaces.js'
import { payload } from './stanza.js'
import { StanzaError } from './stanza-error.js'

export const commandsNamespace = 'http://jabber.org/protocol/commands'

const actions = ['execute', 'cancel', 'prev', 'next', 'complete'] as const
export type AdHocAction = (typeof actions)[number]

export interface AdHocRequest {
  readonly node: string
  readonly action: AdHocAction
  /** As the answer before gave it; absent in the first request. */
  readonly sessionId?: string
  /** A form that was submitted. */
  readonly form?: Form
}

export interface AdHocAnswer {
  readonly node: string
  readonly sessionId: string
  readonly status: 'executing' | 'completed' | 'canceled'
  readonly form?: Form
  /** Said to who runs it. */
  readonly note?: { readonly type: 'info' | 'warn' | 'error'; readonly text: string }
}

/** §4.4: a refusal with the condition of this XEP beside the defined one. */
export const badCommand = (
  detail: 'malformed-action' | 'bad-action' | 'bad-payload' | 'bad-sessionid',
  text: string,
): StanzaError => new StanzaError('bad-request', { text, extra: xml(detail, { xmlns: commandsNamespace }) })

/** Undefined where the IQ is about something else. */
export function readCommand(iq: Element): AdHocRequest | StanzaError | undefined {
  const command = payload(iq)
  if (iq.attrs.type !== 'set' || command?.name !== 'command' || command.getNS() !== commandsNamespace) return undefined
  const { node, sessionid: sessionId, action: given = 'execute' } = command.attrs
  const action = actions.find((known) => known === given)
  if (action === undefined) return badCommand('malformed-action', `${given} is no action of a command`)
  if (!node) return new StanzaError('bad-request', { text: 'The command has no node' })
  const element = child(command, 'x', ns.dataForm)
  const form = element && readForm(element)
  if (elements(command).length > 0 && form === undefined)
    return badCommand('bad-payload', 'What comes with a command is a form')
  return {
    node,
    action: form?.type === 'cancel' ? 'cancel' : action,
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(form?.type === 'submit' ? { form } : {}),
  }
}

/** What one request comes to where a command is one form, or (`asks` false) none. */
export type AdHocStep = 'cancel' | 'ask' | 'run'

export function stepOf({ action, form }: AdHocRequest, asks: boolean): AdHocStep | StanzaError {
  if (action === 'cancel') return 'cancel'
  if (action === 'prev') return badCommand('bad-action', 'There is nothing before this form')
  return asks && form === undefined ? 'ask' : 'run'
}

/** The payload of the result; a command that goes on offers to complete it. */
export function writeCommand({ node, sessionId, status, form, note }: AdHocAnswer): Element {
  return xml(
    'command',
    { xmlns: commandsNamespace, node, sessionid: sessionId, status },
    status === 'executing' ? xml('actions', { execute: 'complete' }, xml('complete')) : undefined,
    form && writeForm(form),
    note && xml('note', { type: note.type }, note.text),
  )
}
