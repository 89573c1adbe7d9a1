-- What WhatsApp says of an account stands beside what it says of messages: each ends otherwise, and is
-- told in whatever order. Null as `offers_restricted_until`: it may write to people first since then.
ALTER TABLE business_numbers ADD COLUMN restricted_since BIGINT;
ALTER TABLE business_numbers ADD COLUMN offers_restricted_at BIGINT;
ALTER TABLE business_numbers ADD COLUMN offers_restricted_until BIGINT;
UPDATE business_numbers SET restricted_since = unavailable_since, unavailable_since = NULL
WHERE unavailable_code IS NULL;
