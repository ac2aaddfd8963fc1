//! Properties that tell how many inputs they were tried on, which the test command adds up for docs/guarantees.md.

use std::fs::OpenOptions;
use std::io::Write;

/// Tests of what holds for every input, with the rows of the page that they count for and how many inputs there are at least.
macro_rules! properties {
    ($rows:expr, $cases:expr;
     $(fn $name:ident($($input:pat in $strategy:expr),+ $(,)?) $body:block)+) => {$(
        #[test]
        fn $name() {
            let tried = &std::cell::Cell::new(0);
            proptest!(config($cases), |($($input in $strategy),+)| {
                tried.set(tried.get() + 1);
                $body
            });
            for row in $rows {
                tell(row, tried.get());
            }
        }
    )+};
}

/// So many inputs were tried, and it held for all.
pub(crate) fn tell(row: &str, inputs: u64) {
    let line = format!("{row}: inputs {inputs}\n");
    print!("{line}");
    if let Some(path) = std::env::var_os("EMBED_MIGRATIONS_TEST_COUNTS") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok(), "{written:?}");
    }
}
