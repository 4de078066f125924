-- Full text of messages that have come to their end. The index keeps no text of its own; its rows are numbered by a table,
-- because what SQLite itself numbers rows by may change.
CREATE TABLE searchable_messages (
    number     INTEGER NOT NULL PRIMARY KEY,
    message_id BLOB    NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE message_search USING fts5 (
    content, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

INSERT INTO searchable_messages (message_id) SELECT id FROM messages WHERE status <> 'streaming';
INSERT INTO message_search (rowid, content)
    SELECT s.number, m.content FROM searchable_messages s JOIN messages m ON m.id = s.message_id;

CREATE TRIGGER messages_searchable AFTER INSERT ON messages WHEN new.status <> 'streaming' BEGIN
    INSERT INTO searchable_messages (message_id) VALUES (new.id);
    INSERT INTO message_search (rowid, content)
        SELECT number, new.content FROM searchable_messages WHERE message_id = new.id;
END;
CREATE TRIGGER messages_search_changed AFTER UPDATE OF content, status ON messages BEGIN
    DELETE FROM message_search WHERE rowid = (SELECT number FROM searchable_messages WHERE message_id = old.id);
    DELETE FROM searchable_messages WHERE message_id = old.id;
    INSERT INTO searchable_messages (message_id) SELECT new.id WHERE new.status <> 'streaming';
    INSERT INTO message_search (rowid, content)
        SELECT number, new.content FROM searchable_messages WHERE message_id = new.id;
END;
CREATE TRIGGER messages_not_searchable AFTER DELETE ON messages BEGIN
    DELETE FROM message_search WHERE rowid = (SELECT number FROM searchable_messages WHERE message_id = old.id);
    DELETE FROM searchable_messages WHERE message_id = old.id;
END;
