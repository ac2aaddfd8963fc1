//! The names of the typed revisions.

use std::collections::BTreeSet;

/// One Rust name per revision, from its slug; equal ones get the id appended.
pub(crate) fn type_names<'a>(revisions: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let revisions: Vec<(String, &str)> = revisions.map(|(id, slug)| (camel_case(slug), id)).collect();
    let mut seen = BTreeSet::new();
    let mut taken = BTreeSet::from(["DATA", "MIGRATIONS", "Self"]);
    for (name, _) in &revisions {
        if !seen.insert(name.as_str()) {
            taken.insert(name);
        }
    }
    let mut given: BTreeSet<String> = seen.difference(&taken).map(|name| (*name).to_owned()).collect();
    let mut with_id = |name: &str, id: &str| {
        let mut name = format!("{name}{id}");
        while !given.insert(name.clone()) {
            name.push('_');
        }
        name
    };
    revisions
        .iter()
        .map(|(name, id)| if taken.contains(name.as_str()) { with_id(name, id) } else { name.clone() })
        .collect()
}

fn camel_case(slug: &str) -> String {
    let mut name = String::with_capacity(slug.len());
    let mut begins = true;
    for letter in slug.chars() {
        if letter == '_' || letter == '-' {
            begins = true;
        } else {
            name.push(if begins { letter.to_ascii_uppercase() } else { letter });
            begins = false;
        }
    }
    match name.as_bytes() {
        [first, ..] if first.is_ascii_alphabetic() => name,
        _ => format!("Revision{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_become_names_and_equal_ones_are_told_apart() {
        let revisions = [
            ("1", "add_a_time_zone"),
            ("2", "fix"),
            ("3", "fix"),
            ("4", "2nd-try"),
            ("5", "self"),
            ("6", "MIGRATIONS"),
            ("7", "__"),
            ("8", "fix2"),
        ];
        assert_eq!(
            type_names(revisions.into_iter()),
            ["AddATimeZone", "Fix2_", "Fix3", "Revision2ndTry", "Self5", "MIGRATIONS6", "Revision", "Fix2"]
        );
    }
}
