-- What WhatsApp said of the message that failed because of its number; null where it has restricted
-- the account. Such a failure keeps the number back for an hour, a restriction until it is lifted.
ALTER TABLE business_numbers ADD COLUMN unavailable_code BIGINT;
UPDATE business_numbers SET unavailable_code = (
    SELECT MIN(m.error_code) FROM messages m
    WHERE m.tenant_id = business_numbers.tenant_id AND m.number_id = business_numbers.number_id
    AND m.failed_at = business_numbers.unavailable_since
    AND m.error_code IN (368, 131031, 131042, 131045, 133010)
) WHERE unavailable_since IS NOT NULL;
