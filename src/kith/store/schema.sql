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
, suppression_key TEXT, default_region TEXT, stop_words TEXT NOT NULL DEFAULT '[]', start_words TEXT NOT NULL DEFAULT '[]', window_margin_s BIGINT NOT NULL DEFAULT 120, opts_in_new BIGINT NOT NULL DEFAULT 0);

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
    updated_at BIGINT NOT NULL, version BIGINT NOT NULL DEFAULT 1, search_key TEXT NOT NULL DEFAULT '',
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, uuid)
);

CREATE TABLE identities (
    tenant_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    contact_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL, confidence TEXT NOT NULL DEFAULT 'given', retired_at BIGINT, seen_at BIGINT, origin_uuid TEXT,
    PRIMARY KEY (tenant_id, kind, value),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE tags (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL, name_key TEXT NOT NULL DEFAULT '',
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

CREATE VIRTUAL TABLE contact_search USING fts5 (text, content = '', detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1');

CREATE VIRTUAL TABLE contact_search_terms USING fts5vocab (contact_search, row);

CREATE TABLE contact_search_pending (
    tenant_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    old_key TEXT,
    is_erased BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

CREATE TABLE audit_log (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    at BIGINT NOT NULL,
    user_id BIGINT,
    token_id BIGINT,
    what TEXT NOT NULL,
    contact_uuid TEXT,
    before_json TEXT,
    after_json TEXT, connection_uuid TEXT,
    PRIMARY KEY (tenant_id, uuid)
) WITHOUT ROWID;

CREATE TABLE suppressions (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    erased_at BIGINT NOT NULL,
    opted_out_at BIGINT, withdrawals TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, kind, digest)
) WITHOUT ROWID;

CREATE TABLE unswept_erasures (tenant_id BIGINT NOT NULL);

CREATE TABLE number_turns (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    turn BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, turn)
) WITHOUT ROWID;

CREATE TABLE consent_records (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    contact_uuid TEXT NOT NULL,
    origin_contact_uuid TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('whatsapp', 'email', 'sms')),
    purpose TEXT NOT NULL CHECK (purpose IN ('marketing', 'utility')),
    state TEXT NOT NULL CHECK (state IN ('granted', 'pending', 'withdrawn')),
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    source TEXT NOT NULL,
    method TEXT NOT NULL,
    user_id BIGINT,
    token_id BIGINT,
    address TEXT,
    wording TEXT,
    wording_version TEXT,
    locale TEXT,
    evidence TEXT,
    note TEXT, is_event BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, uuid)
) WITHOUT ROWID;

CREATE TABLE consent_states (
    tenant_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    purpose TEXT NOT NULL,
    state TEXT,
    since BIGINT,
    is_stopped_at_meta BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, contact_id, channel, purpose),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE business_numbers (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    number_id TEXT NOT NULL,
    phone TEXT,
    unavailable_since BIGINT,
    created_at BIGINT NOT NULL, last_sent_at BIGINT, marketing_paused_until BIGINT, phones_only_since BIGINT, unavailable_code BIGINT, restricted_since BIGINT, offers_restricted_at BIGINT, offers_restricted_until BIGINT,
    PRIMARY KEY (tenant_id, number_id)
) WITHOUT ROWID;

CREATE TABLE conversations (
    tenant_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    number_id TEXT NOT NULL,
    last_inbound_at BIGINT,
    refused_at BIGINT,
    capped_until BIGINT,
    experiment_until BIGINT,
    PRIMARY KEY (tenant_id, contact_id, number_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, number_id) REFERENCES business_numbers (tenant_id, number_id)
) WITHOUT ROWID;

CREATE TABLE contact_blocks (
    tenant_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    reason TEXT NOT NULL CHECK (
        reason IN ('blocked', 'country_restricted', 'not_on_whatsapp', 'identity_changed')
    ),
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, contact_id, reason),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE merges (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    from_uuid TEXT NOT NULL,
    into_uuid TEXT NOT NULL,
    at BIGINT NOT NULL,
    user_id BIGINT,
    token_id BIGINT,
    before_json TEXT,
    undone_at BIGINT,
    PRIMARY KEY (tenant_id, uuid)
) WITHOUT ROWID;

CREATE TABLE merged_contacts (
    tenant_id BIGINT NOT NULL,
    uuid TEXT NOT NULL,
    into_uuid TEXT NOT NULL,
    merge_uuid TEXT NOT NULL,
    PRIMARY KEY (tenant_id, uuid),
    FOREIGN KEY (tenant_id, merge_uuid) REFERENCES merges (tenant_id, uuid)
) WITHOUT ROWID;

