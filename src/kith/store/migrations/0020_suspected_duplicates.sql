-- Two contacts of which WhatsApp reported a name of one for the other: perhaps one person. The one
-- with the lower id comes first.
CREATE TABLE suspected_duplicates (
    tenant_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    other_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, contact_id, other_id),
    CHECK (contact_id < other_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, other_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE
) WITHOUT ROWID; -- sqlite
); -- postgres
CREATE INDEX suspected_duplicates_by_other ON suspected_duplicates (tenant_id, other_id);
