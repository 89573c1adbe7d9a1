-- Files that were imported, and how far. `offset_bytes` and the counts change in the same transaction
-- as the contacts, so whoever goes on after a crash counts every row once. `options` is JSON: how the
-- file is read. `digest` is the SHA-256 of the file where it was known before, else once all of it came;
-- `read_digest` that of the bytes before `offset_bytes`, where they came as a stream.
CREATE TABLE imports (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT,
    read_digest TEXT,
    options TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'interrupted', 'done', 'undoing', 'undone')),
    offset_bytes BIGINT NOT NULL,
    line BIGINT NOT NULL,
    counts TEXT NOT NULL,
    user_id BIGINT,
    token_id BIGINT,
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    finished_at BIGINT,
    undo_after TEXT,
    undone TEXT,
    PRIMARY KEY (tenant_id, uuid)
) WITHOUT ROWID; -- sqlite
); -- postgres

-- Rows that are not in the database, or whose consent is not: where they stand and why. What they hold
-- is in the file alone.
CREATE TABLE import_refusals (
    tenant_id BIGINT NOT NULL,
    import_uuid TEXT NOT NULL,
    line BIGINT NOT NULL,
    offset_bytes BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    code TEXT NOT NULL,
    field TEXT,
    text TEXT NOT NULL,
    PRIMARY KEY (tenant_id, import_uuid, line, code),
    FOREIGN KEY (tenant_id, import_uuid) REFERENCES imports (tenant_id, uuid)
) WITHOUT ROWID; -- sqlite
); -- postgres

-- Rows of the ledger that count no longer: an import was undone that had written them. They stay.
CREATE TABLE retracted_consent (
    tenant_id BIGINT NOT NULL,
    record_uuid TEXT NOT NULL,
    import_uuid TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, record_uuid),
    FOREIGN KEY (tenant_id, import_uuid) REFERENCES imports (tenant_id, uuid)
) WITHOUT ROWID; -- sqlite
); -- postgres
