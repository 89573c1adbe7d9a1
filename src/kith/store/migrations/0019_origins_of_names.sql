-- Which contact a name came with, where that lives on in another: an unmerge gives it back. Empty
-- for the contact's own.
ALTER TABLE identities ADD COLUMN origin_uuid TEXT;

-- As the journal of the merges that still are has it.
UPDATE identities SET origin_uuid = (
    SELECT min(m.from_uuid) FROM merges m
    JOIN contacts c ON c.tenant_id = m.tenant_id AND c.uuid = m.into_uuid
    CROSS JOIN json_each(m.before_json, '$.merged.identities') j -- sqlite
    CROSS JOIN json_array_elements(CAST(m.before_json AS JSON) -> 'merged' -> 'identities') j (value) -- postgres
    WHERE m.tenant_id = identities.tenant_id AND c.id = identities.contact_id AND m.before_json IS NOT NULL
        AND j.value ->> 0 = identities.kind AND j.value ->> 1 = identities.value
)
WHERE (tenant_id, contact_id) IN (
    SELECT c.tenant_id, c.id FROM merges m
    JOIN contacts c ON c.tenant_id = m.tenant_id AND c.uuid = m.into_uuid
    WHERE m.before_json IS NOT NULL
);
