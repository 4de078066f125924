-- What a tool asks in the middle of a call, and what the person says to it, as JSON.
ALTER TABLE jobs ADD COLUMN question_id BLOB;
ALTER TABLE jobs ADD COLUMN question TEXT;
ALTER TABLE jobs ADD COLUMN answer TEXT;
CREATE INDEX jobs_asking ON jobs (user_id, created_at) WHERE question_id IS NOT NULL;