CREATE TABLE connections (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL UNIQUE,
    system TEXT NOT NULL,
    name TEXT NOT NULL,
    config TEXT NOT NULL DEFAULT '{}',
    secrets TEXT NOT NULL,
    former_secrets TEXT,
    former_until BIGINT,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    UNIQUE (tenant_id, id)
);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    problem TEXT,
    gave_up_at BIGINT,
    created_at BIGINT NOT NULL, lane BIGINT NOT NULL DEFAULT 0,
    UNIQUE (tenant_id, id)
);

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL,
    uuid TEXT NOT NULL,
    contact_id BIGINT NOT NULL,
    origin_uuid TEXT NOT NULL,
    number_id TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('inbound', 'outbound')),
    wamid TEXT,
    type TEXT NOT NULL,
    content TEXT NOT NULL DEFAULT '{}',
    about_wamid TEXT,
    template_name TEXT,
    template_language TEXT,
    template_category TEXT,
    address TEXT,
    status TEXT NOT NULL CHECK (
        status IN ('sending', 'unknown', 'queued', 'sent', 'delivered', 'read', 'failed', 'received')
    ),
    sent_at BIGINT,
    delivered_at BIGINT,
    read_at BIGINT,
    failed_at BIGINT,
    error_code BIGINT,
    error_title TEXT,
    error_details TEXT,
    user_id BIGINT,
    token_id BIGINT,
    is_echo BIGINT NOT NULL DEFAULT 0,
    is_counted BIGINT NOT NULL DEFAULT 0,
    edited_at BIGINT,
    deleted_at BIGINT,
    at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, uuid),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, number_id) REFERENCES business_numbers (tenant_id, number_id)
);

CREATE TABLE parked_statuses (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    digest TEXT NOT NULL,
    status TEXT NOT NULL,
    at BIGINT NOT NULL,
    error_code BIGINT,
    error_title TEXT,
    error_details TEXT,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, digest, status)
) WITHOUT ROWID;

CREATE TABLE erased_messages (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    digest TEXT NOT NULL,
    erased_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, digest)
) WITHOUT ROWID;

CREATE TABLE identity_changes (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    kind TEXT NOT NULL CHECK (kind IN ('wa_id', 'bsuid')),
    old_value TEXT NOT NULL,
    at BIGINT NOT NULL,
    new_value TEXT NOT NULL,
    PRIMARY KEY (tenant_id, kind, old_value, at)
) WITHOUT ROWID;

CREATE TABLE templates (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, uuid),
    UNIQUE (tenant_id, name)
) WITHOUT ROWID;

CREATE TABLE template_translations (
    tenant_id BIGINT NOT NULL,
    template_uuid TEXT NOT NULL,
    account_id TEXT NOT NULL,
    language TEXT NOT NULL,
    position BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('APPROVED', 'PENDING', 'REJECTED')),
    category TEXT NOT NULL CHECK (category IN ('UTILITY', 'MARKETING', 'AUTHENTICATION')),
    components TEXT NOT NULL,
    is_named BIGINT NOT NULL,
    synced_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, template_uuid, account_id, language),
    FOREIGN KEY (tenant_id, template_uuid) REFERENCES templates (tenant_id, uuid) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE shop_customers (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    connection_uuid TEXT NOT NULL,
    customer TEXT NOT NULL,
    shop TEXT NOT NULL,
    told_at BIGINT,
    gone_at BIGINT,
    tags TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, connection_uuid, customer)
);

CREATE TABLE data_requests (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    connection_uuid TEXT NOT NULL,
    request_key TEXT NOT NULL,
    shop TEXT NOT NULL,
    customer TEXT,
    contact_uuid TEXT,
    requested_at BIGINT NOT NULL,
    closed_at BIGINT,
    PRIMARY KEY (tenant_id, uuid),
    UNIQUE (tenant_id, connection_uuid, request_key)
);

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
) WITHOUT ROWID;

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
) WITHOUT ROWID;

CREATE TABLE retracted_consent (
    tenant_id BIGINT NOT NULL,
    record_uuid TEXT NOT NULL,
    import_uuid TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, record_uuid),
    FOREIGN KEY (tenant_id, import_uuid) REFERENCES imports (tenant_id, uuid)
) WITHOUT ROWID;

CREATE TABLE hooks (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    uuid TEXT NOT NULL,
    event TEXT NOT NULL,
    target_url TEXT NOT NULL,
    token_id BIGINT NOT NULL REFERENCES tokens (id),
    created_at BIGINT NOT NULL,
    last_success_at BIGINT,
    failing_since BIGINT,
    disabled_at BIGINT,
    disabled_why TEXT,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, uuid),
    UNIQUE (tenant_id, event, target_url)
);

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL,
    uuid TEXT NOT NULL,
    hook_id BIGINT NOT NULL,
    contact_uuid TEXT NOT NULL,
    body TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, uuid),
    FOREIGN KEY (tenant_id, hook_id) REFERENCES hooks (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE wordings (
    tenant_id BIGINT NOT NULL,
    connection_id BIGINT NOT NULL,
    version TEXT NOT NULL,
    texts TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, version),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id)
) WITHOUT ROWID;

