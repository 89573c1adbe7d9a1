-- Which rows of the ledger were an event when they were written: they changed what was in force, and
-- whoever wanted to know was told. The lists of the triggers are made of these (docs/decisions/0016).
DROP TRIGGER consent_records_are_not_rewritten; -- sqlite
DROP TRIGGER consent_records_are_not_rewritten ON consent_records; -- postgres
ALTER TABLE consent_records ADD COLUMN is_event BIGINT NOT NULL DEFAULT 0;

-- Of rows from before this, nearly: nothing was changed by what is dated back behind one that counts
-- since then, nor by a grant that could not lift an opt-out.
UPDATE consent_records SET is_event = 1
WHERE state <> 'pending' AND source <> 'import' AND NOT (source = 'meta' AND state = 'granted')
AND NOT EXISTS (
    SELECT 1 FROM consent_records b WHERE b.tenant_id = consent_records.tenant_id
    AND b.contact_uuid = consent_records.contact_uuid AND b.channel = consent_records.channel
    AND b.purpose = consent_records.purpose AND b.uuid < consent_records.uuid
    AND b.occurred_at > consent_records.occurred_at AND b.recorded_at > consent_records.occurred_at
    AND (b.state = 'withdrawn' OR (b.state = 'granted' AND (b.source IN ('inbound', 'operator') OR b.method = 'confirmation')))
)
AND (state = 'withdrawn' OR source IN ('inbound', 'operator') OR method = 'confirmation' OR NOT EXISTS (
    SELECT 1 FROM consent_records b WHERE b.tenant_id = consent_records.tenant_id
    AND b.contact_uuid = consent_records.contact_uuid AND b.channel = consent_records.channel
    AND b.purpose = consent_records.purpose AND b.uuid < consent_records.uuid AND b.state = 'withdrawn'
    AND NOT EXISTS (
        SELECT 1 FROM consent_records l WHERE l.tenant_id = b.tenant_id
        AND l.contact_uuid = b.contact_uuid AND l.channel = b.channel AND l.purpose = b.purpose
        AND l.uuid > b.uuid AND l.uuid < consent_records.uuid AND l.state = 'granted'
        AND (l.source IN ('inbound', 'operator') OR l.method = 'confirmation')
    )
));
-- Nor by what says the same as the last of them.
UPDATE consent_records SET is_event = 0
WHERE is_event = 1 AND state = (
    SELECT b.state FROM consent_records b WHERE b.tenant_id = consent_records.tenant_id
    AND b.contact_uuid = consent_records.contact_uuid AND b.channel = consent_records.channel
    AND b.purpose = consent_records.purpose AND b.uuid < consent_records.uuid AND b.is_event = 1
    ORDER BY b.uuid DESC LIMIT 1
);

CREATE TRIGGER consent_records_are_not_rewritten BEFORE UPDATE ON consent_records WHEN NEW.address IS NOT NULL OR NEW.wording IS NOT OLD.wording OR NEW.evidence IS NOT NULL OR NEW.note IS NOT NULL OR (NEW.tenant_id, NEW.uuid, NEW.contact_uuid, NEW.origin_contact_uuid, NEW.channel, NEW.purpose, NEW.state, NEW.occurred_at, NEW.recorded_at, NEW.source, NEW.method, NEW.user_id, NEW.token_id, NEW.wording_version, NEW.locale, NEW.is_event) IS NOT (OLD.tenant_id, OLD.uuid, OLD.contact_uuid, OLD.origin_contact_uuid, OLD.channel, OLD.purpose, OLD.state, OLD.occurred_at, OLD.recorded_at, OLD.source, OLD.method, OLD.user_id, OLD.token_id, OLD.wording_version, OLD.locale, OLD.is_event) BEGIN SELECT RAISE(ABORT, 'the consent ledger is append-only'); END; -- sqlite
CREATE TRIGGER consent_records_are_not_rewritten BEFORE UPDATE ON consent_records FOR EACH ROW WHEN (NEW.address IS NOT NULL OR NEW.wording IS DISTINCT FROM OLD.wording OR NEW.evidence IS NOT NULL OR NEW.note IS NOT NULL OR (NEW.tenant_id, NEW.uuid, NEW.contact_uuid, NEW.origin_contact_uuid, NEW.channel, NEW.purpose, NEW.state, NEW.occurred_at, NEW.recorded_at, NEW.source, NEW.method, NEW.user_id, NEW.token_id, NEW.wording_version, NEW.locale, NEW.is_event) IS DISTINCT FROM (OLD.tenant_id, OLD.uuid, OLD.contact_uuid, OLD.origin_contact_uuid, OLD.channel, OLD.purpose, OLD.state, OLD.occurred_at, OLD.recorded_at, OLD.source, OLD.method, OLD.user_id, OLD.token_id, OLD.wording_version, OLD.locale, OLD.is_event)) EXECUTE FUNCTION consent_records_refuse(); -- postgres
