-- The MCP servers that were set in the app, for all users; how each is reached is JSON, secrets included.
CREATE TABLE mcp_servers (
    name      TEXT    NOT NULL PRIMARY KEY,
    transport TEXT    NOT NULL,
    enabled   BOOLEAN NOT NULL
) WITHOUT ROWID;
