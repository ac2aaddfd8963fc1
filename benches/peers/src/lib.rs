//! What the applications have in common: each migrates the file that it is given twice, first an empty one and then one
//! with nothing to do, on connections of their own, and prints how many nanoseconds either took.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

/// What a start can fail with.
pub type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs the starts of an application and prints what they took.
///
/// # Errors
/// Those of the starts, and when no file was given.
pub fn time(mut start: impl FnMut(&Path) -> Outcome) -> Outcome {
    let file = std::env::args_os().nth(1).ok_or("the database's file is missing")?;
    for _ in 0..2 {
        let clock = Instant::now();
        start(Path::new(&file))?;
        println!("{}", clock.elapsed().as_nanos());
    }
    Ok(())
}
