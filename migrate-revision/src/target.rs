//! Where to go, as it is written: `head`, `base`, a revision, so many steps up or down, any of them on a branch.

use std::fmt;

use crate::{Origin, RevisionId};

/// Where an upgrade, a downgrade or a stamp leads.
///
/// A target is written as text or as a value: `"head"` is [`Target::Head`], `"-1"` is [`Target::Relative`],
/// `"billing@head"` is [`Target::Branch`], and any other text is taken for a name. Whether it exists shows when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The only head; an error if there are several
    Head,
    /// Every head
    Heads,
    /// Before the first revision
    Base,
    /// A revision by its id, by its label, or by a beginning of either that nothing else has; or `id+n`, `head-n` and the
    /// like, that many steps from one
    Revision(String),
    /// A revision by its whole id
    #[doc(hidden)]
    Exact(String),
    /// A revision of one set, by its whole id
    #[doc(hidden)]
    Of {
        /// Its id
        id: String,
        /// The set
        set: Origin,
    },
    /// So many revisions up (positive) or down (negative) from where the database is
    Relative(i32),
    /// A target on one branch
    Branch {
        /// A label, or any revision of the branch by its id
        branch: String,
        /// The target on it
        target: Box<Target>,
    },
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        match text.split_once('@') {
            Some(("", target)) if target.split_once('@').is_some() => Self::Revision(text.to_owned()),
            Some(("", target)) => Self::without_branch(target),
            Some((branch, target)) => {
                Self::Branch { branch: branch.to_owned(), target: Box::new(Self::without_branch(target)) }
            }
            None => Self::without_branch(text),
        }
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Target {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&RevisionId> for Target {
    fn from(id: &RevisionId) -> Self {
        Self::Revision(id.to_string())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Heads => f.write_str("heads"),
            Self::Base => f.write_str("base"),
            Self::Revision(id) | Self::Exact(id) | Self::Of { id, .. } => f.write_str(id),
            Self::Relative(steps) => write!(f, "{steps:+}"),
            Self::Branch { branch, target } => write!(f, "{branch}@{target}"),
        }
    }
}

impl Target {
    fn without_branch(text: &str) -> Self {
        match text {
            "head" => Self::Head,
            "heads" => Self::Heads,
            "base" => Self::Base,
            _ => match steps(text) {
                Some(steps) => Self::Relative(steps),
                None => Self::Revision(text.to_owned()),
            },
        }
    }

    /// The revision that the target names, and the set of which it is one, if it is known.
    #[doc(hidden)]
    #[must_use]
    pub fn origin(&self) -> Option<(&str, Origin)> {
        match self {
            Self::Of { id, set } => Some((id, *set)),
            Self::Branch { target, .. } => target.origin(),
            _ => None,
        }
    }

    /// The branch that the target is on, the place on it, and the steps from there. `is_name` says of a text and of what
    /// is before its sign whether the text is a name as a whole, such as the label `feature-2`.
    pub(crate) fn read<'a>(&'a self, is_name: impl Fn(&str, &str) -> bool) -> Reading<'a> {
        let (branch, target) = match self {
            Self::Branch { branch, target } => (Some(branch.as_str()), &**target),
            _ => (None, self),
        };
        let (place, steps) = match target {
            Self::Head => (Some(Place::Head), None),
            Self::Heads => (Some(Place::Heads), None),
            Self::Base => (Some(Place::Base), None),
            Self::Exact(id) | Self::Of { id, .. } => (Some(Place::Exact(id)), None),
            Self::Relative(steps) => (None, Some(*steps)),
            Self::Revision(text) => match stepped(text).filter(|(before, _)| !is_name(text, before)) {
                Some((name, steps)) => (Some(Place::from_word(name)), Some(steps)),
                None => (Some(Place::Name(text)), None),
            },
            // Only a value can be nested so, never a text.
            Self::Branch { branch, .. } => (Some(Place::Name(branch)), None),
        };
        Reading { branch, place, steps }
    }
}

/// A target taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading<'a> {
    pub(crate) branch: Option<&'a str>,
    /// `None`: where the database is
    pub(crate) place: Option<Place<'a>>,
    pub(crate) steps: Option<i32>,
}

