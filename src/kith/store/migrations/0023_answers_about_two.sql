-- An answer that tells about two contacts, as that of an unmerge, goes with either. The keys of erasures
-- are hashed behind this (store/backfill.py).
ALTER TABLE idempotency_keys ADD COLUMN other_uuid TEXT; -- postgres
ALTER TABLE idempotency_keys ADD FOREIGN KEY (tenant_id, other_uuid) REFERENCES contacts (tenant_id, uuid) ON DELETE CASCADE; -- postgres

-- SQLite can give a table a key of two columns only by making it anew.
ALTER TABLE idempotency_keys RENAME TO former_idempotency_keys; -- sqlite
CREATE TABLE idempotency_keys ( -- sqlite
    tenant_id BIGINT NOT NULL REFERENCES tenants (id), -- sqlite
    action TEXT NOT NULL, -- sqlite
    key TEXT NOT NULL, -- sqlite
    body_digest TEXT NOT NULL, -- sqlite
    status BIGINT NOT NULL, -- sqlite
    answer TEXT NOT NULL, -- sqlite
    etag TEXT, -- sqlite
    contact_uuid TEXT, -- sqlite
    other_uuid TEXT, -- sqlite
    created_at BIGINT NOT NULL, -- sqlite
    PRIMARY KEY (tenant_id, action, key), -- sqlite
    FOREIGN KEY (tenant_id, contact_uuid) REFERENCES contacts (tenant_id, uuid) ON DELETE CASCADE, -- sqlite
    FOREIGN KEY (tenant_id, other_uuid) REFERENCES contacts (tenant_id, uuid) ON DELETE CASCADE -- sqlite
) WITHOUT ROWID; -- sqlite
INSERT INTO idempotency_keys (tenant_id, action, key, body_digest, status, answer, etag, contact_uuid, created_at) SELECT tenant_id, action, key, body_digest, status, answer, etag, contact_uuid, created_at FROM former_idempotency_keys; -- sqlite
DROP TABLE former_idempotency_keys; -- sqlite
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (tenant_id, created_at); -- sqlite
CREATE INDEX idempotency_keys_by_contact ON idempotency_keys (tenant_id, contact_uuid); -- sqlite
CREATE INDEX idempotency_keys_by_other ON idempotency_keys (tenant_id, other_uuid) WHERE other_uuid IS NOT NULL;

-- What was answered to a dry run and to an unmerge before this.
UPDATE idempotency_keys SET other_uuid = (
    SELECT c.uuid FROM contacts c WHERE c.tenant_id = idempotency_keys.tenant_id AND c.uuid = CASE
        WHEN idempotency_keys.action = 'unmerge-contacts' THEN idempotency_keys.answer ->> '$.survivor.id' -- sqlite
        WHEN idempotency_keys.answer ->> '$.merge_id' IS NULL THEN idempotency_keys.answer ->> '$.merged_id' END -- sqlite
        WHEN idempotency_keys.action = 'unmerge-contacts' THEN CAST(idempotency_keys.answer AS JSON) -> 'survivor' ->> 'id' -- postgres
        WHEN CAST(idempotency_keys.answer AS JSON) ->> 'merge_id' IS NULL THEN CAST(idempotency_keys.answer AS JSON) ->> 'merged_id' END -- postgres
)
WHERE action IN ('merge-contacts', 'unmerge-contacts');
