//! The history table: its name, its rows, and the statements that make, write and read it.

mod insert;

use std::fmt::Write as _;

use migrate_revision::{Backend, Direction};

use crate::Result;
use crate::dialect::postgres::check_name;
use crate::record::After;

#[cfg(feature = "postgres")]
pub(crate) use self::insert::execute_insert;

/// Where the history is: what to put into statements.
#[derive(Debug, Clone)]
pub(crate) struct HistoryTable {
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    pub(crate) namespace: String,
    /// A variable of psql's that holds the qualified name, in scripts that find it out as they run
    pub(crate) variable: Option<&'static str>,
}

/// What a row records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Action {
    /// A revision was applied
    Up,
    /// A revision was undone
    Down,
    /// The state was set without running anything
    Stamp,
    /// The edit of an applied revision was accepted
    Repair,
}

impl Action {
    /// The word in the `direction` column.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Stamp => "stamp",
            Self::Repair => "repair",
        }
    }
}

impl From<Direction> for Action {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Up => Self::Up,
            Direction::Down => Self::Down,
        }
    }
}

/// How far a row's step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum RowState {
    /// Under way, or interrupted
    Running,
    /// In force
    Done,
    /// Interrupted, and given up by a stamp
    Abandoned,
}

/// A row of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HistoryRow {
    /// Its number in the namespace, from 1
    pub seq: i64,
    /// The revision; of a stamp, the heads that were stamped
    pub revision: String,
    /// What was done
    pub action: Action,
    /// The heads once it was done
    pub heads: Vec<String>,
    /// The chain digest of those heads
    pub digest: String,
    /// The revision's content checksum; of a stamp, nothing
    pub checksum: Option<String>,
    /// Whether the revision declared that binaries without it may run; of one that did not say, nothing
    pub compatible: Option<bool>,
    /// How far it is
    pub state: RowState,
    /// How many of its statements are done
    pub statements_done: u64,
    /// How many it has
    pub statements_total: u64,
    /// Digest of the statements that are done, while it is not
    pub progress: Option<String>,
    /// Who did it
    pub applied_by: String,
    /// When it began, UTC
    pub started_at: String,
    /// When it was done, UTC; of a step in one transaction, the time of that transaction
    pub finished_at: Option<String>,
    /// Of a stamp, what was in force by it, as [`InForce`](crate::record::InForce) is written. Only rows that were read as a whole
    /// have it
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) in_force: Option<String>,
}

/// A row to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewRow {
    /// The row that must be the last when this one is written
    pub(crate) after: After,
    pub(crate) revision: String,
    pub(crate) action: Action,
    pub(crate) heads: String,
    pub(crate) digest: String,
    pub(crate) checksum: Option<String>,
    pub(crate) compatible: Option<bool>,
    pub(crate) statements: usize,
    /// The texts that undo the step, where there are any
    pub(crate) down_sql: Option<String>,
    /// Of a stamp, what is in force by it
    pub(crate) in_force: Option<String>,
    pub(crate) applied_by: String,
}

impl NewRow {
    /// Its number, where the one before is known by its number.
    pub(crate) fn seq(&self) -> Option<i64> {
        match &self.after {
            After::Nothing => Some(1),
            After::Row(seq, _) => Some(seq + 1),
            After::State(_) => None,
        }
    }
}

/// What follows the name of a row's owner that holds no lock of its session while it is at work; then by what it is
/// known, and a parenthesis.
pub(crate) const UNLOCKED: &str = " (unlocked";

/// How heads are written in their column.
pub(crate) fn join_heads<'a>(heads: impl IntoIterator<Item = &'a str>) -> String {
    let mut heads: Vec<&str> = heads.into_iter().collect();
    heads.sort_unstable();
    heads.join(",")
}

/// The columns that tell the state, in the order in which [`HistoryRow::parse`] takes them.
const STATE_COLUMNS: &str = "seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, \
                             statements_total, progress, applied_by, format";