/// A place in the history that needs no steps to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Head,
    Heads,
    Base,
    Name(&'a str),
    Exact(&'a str),
}

impl<'a> Place<'a> {
    fn from_word(word: &'a str) -> Self {
        match word {
            "head" => Self::Head,
            "heads" => Self::Heads,
            "base" => Self::Base,
            _ => Self::Name(word),
        }
    }
}

/// A sign and digits, nothing more: a sign is required, so that `12` stays an id. More steps than a number holds are as
/// many as it holds.
fn steps(text: &str) -> Option<i32> {
    let (sign, digits) = text.split_at_checked(1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match sign {
        "+" => Some(digits.parse().unwrap_or(i32::MAX)),
        "-" => Some(digits.parse().map_or(i32::MIN, |steps: i32| -steps)),
        _ => None,
    }
}

/// A word and steps from it: letters, digits and `_`, then a sign and digits.
fn stepped(text: &str) -> Option<(&str, i32)> {
    let (name, rest) = text.split_at(text.find(['+', '-'])?);
    let is_word = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    Some((name, steps(rest)?)).filter(|_| is_word)
}

/// Two ends of a piece of history: `a:b`, `a:`, `:b`, and `current` for where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRange {
    /// The lower end
    pub from: End,
    /// The upper end
    pub to: End,
}

/// An end of a [`TargetRange`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// As far as it goes
    Open,
    /// Where the database is
    Current,
    /// Where a target is
    At(Target),
}

impl TargetRange {
    /// The whole history.
    pub const ALL: Self = Self { from: End::Open, to: End::Open };
}

impl std::str::FromStr for TargetRange {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let end = |text: &str| match text {
            "" => End::Open,
            "current" => End::Current,
            _ => End::At(text.into()),
        };
        let mut ends = text.trim().split(':');
        match (ends.next(), ends.next(), ends.next()) {
            (Some(from), Some(to), None) => Ok(Self { from: end(from), to: end(to) }),
            _ => Err(TargetError::NotARange(text.to_owned())),
        }
    }
}

/// Why a target leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// No revision has this id or beginning
    Unknown {
        /// What was asked for
        name: String,
        /// The id nearest to it
        nearest: Option<RevisionId>,
    },
    /// Several ids begin like this
    Ambiguous {
        /// What was asked for
        name: String,
        /// Some of the ids that begin so
        candidates: Vec<RevisionId>,
    },
    /// `head` where there are several
    MultipleHeads(Vec<RevisionId>),
    /// As [`MultipleHeads`](Self::MultipleHeads), where a script begins
    MultipleStarts(Vec<RevisionId>),
    /// More steps than there are revisions that way
    TooFar {
        /// What was asked for
        steps: i32,
        /// How many steps there are
        available: u32,
    },
    /// The way forks or joins before the steps are done
    AmbiguousWalk {
        /// What was asked for
        steps: i32,
        /// Where the way is no longer one
        at: Vec<RevisionId>,
    },
    /// `-n` for an upgrade, `+n` for a downgrade, or no step at all
    WrongDirection(i32),
    /// A downgrade to a revision that is not applied
    NotApplied(RevisionId),
    /// A downgrade to a revision on which nothing stands that is applied
    NothingAbove(RevisionId),
    /// A revision that is not on the branch that was named with it
    NotOnBranch {
        /// The revision
        id: RevisionId,
        /// The branch
        branch: String,
    },
    /// `+n` or `-n` where the database is at several heads
    SeveralCurrent {
        /// What was asked for
        steps: i32,
        /// Where the database is
        heads: Vec<RevisionId>,
    },
    /// A downgrade to where several part, of which the branch is not one
    NoWayDown {
        /// The branch
        branch: String,
        /// The destination
        at: RevisionId,
        /// What revises it, at first what is in force
        above: Vec<RevisionId>,
    },
    /// Revisions of which one stands on the other, where each must be a head
    Overlap {
        /// The one on top
        id: RevisionId,
        /// The one below
        below: RevisionId,
    },
    /// A range whose lower end is not below its upper end
    NotOneLine {
        /// The lower end
        from: String,
        /// The upper end
        to: String,
    },
    /// `a:b` where one target is wanted
    Range(String),
    /// A range is wanted
    NotARange(String),
    /// `+n` or `-n` where nothing says from where
    NoStart(i32),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, nearest } => {
                write!(f, "can't locate revision identified by '{name}'")?;
                nearest.as_ref().map_or(Ok(()), |id| write!(f, "; the nearest is '{id}'"))
            }
            Self::Ambiguous { name, candidates } => {
                write!(f, "several revisions begin with '{name}': {}", list(candidates))
            }
            Self::MultipleHeads(heads) => write!(
                f,
                "multiple head revisions are present for 'head': {}; name one of them, or 'heads' for all",
                list(heads)
            ),
            Self::MultipleStarts(heads) => write!(
                f,
                "a script cannot begin at several heads by one name: {0}; name each that the database is at, as '{1}:head'",
                list(heads),
                heads.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(",")
            ),
            Self::TooFar { steps, available } => {
                write!(f, "relative revision {steps:+} leads too far: there are {available} that way")
            }
            Self::AmbiguousWalk { steps, at } => write!(
                f,
                "relative revision {steps:+} is ambiguous: there is more than one way at {}; name the revision",
                list(at)
            ),
            Self::WrongDirection(steps @ 1..) => {
                write!(f, "relative revision {steps:+} leads up; a downgrade takes -{steps}")
            }
            Self::WrongDirection(0) => f.write_str("a relative revision of no steps leads nowhere"),
            Self::WrongDirection(steps) => {
                write!(f, "relative revision {steps} leads down; an upgrade takes +{}", steps.unsigned_abs())
            }
            Self::NotApplied(id) => {
                write!(f, "destination {id} is not a valid downgrade target: it is not applied")
            }
            Self::NothingAbove(id) => {
                write!(
                    f,
                    "destination {id} is not a valid downgrade target: nothing that revises it is applied"
                )
            }
            Self::NotOnBranch { id, branch } => {
                write!(f, "revision '{id}' is not a member of branch '{branch}'")
            }
            Self::SeveralCurrent { steps, heads } => write!(
                f,
                "relative revision {steps:+} is ambiguous: the database is at {}; name the branch, as in \
                 'branch@{steps:+}', or the revision",
                list(heads)
            ),
            Self::NoWayDown { branch, at, above } => {
                write!(
                    f,
                    "not a valid downgrade target: several revisions stand on '{at}', and branch '{branch}' does not say \
                     which goes: {}; write ",
                    list(above)
                )?;
                above.first().map_or(Ok(()), |first| write!(f, "'{first}@{at}' for that one, or "))?;
                write!(f, "'{at}' for all of them")
            }
            Self::Overlap { id, below } => {
                write!(f, "requested revision '{id}' overlaps with '{below}', on which it stands")
            }
            Self::NotOneLine { from, to } => write!(
                f,
                "requested range {from}:{to} does not refer to ancestor/descendant revisions along the same branch"
            ),
            Self::Range(text) => {
                write!(f, "range '{text}' is not allowed here: ranges are for history and offline SQL")
            }
            Self::NotARange(text) => {
                write!(f, "'{text}' is not a range, which is [start]:[end], [start]: or :[end]")
            }
            Self::NoStart(steps) => {
                write!(
                    f,
                    "can't locate revision identified by '{steps:+}': there is nothing to count from; name a revision"
                )
            }
        }
    }
}

