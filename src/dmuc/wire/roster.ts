/** The room roster of E7 (XEP-0281 §4.2): its occupants, `name` being the nick; the rest of an occupant beside it. */
import { readContent, writeContent } from '../../room/content.js'
import { affiliations, type Occupant, type RoomState, type Stamp } from '../../room/types.js'
import { copy, type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readStamp, writeStamp } from '../clock.js'
import { type Available, type ListPlace, readGranted, readRole } from './presence.js'
import { readCount, readToken } from './read.js'

/** `place`, for sync shadows, is where our own list stands. */
export function writeRoster(room: RoomState, place: ListPlace | undefined): Element {
  return xml(
    'roster',
    { xmlns: ns.dmuc },
    ...[...room.occupants.values()].map((occupant) => writeItem(room, occupant, place !== undefined)),
    place &&
      xml('list', {
        xmlns: ns.dmucSync,
        incarnation: place.incarnation,
        revision: String(place.revision),
        seq: String(place.seq),
      }),
  )
}

function writeItem(room: RoomState, occupant: Occupant, sync: boolean): Element {
  const session = occupant.sessions[0]
  return xml(
    'item',
    {
      affiliation: room.register.get(occupant.jid)?.affiliation ?? 'none',
      jid: session?.jid ?? occupant.jid,
      name: occupant.nick,
    },
    sync
      ? xml(
          'occupant',
          {
            xmlns: ns.dmucSync,
            home: occupant.home,
            role: occupant.role,
            'occupant-id': occupant.occupantId,
            since: writeStamp(occupant.since),
            grant: String(occupant.grant),
            'grant-proof': occupant.grantProof,
          },
          session && xml('presence', { xmlns: ns.client }, ...readContent(session, session.presence).map(copy)),
        )
      : undefined,
  )
}

/** `home` and `occupantId` fill in what a plain source does not say. */
export function readRoster(
  roster: Element,
  fill: {
    readonly home: string
    readonly occupantId: (bareJid: string, home: string) => string
    readonly stamp: Stamp
  },
): readonly Available[] {
  return roster
    .getChildren('item', ns.dmuc)
    .map((item): Available | undefined => {
      const jid = Jid.tryParse(item.attrs.jid)
      const nick = Jid.tryParse(`room@service.invalid/${item.attrs.name ?? ''}`)?.resource
      if (jid === undefined || nick === undefined || nick === '') return undefined
      const bare = jid.bare().toString()
      const sync = item.getChild('occupant', ns.dmucSync)
      const presence = sync?.getChild('presence')
      const home = Jid.tryParse(sync?.attrs.home)?.toString() ?? fill.home
      const occupant: Occupant = {
        nick,
        jid: bare,
        occupantId: fill.occupantId(bare, home),
        role: readRole(sync?.attrs.role) ?? roleBy(item.attrs.affiliation),
        home,
        sessions: [{ jid: jid.toString(), presence: writeContent(presence ? unscoped(presence) : []) }],
        since: readStamp(sync?.attrs.since) ?? fill.stamp,
        ...readGranted(sync),
      }
      const affiliation = affiliations.find((known) => known === item.attrs.affiliation)
      return { type: 'available', occupant, affiliation }
    })
    .filter((entry) => entry !== undefined)
}

/** XEP-0045 §5.1.2, table 4: the default role by affiliation. */
const roleBy = (affiliation: string | undefined): Occupant['role'] =>
  affiliation === 'owner' || affiliation === 'admin' ? 'moderator' : 'participant'

/** The children of an embedded presence as they would stand on a stream. */
const unscoped = (presence: Element): Element[] =>
  elements(presence).map((node) => {
    const twin = copy(node)
    if (twin.attrs.xmlns === ns.client) delete twin.attrs.xmlns
    return twin
  })

export const readListPlace = (roster: Element): ListPlace | undefined => {
  const list = roster.getChild('list', ns.dmucSync)
  const incarnation = readToken(list?.attrs.incarnation)
  const revision = readCount(list?.attrs.revision)
  const seq = readCount(list?.attrs.seq)
  return incarnation === undefined || revision === undefined || seq === undefined
    ? undefined
    : { incarnation, revision, seq }
}
