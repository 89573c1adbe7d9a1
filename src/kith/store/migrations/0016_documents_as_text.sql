-- The answer of get-contact put together as text: SQLite's JSON functions and strftime take twice as
-- long (docs/decisions/0005). `metadata` and `tags` are stored as they are sent.
DROP VIEW contact_documents;
CREATE VIEW contact_documents AS
SELECT
    c.tenant_id, c.id, c.uuid, c.email_key, c.source, c.opted_in_at, c.opted_out_at,
    c.last_message_at, c.created_at, c.updated_at, c.search_key,
    '"' || c.uuid || '-' || c.version || '"' AS etag,
    '{"id":"' || c.uuid -- sqlite
    || '","phone":' || json_quote(c.phone) -- sqlite
    || ',"name":' || json_quote(c.name) -- sqlite
    || ',"email":' || json_quote(c.email) -- sqlite
    || ',"source":"' || c.source -- sqlite
    || '","locale":' || json_quote(c.locale) -- sqlite
    || ',"metadata":' || c.metadata -- sqlite
    || ',"tags":' || c.tags -- sqlite
    || ',"opted_in_at":' || coalesce('"' || replace(datetime(c.opted_in_at / 1000000, 'unixepoch'), ' ', 'T') || '+00:00"', 'null') -- sqlite
    || ',"opted_out_at":' || coalesce('"' || replace(datetime(c.opted_out_at / 1000000, 'unixepoch'), ' ', 'T') || '+00:00"', 'null') -- sqlite
    || ',"last_message_at":' || coalesce('"' || replace(datetime(c.last_message_at / 1000000, 'unixepoch'), ' ', 'T') || '+00:00"', 'null') -- sqlite
    || ',"total_messages":' || c.total_messages -- sqlite
    || ',"created_at":"' || replace(datetime(c.created_at / 1000000, 'unixepoch'), ' ', 'T') -- sqlite
    || '+00:00"}' AS document -- sqlite
    CAST(json_build_object( -- postgres
        'id', c.uuid, -- postgres
        'phone', c.phone, -- postgres
        'name', c.name, -- postgres
        'email', c.email, -- postgres
        'source', c.source, -- postgres
        'locale', c.locale, -- postgres
        'metadata', CAST(c.metadata AS JSON), -- postgres
        'tags', CAST(c.tags AS JSON), -- postgres
        'opted_in_at', to_char(to_timestamp(c.opted_in_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'), -- postgres
        'opted_out_at', to_char(to_timestamp(c.opted_out_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'), -- postgres
        'last_message_at', to_char(to_timestamp(c.last_message_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'), -- postgres
        'total_messages', c.total_messages, -- postgres
        'created_at', to_char(to_timestamp(c.created_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') -- postgres
    ) AS TEXT) AS document -- postgres
FROM contacts c;
