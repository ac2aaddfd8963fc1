-- Change many rows, statement by statement
--
-- revision: h11
-- revises: h10

-- migrate:up no-transaction
UPDATE many SET n = n + 1;
INSERT INTO many (id, n) SELECT a.d * 100 + b.d * 10 + c.d + 1000, 5 FROM digits a, digits b, digits c;
CREATE INDEX many_n ON many (n);
UPDATE many SET n = n * 3;

-- migrate:down sqlite no-transaction
UPDATE many SET n = n / 3;
DROP INDEX many_n;
DELETE FROM many WHERE id >= 1000;
UPDATE many SET n = n - 1;

-- migrate:down postgres no-transaction
UPDATE many SET n = n / 3;
DROP INDEX many_n;
DELETE FROM many WHERE id >= 1000;
UPDATE many SET n = n - 1;

-- migrate:down mysql no-transaction
UPDATE many SET n = n / 3;
DROP INDEX many_n ON many;
DELETE FROM many WHERE id >= 1000;
UPDATE many SET n = n - 1;
