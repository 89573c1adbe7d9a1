-- SQLite moved an entry of an index over time with each change of a contact, from a page that nothing
-- else of that write touches. Changes are noted at the end of a table instead (docs/decisions/0018).
-- A contact that never changed is as old as its id.
CREATE TABLE contact_changes ( -- sqlite
    tenant_id BIGINT NOT NULL, -- sqlite
    at BIGINT NOT NULL, -- sqlite
    contact_id BIGINT NOT NULL, -- sqlite
    PRIMARY KEY (tenant_id, at, contact_id) -- sqlite
) WITHOUT ROWID; -- sqlite
INSERT INTO contact_changes (tenant_id, at, contact_id) SELECT tenant_id, updated_at, id FROM contacts WHERE updated_at <> created_at; -- sqlite
DROP INDEX contacts_by_change; -- sqlite
COMMENT ON INDEX contacts_by_change IS 'list-contacts with updated_after'; -- postgres
