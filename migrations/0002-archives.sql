-- Archives of users beside those of rooms, in one log; full-text search; what a service asks of its rooms as a whole.

-- Whose archive: a room's JID, with the room's own number, or a user's bare JID. AUTOINCREMENT: what is deleted is emptied later,
-- under its old number.
CREATE TABLE archive (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO archive (id, owner) SELECT id, jid FROM room;
DELETE FROM sqlite_sequence WHERE name = 'archive';
INSERT INTO sqlite_sequence (name, seq) SELECT 'archive', seq FROM sqlite_sequence WHERE name = 'room';
ALTER TABLE deleted_room RENAME TO deleted_archive;

-- As before, but: `origin` and what belongs to it is a room's alone; `archived` says what is to be read as the archive, which is
-- neither void nor, in a room, what was said while its archive was off.
CREATE TABLE new_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  archive INTEGER NOT NULL,
  origin INTEGER,
  seq INTEGER CHECK (seq > 0),
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
  archived INTEGER NOT NULL CHECK (archived = 0 OR void = 0)
) STRICT;
INSERT INTO new_log
  SELECT id, room, origin, seq, stamp_ms, stamp_counter, epoch, revision, stanza_id, type, nick, jid, body, void, archived_at,
    void = 0 AND type IN ('message', 'subject', 'moderate')
  FROM log;
DELETE FROM sqlite_sequence WHERE name = 'new_log';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_log', seq FROM sqlite_sequence WHERE name = 'log';
DROP TABLE log;
ALTER TABLE new_log RENAME TO log;

-- Within each of these the archive's order is the rowid, which SQLite ends each index with: pages are found, not searched for.
CREATE INDEX log_archive ON log (archive, archived, void);
CREATE INDEX log_stanza_id ON log (archive, stanza_id);
CREATE UNIQUE INDEX log_event ON log (origin, seq) WHERE origin IS NOT NULL;
CREATE INDEX log_jid ON log (archive, jid) WHERE archived = 1 AND jid IS NOT NULL;
CREATE INDEX log_nick ON log (archive, nick) WHERE archived = 1 AND nick IS NOT NULL;

-- The words of what is archived, under the number of its log row; `archive` is the letter a and the number of the archive. Our own
-- tokeniser (src/store/full-text.ts) has made the words, so this one only has to part them. Erased words leave the disk.
CREATE VIRTUAL TABLE log_text USING fts5 (archive, words, content = '', columnsize = 0, tokenize = 'ascii');
INSERT INTO log_text (log_text, rank) VALUES ('secure-delete', 1);

-- One row: everything in the log up to `indexed` is in log_text, made by this version of the tokeniser.
CREATE TABLE log_text_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL,
  indexed INTEGER NOT NULL
) STRICT;
INSERT INTO log_text_state (id, version, indexed) VALUES (1, 0, 0);

-- Changes of messages that have not arrived yet (room.amend).
CREATE TABLE amendment (
  id INTEGER PRIMARY KEY,
  room INTEGER NOT NULL REFERENCES room (id) ON DELETE CASCADE,
  stanza_id TEXT NOT NULL,
  patch TEXT NOT NULL,
  jid TEXT,
  instance TEXT
) STRICT;
CREATE INDEX amendment_room ON amendment (room);

CREATE INDEX affiliation_owner ON affiliation (jid) WHERE affiliation = 'owner';