impl HistoryTable {
    /// The table's name, quoted and qualified.
    pub(crate) fn name(&self, backend: Backend) -> String {
        let table = quote_name(&self.table, backend);
        if let Some(variable) = self.variable {
            return format!(":{variable}");
        }
        match (&self.schema, backend) {
            (Some(schema), _) => [&quote_name(schema, backend), ".", &table].concat(),
            // A bare name would also find the table of an attached database.
            (None, Backend::Sqlite) => ["main.", &table].concat(),
            (None, _) => table,
        }
    }

    /// Refuses names that the server would take for others, without asking it: a start with nothing to do is one statement.
    pub(crate) fn check_names(&self, backend: Backend) -> Result<()> {
        if backend != Backend::Postgres {
            return Ok(());
        }
        self.schema.as_deref().map_or(Ok(()), |schema| check_name("schema", schema))?;
        check_name("table", &self.table)
    }

    /// The last row, as far as it tells the state. `extra` is what else to select.
    pub(crate) fn select_last(&self, backend: Backend, extra: &str) -> String {
        format!(
            "SELECT {STATE_COLUMNS}{extra} FROM {} WHERE namespace = {} ORDER BY seq DESC LIMIT 1",
            self.name(backend),
            quote_text(&self.namespace, backend)
        )
    }

    /// The one statement of a start with nothing to do: by what the last row is known, its state and its format. Each column
    /// more would take every start longer.
    pub(crate) fn select_end(&self, backend: Backend) -> String {
        let (name, namespace) = (self.name(backend), quote_text(&self.namespace, backend));
        let (columns, order) = ("SELECT digest, state, format FROM ", " ORDER BY seq DESC LIMIT 1");
        [columns, &name, " WHERE namespace = ", &namespace, order].concat()
    }

    /// Which row is the last, its state, and what time it is.
    #[cfg(feature = "sqlite")]
    pub(crate) fn select_last_place(&self, backend: Backend) -> String {
        format!(
            "SELECT seq, digest, state, {} FROM {} WHERE namespace = {} ORDER BY seq DESC LIMIT 1",
            now(backend),
            self.name(backend),
            quote_text(&self.namespace, backend)
        )
    }

