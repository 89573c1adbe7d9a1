-- FTS5 writes its index when it holds 1 MB of it, in the middle of a large batch. SQLite then keeps 11 MB
-- of pages as they were, to undo that statement alone; at the COMMIT it keeps none.
INSERT INTO contact_search (contact_search, rank) VALUES ('hashsize', 4194304); -- sqlite
-- asyncpg takes no script without a statement.
SELECT 1; -- postgres