CREATE TABLE opt_ins (
    id INTEGER PRIMARY KEY,

    tenant_id BIGINT NOT NULL,
    uuid TEXT NOT NULL,
    connection_id BIGINT NOT NULL,
    code_digest TEXT NOT NULL,
    proof TEXT NOT NULL,
    name TEXT,
    phone TEXT,
    locale TEXT NOT NULL,
    wording_version TEXT NOT NULL,
    evidence TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    used_at BIGINT,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, uuid),
    UNIQUE (tenant_id, code_digest),
    UNIQUE (tenant_id, connection_id, proof),
    FOREIGN KEY (tenant_id, connection_id, wording_version) REFERENCES wordings (tenant_id, connection_id, version)
);

CREATE TABLE media (
    tenant_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, message_id),
    FOREIGN KEY (tenant_id, message_id) REFERENCES messages (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE shop_polls (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    connection_uuid TEXT NOT NULL,
    stage TEXT,
    place TEXT,
    since BIGINT,
    is_full BIGINT NOT NULL DEFAULT 0,
    began_at BIGINT,
    polled_to BIGINT,
    full_at BIGINT,
    done_at BIGINT,
    seen BIGINT NOT NULL DEFAULT 0,
    news BIGINT NOT NULL DEFAULT 0,
    gone BIGINT NOT NULL DEFAULT 0,
    failures BIGINT NOT NULL DEFAULT 0,
    problem TEXT,
    PRIMARY KEY (tenant_id, connection_uuid)
);

CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    uuid TEXT NOT NULL,
    connection_id BIGINT NOT NULL,
    event_key TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'read', 'quarantined')),
    reason TEXT,
    received_at BIGINT NOT NULL,
    is_sanitized BIGINT NOT NULL DEFAULT 0,
    UNIQUE (tenant_id, uuid),
    UNIQUE (tenant_id, connection_id, event_key),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id)
);

CREATE TABLE suspected_duplicates (
    tenant_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    other_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, contact_id, other_id),
    CHECK (contact_id < other_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, other_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE contact_changes (
    tenant_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, at, contact_id)
) WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    action TEXT NOT NULL,
    key TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT NOT NULL,
    etag TEXT,
    contact_uuid TEXT,
    other_uuid TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, action, key),
    FOREIGN KEY (tenant_id, contact_uuid) REFERENCES contacts (tenant_id, uuid) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, other_uuid) REFERENCES contacts (tenant_id, uuid) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE secret_key (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    salt TEXT NOT NULL,
    digest TEXT NOT NULL
);

CREATE INDEX tokens_by_user ON tokens (tenant_id, user_id);

CREATE INDEX contacts_by_email ON contacts (tenant_id, email_key, last_message_at DESC, created_at, id) WHERE email_key IS NOT NULL;

CREATE INDEX identities_by_contact ON identities (tenant_id, contact_id);

CREATE INDEX contact_tags_by_tag ON contact_tags (tenant_id, tag_id);

CREATE INDEX tags_by_key ON tags (tenant_id, name_key, uuid);

CREATE INDEX consent_records_by_contact ON consent_records (tenant_id, contact_uuid, uuid);

CREATE INDEX merges_by_survivor ON merges (tenant_id, into_uuid, uuid);

CREATE INDEX merged_contacts_by_survivor ON merged_contacts (tenant_id, into_uuid);

CREATE UNIQUE INDEX messages_by_wamid ON messages (tenant_id, wamid) WHERE wamid IS NOT NULL;

CREATE INDEX messages_by_contact ON messages (tenant_id, contact_id, at, uuid);

CREATE INDEX messages_about ON messages (tenant_id, about_wamid) WHERE about_wamid IS NOT NULL;

CREATE INDEX messages_received ON messages (tenant_id, uuid) WHERE direction = 'inbound';

CREATE INDEX messages_received_by_type ON messages (tenant_id, type, uuid) WHERE direction = 'inbound';

CREATE INDEX parked_statuses_by_age ON parked_statuses (tenant_id, received_at);

CREATE INDEX erased_messages_by_age ON erased_messages (tenant_id, erased_at);

CREATE INDEX identity_changes_by_new ON identity_changes (tenant_id, kind, new_value);

CREATE INDEX shop_customers_by_name ON shop_customers (tenant_id, customer);

CREATE INDEX data_requests_by_contact ON data_requests (tenant_id, contact_uuid);

CREATE INDEX deliveries_due ON deliveries (tenant_id, hook_id, due_at);