    /// Every row of the namespace, oldest first.
    pub(crate) fn select_all(&self, backend: Backend) -> String {
        let time = |column: &str| match backend {
            Backend::Sqlite => column.to_owned(),
            Backend::Postgres => {
                format!("to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
            }
            Backend::Mysql | Backend::Mariadb => format!("DATE_FORMAT({column}, '%Y-%m-%dT%H:%i:%s.%fZ')"),
        };
        format!(
            "SELECT {STATE_COLUMNS}, {}, {}, in_force FROM {} WHERE namespace = {} ORDER BY seq",
            time("started_at"),
            time("finished_at"),
            self.name(backend),
            quote_text(&self.namespace, backend)
        )
    }

    /// The text that undoes a step.
    pub(crate) fn select_down_sql(&self, seq: i64, backend: Backend) -> String {
        format!(
            "SELECT down_sql FROM {} WHERE namespace = {} AND seq = {seq}",
            self.name(backend),
            quote_text(&self.namespace, backend)
        )
    }

    /// Where the other namespaces are that have something in force: their names, heads and digests.
    pub(crate) fn select_namespaces(&self, backend: Backend) -> String {
        let name = self.name(backend);
        format!(
            "SELECT namespace, heads, digest FROM {name} one WHERE namespace <> {} AND heads <> '' AND seq = \
             (SELECT MAX(seq) FROM {name} last WHERE last.namespace = one.namespace)",
            quote_text(&self.namespace, backend)
        )
    }

    /// Whether any namespace has a row.
    pub(crate) fn select_any(&self, backend: Backend) -> String {
        format!("SELECT 1 FROM {} LIMIT 1", self.name(backend))
    }

    /// Makes the table if it is not there.
    pub(crate) fn create(&self, backend: Backend) -> String {
        let (key, text, long_text, number, time, end) = match backend {
            Backend::Sqlite => ("TEXT", "TEXT", "TEXT", "INTEGER", "TEXT", ""),
            Backend::Postgres => ("text", "text", "text", "bigint", "timestamptz", ""),
            Backend::Mysql | Backend::Mariadb => (
                "VARCHAR(64)",
                "TEXT",
                "LONGTEXT",
                "BIGINT",
                "DATETIME(6)",
                " ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin",
            ),
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {} (\n\
             \x20   namespace {key} NOT NULL,\n\
             \x20   seq {number} NOT NULL,\n\
             \x20   revision {text} NOT NULL,\n\
             \x20   direction {key} NOT NULL,\n\
             \x20   heads {text} NOT NULL,\n\
             \x20   digest {text} NOT NULL,\n\
             \x20   checksum {text},\n\
             \x20   compatible {number},\n\
             \x20   state {key} NOT NULL,\n\
             \x20   statements_done {number} NOT NULL,\n\
             \x20   statements_total {number} NOT NULL,\n\
             \x20   progress {text},\n\
             \x20   down_sql {long_text},\n\
             \x20   in_force {long_text},\n\
             \x20   applied_by {text} NOT NULL,\n\
             \x20   started_at {time} NOT NULL,\n\
             \x20   finished_at {time},\n\
             \x20   format {number} NOT NULL,\n\
             \x20   PRIMARY KEY (namespace, seq)\n){end}",
            self.name(backend)
        )
    }

    /// Records that so many statements of a running row are done. Nothing happens if the row is another's by now.
    pub(crate) fn update_progress(
        &self,
        running: &Running,
        done: usize,
        progress: &str,
        backend: Backend,
    ) -> String {
        self.update_progress_to(running, done, &quote_text(progress, backend), backend)
    }

    /// As [`update_progress`](Self::update_progress), where what to record is an expression. What it has after the
    /// first space is the backend's own.
    pub(crate) fn update_progress_to(
        &self,
        running: &Running,
        done: usize,
        progress: &str,
        backend: Backend,
    ) -> String {
        format!(
            "UPDATE {} SET statements_done = {done}, progress = {progress} WHERE {}",
            self.name(backend),
            self.running_row(running, backend)
        )
    }

    /// Records that a running row is done.
    pub(crate) fn update_done(&self, running: &Running, total: usize, backend: Backend) -> String {
        format!(
            "UPDATE {} SET statements_done = {total}, statements_total = {total}, progress = NULL, state = 'done', \
             finished_at = {} WHERE {}",
            self.name(backend),
            now(backend),
            self.running_row(running, backend)
        )
    }

    /// Hands a row on that its owner left running, if it is as it was read. Of several that try, one changes the row.
    pub(crate) fn update_owner(&self, from: &Running, to: &TakeOver<'_>, backend: Backend) -> String {
        let maybe = |text: Option<&str>| text.map_or("NULL".to_owned(), |text| quote_text(text, backend));
        let mut update =
            format!("UPDATE {} SET applied_by = {}", self.name(backend), quote_text(to.applied_by, backend));
        if let Some(row) = to.row {
            let _ = write!(
                update,
                ", statements_total = {}, checksum = {}, digest = {}, compatible = {}, down_sql = {}",
                row.statements,
                maybe(row.checksum.as_deref()),
                quote_text(&row.digest, backend),
                compatible(row.compatible),
                maybe(row.down_sql.as_deref())
            );
        }
        if let Some((done, progress)) = to.settled {
            let progress = Some(progress).filter(|_| to.state != RowState::Done);
            let _ = write!(update, ", statements_done = {done}, progress = {}", maybe(progress));
        }
        let end = match to.state {
            RowState::Running => "",
            RowState::Done => ", state = 'done', finished_at = ",
            RowState::Abandoned => ", state = 'abandoned', finished_at = ",
        };
        if !end.is_empty() {
            let _ = write!(update, "{end}{}", now(backend));
        }
        let _ =
            write!(update, " WHERE {} AND statements_done = {}", self.running_row(from, backend), to.done);
        update
    }

    /// The columns of one running row: how far it is and whose it is.
    #[allow(dead_code, reason = "only backends whose multi-statement results cannot be counted read it back")]
    pub(crate) fn select_progress(&self, running: &Running, backend: Backend) -> String {
        format!(
            "SELECT statements_done, state, applied_by FROM {} WHERE {}",
            self.name(backend),
            self.row(running, backend)
        )
    }

    /// The condition that a row has this one's number, where that is known.
    pub(crate) fn row(&self, running: &Running, backend: Backend) -> String {
        let namespace = format!("namespace = {}", quote_text(&self.namespace, backend));
        running.seq.map_or_else(|| namespace.clone(), |seq| format!("{namespace} AND seq = {seq}"))
    }

    /// The condition that a row is this one, and running, and its owner's still.
    pub(crate) fn running_row(&self, running: &Running, backend: Backend) -> String {
        let owner = quote_text(&running.applied_by, backend);
        format!("{} AND state = 'running' AND applied_by = {owner}", self.row(running, backend))
    }
}

/// A running row and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    /// Its number. A script does not know it, and there is never more than one that is running
    pub(crate) seq: Option<i64>,
    pub(crate) applied_by: String,
}

