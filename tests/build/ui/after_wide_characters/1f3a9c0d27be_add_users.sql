-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up
INSERT INTO users VALUES ('Zoë 漢字'), ('Ada);
