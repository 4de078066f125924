-- What people have granted at MCP servers (OAuth), one for each server; how it is used is JSON, tokens included. Whoever renews it
-- holds it meanwhile.
CREATE TABLE mcp_grants (
    server  TEXT    NOT NULL PRIMARY KEY,
    id      BLOB    NOT NULL,
    given   TEXT    NOT NULL,
    missing TEXT    NOT NULL DEFAULT '',
    made_at INTEGER NOT NULL,
    holder  BLOB
) WITHOUT ROWID;

-- Somebody is on the way to an authorization server and back. Of the state and of the browser only the SHA-256 is stored.
CREATE TABLE mcp_journeys (
    state      BLOB    NOT NULL PRIMARY KEY,
    browser    BLOB    NOT NULL,
    user_id    BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server     TEXT    NOT NULL,
    journey    TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX mcp_journeys_by_user ON mcp_journeys (user_id);
