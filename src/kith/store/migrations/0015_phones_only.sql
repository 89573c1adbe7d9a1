-- Since when a business number writes to phones only, and not to WhatsApp's ids of people.
ALTER TABLE business_numbers ADD COLUMN phones_only_since BIGINT;
