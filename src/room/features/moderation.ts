/** XEP-0425: Moderated Message Retraction. A moderator asks the room, and the room tells all that a message is retracted. */
import { child, childText, type Element, xml } from '../../xml/element.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { Command, CommandOf } from '../command.js'
import type { Context, Delivery } from '../contract.js'
import { homesOf, localSessions } from '../occupants.js'
import { atLeast } from '../roles.js'
import { refuse, replyTo, speakerOf, type Verdict } from '../speaker.js'
import { standingOf } from '../standing.js'
import type { LoggedEvent, Operation, RoomState } from '../types.js'
import {
  fastenNamespace,
  formerModeratedElement,
  formerModerateNamespace,
  formerRetractNamespace,
  moderatedElement,
  moderateNamespace,
  retractionBy,
  retractNamespace,
} from './retraction.js'

type Moderate = Extract<Operation, { readonly type: 'moderate' }>

const maxReasonLength = 1000

export const moderation = {
  xep: { number: 425, version: '0.3.0', test: 'dialogue/muc-retraction.test.ts' },
  disco: [moderateNamespace, formerModerateNamespace],

  /** Undefined where the IQ is about something else. */
  command: (iq: Element): Command | StanzaError | undefined => {
    if (iq.attrs.type !== 'set') return undefined
    const found = present(iq) ?? former(iq)
    if (found === undefined) return undefined
    const { asked, target, retracts } = found
    const { from, id } = iq.attrs
    if (!target) return new StanzaError('bad-request', { text: 'There is no id of a message' })
    if (!retracts) return new StanzaError('feature-not-implemented', { text: 'Moderators may only retract messages' })
    return { type: 'moderate', from, id, target, reason: cut(childText(asked, 'reason')) }
  },

  decide: (state: RoomState, command: CommandOf<'moderate'>, context: Context): Verdict => {
    const { occupant } = speakerOf(state, command, context)
    if (occupant?.role !== 'moderator') return refuse(state, 'forbidden', 'Only moderators retract messages of others')
    const target = moderated(state, command.target) ?? context.target
    if (target?.operation.type !== 'message') return refuse(state, 'item-not-found', 'There is no such message')
    const { nick, occupantId, jid } = occupant
    const why = command.reason ? { reason: command.reason } : {}
    const operation: Moderate = { type: 'moderate', target: command.target, nick, occupantId, jid, ...why }
    const isDone = target.operation.retracted !== undefined
    return { operations: isDone ? [] : [operation], reply: replyTo(state, command) }
  },

  /**
   * May another instance have done it? What is told late, when its occupants of then are not known any more, counts where
   * the register makes the moderator one, and where it concerns what was said at that instance itself.
   */
  judge: (state: RoomState, operation: Moderate, instance: string, late: boolean): StanzaError | undefined => {
    const occupant = state.occupants.get(operation.nick)
    const isKnown = occupant?.jid === operation.jid && occupant.occupantId === operation.occupantId
    if (!late && isKnown && occupant.role === 'moderator' && homesOf(occupant).includes(instance)) return undefined
    const isAdmin = atLeast(standingOf(state, { jid: operation.jid, home: instance }), 'admin')
    const isOwn = moderated(state, operation.target)?.id.instance === instance
    return late && (isAdmin || isOwn) ? undefined : refuse(state, 'forbidden')
  },

  render: (state: RoomState, event: LoggedEvent): readonly Delivery[] => {
    const to = localSessions(state)
    const stanza = moderationMessage(state.jid, event)
    return to.length === 0 || stanza === undefined ? [] : [{ to, stanza }]
  },
}

/** No character is cut in two: half of one is no text. */
const cut = (reason: string | undefined): string | undefined =>
  reason?.slice(0, maxReasonLength).replace(/[\ud800-\udbff]$/, '')

/** What is asked, of which message. */
interface Asked {
  readonly asked: Element
  readonly target: string | undefined
  readonly retracts: boolean
}

function present(iq: Element): Asked | undefined {
  const asked = payload(iq)
  if (asked?.name !== 'moderate' || asked.getNS() !== moderateNamespace) return undefined
  return { asked, target: asked.attrs.id, retracts: child(asked, 'retract', retractNamespace) !== undefined }
}

/** COMPAT clients of version 0.2 (Converse.js, Gajim). */
function former(iq: Element): Asked | undefined {
  const around = payload(iq)
  const asked = around && child(around, 'moderate', formerModerateNamespace)
  if (around?.name !== 'apply-to' || around.getNS() !== fastenNamespace || asked === undefined) return undefined
  return { asked, target: around.attrs.id, retracts: child(asked, 'retract', formerRetractNamespace) !== undefined }
}

/** The message, if it is among the newest. */
export const moderated = (state: RoomState, target: string): LoggedEvent | undefined =>
  state.history.find(({ stanzaId }) => stanzaId === target)

/** §3.1: what all occupants are told, and what the archive keeps of it. */
export function moderationMessage(room: string, event: LoggedEvent): Element | undefined {
  const found = retractionBy(event)
  const moderator = found?.retraction.moderator
  if (found === undefined || moderator === undefined) return undefined
  const { reason, id } = found.retraction
  return xml(
    'message',
    { from: room, type: 'groupchat', id },
    xml(
      'retract',
      { xmlns: retractNamespace, id: found.target },
      moderatedElement(room, moderator),
      reason === undefined ? undefined : xml('reason', {}, reason),
    ),
    xml(
      'apply-to',
      { xmlns: fastenNamespace, id: found.target },
      formerModeratedElement(room, moderator, xml('retract', { xmlns: formerRetractNamespace }), reason),
    ),
    xml('stanza-id', { xmlns: ns.stanzaId, by: room, id: event.stanzaId }),
  )
}
