-- Nodes of accounts and what was published to them (XEP-0060, XEP-0163). No foreign keys: an item may come before its node's row in a
-- batch, and both go by owner.

CREATE TABLE pubsub_node (
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  state TEXT NOT NULL, -- JSON of the module's making: configuration, affiliations, subscriptions
  PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: the order of publication; what is published anew under its old id comes last.
CREATE TABLE pubsub_item (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  node TEXT NOT NULL,
  id TEXT NOT NULL,
  publisher TEXT NOT NULL,
  at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  payload TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX pubsub_item_id ON pubsub_item (owner, node, id);
