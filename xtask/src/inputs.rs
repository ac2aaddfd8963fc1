//! The inputs that properties were tried on, which docs/guarantees.md tells of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};

const PAGE: &str = "docs/guarantees.md";

/// What the head of the page's table of inputs begins with.
const HEAD: &str = "| what is read |";

/// How many inputs were tried, by the row of the page that they count for.
pub(crate) type Inputs = BTreeMap<String, u64>;

/// Adds up what the properties have told, and takes it out of the lines of the other counts.
pub(crate) fn add_up(lines: &mut Vec<&str>) -> Inputs {
    let mut inputs = Inputs::new();
    lines.retain(|line| {
        let told =
            line.split_once(": inputs ").and_then(|(row, count)| Some((row, count.parse::<u64>().ok()?)));
        let Some((row, count)) = told else { return true };
        *inputs.entry(row.to_owned()).or_default() += count;
        false
    });
    inputs
}

/// Fails if the page tells of more than a run of the whole suite has tried; with `UPDATE_EXPECT=1` it is made to tell of these.
pub(crate) fn hold(inputs: &Inputs) -> Result<()> {
    let path = workspace().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("{PAGE} cannot be read"))?;
    if env::var("UPDATE_EXPECT").is_ok_and(|update| update == "1") {
        let told = updated(&page, inputs)?;
        return fs::write(&path, told).with_context(|| format!("{PAGE} cannot be written"));
    }
    compare(&page, inputs)
}

fn compare(page: &str, inputs: &Inputs) -> Result<()> {
    let rows = rows(page);
    if let Some(row) = inputs.keys().find(|row| !rows.iter().any(|(told, ..)| told == *row)) {
        bail!("{PAGE} has no row `{row}` in its table of inputs");
    }
    for (row, count, _) in rows {
        let (told, tried) = (count.parse().unwrap_or(0), inputs.get(row).copied().unwrap_or(0));
        if tried < told.max(1) {
            bail!("{PAGE} says of `{row}` that {told} inputs are tried, and now there were {tried}");
        }
    }
    Ok(())
}

/// The page with these counts.
fn updated(page: &str, inputs: &Inputs) -> Result<String> {
    let mut text = page.to_owned();
    // From the last row on, so that the places of the others stay.
    for (row, count, at) in rows(page).into_iter().rev() {
        let tried = inputs.get(row).with_context(|| format!("nothing was tried on `{row}`"))?;
        text.replace_range(at..at + count.len(), &tried.to_string());
    }
    compare(&text, inputs)?;
    Ok(text)
}

/// The rows of the table: what is read, the count, and where that is.
fn rows(page: &str) -> Vec<(&str, &str, usize)> {
    let Some(head) = page.find(HEAD) else { return Vec::new() };
    let table = page[head..].lines().skip(2).take_while(|line| line.starts_with('|'));
    let row = |line| {
        let mut cells = str::split(line, '|').map(str::trim).filter(|cell| !cell.is_empty());
        let (what, count) = (cells.next()?, cells.next_back()?);
        Some((what, count, count.as_ptr().addr() - page.as_ptr().addr()))
    };
    table.filter_map(row).collect()
}

fn workspace() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().map_or_else(PathBuf::new, Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# Page\n\n| what is read | what holds | inputs |\n| --- | --- | ---: |\n\
                         | A URL | it is read | 20 |\n| A lock file | `a`, b | 3 |\n\nEnd | of | 7 |\n";

    fn inputs(counts: &[(&str, u64)]) -> Inputs {
        counts.iter().map(|(row, count)| ((*row).to_owned(), *count)).collect()
    }

    #[test]
    fn the_page_has_counts_for_everything_that_is_read() {
        let page = fs::read_to_string(workspace().join(PAGE)).unwrap();
        let counts: Vec<u64> = rows(&page).iter().map(|(_, count, _)| count.parse().unwrap()).collect();
        assert!(counts.len() >= 10 && counts.iter().all(|count| *count >= 1000), "{counts:?}");
    }

    #[test]
    fn what_properties_tell_is_added_up_and_the_rest_is_left() {
        let mut lines = vec!["A URL: inputs 7", "A promise: SQLite 3", "A URL: inputs 5", "A: b: inputs 1"];
        assert_eq!(add_up(&mut lines), inputs(&[("A URL", 12), ("A: b", 1)]));
        assert_eq!(lines, ["A promise: SQLite 3"]);
    }

    #[test]
    fn fewer_inputs_than_the_page_tells_of_are_an_error() {
        assert!(compare(TABLE, &inputs(&[("A URL", 20), ("A lock file", 4)])).is_ok());
        for counts in [
            &[("A URL", 19), ("A lock file", 4)][..],
            &[("A URL", 20)],
            &[("A URL", 20), ("A lock file", 4), ("A target", 1)],
        ] {
            assert!(compare(TABLE, &inputs(counts)).is_err(), "{counts:?}");
        }
    }

    #[test]
    fn the_page_is_made_to_tell_of_what_was_tried() {
        let told = updated(TABLE, &inputs(&[("A URL", 3), ("A lock file", 1000)])).unwrap();
        assert_eq!(told, TABLE.replace("| 3 |", "| 1000 |").replace("| 20 |", "| 3 |"));
        assert!(updated(TABLE, &inputs(&[("A URL", 3)])).is_err());
    }
}
