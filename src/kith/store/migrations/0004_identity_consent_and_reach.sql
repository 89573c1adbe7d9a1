-- Who is it and may I write: further names of a person, the consent ledger, and what the verdict is
-- computed from.

-- The country whose national spelling a workspace types, the words it adds, the margin of its window.
ALTER TABLE tenants ADD COLUMN default_region TEXT;
ALTER TABLE tenants ADD COLUMN stop_words TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tenants ADD COLUMN start_words TEXT NOT NULL DEFAULT '[]';
ALTER TABLE tenants ADD COLUMN window_margin_s BIGINT NOT NULL DEFAULT 120;

-- How sure it is: given by the business, reported by WhatsApp, or inferred.
ALTER TABLE identities ADD COLUMN confidence TEXT NOT NULL DEFAULT 'given';

-- On PostgreSQL, writes that note the two spellings of one number take the same turn: one of them is
-- repeated and sees the other. It says nothing of whose number it was. SQLite has one writer.
CREATE TABLE number_turns (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    turn BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, turn)
) WITHOUT ROWID; -- sqlite
); -- postgres

-- Who agreed to what, when, how and by which words; rows are facts, kept as they came. A row stays
-- with the contact it was written for: after a merge it is found by way of merged_contacts. Erasure
-- blanks what identifies the person and nothing else.
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
    note TEXT,
    PRIMARY KEY (tenant_id, uuid)
) WITHOUT ROWID; -- sqlite
); -- postgres
CREATE INDEX consent_records_by_contact ON consent_records (tenant_id, contact_uuid, uuid);

CREATE TRIGGER consent_records_are_kept BEFORE DELETE ON consent_records BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END; -- sqlite
CREATE TRIGGER consent_records_are_not_rewritten BEFORE UPDATE ON consent_records WHEN NEW.address IS NOT NULL OR NEW.wording IS NOT OLD.wording OR NEW.evidence IS NOT NULL OR NEW.note IS NOT NULL OR (NEW.tenant_id, NEW.uuid, NEW.contact_uuid, NEW.origin_contact_uuid, NEW.channel, NEW.purpose, NEW.state, NEW.occurred_at, NEW.recorded_at, NEW.source, NEW.method, NEW.user_id, NEW.token_id, NEW.wording_version, NEW.locale) IS NOT (OLD.tenant_id, OLD.uuid, OLD.contact_uuid, OLD.origin_contact_uuid, OLD.channel, OLD.purpose, OLD.state, OLD.occurred_at, OLD.recorded_at, OLD.source, OLD.method, OLD.user_id, OLD.token_id, OLD.wording_version, OLD.locale) BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END; -- sqlite
CREATE FUNCTION consent_records_refuse() RETURNS trigger LANGUAGE plpgsql AS $refuse$ BEGIN RAISE EXCEPTION 'the consent ledger is append-only'; END $refuse$; -- postgres
CREATE TRIGGER consent_records_are_kept BEFORE DELETE ON consent_records FOR EACH ROW EXECUTE FUNCTION consent_records_refuse(); -- postgres
CREATE TRIGGER consent_records_are_not_emptied BEFORE TRUNCATE ON consent_records FOR EACH STATEMENT EXECUTE FUNCTION consent_records_refuse(); -- postgres
CREATE TRIGGER consent_records_are_not_rewritten BEFORE UPDATE ON consent_records FOR EACH ROW WHEN (NEW.address IS NOT NULL OR NEW.wording IS DISTINCT FROM OLD.wording OR NEW.evidence IS NOT NULL OR NEW.note IS NOT NULL OR (NEW.tenant_id, NEW.uuid, NEW.contact_uuid, NEW.origin_contact_uuid, NEW.channel, NEW.purpose, NEW.state, NEW.occurred_at, NEW.recorded_at, NEW.source, NEW.method, NEW.user_id, NEW.token_id, NEW.wording_version, NEW.locale) IS DISTINCT FROM (OLD.tenant_id, OLD.uuid, OLD.contact_uuid, OLD.origin_contact_uuid, OLD.channel, OLD.purpose, OLD.state, OLD.occurred_at, OLD.recorded_at, OLD.source, OLD.method, OLD.user_id, OLD.token_id, OLD.wording_version, OLD.locale)) EXECUTE FUNCTION consent_records_refuse(); -- postgres

-- What is in force, from the ledger: one row for each channel and purpose that anything is known of.
-- `state` and `since` leave out what was said to Meta itself: marketing is stopped while either says so.
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
) WITHOUT ROWID; -- sqlite
); -- postgres

-- The opt-outs of somebody erased, beside the one of `opted_out_at`: a JSON array, nothing personal.
ALTER TABLE suppressions ADD COLUMN withdrawals TEXT NOT NULL DEFAULT '[]';

-- The numbers from which the business writes, as WhatsApp calls them.
CREATE TABLE business_numbers (
    tenant_id BIGINT NOT NULL REFERENCES tenants (id),
    number_id TEXT NOT NULL,
    phone TEXT,
    unavailable_since BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, number_id)
) WITHOUT ROWID; -- sqlite
); -- postgres

-- One contact and one of these numbers: the 24-hour window, and what keeps it shut.
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
) WITHOUT ROWID; -- sqlite
); -- postgres

-- Why a contact is not written to, from whichever number.
CREATE TABLE contact_blocks (
    tenant_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    reason TEXT NOT NULL CHECK (
        reason IN ('blocked', 'country_restricted', 'not_on_whatsapp', 'identity_changed')
    ),
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, contact_id, reason),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID; -- sqlite
); -- postgres

-- The journal of merges; `before_json` holds both contacts as they were, for an unmerge.
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
) WITHOUT ROWID; -- sqlite
); -- postgres
CREATE INDEX merges_by_survivor ON merges (tenant_id, into_uuid, uuid);

-- Ids of contacts that live on in another: they keep answering.
CREATE TABLE merged_contacts (
    tenant_id BIGINT NOT NULL,
    uuid TEXT NOT NULL,
    into_uuid TEXT NOT NULL,
    merge_uuid TEXT NOT NULL,
    PRIMARY KEY (tenant_id, uuid),
    FOREIGN KEY (tenant_id, merge_uuid) REFERENCES merges (tenant_id, uuid)
) WITHOUT ROWID; -- sqlite
); -- postgres
CREATE INDEX merged_contacts_by_survivor ON merged_contacts (tenant_id, into_uuid);

-- SQLite takes a workspace for a handful of rows, and one's million identities were read for each that was
-- erased. Rows in all, then for each column of the index: how many rows share its values so far.
ANALYZE sqlite_schema; -- sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('identities', 'identities', '1000000 100000 20000 1'), ('identities', 'identities_by_contact', '1000000 100000 2'); -- sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('idempotency_keys', 'idempotency_keys', '100000 10000 1000 1'), ('idempotency_keys', 'idempotency_keys_by_age', '100000 10000 1'), ('idempotency_keys', 'idempotency_keys_by_contact', '100000 10000 2'); -- sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('audit_log', 'audit_log', '1000000 100000 1'), ('audit_log', 'audit_log_by_contact', '1000000 100000 5 1'); -- sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('consent_records', 'consent_records', '1000000 100000 1'), ('consent_records', 'consent_records_by_contact', '1000000 100000 3 1'); -- sqlite
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('merged_contacts', 'merged_contacts', '10000 1000 1'), ('merged_contacts', 'merged_contacts_by_survivor', '10000 1000 2'); -- sqlite
