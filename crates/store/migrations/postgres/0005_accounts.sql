-- A user with an address or an OpenID Connect subject has an account and can sign in; the local user of an open server has none.
ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN email_key TEXT;
ALTER TABLE users ADD COLUMN password_hash TEXT;
ALTER TABLE users ADD COLUMN open_id_issuer TEXT;
ALTER TABLE users ADD COLUMN open_id_subject TEXT;
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
ALTER TABLE users ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN last_used_at BIGINT;
CREATE UNIQUE INDEX users_by_email ON users (email_key);
CREATE UNIQUE INDEX users_by_open_id ON users (open_id_issuer, open_id_subject);

-- One browser that a person is signed in on. Of every secret only its SHA-256 is stored.
CREATE TABLE sign_ins (
    id           UUID    NOT NULL PRIMARY KEY,
    user_id      UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret_hash  BYTEA   NOT NULL UNIQUE,
    device       TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id, last_used_at DESC);
CREATE INDEX sign_ins_by_age ON sign_ins (last_used_at);

-- Keys for programs; the scopes are JSON.
CREATE TABLE api_tokens (
    id           UUID    NOT NULL PRIMARY KEY,
    user_id      UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret_hash  BYTEA   NOT NULL UNIQUE,
    name         TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at   BIGINT
);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id, created_at DESC);

-- Links that make one account each. The one of the first start makes the administrator and has no inviter.
CREATE TABLE invites (
    id          UUID    NOT NULL PRIMARY KEY,
    secret_hash BYTEA   NOT NULL UNIQUE,
    setup       BOOLEAN NOT NULL,
    inviter_id  UUID             REFERENCES users (id) ON DELETE CASCADE,
    role        TEXT    NOT NULL,
    note        TEXT,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);

-- How often a password was tried, by a digest of the account or of the network address.
CREATE TABLE sign_in_attempts (
    key     BYTEA   NOT NULL PRIMARY KEY,
    count   BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);

-- Moves whenever a credential may have become worthless: every process looks at it, and then at what is open in it.
CREATE TABLE access_changes (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    count    BIGINT NOT NULL
);
INSERT INTO access_changes (only_row, count) VALUES (1, 0);

ALTER TABLE sign_ins ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON sign_ins
    USING (current_setting('weir.user_id', TRUE) IN ('system', user_id::TEXT));

ALTER TABLE api_tokens ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON api_tokens
    USING (current_setting('weir.user_id', TRUE) IN ('system', user_id::TEXT));

ALTER TABLE invites ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON invites
    USING (current_setting('weir.user_id', TRUE) = 'system');

ALTER TABLE sign_in_attempts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON sign_in_attempts
    USING (current_setting('weir.user_id', TRUE) = 'system');

ALTER TABLE access_changes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON access_changes
    USING (current_setting('weir.user_id', TRUE) = 'system');
