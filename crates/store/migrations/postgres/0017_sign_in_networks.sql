-- Networks from which a person has signed in, by a digest. Failed attempts from other networks do not delay sign-ins from them.
CREATE TABLE sign_in_networks (
    user_id      UUID   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    network      BYTEA  NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, network)
);
CREATE INDEX sign_in_networks_by_age ON sign_in_networks (last_used_at);

ALTER TABLE sign_in_networks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY no_users_things ON sign_in_networks
    USING (current_setting('weir.user_id', TRUE) = 'system');

-- The time that must pass between the last attempt and the next one, in milliseconds.
ALTER TABLE sign_in_attempts ADD COLUMN delay BIGINT NOT NULL DEFAULT 0;
