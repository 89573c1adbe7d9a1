-- Files that people sent: where each message's file is kept, by the SHA-256 of what is in it.

CREATE TABLE media (
    tenant_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, message_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID; -- sqlite
); -- postgres
CREATE INDEX media_by_content ON media (tenant_id, sha256);
