-- Change many rows, in a transaction
--
-- revision: h10
-- revises: h09

-- migrate:up
CREATE TABLE digits (d INTEGER NOT NULL PRIMARY KEY);
INSERT INTO digits (d) VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
CREATE TABLE many (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO many (id, n) SELECT a.d * 100 + b.d * 10 + c.d, 0 FROM digits a, digits b, digits c;
UPDATE many SET n = n + id;
UPDATE many SET n = n * 2;

-- migrate:down
DROP TABLE many;
DROP TABLE digits;
