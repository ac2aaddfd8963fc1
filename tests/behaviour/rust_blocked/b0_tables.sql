-- Make the tables
--
-- revision: b0

-- migrate:up
CREATE TABLE t1 (id INTEGER PRIMARY KEY, a INTEGER);
INSERT INTO t1 VALUES (1, 0);
CREATE TABLE t2 (n INTEGER);

-- migrate:down
DROP TABLE t2;
DROP TABLE t1;
