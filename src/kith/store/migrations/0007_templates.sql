-- Templates, as Meta told when it was last asked.

CREATE TABLE templates (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, uuid),
    UNIQUE (tenant_id, name)
) WITHOUT ROWID; -- sqlite
); -- postgres

-- Each language of each business account. `components` is JSON as it came.
CREATE TABLE template_translations (
    tenant_id BIGINT NOT NULL,
    template_uuid TEXT NOT NULL,
    account_id TEXT NOT NULL,
    language TEXT NOT NULL,
    position BIGINT NOT NULL,
    meta_id TEXT,
    status TEXT NOT NULL CHECK (status IN ('APPROVED', 'PENDING', 'REJECTED')),
    category TEXT NOT NULL CHECK (category IN ('UTILITY', 'MARKETING', 'AUTHENTICATION')),
    components TEXT NOT NULL,
    is_named BIGINT NOT NULL,
    quality TEXT,
    synced_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_uuid, account_id, language),
    FOREIGN KEY (tenant_id, template_uuid) REFERENCES templates (tenant_id, uuid) ON DELETE CASCADE
) WITHOUT ROWID; -- sqlite
); -- postgres
