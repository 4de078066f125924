-- The MCP servers that were set in the app, for all users; how each is reached is JSON, secrets included.
CREATE TABLE mcp_servers (
    name      TEXT    NOT NULL PRIMARY KEY,
    transport TEXT    NOT NULL,
    enabled   BOOLEAN NOT NULL
);

ALTER TABLE mcp_servers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON mcp_servers
    USING (current_setting('weir.user_id', TRUE) = 'system');
