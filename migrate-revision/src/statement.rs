//! The kinds of statements, as the build finds them and the runtime goes by them.

/// What a statement does, as far as running it safely needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementKind {
    /// Reads: `SELECT`, `SHOW`, `EXPLAIN`, `VALUES`
    Query,
    /// Changes rows and nothing else: `INSERT`, `UPDATE`, `DELETE`, `REPLACE`, `MERGE`, also under `WITH`
    Dml,
    /// Changes the schema. Commits implicitly on MySQL and MariaDB
    Ddl,
    /// Changes the session: `SET`, `USE`, `RESET`, a `PRAGMA` that assigns
    Session,
    /// `SAVEPOINT`, `RELEASE`, `ROLLBACK TO`
    Savepoint,
    /// Begins or ends a transaction
    Transaction,
    /// Cannot run inside a transaction: `VACUUM`, `CREATE INDEX CONCURRENTLY`, `CREATE DATABASE`
    OutsideTransaction,
    /// Anything else, such as `CALL` or `DO`, of which nothing is assumed
    Other,
}
