-- What comes in is written before it is answered: no index of it that an id can stand in for. Ids are
-- UUIDv7, so that they sort by the time at which something came.
DROP INDEX inbox_by_age;
ALTER TABLE inbox DROP CONSTRAINT inbox_tenant_id_id_key; -- postgres

-- SQLite can take a UNIQUE from a table only by making it anew.
DROP INDEX inbox_unread; -- sqlite
ALTER TABLE inbox RENAME TO former_inbox; -- sqlite
CREATE TABLE inbox ( -- sqlite
    id INTEGER PRIMARY KEY, -- sqlite
    tenant_id BIGINT NOT NULL, -- sqlite
    uuid TEXT NOT NULL, -- sqlite
    connection_id BIGINT NOT NULL, -- sqlite
    event_key TEXT NOT NULL, -- sqlite
    headers TEXT NOT NULL, -- sqlite
    body BLOB, -- sqlite
    state TEXT NOT NULL CHECK (state IN ('waiting', 'read', 'quarantined')), -- sqlite
    reason TEXT, -- sqlite
    received_at BIGINT NOT NULL, -- sqlite
    is_sanitized BIGINT NOT NULL DEFAULT 0, -- sqlite
    UNIQUE (tenant_id, uuid), -- sqlite
    UNIQUE (tenant_id, connection_id, event_key), -- sqlite
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id) -- sqlite
); -- sqlite
INSERT INTO inbox (id, tenant_id, uuid, connection_id, event_key, headers, body, state, reason, received_at, is_sanitized) SELECT id, tenant_id, uuid, connection_id, event_key, headers, body, state, reason, received_at, is_sanitized FROM former_inbox; -- sqlite
DROP TABLE former_inbox; -- sqlite
CREATE INDEX inbox_unread ON inbox (tenant_id, state, uuid) WHERE state <> 'read'; -- sqlite
