-- Make, change and drop whatever a schema can have
--
-- Unnamed indexes and constraints are made twice without an error.
--
-- revision: h04
-- revises: h03

-- migrate:up sqlite
ALTER TABLE parts ADD COLUMN a INTEGER;
CREATE INDEX parts_a ON parts (a);
CREATE VIEW totals AS SELECT counter, count(*) AS parts FROM parts GROUP BY counter;
CREATE TRIGGER parts_log AFTER UPDATE OF a ON parts
BEGIN
    INSERT INTO log (what) VALUES ('four');
    UPDATE counters SET n = n + 1 WHERE id = new.counter;
END;
UPDATE parts SET a = 7;
DROP TRIGGER parts_log;
DROP VIEW totals;
ALTER TABLE parts RENAME COLUMN name TO title;
ALTER TABLE parts RENAME TO pieces;
ALTER TABLE pieces ADD COLUMN b TEXT DEFAULT 'b';
ALTER TABLE pieces DROP COLUMN b;

-- migrate:up postgres
ALTER TABLE parts ADD COLUMN a INTEGER;
CREATE INDEX ON parts (a);
ALTER TABLE parts ADD CHECK (id > 0);
ALTER TABLE parts ADD FOREIGN KEY (counter) REFERENCES counters (id);
CREATE TYPE mood AS ENUM ('glad', 'sad');
ALTER TABLE parts ADD COLUMN mood mood NOT NULL DEFAULT 'glad';
CREATE VIEW totals AS SELECT counter, count(*) AS parts FROM parts GROUP BY counter;
CREATE SEQUENCE numbers START 5;
SELECT nextval('numbers');
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log (what) VALUES ('four');
    UPDATE counters SET n = n + 1 WHERE id = new.counter;
    RETURN NULL;
END;
$$;
CREATE TRIGGER parts_log AFTER UPDATE OF a ON parts FOR EACH ROW EXECUTE FUNCTION note();
UPDATE parts SET a = 7;
DROP VIEW totals;
ALTER TABLE parts RENAME COLUMN name TO title;
ALTER TABLE parts RENAME TO pieces;

-- migrate:up mysql
ALTER TABLE parts ADD COLUMN a INTEGER;
ALTER TABLE parts ADD INDEX (a);
ALTER TABLE parts ADD CHECK (id > 0);
ALTER TABLE parts ADD FOREIGN KEY (counter) REFERENCES counters (id);
CREATE INDEX parts_name ON parts (name);
ALTER TABLE parts MODIFY COLUMN name VARCHAR(60) NOT NULL DEFAULT 'none';
ALTER TABLE parts CHANGE COLUMN name title VARCHAR(60) NOT NULL DEFAULT 'none';
ALTER TABLE parts ALTER COLUMN title SET DEFAULT 'untitled';
CREATE VIEW totals AS SELECT counter, count(*) AS parts FROM parts GROUP BY counter;
CREATE OR REPLACE VIEW totals AS SELECT counter, count(*) AS pieces FROM parts GROUP BY counter;
DELIMITER $$
CREATE TRIGGER parts_log AFTER UPDATE ON parts FOR EACH ROW
BEGIN
    INSERT INTO log (what) VALUES ('four');
    UPDATE counters SET n = n + 1 WHERE id = NEW.counter;
END$$
DELIMITER ;
UPDATE parts SET a = 7;
DROP TRIGGER parts_log;
DROP VIEW totals;
RENAME TABLE parts TO pieces;
CREATE TABLE copies LIKE pieces;
INSERT INTO copies SELECT * FROM pieces;
DROP TABLE copies;
CREATE FUNCTION twice(n INTEGER) RETURNS INTEGER DETERMINISTIC RETURN n * 2;
UPDATE counters SET n = twice(n);
DROP FUNCTION twice;
ALTER TABLE pieces ADD COLUMN b INTEGER, ADD INDEX pieces_b (b);
ALTER TABLE pieces DROP COLUMN b;

-- migrate:down sqlite
DROP INDEX parts_a;
ALTER TABLE pieces DROP COLUMN a;
ALTER TABLE pieces RENAME COLUMN title TO name;
ALTER TABLE pieces RENAME TO parts;
UPDATE counters SET n = n - 2;
DELETE FROM log WHERE what = 'four';

-- migrate:down postgres
DROP TRIGGER parts_log ON pieces;
DROP FUNCTION note();
DROP SEQUENCE numbers;
ALTER TABLE pieces DROP COLUMN mood;
DROP TYPE mood;
ALTER TABLE pieces DROP CONSTRAINT parts_counter_fkey, DROP CONSTRAINT parts_id_check;
ALTER TABLE pieces DROP COLUMN a;
ALTER TABLE pieces RENAME COLUMN title TO name;
ALTER TABLE pieces RENAME TO parts;
UPDATE counters SET n = n - 2;
DELETE FROM log WHERE what = 'four';

-- migrate:down mysql
RENAME TABLE pieces TO parts;
ALTER TABLE parts CHANGE COLUMN title name VARCHAR(40);
DROP INDEX parts_name ON parts;
ALTER TABLE parts DROP FOREIGN KEY parts_ibfk_1;
ALTER TABLE parts DROP INDEX counter;
ALTER TABLE parts DROP CONSTRAINT parts_chk_1;
ALTER TABLE parts DROP INDEX a;
ALTER TABLE parts DROP COLUMN a;
UPDATE counters SET n = n / 2;
UPDATE counters SET n = n - 2;
DELETE FROM log WHERE what = 'four';

-- migrate:down mariadb
RENAME TABLE pieces TO parts;
ALTER TABLE parts CHANGE COLUMN title name VARCHAR(40);
DROP INDEX parts_name ON parts;
ALTER TABLE parts DROP FOREIGN KEY parts_ibfk_1;
ALTER TABLE parts DROP INDEX counter;
ALTER TABLE parts DROP CONSTRAINT CONSTRAINT_1;
ALTER TABLE parts DROP INDEX a;
ALTER TABLE parts DROP COLUMN a;
UPDATE counters SET n = n / 2;
UPDATE counters SET n = n - 2;
DELETE FROM log WHERE what = 'four';
