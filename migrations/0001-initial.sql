-- Accounts, contact rosters, offline messages, rooms and their log (src/store/store.ts names the columns' meaning).
-- JIDs are prepared strings, times are milliseconds since the epoch, XML and JSON are text.

CREATE TABLE account (
  jid TEXT PRIMARY KEY,
  domain TEXT NOT NULL,
  sha1_salt TEXT NOT NULL,
  sha1_iterations INTEGER NOT NULL,
  sha1_stored_key TEXT NOT NULL,
  sha1_server_key TEXT NOT NULL,
  sha256_salt TEXT NOT NULL,
  sha256_iterations INTEGER NOT NULL,
  sha256_stored_key TEXT NOT NULL,
  sha256_server_key TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  disabled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_domain ON account (domain, jid);

CREATE TABLE roster (
  owner TEXT NOT NULL,
  jid TEXT NOT NULL,
  name TEXT,
  groups TEXT NOT NULL, -- a JSON array
  subscription TEXT NOT NULL,
  ask INTEGER NOT NULL,
  pending_in TEXT,
  approved INTEGER NOT NULL,
  PRIMARY KEY (owner, jid)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: an order is never used twice, so deleting up to one never hits a message that came later.
CREATE TABLE offline (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  at INTEGER NOT NULL,
  stanza TEXT NOT NULL
) STRICT;
CREATE INDEX offline_owner ON offline (owner);

CREATE TABLE data (
  owner TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (owner, kind, key)
) STRICT;

-- AUTOINCREMENT: the log of a deleted room is emptied later, under its old number.
CREATE TABLE room (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  jid TEXT NOT NULL UNIQUE,
  service TEXT NOT NULL,
  room_id TEXT NOT NULL,
  source TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  epoch_rank INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  public INTEGER NOT NULL,
  persistent INTEGER NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL
) STRICT;
CREATE INDEX room_service ON room (service, jid, public);

CREATE TABLE affiliation (
  room INTEGER NOT NULL REFERENCES room (id) ON DELETE CASCADE,
  jid TEXT NOT NULL,
  affiliation TEXT NOT NULL,
  nick TEXT,
  reason TEXT,
  PRIMARY KEY (room, jid)
) STRICT, WITHOUT ROWID;

CREATE TABLE occupant (
  room INTEGER NOT NULL REFERENCES room (id) ON DELETE CASCADE,
  nick TEXT NOT NULL,
  jid TEXT NOT NULL,
  home TEXT NOT NULL,
  since INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (room, nick)
) STRICT, WITHOUT ROWID;

CREATE TABLE instance (
  room INTEGER NOT NULL REFERENCES room (id) ON DELETE CASCADE,
  jid TEXT NOT NULL,
  state TEXT NOT NULL,
  PRIMARY KEY (room, jid)
) STRICT, WITHOUT ROWID;

-- Where events come from, and the room's version vector: 1..contiguous are all in the log.
CREATE TABLE origin (
  id INTEGER PRIMARY KEY,
  room INTEGER NOT NULL,
  instance TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  contiguous INTEGER NOT NULL DEFAULT 0,
  UNIQUE (room, instance, incarnation)
) STRICT;

-- The intervals above `contiguous`, both ends included; they neither touch nor overlap.
CREATE TABLE origin_above (
  origin INTEGER NOT NULL REFERENCES origin (id) ON DELETE CASCADE,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (origin, first)
) STRICT, WITHOUT ROWID;

-- The key is the archive's order. Within a room archived_at rises with it, so a time is found by bisection and needs no
-- index of its own: each index costs a page per row written. No foreign keys: rows outlive their room (deleted_room).
CREATE TABLE log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  room INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  seq INTEGER NOT NULL CHECK (seq > 0),
  stamp_ms INTEGER NOT NULL,
  stamp_counter INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  stanza_id TEXT NOT NULL,
  type TEXT NOT NULL,
  nick TEXT,
  jid TEXT,
  body TEXT NOT NULL,
  void INTEGER NOT NULL,
  archived_at INTEGER NOT NULL,
  UNIQUE (origin, seq)
) STRICT;
CREATE INDEX log_room ON log (room); -- (room, id): SQLite ends each index with the rowid
CREATE INDEX log_stanza_id ON log (room, stanza_id);

-- Rooms that are gone and whose log is still being emptied, a slice at a time.
CREATE TABLE deleted_room (
  id INTEGER PRIMARY KEY
) STRICT;
