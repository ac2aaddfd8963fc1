-- Make a table of numbers
--
-- revision: numbers

-- migrate:up
CREATE TABLE numbers (n INTEGER PRIMARY KEY);
