-- Networks from which a person has signed in, by a digest. Failed attempts from other networks do not delay sign-ins from them.
CREATE TABLE sign_in_networks (
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network      BLOB    NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, network)
) WITHOUT ROWID;
CREATE INDEX sign_in_networks_by_age ON sign_in_networks (last_used_at);

-- The time that must pass between the last attempt and the next one, in milliseconds.
ALTER TABLE sign_in_attempts ADD COLUMN delay INTEGER NOT NULL DEFAULT 0;
