-- Add merchants to transactions
--
-- `merchant` is the name that people know, where `description` is what the bank printed.
-- A row of `merchant_aliases` says how the descriptions of one merchant begin.
--
-- revision: 9ce8b79adad1
-- revises: 540dea43d6c5
-- created: 2026-06-22T12:36:20Z
-- compatible: yes

-- migrate:up
CREATE TABLE merchant_aliases (
    prefix TEXT NOT NULL,
    merchant TEXT NOT NULL,
    CONSTRAINT merchant_aliases_pkey PRIMARY KEY (prefix)
);
ALTER TABLE transactions ADD COLUMN merchant TEXT;

-- migrate:up mysql
CREATE TABLE merchant_aliases (
    prefix VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    merchant VARCHAR(120) NOT NULL,
    PRIMARY KEY (prefix)
) ENGINE = InnoDB, DEFAULT CHARACTER SET utf8mb4, COLLATE utf8mb4_unicode_ci;
ALTER TABLE transactions ADD COLUMN merchant VARCHAR(120);

-- migrate:down
ALTER TABLE transactions DROP COLUMN merchant;
DROP TABLE merchant_aliases;
