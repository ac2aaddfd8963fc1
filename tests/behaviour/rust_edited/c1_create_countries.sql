-- Make the table of countries
--
-- revision: c1

-- migrate:up
CREATE TABLE countries (
    id INTEGER PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    population BIGINT,
    area DOUBLE PRECISION,
    capital TEXT,
    big INTEGER NOT NULL
);

-- migrate:down
DROP TABLE countries;
