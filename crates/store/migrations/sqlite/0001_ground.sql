-- Ids are UUIDs in 16 bytes; times are milliseconds since the Unix epoch.

CREATE TABLE users (
    id         BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE conversations (
    id         BLOB    NOT NULL PRIMARY KEY,
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title      TEXT,
    pinned     BOOLEAN NOT NULL DEFAULT FALSE,
    archived   BOOLEAN NOT NULL DEFAULT FALSE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX conversations_by_activity ON conversations (user_id, updated_at DESC, id DESC);

CREATE TABLE messages (
    id              BLOB    NOT NULL PRIMARY KEY,
    conversation_id BLOB    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id       BLOB,
    role            TEXT    NOT NULL,
    content         TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    run_id          BLOB,
    model           TEXT,
    input_tokens    INTEGER,
    output_tokens   INTEGER,
    created_at      INTEGER NOT NULL
);
CREATE INDEX messages_newest_first ON messages (conversation_id, created_at DESC, id DESC);

-- The content of an assistant message that is still streaming lives in the run's log alone.
CREATE TABLE runs (
    id                  BLOB    NOT NULL PRIMARY KEY,
    user_id             BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id     BLOB    NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    prompt_message_id   BLOB    NOT NULL,
    message_id          BLOB    NOT NULL,
    model               TEXT    NOT NULL,
    context             TEXT,
    state               TEXT    NOT NULL,
    epoch               INTEGER NOT NULL,
    attempts            INTEGER NOT NULL,
    cancel_requested_at INTEGER,
    finish_reason       TEXT,
    created_at          INTEGER NOT NULL,
    ended_at            INTEGER
);
CREATE INDEX runs_going_on ON runs (conversation_id) WHERE state = 'running';
CREATE INDEX runs_by_conversation ON runs (conversation_id);
CREATE INDEX runs_ended ON runs (ended_at) WHERE state = 'done';

-- The log. The key makes a number impossible to use twice.
CREATE TABLE run_events (
    run_id BLOB    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq    INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    data   TEXT    NOT NULL,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    user_id     BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    answer      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
