-- How far each shop was read by polling it. `stage` is NULL between rounds; `place` is where the stage
-- goes on, in the words of the shop's API. `polled_to` is when the last whole round began, `full_at`
-- the last in which all customers were looked through. Counts are of the round that is under way, or
-- of the last one.
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
