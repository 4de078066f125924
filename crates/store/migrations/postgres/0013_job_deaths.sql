-- How often a server died while it ran the job. A planned hand-over is no death.
ALTER TABLE jobs ADD COLUMN deaths BIGINT NOT NULL DEFAULT 0;

-- The unfinished jobs of a user are counted with each start.
CREATE INDEX jobs_unfinished_by_user ON jobs (user_id) WHERE ended_at IS NULL;
