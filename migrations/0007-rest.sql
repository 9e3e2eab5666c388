-- Distributed rooms that are not in memory, each with what it needs to go on where it was (src/modules/muc/resting.ts).
CREATE TABLE rest (
  room INTEGER PRIMARY KEY REFERENCES room (id) ON DELETE CASCADE,
  memory TEXT NOT NULL
) STRICT;

-- By whom they are shared, and what they hold: compared once a minute, without a room being loaded. `service` is ours, `peer` the other's.
CREATE TABLE rest_shared (
  service TEXT NOT NULL,
  peer TEXT NOT NULL,
  tag TEXT NOT NULL,
  digest TEXT NOT NULL,
  jid TEXT NOT NULL,
  room INTEGER NOT NULL REFERENCES rest (room) ON DELETE CASCADE,
  PRIMARY KEY (service, peer, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX rest_shared_room ON rest_shared (room);

-- Shadows, by where their source is.
CREATE INDEX room_shadow ON room (service, source) WHERE source <> jid;