/// What a running row becomes when another process goes on with it, or when it stays behind.
#[derive(Clone, Copy)]
pub(crate) struct TakeOver<'a> {
    /// How far the row must still be
    pub(crate) done: usize,
    pub(crate) applied_by: &'a str,
    /// What the step is now: its script may have been edited from the failed statement on
    pub(crate) row: Option<&'a NewRow>,
    /// How many statements count as done by somebody's word, and their digest
    pub(crate) settled: Option<(usize, &'a str)>,
    /// What it is from now on
    pub(crate) state: RowState,
}

fn compatible(compatible: Option<bool>) -> &'static str {
    compatible.map_or("NULL", |compatible| if compatible { "1" } else { "0" })
}

/// The version of the table's layout and of what its columns mean.
const FORMAT: u32 = 1;

pub(crate) fn now(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
        Backend::Postgres => "clock_timestamp()",
        Backend::Mysql | Backend::Mariadb => "UTC_TIMESTAMP(6)",
    }
}

impl HistoryRow {
    /// A row from its columns as text: those that tell the state, then the two times if they were asked for. `None` if
    /// they are not what a history has.
    pub(crate) fn parse(mut columns: Vec<Option<String>>) -> Option<Self> {
        let mut text = |place: usize| columns.get_mut(place).and_then(Option::take);
        // A later version may mean something else by any of the columns.
        if text(12)?.parse::<u32>().ok()? > FORMAT {
            return None;
        }
        let heads = text(3)?;
        Some(Self {
            seq: text(0)?.parse().ok()?,
            revision: text(1)?,
            action: match text(2)?.as_str() {
                "up" => Action::Up,
                "down" => Action::Down,
                "stamp" => Action::Stamp,
                "repair" => Action::Repair,
                _ => return None,
            },
            heads: heads.split(',').filter(|head| !head.is_empty()).map(str::to_owned).collect(),
            digest: text(4)?,
            checksum: text(5),
            compatible: text(6).map(|compatible| compatible == "1"),
            state: match text(7)?.as_str() {
                "done" => RowState::Done,
                "running" => RowState::Running,
                "abandoned" => RowState::Abandoned,
                _ => return None,
            },
            statements_done: text(8)?.parse().ok()?,
            statements_total: text(9)?.parse().ok()?,
            progress: text(10),
            applied_by: text(11)?,
            started_at: text(13).unwrap_or_default(),
            finished_at: text(14),
            in_force: text(15),
        })
    }

