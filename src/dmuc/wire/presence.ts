/**
 * The presence of occupants between instances (XEP-0281 §4.4, E18 and E23): from the occupant's room JID at its home to the
 * same nick at the other instance. What XEP-0281 leaves open (leave, nick change, kick, ban) uses the status codes of
 * XEP-0045; `<occupant xmlns='urn:xmpp:dmuc-sync:0'/>` adds what keeps the lists in step (docs/dmuc-sync.md §3).
 */
import { readContent, writeContent } from '../../room/content.js'
import type { Affiliation, Departure, Occupant, Role, Stamp } from '../../room/types.js'
import { affiliations, roles } from '../../room/types.js'
import { child, copy, type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readStamp, writeStamp } from '../clock.js'
import { readCount, readSignature, readToken } from './read.js'

/** Where a presence stands in its home's list: `seq` is the last event of that home before it. */
export interface ListPlace {
  readonly incarnation: string
  readonly revision: number
  readonly seq: number
}

const statusOf: Readonly<Record<Departure['cause'], string | undefined>> = {
  left: undefined,
  kicked: '307',
  banned: '301',
  affiliation: '321',
  'members-only': '322',
  shutdown: '332',
  error: '333',
  unreachable: '333',
}

export interface Available {
  readonly type: 'available'
  readonly occupant: Occupant
  /** As the sender claims, if it does: of weight where it is the source alone. */
  readonly affiliation: Affiliation | undefined
}

export interface Unavailable {
  readonly type: 'unavailable'
  readonly nick: string
  readonly departure: Departure
  readonly status: string | undefined
  /** A nick change: the occupant goes on under this nick, under this grant. */
  readonly renamed:
    | {
        readonly to: string
        readonly grant: number
        readonly grantProof?: string | undefined
        readonly forced: boolean
      }
    | undefined
}

export type RelayedPresence = (Available | Unavailable) & { readonly place: ListPlace | undefined }

const item = (occupant: Occupant, affiliation: Affiliation, extra: Record<string, string | undefined> = {}): Element =>
  xml('item', { affiliation, role: occupant.role, jid: occupant.sessions[0]?.jid ?? occupant.jid, ...extra })

const lastPresence = (occupant: Occupant): Element[] => {
  const session = occupant.sessions[0]
  return session === undefined ? [] : readContent(session, session.presence).map(copy)
}

/** `from` and `to` are room JIDs; `place` is left out for plain peers. */
export function writeAvailable(
  from: string,
  to: string,
  occupant: Occupant,
  affiliation: Affiliation,
  place: ListPlace | undefined,
): Element {
  return xml(
    'presence',
    { from: `${from}/${occupant.nick}`, to: `${to}/${occupant.nick}` },
    ...lastPresence(occupant),
    xml('x', { xmlns: ns.mucUser }, item(occupant, affiliation)),
    place && writeOccupant(occupant, place),
  )
}

function writeOccupant(occupant: Occupant, place: ListPlace): Element {
  return xml('occupant', {
    xmlns: ns.dmucSync,
    ...placeAttributes(place),
    jid: occupant.jid,
    'occupant-id': occupant.occupantId,
    since: writeStamp(occupant.since),
    grant: String(occupant.grant),
    'grant-proof': occupant.grantProof,
  })
}

const placeAttributes = (place: ListPlace): Record<string, string> => ({
  incarnation: place.incarnation,
  revision: String(place.revision),
  seq: String(place.seq),
})

export function writeUnavailable(
  from: string,
  to: string,
  occupant: Occupant,
  affiliation: Affiliation,
  gone: Omit<Unavailable, 'type' | 'nick'> & { readonly actorNick?: string | undefined },
  place: ListPlace | undefined,
): Element {
  const { departure, renamed } = gone
  const code = renamed === undefined ? statusOf[departure.cause] : '303'
  const actor = 'actor' in departure ? departure.actor : undefined
  const reason = 'reason' in departure ? departure.reason : undefined
  const left = item({ ...occupant, role: renamed === undefined ? 'none' : occupant.role }, affiliation, {
    nick: renamed?.to,
  })
  if (actor !== undefined) left.cnode(xml('actor', { jid: actor, nick: gone.actorNick }))
  if (reason !== undefined) left.cnode(xml('reason', {}, reason))
  return xml(
    'presence',
    { type: 'unavailable', from: `${from}/${occupant.nick}`, to: `${to}/${occupant.nick}` },
    gone.status === undefined ? undefined : xml('status', {}, gone.status),
    xml('x', { xmlns: ns.mucUser }, left, code === undefined ? undefined : xml('status', { code })),
    place &&
      xml('occupant', {
        xmlns: ns.dmucSync,
        ...placeAttributes(place),
        cause: renamed === undefined ? departure.cause : undefined,
        to: renamed?.to,
        grant: renamed && String(renamed.grant),
        'grant-proof': renamed?.grantProof,
        forced: renamed?.forced === true ? 'true' : undefined,
      }),
  )
}

