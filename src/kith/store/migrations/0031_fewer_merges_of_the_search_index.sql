-- FTS5 merges four parts of its index into one; with eight each row is written anew half as often.
INSERT INTO contact_search (contact_search, rank) VALUES ('automerge', 8); -- sqlite
-- asyncpg takes no script without a statement.
SELECT 1; -- postgres
