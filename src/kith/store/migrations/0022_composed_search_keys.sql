-- A letter and its accent are searched as one, however they were written (domain/search.py). The keys of
-- contacts and tags are made anew behind this.
SELECT 1;
