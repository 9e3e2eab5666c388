/** Records as the tests of stores use them: valid, with what a test cares about given. */
import { archiveId } from '../../src/store/archive-id.js'
import type {
  Account,
  ArchiveRecord,
  LogRecord,
  RoomRecord,
  RosterItem,
  ScramKeys,
  Write,
} from '../../src/store/store.js'

export const room = 'coven@rooms.a.example'

export function roomRecord(fields: Partial<RoomRecord> = {}): RoomRecord {
  const jid = fields.jid ?? room
  return {
    jid,
    service: jid.slice(jid.indexOf('@') + 1),
    roomId: 'c2f1',
    source: jid,
    epoch: 1,
    epochRank: 0,
    createdAt: 1_700_000_000_000,
    public: true,
    persistent: true,
    name: 'Coven',
    state: '{"config":{}}',
    ...fields,
  }
}

export const putRoom = (fields: Partial<RoomRecord> = {}): Write => ({ type: 'room.put', room: roomRecord(fields) })

/** The `seq`th event of one origin, archived at that time unless said otherwise. */
export function logRecord(seq: number, fields: Partial<LogRecord> = {}): LogRecord {
  return {
    instance: room,
    incarnation: 'i1',
    seq,
    stampMs: 1_700_000_000_000 + seq,
    stampCounter: 0,
    epoch: 1,
    revision: 3,
    stanzaId: `id-${seq}`,
    type: 'message',
    nick: 'firstwitch',
    jid: 'crone1@a.example',
    body: `{"content":"<body>${seq}</body>"}`,
    void: false,
    archived: fields.void !== true,
    archivedAt: seq,
    ...fields,
  }
}

/** An entry of a user's archive. */
export const archiveRecord = (at: number, fields: Partial<ArchiveRecord> = {}): ArchiveRecord => ({
  stanzaId: archiveId(at, `u-${at}`),
  type: 'message',
  jid: 'juliet@b.example',
  nick: undefined,
  body: JSON.stringify({ content: `<body>said at ${at}</body>` }),
  archivedAt: at,
  ...fields,
})

export const putLog = (records: readonly LogRecord[], to = room): Write => ({ type: 'room.log', room: to, records })

export function account(jid: string, fields: Partial<Account> = {}): Account {
  return { jid, sha1: keys(4096), sha256: keys(10_000), sha512: keys(10_001), createdAt: 5, disabled: false, ...fields }
}

export function keys(iterations: number): ScramKeys {
  return { salt: `salt${iterations}`, iterations, storedKey: `stored${iterations}`, serverKey: `server${iterations}` }
}

export function rosterItem(jid: string, fields: Partial<RosterItem> = {}): RosterItem {
  return {
    jid,
    name: undefined,
    groups: [],
    subscription: 'none',
    ask: false,
    pendingIn: undefined,
    approved: false,
    ...fields,
  }
}
