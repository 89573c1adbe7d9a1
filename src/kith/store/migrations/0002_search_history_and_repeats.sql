-- What a contact can be found by and changed safely with: a version, a folded text to search in, a
-- history of every change, answers that are kept for a repeat, and a list of whom never to revive.

ALTER TABLE contacts ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
-- Name, phone and e-mail, case folded by kith.domain.search; store/backfill.py fills what was there.
ALTER TABLE contacts ADD COLUMN search_key TEXT NOT NULL DEFAULT '';
ALTER TABLE tags ADD COLUMN name_key TEXT NOT NULL DEFAULT ''; -- sqlite
ALTER TABLE tags ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT ''; -- postgres
-- With KITH_SECRET_KEY the key of the suppression list; made with the first erasure.
ALTER TABLE tenants ADD COLUMN suppression_key TEXT;

-- The order of search-contacts. On SQLite a search walks it without touching a contact's row.
CREATE INDEX contacts_by_activity ON contacts (tenant_id, last_message_at DESC, created_at DESC, uuid, search_key); -- sqlite
CREATE INDEX contacts_by_activity ON contacts (tenant_id, last_message_at DESC NULLS LAST, created_at DESC, uuid); -- postgres
-- The order of list-contacts, and what changed since the last visit.
CREATE INDEX contacts_by_creation ON contacts (tenant_id, created_at, uuid);
CREATE INDEX contacts_by_change ON contacts (tenant_id, updated_at);
CREATE INDEX tags_by_key ON tags (tenant_id, name_key, uuid);

-- Trigrams of the search keys; a row is (tenant_id << 40) + contact id, so that a workspace is one
-- range. It holds no text, only which rows have a trigram (docs/decisions/0007). -- sqlite
CREATE VIRTUAL TABLE contact_search USING fts5 (text, content = '', detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1'); -- sqlite
CREATE VIRTUAL TABLE contact_search_terms USING fts5vocab (contact_search, row); -- sqlite
-- What the transaction changed; the writer brings the index up to date just before it commits. Noted
-- by store/contact_search.py: a trigger would make SQLite keep a journal of each statement.
-- By workspace: SQLite may give the number of a contact that is gone to the next one, of another.
CREATE TABLE contact_search_pending ( -- sqlite
    tenant_id BIGINT NOT NULL, -- sqlite
    id BIGINT NOT NULL, -- sqlite
    old_key TEXT, -- sqlite
    is_erased BIGINT NOT NULL, -- sqlite
    PRIMARY KEY (tenant_id, id) -- sqlite
) WITHOUT ROWID; -- sqlite

-- Where the extension can be had; without it a search walks contacts_by_activity.
DO $do$ BEGIN -- postgres
    CREATE EXTENSION IF NOT EXISTS pg_trgm; -- postgres
    CREATE INDEX contacts_by_text ON contacts USING gin (search_key gin_trgm_ops); -- postgres
EXCEPTION WHEN feature_not_supported OR undefined_file OR undefined_object OR insufficient_privilege THEN NULL; -- postgres
END $do$; -- postgres

-- Who changed what, and how it was before. Erasure blanks the last two columns and nothing else.
CREATE TABLE audit_log (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    at BIGINT NOT NULL,
    user_id BIGINT,
    token_id BIGINT,
    what TEXT NOT NULL,
    contact_uuid TEXT,
    before_json TEXT,
    after_json TEXT,
    PRIMARY KEY (tenant_id, uuid)
) WITHOUT ROWID; -- sqlite
); -- postgres
CREATE INDEX audit_log_by_contact ON audit_log (tenant_id, contact_uuid, uuid);

