-- Make a table of counters and one without a key
--
-- What is done twice shows in both: a counter is too high, a line is there once too often.
--
-- revision: h01

-- migrate:up
CREATE TABLE counters (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE log (what VARCHAR(40) NOT NULL);
INSERT INTO counters (id, n) VALUES (1, 0), (2, 0);
INSERT INTO log (what) VALUES ('one');

-- migrate:down
DROP TABLE log;
DROP TABLE counters;
