-- revision: abc
-- migrate:up sqlite
CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = CASE WHEN 1 THEN 2 END; END;
-- migrate:up postgres
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN 1; /* ; */ END $f$;
CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; SELECT E'\';'; END;
-- migrate:up mysql
DELIMITER //
CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT ';'; END IF; END//
DELIMITER ;
/*!50003 SET @a = 1 */;
-- migrate:down
SELECT 1;
