-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up sqlite mysql
CREATE TABLE users (name TEXT);

-- migrate:up postgres
SET standard_conforming_strings = off;
INSERT INTO users VALUES ('it\'s');
