-- Which KITH_SECRET_KEY the hashes and sealed secrets in here were made with: an HMAC of a fixed
-- text under it, so that a command or a server that is given another is noticed. One row at most.
CREATE TABLE secret_key (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    salt TEXT NOT NULL,
    digest TEXT NOT NULL
);
