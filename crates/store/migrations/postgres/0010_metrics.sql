-- What each instance tells the others of its last second. It may be lost with the database's process, and goes with its instance.
CREATE UNLOGGED TABLE instance_seconds (
    instance UUID   NOT NULL PRIMARY KEY REFERENCES instances (id) ON DELETE CASCADE,
    number   BIGINT NOT NULL,
    second   TEXT   NOT NULL
);

ALTER TABLE instance_seconds ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON instance_seconds
    USING (current_setting('weir.user_id', TRUE) = 'system');
