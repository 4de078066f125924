-- The limits of all instances together: when each bucket will be full again, in microseconds of this database's clock. A crash
-- may empty the table: everybody's bucket is full then.
CREATE UNLOGGED TABLE rate_buckets (
    key     TEXT   NOT NULL PRIMARY KEY,
    full_at BIGINT NOT NULL
);

ALTER TABLE rate_buckets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON rate_buckets
    USING (current_setting('weir.user_id', TRUE) = 'system');

-- How many answers of one person are under way is asked with each start.
CREATE INDEX runs_going_on_by_user ON runs (user_id) WHERE state = 'running';