CREATE INDEX deliveries_of_contact ON deliveries (tenant_id, contact_uuid);

CREATE INDEX jobs_due ON jobs (lane, due_at, id) WHERE gave_up_at IS NULL;

CREATE INDEX opt_ins_by_phone ON opt_ins (tenant_id, phone) WHERE phone IS NOT NULL;

CREATE INDEX opt_ins_by_age ON opt_ins (tenant_id, asked_at);

CREATE INDEX media_by_content ON media (tenant_id, sha256);

CREATE INDEX inbox_unread ON inbox (tenant_id, state, uuid) WHERE state <> 'read';

CREATE INDEX suspected_duplicates_by_other ON suspected_duplicates (tenant_id, other_id);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (tenant_id, created_at);

CREATE INDEX idempotency_keys_by_contact ON idempotency_keys (tenant_id, contact_uuid);

CREATE INDEX idempotency_keys_by_other ON idempotency_keys (tenant_id, other_uuid) WHERE other_uuid IS NOT NULL;

CREATE INDEX contacts_by_activity ON contacts (tenant_id, last_message_at DESC, created_at DESC, id, search_key);

CREATE INDEX audit_log_by_contact ON audit_log (tenant_id, contact_uuid, uuid) WHERE uuid <> contact_uuid;

CREATE TRIGGER audit_log_is_kept BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER consent_records_are_kept BEFORE DELETE ON consent_records BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END;

CREATE TRIGGER audit_log_is_not_rewritten BEFORE UPDATE ON audit_log WHEN NEW.before_json IS NOT NULL OR NEW.after_json IS NOT NULL OR (NEW.tenant_id, NEW.uuid, NEW.at, NEW.user_id, NEW.token_id, NEW.connection_uuid, NEW.what, NEW.contact_uuid) IS NOT (OLD.tenant_id, OLD.uuid, OLD.at, OLD.user_id, OLD.token_id, OLD.connection_uuid, OLD.what, OLD.contact_uuid) BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER wordings_are_kept BEFORE DELETE ON wordings BEGIN SELECT RAISE(ABORT, 'a wording is never edited'); END;

CREATE TRIGGER wordings_are_not_rewritten BEFORE UPDATE ON wordings BEGIN SELECT RAISE(ABORT, 'a wording is never edited'); END;

CREATE VIEW contact_documents AS
SELECT
    c.tenant_id, c.id, c.uuid, c.email_key, c.source, c.opted_in_at, c.opted_out_at,
    c.last_message_at, c.created_at, c.updated_at, c.search_key,
    '"' || c.uuid || '-' || c.version || '"' AS etag,
    '{"id":"' || c.uuid
    || '","phone":' || json_quote(c.phone)
    || ',"name":' || json_quote(c.name)
    || ',"email":' || json_quote(c.email)
    || ',"source":"' || c.source
    || '","locale":' || json_quote(c.locale)
    || ',"metadata":' || c.metadata
    || ',"tags":' || c.tags
    || ',"opted_in_at":' || coalesce('"' || replace(datetime(c.opted_in_at / 1000000, 'unixepoch'), ' ', 'T') || '+00:00"', 'null')
    || ',"opted_out_at":' || coalesce('"' || replace(datetime(c.opted_out_at / 1000000, 'unixepoch'), ' ', 'T') || '+00:00"', 'null')
    || ',"last_message_at":' || coalesce('"' || replace(datetime(c.last_message_at / 1000000, 'unixepoch'), ' ', 'T') || '+00:00"', 'null')
    || ',"total_messages":' || c.total_messages
    || ',"created_at":"' || replace(datetime(c.created_at / 1000000, 'unixepoch'), ' ', 'T')
    || '+00:00"}' AS document















FROM contacts c;

CREATE TRIGGER consent_records_are_not_rewritten BEFORE UPDATE ON consent_records WHEN NEW.address IS NOT NULL OR NEW.wording IS NOT OLD.wording OR NEW.evidence IS NOT NULL OR NEW.note IS NOT NULL OR (NEW.tenant_id, NEW.uuid, NEW.contact_uuid, NEW.origin_contact_uuid, NEW.channel, NEW.purpose, NEW.state, NEW.occurred_at, NEW.recorded_at, NEW.source, NEW.method, NEW.user_id, NEW.token_id, NEW.wording_version, NEW.locale, NEW.is_event) IS NOT (OLD.tenant_id, OLD.uuid, OLD.contact_uuid, OLD.origin_contact_uuid, OLD.channel, OLD.purpose, OLD.state, OLD.occurred_at, OLD.recorded_at, OLD.source, OLD.method, OLD.user_id, OLD.token_id, OLD.wording_version, OLD.locale, OLD.is_event) BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END;
