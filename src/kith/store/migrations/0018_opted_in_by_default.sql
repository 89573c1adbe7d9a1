-- Whether contacts that are made over the API count as opted in to marketing on WhatsApp.
ALTER TABLE tenants ADD COLUMN opts_in_new BIGINT NOT NULL DEFAULT 0;
