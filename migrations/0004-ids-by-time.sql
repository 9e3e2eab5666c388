-- Ids in the archives of users say their time (src/store/archive-id.ts): only what is said in rooms is looked up by an index of ids.
DROP INDEX log_stanza_id;
CREATE INDEX log_stanza_id ON log (archive, stanza_id) WHERE origin IS NOT NULL;