    /// The digest of a row whose step is in force, from the columns that tell how the history ends.
    pub(crate) fn parse_end(columns: Vec<Option<String>>) -> Option<String> {
        let [digest, state, format] = <[_; 3]>::try_from(columns).ok()?;
        let is_known = format?.parse::<u32>().ok()? <= FORMAT;
        digest.filter(|_| is_known && state.as_deref() == Some("done"))
    }

    /// Whether its step is in force.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == RowState::Done
    }

    /// The heads as the column has them.
    pub(crate) fn joined_heads(&self) -> String {
        self.heads.join(",")
    }
}

/// A name for use in a statement.
pub(crate) fn quote_name(name: &str, backend: Backend) -> String {
    let quote = if backend.is_mysql_like() { '`' } else { '"' };
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push(quote);
    for c in name.chars() {
        if c == quote {
            quoted.push(quote);
        }
        quoted.push(c);
    }
    quoted.push(quote);
    quoted
}

/// A text as a literal that means the same whatever the session's settings.
pub(crate) fn quote_text(text: &str, backend: Backend) -> String {
    match backend {
        Backend::Sqlite if text.contains('\0') => format!("CAST(x'{}' AS TEXT)", hex(text)),
        Backend::Sqlite => ["'", &text.replace('\'', "''"), "'"].concat(),
        Backend::Postgres => format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
        // Whether a backslash escapes depends on the SQL mode, and which bytes a literal holds on the character set.
        Backend::Mysql | Backend::Mariadb => {
            // MariaDB can be told to take '' for NULL.
            let plain = |b: u8| (b.is_ascii_graphic() || b == b' ') && b != b'\\' && b != b'\'';
            if !text.is_empty() && text.bytes().all(plain) {
                format!("'{text}'")
            } else {
                format!("CONVERT(X'{}' USING utf8mb4)", hex(text))
            }
        }
    }
}

fn hex(text: &str) -> String {
    let mut hex = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_and_no_text_gets_out_of_its_quotes() {
        assert_eq!(quote_name("a\"b`c", Backend::Postgres), "\"a\"\"b`c\"");
        assert_eq!(quote_name("a\"b`c", Backend::Mysql), "`a\"b``c`");
        assert_eq!(quote_text("it's \\", Backend::Sqlite), "'it''s \\'");
        assert_eq!(quote_text("it's \\'", Backend::Postgres), "E'it''s \\\\'''");
        assert_eq!(quote_text("plain text", Backend::Mysql), "'plain text'");
        assert_eq!(quote_text("'\\", Backend::Mariadb), "CONVERT(X'275c' USING utf8mb4)");
        assert_eq!(quote_text("", Backend::Mariadb), "CONVERT(X'' USING utf8mb4)");
    }

    #[test]
    fn heads_are_written_in_one_order() {
        assert_eq!(join_heads(["b", "a"]), "a,b");
        assert_eq!(join_heads([]), "");
    }

    #[test]
    fn a_row_that_is_none_of_ours_is_not_read_as_one() {
        let row: Vec<Option<String>> =
            ["7", "b", "up", "a,b", "1:d", "1:c", "1", "done", "2", "2", "", "me", "1"]
                .map(|text| Some(text.to_owned()))
                .into();
        let parsed = HistoryRow::parse(row.clone()).unwrap();
        assert_eq!(
            (parsed.seq, parsed.heads.len(), parsed.compatible, parsed.is_done()),
            (7, 2, Some(true), true)
        );
        for (place, wrong) in
            [(0, Some("x")), (2, Some("sideways")), (7, Some("finished")), (4, None), (12, Some("2"))]
        {
            let mut row = row.clone();
            row[place] = wrong.map(str::to_owned);
            assert_eq!(HistoryRow::parse(row), None, "column {place}");
        }
    }
}
