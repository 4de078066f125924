-- Bytes that each user's content takes: the text of messages, runs and jobs, and 512 for each row.
ALTER TABLE users ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;

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

-- How often something was deleted, and up to which deletion the files were purged of what it left.
CREATE TABLE deletions (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    count    INTEGER NOT NULL,
    purged   INTEGER NOT NULL
);
INSERT INTO deletions (only_row, count, purged) VALUES (1, 0, 0);

-- The index knows whose each message is, so that a search does not pay for the messages of other users.
DROP TRIGGER messages_searchable;
DROP TRIGGER messages_search_changed;
DROP TRIGGER messages_not_searchable;
DROP TABLE message_search;
CREATE VIRTUAL TABLE message_search USING fts5 (
    owner, content, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO message_search (rowid, owner, content)
    SELECT s.number, lower(hex(c.user_id)), m.content FROM searchable_messages s
    JOIN messages m ON m.id = s.message_id JOIN conversations c ON c.id = m.conversation_id;

CREATE TRIGGER messages_searchable AFTER INSERT ON messages WHEN new.status <> 'streaming' BEGIN
    INSERT INTO searchable_messages (message_id) VALUES (new.id);
    INSERT INTO message_search (rowid, owner, content)
        SELECT s.number, lower(hex(c.user_id)), new.content FROM searchable_messages s, conversations c
        WHERE s.message_id = new.id AND c.id = new.conversation_id;
END;
CREATE TRIGGER messages_search_changed AFTER UPDATE OF content, status ON messages BEGIN
    DELETE FROM message_search WHERE rowid = (SELECT number FROM searchable_messages WHERE message_id = old.id);
    DELETE FROM searchable_messages WHERE message_id = old.id;
    INSERT INTO searchable_messages (message_id) SELECT new.id WHERE new.status <> 'streaming';
    INSERT INTO message_search (rowid, owner, content)
        SELECT s.number, lower(hex(c.user_id)), new.content FROM searchable_messages s, conversations c
        WHERE s.message_id = new.id AND c.id = new.conversation_id;
END;
CREATE TRIGGER messages_not_searchable AFTER DELETE ON messages BEGIN
    DELETE FROM message_search WHERE rowid = (SELECT number FROM searchable_messages WHERE message_id = old.id);
    DELETE FROM searchable_messages WHERE message_id = old.id;
END;
