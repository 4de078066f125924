-- Times are milliseconds since the Unix epoch, as in SQLite.

CREATE TABLE users (
    id         UUID   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    inbox_seq  BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE conversations (
    id         UUID    NOT NULL PRIMARY KEY,
    user_id    UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title      TEXT,
    pinned     BOOLEAN NOT NULL DEFAULT FALSE,
    archived   BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);
CREATE INDEX conversations_by_activity ON conversations (user_id, updated_at DESC, id DESC);

CREATE TABLE messages (
    id              UUID   NOT NULL PRIMARY KEY,
    conversation_id UUID   NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    parent_id       UUID,
    role            TEXT   NOT NULL,
    content         TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    run_id          UUID,
    model           TEXT,
    input_tokens    BIGINT,
    output_tokens   BIGINT,
    created_at      BIGINT NOT NULL
);
CREATE INDEX messages_newest_first ON messages (conversation_id, created_at DESC, id DESC);

-- An instance is one process that serves this database. Its beat moves for as long as it lives; who sees it stand still may
-- take its runs over.
CREATE TABLE instances (
    id         UUID   NOT NULL PRIMARY KEY,
    beat       BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

-- The content of an assistant message that is still streaming lives in the run's log alone. No owner: the run was given up,
-- for whoever is first.
CREATE TABLE runs (
    id                  UUID   NOT NULL PRIMARY KEY,
    user_id             UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id     UUID   NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    prompt_message_id   UUID   NOT NULL,
    message_id          UUID   NOT NULL,
    model               TEXT   NOT NULL,
    context             TEXT,
    state               TEXT   NOT NULL,
    owner               UUID,
    epoch               BIGINT NOT NULL,
    attempts            BIGINT NOT NULL,
    cancel_requested_at BIGINT,
    finish_reason       TEXT,
    created_at          BIGINT NOT NULL,
    ended_at            BIGINT
);
CREATE INDEX runs_going_on ON runs (conversation_id) WHERE state = 'running';
CREATE INDEX runs_by_owner ON runs (owner) WHERE state = 'running';
CREATE INDEX runs_by_conversation ON runs (conversation_id);
CREATE INDEX runs_ended ON runs (ended_at) WHERE state = 'done';

-- The log. The key makes a number impossible to use twice.
CREATE TABLE run_events (
    run_id UUID   NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq    BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    data   TEXT   NOT NULL,
    PRIMARY KEY (run_id, seq)
);

CREATE TABLE idempotency_keys (
    user_id     UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key         TEXT   NOT NULL,
    fingerprint BYTEA  NOT NULL,
    answer      TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- What has changed among a user's conversations, numbered densely per user.
CREATE TABLE inbox_changes (
    user_id         UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    seq             BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    conversation_id UUID   NOT NULL,
    run_id          UUID,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (user_id, seq)
);
CREATE INDEX inbox_changes_by_age ON inbox_changes (created_at);

-- A transaction says in weir.user_id whose things it works on; `system` is the server's own work. One that says nothing
-- sees nothing. FORCE: the tables' owner, who may be the server's role, is no exception.
ALTER TABLE users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON users
    USING (current_setting('weir.user_id', TRUE) IN ('system', id::TEXT));

ALTER TABLE conversations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON conversations
    USING (current_setting('weir.user_id', TRUE) IN ('system', user_id::TEXT));

ALTER TABLE messages ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON messages
    USING (current_setting('weir.user_id', TRUE) = 'system'
        OR EXISTS (SELECT 1 FROM conversations c WHERE c.id = conversation_id));

ALTER TABLE runs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON runs
    USING (current_setting('weir.user_id', TRUE) IN ('system', user_id::TEXT));

ALTER TABLE run_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON run_events
    USING (current_setting('weir.user_id', TRUE) = 'system'
        OR EXISTS (SELECT 1 FROM runs r WHERE r.id = run_id));

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON idempotency_keys
    USING (current_setting('weir.user_id', TRUE) IN ('system', user_id::TEXT));

ALTER TABLE inbox_changes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON inbox_changes
    USING (current_setting('weir.user_id', TRUE) IN ('system', user_id::TEXT));
