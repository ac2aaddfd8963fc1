-- Call what has statements of its own
--
-- revision: h08
-- revises: h07

-- migrate:up sqlite
CREATE TABLE eight (n INTEGER);
CREATE TRIGGER eight_both AFTER INSERT ON eight
BEGIN
    UPDATE counters SET n = n + new.n;
    INSERT INTO log (what) VALUES ('eight');
END;
INSERT INTO eight (n) VALUES (3);
DROP TRIGGER eight_both;

-- migrate:up postgres
CREATE TABLE eight (n INTEGER);
CREATE PROCEDURE both_of(by INTEGER) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE counters SET n = n + by;
    INSERT INTO log (what) VALUES ('eight');
END;
$$;
CALL both_of(3);
DO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO eight VALUES (i); END LOOP; END; $$;
DROP PROCEDURE both_of;

-- migrate:up mysql
CREATE TABLE eight (n INTEGER);
DELIMITER //
CREATE PROCEDURE both_of(step INTEGER)
BEGIN
    UPDATE counters SET n = n + step;
    INSERT INTO log (what) VALUES ('eight');
    SELECT n FROM counters;
END//
DELIMITER ;
CALL both_of(3);
DROP PROCEDURE both_of;

-- migrate:down
DELETE FROM log WHERE what = 'eight';
UPDATE counters SET n = n - 3;
DROP TABLE eight;