impl std::error::Error for TargetError {}

fn list(ids: &[RevisionId]) -> String {
    ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_value_name_the_same_target() {
        for (text, target) in [
            ("head", Target::Head),
            ("heads", Target::Heads),
            ("base", Target::Base),
            ("+2", Target::Relative(2)),
            ("-10", Target::Relative(-10)),
            ("12", Target::Revision("12".into())),
            ("+two", Target::Revision("+two".into())),
        ] {
            assert_eq!(Target::from(text), target);
            assert_eq!(target.to_string(), text);
        }
    }

    #[test]
    fn a_branch_is_before_the_first_at_sign() {
        let on =
            |branch: &str, target: Target| Target::Branch { branch: branch.into(), target: Box::new(target) };
        assert_eq!(Target::from("@head"), Target::Head);
        for (text, target) in [
            ("billing@head", on("billing", Target::Head)),
            ("feature-2@head", on("feature-2", Target::Head)),
            ("billing@-2", on("billing", Target::Relative(-2))),
            ("billing@a+1", on("billing", Target::Revision("a+1".into()))),
            ("a@b@c", on("a", Target::Revision("b@c".into()))),
        ] {
            assert_eq!(Target::from(text), target);
            assert_eq!(target.to_string(), text);
        }
    }

    #[test]
    fn steps_are_read_whole_or_not_at_all() {
        let reading = |text: &'static str| {
            let target = Target::from(text);
            let Reading { place, steps, .. } =
                target.read(|name, before| name == "feat-2" && before == "feat");
            (format!("{place:?}"), steps)
        };
        assert_eq!(reading("head-1"), ("Some(Head)".into(), Some(-1)));
        assert_eq!(reading("ae10+2"), ("Some(Name(\"ae10\"))".into(), Some(2)));
        assert_eq!(reading("feat-2"), ("Some(Name(\"feat-2\"))".into(), None));
        assert_eq!(reading("feat-3x"), ("Some(Name(\"feat-3x\"))".into(), None));
        assert_eq!(reading("a+1+1"), ("Some(Name(\"a+1+1\"))".into(), None));
        assert_eq!(reading("+99999999999"), ("None".into(), Some(i32::MAX)));
        assert_eq!(reading("-99999999999"), ("None".into(), Some(i32::MIN)));
    }

    #[test]
    fn a_range_has_two_ends() {
        let range = |text: &str| text.parse::<TargetRange>();
        assert_eq!(range(":"), Ok(TargetRange::ALL));
        assert_eq!(range("a:current"), Ok(TargetRange { from: End::At("a".into()), to: End::Current }));
        assert!(matches!(range("a"), Err(TargetError::NotARange(_))));
        assert!(matches!(range("a:b:c"), Err(TargetError::NotARange(_))));
    }
}
