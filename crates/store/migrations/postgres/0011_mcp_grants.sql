-- What people have granted at MCP servers (OAuth), one for each server; how it is used is JSON, tokens included. Whoever renews it
-- holds it meanwhile.
CREATE TABLE mcp_grants (
    server  TEXT   NOT NULL PRIMARY KEY,
    id      UUID   NOT NULL,
    given   TEXT   NOT NULL,
    missing TEXT   NOT NULL DEFAULT '',
    made_at BIGINT NOT NULL,
    holder  UUID
);

-- Somebody is on the way to an authorization server and back. Of the state and of the browser only the SHA-256 is stored.
CREATE TABLE mcp_journeys (
    state      BYTEA  NOT NULL PRIMARY KEY,
    browser    BYTEA  NOT NULL,
    user_id    UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    server     TEXT   NOT NULL,
    journey    TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mcp_journeys_by_user ON mcp_journeys (user_id);

ALTER TABLE mcp_grants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON mcp_grants
    USING (current_setting('weir.user_id', TRUE) = 'system');

ALTER TABLE mcp_journeys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON mcp_journeys
    USING (current_setting('weir.user_id', TRUE) = 'system');
