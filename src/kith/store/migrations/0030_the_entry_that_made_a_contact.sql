-- The entry that made a contact has the contact's id as its own and is found by that; nearly all of the
-- index were such entries. Older ones, which have ids of their own, stay in it.
DROP INDEX audit_log_by_contact;
CREATE INDEX audit_log_by_contact ON audit_log (tenant_id, contact_uuid, uuid) WHERE uuid <> contact_uuid;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('audit_log', 'audit_log_by_contact', '1000000 100000 5 1'); -- sqlite
