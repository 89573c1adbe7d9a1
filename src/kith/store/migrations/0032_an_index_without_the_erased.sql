-- Of erased contacts that had changed before, entries were left: the number of a row under three letters.
INSERT INTO contact_search (contact_search) VALUES ('delete-all'); -- sqlite
INSERT INTO contact_search (rowid, text) SELECT (tenant_id << 40) + id, search_key FROM contacts ORDER BY tenant_id, id; -- sqlite
DELETE FROM contact_search_pending; -- sqlite
-- asyncpg takes no script without a statement.
SELECT 1; -- postgres
