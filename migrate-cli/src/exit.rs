//! The exit codes. They are documented in `docs/command.md` and do not change their meaning.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Exit {
    /// Done, and nothing is wrong
    Success = 0,
    /// A file could not be read or written, or a program could not be run
    Failure = 1,
    /// The arguments are not understood; also what clap exits with
    Usage = 2,
    /// There is no cargo project, or its configuration is not readable
    Project = 3,
    /// The revisions have problems that a build would refuse
    Problems = 4,
    /// There are several heads and one was wanted
    Heads = 5,
    /// There are drafts
    Drafts = 6,
    /// The database lacks revisions
    Pending = 7,
    /// The database has revisions that the set does not
    Ahead = 8,
    /// The database went another way than the set
    Diverged = 9,
    /// A locked or applied revision was edited
    Edited = 10,
    /// The target leads nowhere, or the way to it is barred; or nothing is like a pattern
    Target = 11,
    /// A revision failed
    Revision = 12,
    /// The database could not be reached, or refused
    Database = 13,
    /// Another run holds the lock
    Locked = 14,
    /// An earlier run was interrupted and cannot be taken up again
    Interrupted = 15,
    /// The command cannot do this alone, such as run a Rust revision
    Unsupported = 16,
    /// It needs a yes and did not get one, or the yes was to other steps
    Refused = 17,
    /// A revision's way down does not undo its way up
    NotUndone = 18,
    /// Of the targets of a fleet, some are not done
    Fleet = 19,
    /// Ctrl-C was pressed, or on Linux SIGTERM or SIGHUP; what shells give to a program that Ctrl-C ended
    Cancelled = 130,
}

impl Exit {
    const ALL: [Self; 21] = [
        Self::Success,
        Self::Failure,
        Self::Usage,
        Self::Project,
        Self::Problems,
        Self::Heads,
        Self::Drafts,
        Self::Pending,
        Self::Ahead,
        Self::Diverged,
        Self::Edited,
        Self::Target,
        Self::Revision,
        Self::Database,
        Self::Locked,
        Self::Interrupted,
        Self::Unsupported,
        Self::Refused,
        Self::NotUndone,
        Self::Fleet,
        Self::Cancelled,
    ];

    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What a code means.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|exit| exit.code() == code)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_up_to_the_last_means_something() {
        let mut codes: Vec<u8> = Exit::ALL.map(Exit::code).into();
        assert_eq!(codes.pop(), Some(130));
        assert_eq!(codes, (0..codes.len() as u8).collect::<Vec<_>>());
        assert_eq!(Exit::from_code(12), Some(Exit::Revision));
        assert_eq!(Exit::from_code(200), None);
    }
}
