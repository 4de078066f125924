-- A finished answer keeps the tools it called, and why it could not go on, as JSON.
ALTER TABLE messages ADD COLUMN tool_calls TEXT;
ALTER TABLE messages ADD COLUMN error TEXT;
-- The tools that a run may call, as JSON; none: every one that its user permits.
ALTER TABLE runs ADD COLUMN tools TEXT;

-- One execution of a tool. No foreign keys to runs and conversations: what ran stays known when they are deleted.
CREATE TABLE jobs (
    id                  UUID    NOT NULL PRIMARY KEY,
    user_id             UUID    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name                TEXT    NOT NULL,
    args                TEXT    NOT NULL,
    caller              TEXT    NOT NULL,
    run_id              UUID,
    conversation_id     UUID,
    repeatable          BOOLEAN NOT NULL,
    status              TEXT    NOT NULL,
    approval            TEXT,
    decision            TEXT,
    expires_at          BIGINT,
    note                TEXT,
    progress            TEXT,
    output              TEXT,
    error               TEXT,
    owner               UUID,
    epoch               BIGINT  NOT NULL,
    attempts            BIGINT  NOT NULL,
    cancel_requested_at BIGINT,
    created_at          BIGINT  NOT NULL,
    started_at          BIGINT,
    ended_at            BIGINT
);
CREATE INDEX jobs_newest_first ON jobs (user_id, created_at DESC, id DESC);
CREATE INDEX jobs_going_on ON jobs (owner) WHERE ended_at IS NULL;
CREATE INDEX jobs_waiting ON jobs (user_id, created_at) WHERE approval = 'pending';
CREATE INDEX jobs_by_run ON jobs (run_id);

CREATE TABLE job_events (
    job_id UUID    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    seq    BIGINT  NOT NULL,
    kind   TEXT    NOT NULL,
    data   TEXT    NOT NULL,
    PRIMARY KEY (job_id, seq)
);

-- What a user has set for a tool; the rules are JSON.
CREATE TABLE tool_permissions (
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tool       TEXT NOT NULL,
    permission TEXT NOT NULL,
    rules      TEXT NOT NULL,
    PRIMARY KEY (user_id, tool)
);

ALTER TABLE jobs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON jobs
    USING (current_setting('weir.user_id', TRUE) IN ('system', user_id::TEXT));

ALTER TABLE job_events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON job_events
    USING (current_setting('weir.user_id', TRUE) = 'system'
        OR EXISTS (SELECT 1 FROM jobs j WHERE j.id = job_id));

ALTER TABLE tool_permissions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_things ON tool_permissions
    USING (current_setting('weir.user_id', TRUE) IN ('system', user_id::TEXT));