export interface Fill {
  readonly occupantId: (bareJid: string) => string
  /** Of an occupant, by nick. */
  readonly bareJid: (nick: string) => string | undefined
  readonly stamp: Stamp
}

/**
 * Reads a presence that the instance `home` sent for one of its occupants. `fill` gives what a plain peer does not say:
 * the occupant-id of a bare JID, the JID of who is called so, and the stamp of arrival. Undefined for what is no such presence.
 */
export function readPresence(stanza: Element, home: string, fill: Fill): RelayedPresence | undefined {
  const nick = Jid.tryParse(stanza.attrs.from)?.resource
  if (nick === undefined || nick === '') return undefined
  const x = child(stanza, 'x', ns.mucUser)
  const about = x && child(x, 'item', ns.mucUser)
  const sync = child(stanza, 'occupant', ns.dmucSync)
  const place = sync && readPlace(sync)
  if (stanza.attrs.type === 'unavailable') return { ...readUnavailable(stanza, nick, x, about, sync, fill), place }
  if (stanza.attrs.type !== undefined) return undefined
  const jid = Jid.tryParse(about?.attrs.jid) ?? Jid.parse(home).withResource(nick)
  const bare = about?.attrs.jid === undefined ? jid.toString() : jid.bare().toString()
  const occupant: Occupant = {
    nick,
    jid: bare,
    // Every instance computes the same; what one says of it counts for nothing.
    occupantId: fill.occupantId(bare),
    role: readRole(about?.attrs.role) ?? 'participant',
    home,
    sessions: [{ jid: jid.toString(), presence: writeContent(presenceContent(stanza)) }],
    since: readStamp(sync?.attrs.since) ?? fill.stamp,
    ...readGranted(sync),
  }
  const affiliation = affiliations.find((known) => known === about?.attrs.affiliation)
  return { type: 'available', occupant, affiliation, place }
}

function readUnavailable(
  stanza: Element,
  nick: string,
  x: Element | undefined,
  about: Element | undefined,
  sync: Element | undefined,
  fill: Fill,
): Unavailable {
  const codes = new Set(x?.getChildren('status').map((status) => String(status.attrs.code)))
  const to = codes.has('303') ? (sync?.attrs.to ?? about?.attrs.nick) : undefined
  const named = (Object.keys(statusOf) as Departure['cause'][]).find((cause) => cause === sync?.attrs.cause)
  const coded = (Object.keys(statusOf) as Departure['cause'][]).find((cause) => codes.has(statusOf[cause] ?? ''))
  const by = about?.getChild('actor')?.attrs
  const actor = Jid.tryParse(by?.jid)?.bare().toString() ?? fill.bareJid(String(by?.nick))
  const reason = about?.getChildText('reason') ?? undefined
  const resource = to === undefined ? undefined : Jid.tryParse(`room@service.invalid/${to}`)?.resource
  return {
    type: 'unavailable',
    nick,
    departure: { cause: named ?? coded ?? 'left', actor, reason } as Departure,
    status: stanza.getChildText('status') ?? undefined,
    renamed:
      resource === undefined || resource === ''
        ? undefined
        : { to: resource, ...readGranted(sync), forced: sync?.attrs.forced === 'true' },
  }
}

function readPlace(sync: Element): ListPlace | undefined {
  const incarnation = readToken(sync.attrs.incarnation)
  const revision = readCount(sync.attrs.revision)
  const seq = readCount(sync.attrs.seq)
  if (incarnation === undefined || revision === undefined || seq === undefined) return undefined
  return { incarnation, revision, seq }
}

/** The number of a grant, and the signature of it. */
export function readGranted(element: Element | undefined): Pick<Occupant, 'grant' | 'grantProof'> {
  const grant = readCount(element?.attrs.grant) ?? 0
  const grantProof = readSignature(element?.attrs['grant-proof'])
  return grantProof === undefined ? { grant } : { grant, grantProof }
}

export const readRole = (text: string | undefined): Role | undefined => roles.find((role) => role === text)

/** What a client said of itself, without what rooms and instances add. */
const presenceContent = (stanza: Element): Element[] =>
  elements(stanza).filter(
    (node) => ![ns.muc, ns.mucUser, ns.dmucSync, ns.occupantId, ns.stanzaId].includes(node.attrs.xmlns ?? ''),
  )
