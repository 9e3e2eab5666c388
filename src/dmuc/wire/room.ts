/**
 * What travels beside the config to a sync shadow (docs/dmuc-sync.md §1): which room it is, its keys, its register, its
 * table of instances, its revisions. It holds secrets and goes to members alone.
 */
import type { RegisterEntry, Role, Subject } from '../../room/types.js'
import { affiliations } from '../../room/types.js'
import { type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readStamp, writeStamp } from '../clock.js'
import type { RoomKeys, StanzaIdKey } from '../ids.js'
import type { InstanceTable, Replica, RoomIdentity } from '../replica.js'
import { readGrantable } from './event.js'
import { type Floor, readFloors, writeFloors } from './floor.js'
import { identityAttributes, readIdentity, readTable, writeTable } from './hello.js'
import { readCount, readKey, readToken } from './read.js'

export interface RoomExtension {
  readonly identity: RoomIdentity
  readonly keys: RoomKeys
  readonly configRevision: number
  readonly registerRevision: number
  readonly register: ReadonlyMap<string, RegisterEntry>
  readonly entitled: ReadonlyMap<string, Role>
  readonly table: InstanceTable
  /** The revision of the register at which this source took over. */
  readonly forkedAt: number
  /** The present one, be it older than the history that the shadow is given. */
  readonly subject: Subject | undefined
  readonly floors: readonly Floor[]
}

export function writeRoom(replica: Replica): Element {
  const { identity, keys, room, table } = replica
  return xml(
    'room',
    {
      xmlns: ns.dmucSync,
      ...identityAttributes(identity),
      config: String(room.configRevision),
      register: String(room.registerRevision),
      forked: replica.forkedAt === 0 ? undefined : String(replica.forkedAt),
    },
    xml(
      'keys',
      { ...keyAttributes(keys), 'occupant-id': keys.occupantSalt },
      ...(keys.former ?? []).map((key) => xml('former', keyAttributes(key))),
    ),
    ...[...room.register].map(([jid, entry]) =>
      xml('entry', { jid, affiliation: entry.affiliation, nick: entry.nick, reason: entry.reason }),
    ),
    ...[...(room.entitled ?? [])].map(([whom, role]) => xml('entitled', { 'occupant-id': whom, role })),
    room.subject && writeSubject(room.subject),
    writeTable(table),
    ...writeFloors(replica.floors.values()),
  )
}

const writeSubject = ({ text, nick, occupantId, stamp, stanzaId, sourced }: Subject): Element =>
  xml(
    'subject',
    {
      nick,
      'occupant-id': occupantId,
      stamp: writeStamp(stamp),
      id: stanzaId,
      sourced: sourced && writeStamp(sourced),
    },
    text,
  )

function readSubject(element: Element | undefined): Subject | undefined {
  const nick = element?.attrs.nick
  const stamp = readStamp(element?.attrs.stamp)
  const stanzaId = readToken(element?.attrs.id)
  const occupantId = readToken(element?.attrs['occupant-id'])
  if (element === undefined || nick === undefined || stamp === undefined || stanzaId === undefined) return undefined
  const sourced = readStamp(element.attrs.sourced)
  const by = { nick, ...(occupantId === undefined ? {} : { occupantId }) }
  return { text: element.getText(), ...by, stamp, stanzaId, ...(sourced && { sourced }) }
}

export function readRoom(element: Element | undefined): RoomExtension | undefined {
  const identity = element && readIdentity(element)
  const keys = readKeys(element?.getChild('keys'))
  const configRevision = readCount(element?.attrs.config)
  const registerRevision = readCount(element?.attrs.register)
  const table = readTable(element?.getChild('instances', ns.dmucSync))
  if (element === undefined || identity === undefined || keys === undefined || table === undefined) return undefined
  if (configRevision === undefined || registerRevision === undefined) return undefined
  const register = new Map<string, RegisterEntry>()
  const entitled = new Map<string, Role>()
  for (const row of elements(element)) {
    const jid = Jid.tryParse(row.attrs.jid)?.bare().toString()
    const affiliation = affiliations.find((known) => known === row.attrs.affiliation)
    if (row.name !== 'entry' || jid === undefined || affiliation === undefined) continue
    const { nick, reason } = row.attrs
    register.set(jid, {
      affiliation,
      ...(nick === undefined ? {} : { nick }),
      ...(reason === undefined ? {} : { reason }),
    })
  }
  for (const row of element.getChildren('entitled')) {
    const whom = readToken(row.attrs['occupant-id'])
    const role = readGrantable(row.attrs.role)
    if (whom !== undefined && role !== undefined) entitled.set(whom, role)
  }
  return {
    identity,
    keys,
    configRevision,
    registerRevision,
    register,
    entitled,
    table,
    forkedAt: readCount(element.attrs.forked) ?? 0,
    subject: readSubject(element.getChild('subject')),
    floors: readFloors(element),
  }
}

const keyAttributes = ({ number, stanzaIdKey }: StanzaIdKey): Record<string, string> => ({
  number: String(number),
  'stanza-id': stanzaIdKey,
})

function readKeys(element: Element | undefined): RoomKeys | undefined {
  const [present, occupantSalt] = [readStanzaIdKey(element), readKey(element?.attrs['occupant-id'])]
  if (element === undefined || present === undefined || occupantSalt === undefined) return undefined
  const former = element
    .getChildren('former')
    .map(readStanzaIdKey)
    .filter((key) => key !== undefined)
  return { ...present, occupantSalt, ...(former.length === 0 ? {} : { former }) }
}

function readStanzaIdKey(element: Element | undefined): StanzaIdKey | undefined {
  const [number, stanzaIdKey] = [readCount(element?.attrs.number), readKey(element?.attrs['stanza-id'])]
  return number === undefined || stanzaIdKey === undefined ? undefined : { number, stanzaIdKey }
}
