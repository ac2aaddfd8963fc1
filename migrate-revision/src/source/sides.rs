//! A lock file in which version control left what two branches made of it.

use super::lock::LockEntry;
use crate::Backend;

/// What the two sides of a conflict in a lock file come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sides {
    /// There is no conflict
    None,
    /// The text with all that either side has locked
    Joined(String),
    /// The sides have locked these revisions differently, each with what differs
    Differ(Vec<String>),
    /// The marks do not match
    Unreadable,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Outside,
    Ours,
    Before,
    Theirs,
}

impl Sides {
    /// Reads the sides out of a lock file's text. Of what was before the branches parted nothing is kept.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut kept: Vec<(String, Option<LockEntry>)> = Vec::new();
        let mut differ = Vec::new();
        let mut part = Part::Outside;
        let mut found = false;
        for line in text.lines() {
            match (part, mark(line)) {
                (Part::Outside, Some('<')) => (part, found) = (Part::Ours, true),
                (Part::Ours, Some('|')) => part = Part::Before,
                (Part::Ours | Part::Before, Some('=')) => part = Part::Theirs,
                (Part::Theirs, Some('>')) => part = Part::Outside,
                (Part::Before, None) => {}
                (_, None) => keep(line, &mut kept, &mut differ),
                (_, Some(_)) => return Self::Unreadable,
            }
        }
        match (found, part) {
            (false, _) => Self::None,
            (true, Part::Outside) if differ.is_empty() => {
                Self::Joined(kept.into_iter().map(|(line, _)| line + "\n").collect())
            }
            (true, Part::Outside) => Self::Differ(differ),
            (true, _) => Self::Unreadable,
        }
    }
}

/// Keeps a line, or what it has more than an earlier one of the same revision.
fn keep(line: &str, kept: &mut Vec<(String, Option<LockEntry>)>, differ: &mut Vec<String>) {
    if kept.iter().any(|(other, _)| other == line) {
        return;
    }
    let entry = LockEntry::parse(line.trim(), 0..0).ok();
    let of_it = |(_, other): &&mut (String, Option<LockEntry>)| {
        entry.as_ref().zip(other.as_ref()).is_some_and(|(entry, other)| entry.id == other.id)
    };
    match (kept.iter_mut().find(of_it), &entry) {
        (Some((text, Some(other))), Some(entry)) => match other.join(entry) {
            Ok(()) => *text = other.to_string(),
            Err(what) => differ.push(format!("revision `{}` is locked differently: {what}", entry.id)),
        },
        _ => kept.push((line.to_owned(), entry)),
    }
}

/// The character that a mark is made of. Longer ones are of a conflict inside of what was before.
fn mark(line: &str) -> Option<char> {
    let first = line.chars().next().filter(|first| "<|=>".contains(*first))?;
    let rest = line.trim_start_matches(first);
    (line.len() - rest.len() == 7 && (rest.is_empty() || rest.starts_with(' '))).then_some(first)
}

impl LockEntry {
    /// Takes over the checksums that another line of the same revision has more.
    ///
    /// # Errors
    /// What the other contradicts.
    fn join(&mut self, other: &Self) -> Result<(), String> {
        let mut what = Vec::new();
        if self.revises != other.revises {
            what.push("its parents".to_owned());
        }
        if self.depends_on != other.depends_on {
            what.push("what it depends on".to_owned());
        }
        let pairs = || self.checksums.iter().zip(&other.checksums);
        for (backend, pair) in Backend::ALL.iter().zip(pairs()) {
            if let (Some(one), Some(other)) = pair
                && one != other
            {
                what.push(format!("its upgrade for {backend}"));
            }
        }
        if !what.is_empty() {
            return Err(what.join(", "));
        }
        for (checksum, other) in self.checksums.iter_mut().zip(&other.checksums) {
            *checksum = checksum.or(*other);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum(digit: char) -> String {
        format!("1:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn both_sides_are_kept_and_what_was_before_is_not() {
        assert_eq!(Sides::of("a\n=======\n"), Sides::Unreadable);
        assert_eq!(Sides::of("a\nb\n"), Sides::None);
        let text = "a\n<<<<<<< ours\nb\nc\n||||||| base\nx\n<<<<<<<<< one\n=========\n>>>>>>>>> two\n=======\r\nb\nd\n>>>>>>> theirs\ne\n";
        assert_eq!(Sides::of(text), Sides::Joined("a\nb\nc\nd\ne\n".into()));
        for cut in ["<<<<<<< ours\na\n", "<<<<<<< ours\na\n>>>>>>> theirs\n", "<<<<<<< a\n<<<<<<< b\n"] {
            assert_eq!(Sides::of(cut), Sides::Unreadable, "{cut}");
        }
    }

    #[test]
    fn lines_of_one_revision_become_one_with_the_checksums_of_both() {
        let (one, two) = (checksum('1'), checksum('2'));
        let text = format!(
            "version 1\n<<<<<<< ours\na revises none sqlite={one}\nb revises a depends-on x,y all={two}\n=======\n\
             a revises none postgres={one} mysql={two}\nb revises a depends-on x,y postgres={two}\n>>>>>>> theirs\n"
        );
        let joined = format!(
            "version 1\na revises none sqlite={one} postgres={one} mysql={two}\nb revises a depends-on x,y all={two}\n"
        );
        assert_eq!(Sides::of(&text), Sides::Joined(joined));
    }

    #[test]
    fn lines_that_contradict_each_other_are_told() {
        let (one, two) = (checksum('1'), checksum('2'));
        let text = format!(
            "<<<<<<< ours\na revises none sqlite={one} mysql={one}\nb revises a all={one}\nc revises a all={one}\n=======\n\
             a revises none sqlite={one} mysql={two}\nb revises none depends-on c all={one}\nc revises a all={one}\n>>>>>>> theirs\n"
        );
        let told = [
            "revision `a` is locked differently: its upgrade for mysql",
            "revision `b` is locked differently: its parents, what it depends on",
        ];
        assert_eq!(Sides::of(&text), Sides::Differ(told.map(String::from).to_vec()));
    }
}
