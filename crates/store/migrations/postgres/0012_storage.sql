-- Row-level security holds for the owner of the tables too: what follows works on every user's rows.
SELECT set_config('weir.user_id', 'system', TRUE);

-- Bytes that each user's content takes: the text of messages, runs and jobs, and 512 for each row.
ALTER TABLE users ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;

-- A job belongs to its conversation and is deleted with it. Those of conversations that were deleted before go now.
CREATE INDEX jobs_by_conversation ON jobs (conversation_id) WHERE conversation_id IS NOT NULL;
DELETE FROM jobs WHERE conversation_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM conversations c WHERE c.id = jobs.conversation_id);

UPDATE users SET stored_bytes =
    (SELECT 512 * COUNT(*) FROM conversations c WHERE c.user_id = users.id)
    + (SELECT COALESCE(SUM(512 + octet_length(m.content) + COALESCE(octet_length(m.tool_calls), 0)), 0)
       FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.user_id = users.id)
    + (SELECT COALESCE(SUM(octet_length(r.context)), 0) FROM runs r WHERE r.user_id = users.id)
    + (SELECT COALESCE(SUM(512 + octet_length(j.args) + COALESCE(octet_length(j.output), 0)
           + COALESCE(octet_length(j.error), 0)), 0) FROM jobs j WHERE j.user_id = users.id);
