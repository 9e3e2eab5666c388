/** From occupant to occupant: private messages (XEP-0045 §7.5), IQs (§17.4), self-ping (XEP-0410). */
import { type Element, elements, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { CommandOf } from './command.js'
import { sanitized } from './content.js'
import type { Context, Decision, Delivery } from './contract.js'
import { homesOf, sessionsOf } from './occupants.js'
import { occupantIdElement, userElement } from './presence.js'
import { roleAtLeast } from './roles.js'
import { isRefusal, refuse, type Speaker, speakerOf, type Verdict } from './speaker.js'
import type { Occupant, Role, RoomState } from './types.js'

/** The role from which on one may send private messages. */
const leastRole: Readonly<Record<RoomState['config']['allowPrivateMessages'], Role | undefined>> = {
  anyone: 'visitor',
  participants: 'participant',
  moderators: 'moderator',
  none: undefined,
}

export function mayWhisper({ config }: RoomState, sender: Occupant, target: Occupant): boolean {
  if (config.allowModeratorMessages && (sender.role === 'moderator' || target.role === 'moderator')) return true
  const least = leastRole[config.allowPrivateMessages]
  return least !== undefined && roleAtLeast(sender.role, least)
}

interface Pair {
  readonly sender: Occupant
  readonly target: Occupant
}

/** §7.5, §6.6: both must be in the room; a stranger learns nothing of who is. */
function pairOf(state: RoomState, { occupant }: Speaker, nick: string, stanza: Element): Pair | StanzaError {
  if (occupant === undefined) return strangerFault(state, stanza)
  const target = state.occupants.get(nick)
  if (target === undefined) return refuse(state, 'item-not-found', 'Nobody has that nickname')
  return { sender: occupant, target }
}

const isDisco = (stanza: Element): boolean =>
  elements(stanza).some((child) => child.getNS() === ns.discoInfo || child.getNS() === ns.discoItems)

function strangerFault(state: RoomState, stanza: Element): StanzaError {
  const text = 'You are not in the room'
  if (stanza.name === 'message') return refuse(state, 'not-acceptable', text)
  return isDisco(stanza)
    ? refuse(state, 'bad-request', text)
    : refuse(state, 'not-acceptable', text, { type: 'cancel' })
}

export function decidePrivateMessage(
  state: RoomState,
  command: CommandOf<'private-message'>,
  context: Context,
): Verdict {
  const { stanza } = command
  if (stanza.attrs.type === 'groupchat')
    return refuse(state, 'bad-request', 'A message to one occupant is not of type groupchat')
  const pair = pairOf(state, speakerOf(state, command, context), command.nick, stanza)
  if (isRefusal(pair)) return pair
  const { sender, target } = pair
  if (!mayWhisper(state, sender, target))
    return refuse(state, 'forbidden', 'You may not send private messages in this room')
  const content = sanitized(stanza, new Set([state.jid, ...homesOf(sender), ...homesOf(target)]))
  if (content.reduce((sum, child) => sum + child.toString().length, 0) > context.policy.maxMessageLength)
    return refuse(state, 'policy-violation', `A message has at most ${context.policy.maxMessageLength} characters`)
  const { type, id } = stanza.attrs
  const message = xml('message', {
    from: `${state.jid}/${sender.nick}`,
    type,
    id,
    'xml:lang': stanza.attrs['xml:lang'],
  })
  message.children.push(...content, userElement(), occupantIdElement(sender.occupantId))
  return passOn(state, target, message)
}

/** To the clients of an occupant here, to the instances of one elsewhere. */
export function passOn(state: RoomState, target: Occupant, stanza: Element): Decision {
  const to = sessionsOf(state, target)
  return {
    operations: [],
    deliveries: to.length > 0 ? [{ to, stanza }] : [],
    relays: homesOf(target)
      .filter((home) => home !== state.jid)
      .map((home) => ({ home, target: target.nick, stanza })),
  }
}

/**
 * A stanza that another instance relayed for an occupant here, readdressed. `sender`: the nick it speaks for, a right which the
 * caller has verified; undefined or empty where it speaks for the room (a decline, a request for voice). Undefined where the
 * target or the sender is not in the room, or may not do this.
 */
export function deliverPrivately(
  state: RoomState,
  sender: string | undefined,
  target: string,
  stanza: Element,
): Delivery | undefined {
  const listener = state.occupants.get(target)
  const to = listener === undefined ? [] : sessionsOf(state, listener)
  if (listener === undefined || to.length === 0) return undefined
  const speaker = sender ? state.occupants.get(sender) : undefined
  if (sender && speaker === undefined) return undefined
  const { type, id } = stanza.attrs
  const from = speaker === undefined ? state.jid : `${state.jid}/${speaker.nick}`
  const readdressed = xml(stanza.name, { from, type, id, 'xml:lang': stanza.attrs['xml:lang'] })
  if (stanza.name !== 'message') {
    readdressed.children.push(...elements(stanza))
    return { to: to.slice(0, 1), stanza: readdressed }
  }
  if (speaker === undefined) {
    const content = elements(stanza).filter((child) => child.getNS() === ns.mucUser || child.getNS() === ns.dataForm)
    readdressed.children.push(...content)
  } else {
    if (!mayWhisper(state, speaker, listener)) return undefined
    const content = sanitized(stanza, new Set([state.jid, ...homesOf(speaker)]))
    readdressed.children.push(...content, userElement(), occupantIdElement(speaker.occupantId))
  }
  return { to, stanza: readdressed }
}

/** What an account answers, not a client: asked of the bare JID. */
const ofAccounts: ReadonlySet<string | undefined> = new Set(['vcard-temp', 'http://jabber.org/protocol/pubsub'])

/**
 * §17.4: forwarded under an id of our own, so that nobody learns a real JID from it, and only the answer that was asked for comes
 * back. To the client that spoke last, vCards and pubsub to the account.
 */
export function decidePrivateIq(state: RoomState, command: CommandOf<'private-iq'>, context: Context): Verdict {
  const { stanza } = command
  const pair = pairOf(state, speakerOf(state, command, context), command.nick, stanza)
  if (isRefusal(pair)) return pair
  const { sender, target } = pair
  if (sender === target && isPing(stanza)) {
    const pong = xml('iq', { type: 'result', id: command.id, from: `${state.jid}/${target.nick}` })
    return { operations: [], reply: { to: [command.from], stanza: pong } }
  }
  if (!state.config.allowQueries && sender !== target && sender.role !== 'moderator')
    return refuse(state, 'not-allowed', 'Occupants of this room are not to be asked')
  const forwarded = xml('iq', { type: stanza.attrs.type, id: context.token, from: `${state.jid}/${sender.nick}` })
  forwarded.children.push(...elements(stanza))
  const isLocal = target.home === state.jid
  const toAccount = elements(stanza).some((child) => ofAccounts.has(child.getNS()))
  const address = !isLocal
    ? `${target.home}/${target.nick}`
    : toAccount
      ? target.jid
      : (target.sessions[0]?.jid ?? target.jid)
  return {
    operations: [],
    ...(isLocal
      ? { deliveries: [{ to: [address], stanza: forwarded }] }
      : { relays: [{ home: target.home, target: target.nick, stanza: forwarded }] }),
    expects: {
      id: context.token,
      from: address,
      requester: command.from,
      requestId: command.id ?? '',
      answerFrom: `${state.jid}/${command.nick}`,
    },
  }
}

/** XEP-0410 §4: a ping of one's own nick is answered here, without asking any of its clients. */
export const isPing = (stanza: Element): boolean =>
  stanza.attrs.type === 'get' && elements(stanza).some((child) => child.name === 'ping' && child.getNS() === ns.ping)
