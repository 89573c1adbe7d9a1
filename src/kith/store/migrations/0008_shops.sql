-- What shops tell of their customers, and what customers ask for.

-- How far a customer's story is told, so that what comes late changes nothing. `customer` is the id
-- there as an external identity (shopify:123), of a guest `contact:` and the contact's id, and of
-- somebody erased a keyed hash of the id. `shop` is its domain. `tags` has, by tag, when the shop last
-- told of it (microseconds since 1970), negative when it took it off.
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
CREATE INDEX shop_customers_by_name ON shop_customers (tenant_id, customer);

-- A customer who wants to see what is held on them, until the operator has answered. `customer` and
-- `contact_uuid` are NULL where nobody is known, and after an erasure.
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
CREATE INDEX data_requests_by_contact ON data_requests (tenant_id, contact_uuid);

-- Whether text in it had to be repaired.
ALTER TABLE inbox ADD COLUMN is_sanitized BIGINT NOT NULL DEFAULT 0;
