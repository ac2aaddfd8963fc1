//! A message of the simple protocol: statements of the runtime and of revisions, and which of them an error is of.

use std::ops::Range;
use std::pin::Pin;

use futures_util::TryStreamExt as _;
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow, SimpleQueryStream};

use crate::backends::{Tell, Told};

/// Statements that go to the server together. Outside of a transaction they are one.
#[derive(Default)]
pub(super) struct Batch {
    sql: String,
    pieces: Vec<Piece>,
}

struct Piece {
    what: What,
    /// Bytes of the message
    range: Range<usize>,
}

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The runtime's own: a fragment that follows "cannot"
    Own(&'static str),
    /// Makes the history table
    Create,
    /// Has the session keep a statement for the run
    Prepare,
    /// Writes a step's row
    Row(usize),
    /// Writes the rows of the steps behind the first one, which is in one transaction with them
    RowsBehind,
    /// A revision's
    Statement {
        step: usize,
        place: usize,
        /// Where it begins in the file's text
        start: usize,
    },
    /// Puts the session's settings back after a step
    Restore(usize),
    /// Records that statements are done, and fails if the row is another's
    Progress,
    /// Ends the transaction
    Commit,
}

impl What {
    /// The step that it belongs to.
    fn step(self) -> Option<usize> {
        match self {
            Self::Row(step) | Self::Statement { step, .. } | Self::Restore(step) => Some(step),
            _ => None,
        }
    }
}

/// Why a batch failed.
pub(super) struct Failed {
    /// The statement that failed, if one did
    pub(super) what: Option<What>,
    /// Where in the file's text, for a revision's statement
    pub(super) offset: Option<usize>,
    /// Whether every statement succeeded and the commit did not
    pub(super) at_commit: bool,
    pub(super) error: tokio_postgres::Error,
}

/// The answers to a batch, as they come.
pub(super) type Answers = Pin<Box<SimpleQueryStream>>;

pub(super) type Cells = Vec<Option<String>>;

impl Batch {
    pub(super) fn push(&mut self, what: What, sql: &str) {
        let start = self.sql.len();
        self.sql.push_str(sql);
        self.pieces.push(Piece { what, range: start..self.sql.len() });
        self.sql.push_str(";\n");
    }

    /// One statement of the runtime's own.
    pub(super) fn own(doing: &'static str, sql: &str) -> Self {
        let mut batch = Self::default();
        batch.push(What::Own(doing), sql);
        batch
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Sends the statements, and returns the rows that the runtime's own gave.
    pub(super) async fn run(
        &self,
        client: &Client,
        signature: &str,
        encoding: Encoding,
        told: &mut Tell<'_>,
    ) -> Result<Vec<Cells>, Failed> {
        let answers = self.send(client, signature).await;
        let answers = answers.map_err(|error| self.failed(0, false, error, encoding, signature))?;
        self.read(answers, signature, encoding, told).await
    }

    /// Sends the statements without waiting for any answer.
    pub(super) async fn send(
        &self,
        client: &Client,
        signature: &str,
    ) -> Result<Answers, tokio_postgres::Error> {
        Ok(Box::pin(client.simple_query_raw(&format!("{signature}{}", self.sql)).await?))
    }

    /// Reads the answers to what was sent, and returns the rows that the runtime's own statements gave.
    pub(super) async fn read(
        &self,
        mut answers: Answers,
        signature: &str,
        encoding: Encoding,
        told: &mut Tell<'_>,
    ) -> Result<Vec<Cells>, Failed> {
        let mut done = 0;
        let mut rows_of_this = 0;
        let mut rows = Vec::new();
        // The first step begins with the message; the others when the one before is done.
        let mut begun = self.pieces.iter().find_map(|piece| match piece.what {
            What::Row(step) => Some(step),
            _ => None,
        });
        if let Some(step) = begun {
            told(step, Told::Begun);
        }
        loop {
            match answers.try_next().await {
                Ok(None) => return Ok(rows),
                Ok(Some(SimpleQueryMessage::CommandComplete(_))) => {
                    if let Some(Piece { what: What::Statement { step, place, .. }, .. }) =
                        self.pieces.get(done)
                    {
                        told(*step, Told::Statements(place + 1));
                    }
                    done += 1;
                    rows_of_this = 0;
                    let next = self.pieces.get(done).and_then(|piece| piece.what.step());
                    if let Some(step) = next.filter(|_| begun.is_some() && next > begun) {
                        told(step, Told::Begun);
                        begun = next;
                    }
                }
                Ok(Some(SimpleQueryMessage::Row(row))) => {
                    rows_of_this += 1;
                    if !matches!(self.pieces.get(done), Some(Piece { what: What::Statement { .. }, .. })) {
                        rows.push(cells(&row));
                    }
                }
                Ok(Some(_)) => {}
                Err(error) => return Err(self.failed(done, rows_of_this > 0, error, encoding, signature)),
            }
        }
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.sql.len()
    }

    /// Finds the statement that an error is of: by its position, else as the first that is not complete.
    fn failed(
        &self,
        done: usize,
        has_row: bool,
        error: tokio_postgres::Error,
        encoding: Encoding,
        signature: &str,
    ) -> Failed {
        let position = match error.as_db_error().and_then(|error| error.position()) {
            // The signature is of one byte per character.
            Some(ErrorPosition::Original(position)) => {
                encoding.byte(&self.sql, (*position as usize).saturating_sub(signature.len()))
            }
            _ => None,
        };
        // The last statement commits before it reports that it is complete: but it gave its row by then.
        let at_commit = error.as_db_error().is_some() && position.is_none() && {
            done == self.pieces.len() || done + 1 == self.pieces.len() && has_row
        };
        let holds =
            |piece: &&Piece| position.is_some_and(|at| piece.range.start <= at && at <= piece.range.end);
        let piece = self.pieces.iter().find(holds).or_else(|| self.pieces.get(done)).filter(|_| !at_commit);
        let offset = piece.and_then(|piece| match piece.what {
            What::Statement { start, .. } => Some(
                start + position.map_or(0, |at| at.min(piece.range.end).saturating_sub(piece.range.start)),
            ),
            _ => None,
        });
        Failed { what: piece.map(|piece| piece.what), offset, at_commit, error }
    }
}

/// What an error's position counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    #[default]
    Characters,
    /// In a database that does not know what its bytes mean
    Bytes,
}

impl Encoding {
    /// The byte at a position, which counts from 1.
    fn byte(self, sql: &str, position: usize) -> Option<usize> {
        let place = position.checked_sub(1)?;
        match self {
            Self::Bytes => Some(place),
            Self::Characters => {
                sql.char_indices().map(|(byte, _)| byte).chain(std::iter::once(sql.len())).nth(place)
            }
        }
    }
}

pub(super) fn cells(row: &SimpleQueryRow) -> Cells {
    (0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_unless_the_database_counts_bytes() {
        assert_eq!(Encoding::Characters.byte("é🦀x", 3), Some(6));
        assert_eq!(Encoding::Characters.byte("é🦀x", 4), Some(7));
        assert_eq!(Encoding::Characters.byte("é🦀x", 5), None);
        assert_eq!(Encoding::Bytes.byte("éx", 3), Some(2));
    }
}
