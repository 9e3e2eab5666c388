/**
 * Presence as occupants see it (XEP-0045 §7.2.2, §17.3): what the client said, the muc#user item, the occupant-id. The
 * plain presence of an occupant is made once for those who may see real JIDs and once for the rest, and kept.
 */
import { Recent } from '../util/recent.js'
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { readContent, withoutClaims } from './content.js'
import { hats, hatsOf } from './features/hats.js'
import { standingOf } from './standing.js'
import type { Affiliation, Hat, Occupant, Role, RoomState } from './types.js'

/** What a stanza says of an occupant beside the plain facts. */
export interface Notice {
  /** For everybody who sees the stanza. */
  readonly statuses?: readonly number[]
  /** For the occupant's own clients, beside 110. */
  readonly selfStatuses?: readonly number[]
  /** The bare JID of who did it, and the nick it is known by in the room, if it is there. */
  readonly actor?: { readonly jid: string; readonly nick: string | undefined }
  readonly reason?: string
  /** The new nick (§7.6). */
  readonly nick?: string
  /** The id of the occupant's own stanza, for its own clients. */
  readonly selfId?: string
  /** `<status/>` of a leaving client, as it put it. */
  readonly status?: string
}

export interface View {
  /** The one who looks may see real JIDs. */
  readonly seeing: boolean
  /** The one who looks is the occupant. */
  readonly self: boolean
}

const withStatuses = (codes: readonly number[]): Element[] =>
  [...new Set(codes)].sort((a, b) => a - b).map((code) => xml('status', { code: String(code) }))

export const userElement = (...children: (Element | undefined)[]): Element =>
  xml('x', { xmlns: ns.mucUser }, ...children)

export const occupantIdElement = (id: string): Element => xml('occupant-id', { xmlns: ns.occupantId, id })

/** The real JID of an occupant, where it is known: of a client of a plain peer only the bare one may be. */
const realJid = (occupant: Occupant): string | undefined => (occupant.sessions[0]?.jid ?? occupant.jid) || undefined

interface Facts {
  readonly affiliation: Affiliation
  readonly role: Role
  /** The client that the item names. */
  readonly jid: string | undefined
}

function item(facts: Facts, notice: Notice, view: View): Element {
  const { actor, reason } = notice
  const shownActor =
    actor === undefined || (actor.nick === undefined && !view.seeing)
      ? undefined
      : xml('actor', { nick: actor.nick, jid: view.seeing ? actor.jid : undefined })
  return xml(
    'item',
    {
      affiliation: facts.affiliation,
      role: facts.role,
      jid: view.seeing || view.self ? facts.jid : undefined,
      nick: notice.nick,
    },
    shownActor,
    reason === undefined ? undefined : xml('reason', {}, reason),
  )
}

function user(facts: Facts, notice: Notice, view: View): Element {
  const codes = [...(notice.statuses ?? []), ...(view.self ? [110, ...(notice.selfStatuses ?? [])] : [])]
  return userElement(item(facts, notice, view), ...withStatuses(codes))
}

/** Available presence of `occupant` as `state` has it. */
export function availablePresence(state: RoomState, occupant: Occupant, notice: Notice, view: View): Element {
  const [session] = occupant.sessions
  const presence = xml('presence', { from: `${state.jid}/${occupant.nick}`, id: view.self ? notice.selfId : undefined })
  if (session !== undefined) {
    presence.children.push(...withoutClaims(readContent(session, session.presence), state.jid))
  }
  const facts = { affiliation: standingOf(state, occupant), role: occupant.role, jid: realJid(occupant) }
  const worn = hats.element(state.config, occupant.jid)
  presence.children.push(user(facts, notice, view), occupantIdElement(occupant.occupantId), ...(worn ? [worn] : []))
  return presence
}

/** Unavailable presence of who was `occupant`; `session`: the client that the item names. */
export function unavailablePresence(
  state: RoomState,
  occupant: Occupant,
  notice: Notice,
  view: View,
  role: Role = 'none',
  session = realJid(occupant),
): Element {
  const facts = { affiliation: standingOf(state, occupant), role, jid: session }
  return xml(
    'presence',
    {
      from: `${state.jid}/${occupant.nick}`,
      type: 'unavailable',
      id: view.self ? notice.selfId : undefined,
    },
    notice.status === undefined ? undefined : xml('status', {}, notice.status),
    user(facts, notice, view),
    occupantIdElement(occupant.occupantId),
  )
}

/** What the room says of the affiliation of somebody who is not in it (§§10.3, 10.6, 10.7, 18.1); `jid` is bare. */
export const affiliationMessage = (
  state: RoomState,
  jid: string,
  affiliation: Affiliation,
  reason: string | undefined,
  ...statuses: readonly number[]
): Element =>
  xml(
    'message',
    { from: state.jid },
    userElement(
      xml('item', { affiliation, jid }, reason === undefined ? undefined : xml('reason', {}, reason)),
      ...withStatuses(statuses),
    ),
  )

interface Kept {
  readonly room: string
  readonly affiliation: Affiliation
  readonly hats: readonly Hat[]
  seeing?: Element
  blind?: Element
}

/** Those who came lately: an idle room needs none of it, and it is several times what else there is of an occupant. */
const kept = new Recent<Occupant, Kept>(2048)

/** The plain presence of an occupant for others: the same element object for as long as nothing in it changes. */
export function plainPresence(state: RoomState, occupant: Occupant, seeing: boolean): Element {
  const affiliation = standingOf(state, occupant)
  const worn = hatsOf(state.config, occupant.jid)
  let known = kept.get(occupant)
  const same = known?.affiliation === affiliation && known.room === state.jid && known.hats === worn
  if (known === undefined || !same) {
    known = { room: state.jid, affiliation, hats: worn }
    kept.set(occupant, known, state.occupants.size)
  }
  const group = seeing ? 'seeing' : 'blind'
  const stanza = known[group] ?? availablePresence(state, occupant, {}, { seeing, self: false })
  known[group] = stanza
  return stanza
}
