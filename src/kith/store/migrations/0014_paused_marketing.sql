-- Until when WhatsApp limits a business number's marketing, by what it refused.
ALTER TABLE business_numbers ADD COLUMN marketing_paused_until BIGINT;

-- Nobody asked for either.
ALTER TABLE template_translations DROP COLUMN meta_id;
ALTER TABLE template_translations DROP COLUMN quality;

-- Templates that were given up are asked for again: once for each connection that has nothing due.
DELETE FROM jobs WHERE kind = 'sync_templates' AND gave_up_at IS NOT NULL AND EXISTS (
    SELECT 1 FROM jobs j WHERE j.kind = 'sync_templates' AND j.subject = jobs.subject
        AND (j.gave_up_at IS NULL OR j.id > jobs.id)
);
UPDATE jobs SET gave_up_at = NULL, problem = NULL, tries = 0
WHERE kind = 'sync_templates' AND gave_up_at IS NOT NULL;
