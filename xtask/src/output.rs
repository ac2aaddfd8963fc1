//! Lines for the person who watches. Nobody may be left to read them (a closed terminal, a closed pipe), and that is
//! no reason to fail, least of all while cleaning up.

use std::fmt::Display;
use std::io::{self, Write};

/// A note on what happens, beside the result.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A line of the result.
pub(crate) fn result(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush());
}
