//! Statements of which it cannot be told whether they were done before a run was interrupted.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use crate::{Error, ErrorKind};

/// One that stops the run until somebody has looked.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) struct Doubt<'s> {
    pub(crate) revision: &'s str,
    /// Its place in the section, from 0
    pub(crate) place: usize,
    pub(crate) total: usize,
    pub(crate) sql: &'s str,
    /// What is known and where to look: fragments that follow "hint: look at"
    pub(crate) look_at: String,
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl Doubt<'_> {
    /// The facts and the two ways on.
    pub(crate) fn error(&self) -> Error {
        Error::new(
            ErrorKind::Interrupted,
            format!(
                "revision '{}' was interrupted at statement {} of {}, and it cannot be told whether that was done:\n  \
                 {}\n\n\
                 hint: look at {}, say what is true, and run again:\n  \
                 {TWO_WAYS}",
                self.revision,
                self.place + 1,
                self.total,
                self.sql,
                self.look_at,
            ),
        )
    }
}

/// How to say what is true.
pub(crate) const TWO_WAYS: &str = "`cargo migrate resolve --applied`, or `resolve(Resolution::Applied)`, if it was done\n  \
     `cargo migrate resolve --not-applied`, or `resolve(Resolution::NotApplied)`, if it was not";