CREATE TRIGGER audit_log_is_kept BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END; -- sqlite
CREATE TRIGGER audit_log_is_not_rewritten BEFORE UPDATE ON audit_log WHEN NEW.before_json IS NOT NULL OR NEW.after_json IS NOT NULL OR (NEW.tenant_id, NEW.uuid, NEW.at, NEW.user_id, NEW.token_id, NEW.what, NEW.contact_uuid) IS NOT (OLD.tenant_id, OLD.uuid, OLD.at, OLD.user_id, OLD.token_id, OLD.what, OLD.contact_uuid) BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END; -- sqlite
CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $refuse$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $refuse$; -- postgres
CREATE TRIGGER audit_log_is_kept BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_refuse(); -- postgres
CREATE TRIGGER audit_log_is_not_emptied BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse(); -- postgres
CREATE TRIGGER audit_log_is_not_rewritten BEFORE UPDATE ON audit_log FOR EACH ROW WHEN (NEW.before_json IS NOT NULL OR NEW.after_json IS NOT NULL OR (NEW.tenant_id, NEW.uuid, NEW.at, NEW.user_id, NEW.token_id, NEW.what, NEW.contact_uuid) IS DISTINCT FROM (OLD.tenant_id, OLD.uuid, OLD.at, OLD.user_id, OLD.token_id, OLD.what, OLD.contact_uuid)) EXECUTE FUNCTION audit_log_refuse(); -- postgres

-- The first answer to a call with an Idempotency-Key, in the transaction of its effect. What tells about
-- a contact goes with it, also when the two transactions overlap.
CREATE TABLE idempotency_keys (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    action TEXT NOT NULL,
    key TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    etag TEXT,
    contact_uuid TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, action, key),
    FOREIGN KEY (tenant_id, contact_uuid) REFERENCES contacts (tenant_id, uuid) ON DELETE CASCADE
) WITHOUT ROWID; -- sqlite
); -- postgres
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (tenant_id, created_at);
CREATE INDEX idempotency_keys_by_contact ON idempotency_keys (tenant_id, contact_uuid);

-- Keyed hashes of who was erased: nothing else is left of them.
CREATE TABLE suppressions (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    erased_at BIGINT NOT NULL,
    opted_out_at BIGINT,
    PRIMARY KEY (tenant_id, kind, digest)
) WITHOUT ROWID; -- sqlite
); -- postgres

-- As before, with the entity tag of the answer and what list-contacts filters by.
DROP VIEW contact_documents;
CREATE VIEW contact_documents AS
SELECT
    c.tenant_id, c.id, c.uuid, c.email_key, c.source, c.opted_in_at, c.opted_out_at,
    c.last_message_at, c.created_at, c.updated_at, c.search_key,
    '"' || c.uuid || '-' || c.version || '"' AS etag,
    json_object( -- sqlite
    CAST(json_build_object( -- postgres
        'id', c.uuid,
        'phone', c.phone,
        'name', c.name,
        'email', c.email,
        'source', c.source,
        'locale', c.locale,
        'metadata', json(c.metadata), -- sqlite
        'metadata', CAST(c.metadata AS JSON), -- postgres
        'tags', json(c.tags), -- sqlite
        'tags', CAST(c.tags AS JSON), -- postgres
        'opted_in_at', strftime('%Y-%m-%dT%H:%M:%S+00:00', c.opted_in_at / 1000000, 'unixepoch'), -- sqlite
        'opted_in_at', to_char(to_timestamp(c.opted_in_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'), -- postgres
        'opted_out_at', strftime('%Y-%m-%dT%H:%M:%S+00:00', c.opted_out_at / 1000000, 'unixepoch'), -- sqlite
        'opted_out_at', to_char(to_timestamp(c.opted_out_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'), -- postgres
        'last_message_at', strftime('%Y-%m-%dT%H:%M:%S+00:00', c.last_message_at / 1000000, 'unixepoch'), -- sqlite
        'last_message_at', to_char(to_timestamp(c.last_message_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'), -- postgres
        'total_messages', c.total_messages,
        'created_at', strftime('%Y-%m-%dT%H:%M:%S+00:00', c.created_at / 1000000, 'unixepoch') -- sqlite
        'created_at', to_char(to_timestamp(c.created_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') -- postgres
    ) AS document -- sqlite
    ) AS TEXT) AS document -- postgres
FROM contacts c;
