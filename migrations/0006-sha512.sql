-- Keys for SCRAM-SHA-512. Accounts from before have them from their next login with PLAIN or their next password.

ALTER TABLE account ADD COLUMN sha512_salt TEXT;
ALTER TABLE account ADD COLUMN sha512_iterations INTEGER;
ALTER TABLE account ADD COLUMN sha512_stored_key TEXT;
ALTER TABLE account ADD COLUMN sha512_server_key TEXT;
CREATE INDEX account_lacking ON account (domain) WHERE sha512_salt IS NULL;
