-- Whether the sweep has deleted the log. The indexes hold exactly what it has to look at: its cost does not grow with the history.
ALTER TABLE runs ADD COLUMN log_deleted BOOLEAN NOT NULL DEFAULT FALSE;
DROP INDEX runs_ended;
CREATE INDEX runs_with_log ON runs (ended_at) WHERE state = 'done' AND log_deleted = FALSE;

ALTER TABLE jobs ADD COLUMN log_deleted BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX jobs_with_log ON jobs (ended_at) WHERE ended_at IS NOT NULL AND log_deleted = FALSE;
CREATE INDEX jobs_outside_of_conversations ON jobs (ended_at) WHERE conversation_id IS NULL;
