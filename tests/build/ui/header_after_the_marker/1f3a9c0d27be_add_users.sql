-- migrate:up
-- revision: 1f3a9c0d27be
CREATE TABLE users (id INTEGER);
