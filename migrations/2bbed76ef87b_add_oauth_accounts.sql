-- Add OAuth accounts
--
-- A user may sign in through several providers; `subject` is the provider's own
-- identifier of the user and compares byte for byte, for which MySQL must be asked.
--
-- revision: 2bbed76ef87b
-- revises: 9b4c770c9eec
-- created: 2026-01-14T16:05:12Z
-- compatible: yes

-- migrate:up
CREATE TABLE oauth_accounts (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    CONSTRAINT oauth_accounts_pkey PRIMARY KEY (provider, subject),
    CONSTRAINT oauth_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX oauth_accounts_user_id_idx ON oauth_accounts (user_id);

-- migrate:up mysql
CREATE TABLE oauth_accounts (
    provider VARCHAR(32) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (provider, subject),
    INDEX oauth_accounts_user_id_idx (user_id),
    CONSTRAINT oauth_accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB, DEFAULT CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- migrate:down
DROP TABLE oauth_accounts;
