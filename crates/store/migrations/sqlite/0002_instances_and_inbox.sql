-- An instance is one process that serves this database. Its beat moves for as long as it lives; who sees it stand still may
-- take its runs over.
CREATE TABLE instances (
    id         BLOB    NOT NULL PRIMARY KEY,
    beat       INTEGER NOT NULL,
    started_at INTEGER NOT NULL
);

-- None: the run was given up, for whoever is first.
ALTER TABLE runs ADD COLUMN owner BLOB;
CREATE INDEX runs_by_owner ON runs (owner) WHERE state = 'running';

-- What has changed among a user's conversations, numbered densely per user.
ALTER TABLE users ADD COLUMN inbox_seq INTEGER NOT NULL DEFAULT 0;
CREATE TABLE inbox_changes (
    user_id         BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    seq             INTEGER NOT NULL,
    kind            TEXT    NOT NULL,
    conversation_id BLOB    NOT NULL,
    run_id          BLOB,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, seq)
) WITHOUT ROWID;
CREATE INDEX inbox_changes_by_age ON inbox_changes (created_at);
