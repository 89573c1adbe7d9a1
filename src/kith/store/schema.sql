-- Made by `make schema` from the migrations; do not edit.

CREATE TABLE schema_migrations (
    version BIGINT PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at BIGINT NOT NULL
);

CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,

    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT REFERENCES tenants (id),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, email_key)
);

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    hint TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    rate_limit_per_minute BIGINT,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE TABLE contacts (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    phone TEXT,
    name TEXT,
    email TEXT,
    email_key TEXT,
    source TEXT NOT NULL CHECK (
        source IN ('manual', 'csv_import', 'shopify', 'woocommerce', 'widget', 'zapier', 'api')
    ),
    locale TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    tags TEXT NOT NULL DEFAULT '[]',
    opted_in_at BIGINT,
    opted_out_at BIGINT,
    last_message_at BIGINT,
    total_messages BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, uuid)
);

CREATE TABLE identities (
    tenant_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    contact_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, value),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE tags (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, uuid),
    UNIQUE (tenant_id, name)
);

CREATE TABLE contact_tags (
    tenant_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    tag_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, contact_id, tag_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, tag_id) REFERENCES tags (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE INDEX tokens_by_user ON tokens (tenant_id, user_id);

CREATE INDEX contacts_by_email ON contacts (tenant_id, email_key, last_message_at DESC, created_at, id) WHERE email_key IS NOT NULL;

CREATE INDEX identities_by_contact ON identities (tenant_id, contact_id);

CREATE INDEX contact_tags_by_tag ON contact_tags (tenant_id, tag_id);

CREATE VIEW contact_documents AS
SELECT
    c.tenant_id, c.id, c.uuid, c.email_key, c.last_message_at, c.created_at,
    json_object(

        'id', c.uuid,
        'phone', c.phone,
        'name', c.name,
        'email', c.email,
        'source', c.source,
        'locale', c.locale,
        'metadata', json(c.metadata),

        'tags', json(c.tags),

        'opted_in_at', strftime('%Y-%m-%dT%H:%M:%S+00:00', c.opted_in_at / 1000000, 'unixepoch'),

        'opted_out_at', strftime('%Y-%m-%dT%H:%M:%S+00:00', c.opted_out_at / 1000000, 'unixepoch'),

        'last_message_at', strftime('%Y-%m-%dT%H:%M:%S+00:00', c.last_message_at / 1000000, 'unixepoch'),

        'total_messages', c.total_messages,
        'created_at', strftime('%Y-%m-%dT%H:%M:%S+00:00', c.created_at / 1000000, 'unixepoch')

    ) AS document

FROM contacts c;
