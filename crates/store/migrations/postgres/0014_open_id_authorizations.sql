-- Sign-ins through OpenID Connect that wait for their callback. Of the state and the browser's secret only the SHA-256 is stored.
CREATE TABLE open_id_authorizations (
    state      BYTEA  NOT NULL PRIMARY KEY,
    browser    BYTEA  NOT NULL,
    pending    TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX open_id_authorizations_by_end ON open_id_authorizations (expires_at);

ALTER TABLE open_id_authorizations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON open_id_authorizations
    USING (current_setting('weir.user_id', TRUE) = 'system');
