-- The log of an origin is a hash chain (src/dmuc/chain.ts): the digest of each event's content, and the hash of what came before.
ALTER TABLE log ADD COLUMN digest TEXT;
ALTER TABLE log ADD COLUMN prev TEXT;

-- How far an origin signed its log: the last head, and one for each checkpoint before it.
CREATE TABLE head (
  origin INTEGER NOT NULL REFERENCES origin (id) ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;
