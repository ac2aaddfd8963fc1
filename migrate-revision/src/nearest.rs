//! The known word nearest to a mistyped one.

/// The candidate that takes the fewest single-character edits to reach, if those are few for its length.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let mut nearest = None;
    for candidate in candidates {
        let found = (distance(word, candidate), candidate);
        if nearest.is_none_or(|nearest| found < nearest) {
            nearest = Some(found);
        }
    }
    let (distance, nearest) = nearest?;
    (distance <= allowed && distance < nearest.chars().count()).then_some(nearest)
}

/// Levenshtein's distance between two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keys_is_recognised_and_a_different_word_is_not() {
        let keys = ["revision", "revises", "depends-on", "labels"];
        assert_eq!(nearest("revison", keys), Some("revision"));
        assert_eq!(nearest("depends_on", keys), Some("depends-on"));
        assert_eq!(nearest("author", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
