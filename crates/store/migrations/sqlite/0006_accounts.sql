-- A user with an address or an OpenID Connect subject has an account and can sign in; the local user of an open server has none.
ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN email_key TEXT;
ALTER TABLE users ADD COLUMN password_hash TEXT;
ALTER TABLE users ADD COLUMN open_id_issuer TEXT;
ALTER TABLE users ADD COLUMN open_id_subject TEXT;
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'user';
ALTER TABLE users ADD COLUMN disabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE users ADD COLUMN last_used_at INTEGER;
CREATE UNIQUE INDEX users_by_email ON users (email_key);
CREATE UNIQUE INDEX users_by_open_id ON users (open_id_issuer, open_id_subject);

-- One browser that a person is signed in on. Of every secret only its SHA-256 is stored.
CREATE TABLE sign_ins (
    id           BLOB    NOT NULL PRIMARY KEY,
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret_hash  BLOB    NOT NULL UNIQUE,
    device       TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_id, last_used_at DESC);
CREATE INDEX sign_ins_by_age ON sign_ins (last_used_at);

-- Keys for programs; the scopes are JSON.
CREATE TABLE api_tokens (
    id           BLOB    NOT NULL PRIMARY KEY,
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret_hash  BLOB    NOT NULL UNIQUE,
    name         TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at   INTEGER
);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id, created_at DESC);

-- Links that make one account each. The one of the first start makes the administrator and has no inviter.
CREATE TABLE invites (
    id          BLOB    NOT NULL PRIMARY KEY,
    secret_hash BLOB    NOT NULL UNIQUE,
    setup       BOOLEAN NOT NULL,
    inviter_id  BLOB             REFERENCES users (id) ON DELETE CASCADE,
    role        TEXT    NOT NULL,
    note        TEXT,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
);

-- How often a password was tried, by a digest of the account or of the network address.
CREATE TABLE sign_in_attempts (
    key     BLOB    NOT NULL PRIMARY KEY,
    count   INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Moves whenever a credential may have become worthless: every process looks at it, and then at what is open in it.
CREATE TABLE access_changes (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    count    INTEGER NOT NULL
);
INSERT INTO access_changes (only_row, count) VALUES (1, 0);
