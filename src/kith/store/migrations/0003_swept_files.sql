-- Erasures since the file was last swept of what SQLite leaves between rows (store/gaps.py).
CREATE TABLE unswept_erasures (tenant_id BIGINT NOT NULL); -- sqlite

-- list-contacts goes by the id, which is a time too: one index less to keep.
DROP INDEX contacts_by_creation;
