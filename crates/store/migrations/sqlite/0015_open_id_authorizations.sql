-- Sign-ins through OpenID Connect that wait for their callback. Of the state and the browser's secret only the SHA-256 is stored.
CREATE TABLE open_id_authorizations (
    state      BLOB    NOT NULL PRIMARY KEY,
    browser    BLOB    NOT NULL,
    pending    TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX open_id_authorizations_by_end ON open_id_authorizations (expires_at);
