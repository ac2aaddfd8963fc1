//! Checksums of what a revision does, and the digest of a whole line of revisions.

use std::fmt;
use std::str::FromStr;

/// The version of the scheme by which checksums and digests are made, written before each of them.
///
/// A later scheme gets a number of its own, and what was written with this one must stay verifiable.
const SCHEME: &str = "1";

/// A blake3 hash: of what one revision's upgrade does on one backend (its content checksum), or of a set of heads and
/// all their ancestors (their chain digest).
///
/// As text it is the version of the scheme, a colon, and 64 hex digits: `1:9f86…`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// The checksum with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // Every row of a history has two of these, and formatting bytes one by one takes as long as writing the row.
        let mut digits = String::with_capacity(64);
        for byte in self.0 {
            digits.push(char::from(DIGITS[usize::from(byte >> 4)]));
            digits.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        write!(f, "{SCHEME}:{digits}")
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

/// The text is no [`Checksum`], or one of a scheme that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidChecksum {
    /// Not a version, a colon and 64 hex digits
    Malformed,
    /// Made by a later version of the scheme
    UnknownScheme(String),
}

impl fmt::Display for InvalidChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("a checksum is `1:` and 64 hex digits"),
            Self::UnknownScheme(version) => write!(
                f,
                "the checksum has scheme {version}; this version of embed-migrations knows scheme {SCHEME}"
            ),
        }
    }
}

impl std::error::Error for InvalidChecksum {}

impl FromStr for Checksum {
    type Err = InvalidChecksum;

    fn from_str(text: &str) -> Result<Self, InvalidChecksum> {
        let (scheme, hex) = text.split_once(':').ok_or(InvalidChecksum::Malformed)?;
        if scheme != SCHEME {
            let known_form = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_digit());
            return Err(if known_form {
                InvalidChecksum::UnknownScheme(scheme.to_owned())
            } else {
                InvalidChecksum::Malformed
            });
        }
        let mut bytes = [0; 32];
        if hex.len() != 64 {
            return Err(InvalidChecksum::Malformed);
        }
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let digit = |c: u8| (c as char).to_digit(16).ok_or(InvalidChecksum::Malformed);
            *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
        }
        Ok(Self(bytes))
    }
}

/// Makes a checksum out of parts, each of which is told apart from its neighbours.
///
/// Parts are gathered and hashed together: most are a few bytes.
pub(crate) struct Hasher {
    space: [u8; SPACE],
    /// How much of the space is taken
    gathered: usize,
    /// What was hashed already of more than fits
    begun: Option<Box<blake3::Hasher>>,
}

/// How many bytes are gathered.
const SPACE: usize = 1024;

impl Hasher {
    /// A hasher for one purpose: equal parts hashed for two purposes differ.
    pub(crate) fn new(purpose: &str) -> Self {
        let mut hasher = Self { space: [0; SPACE], gathered: 0, begun: None };
        hasher.part(purpose.as_bytes());
        hasher
    }

    pub(crate) fn part(&mut self, bytes: &[u8]) {
        let length = (bytes.len() as u64).to_le_bytes();
        let end = self.gathered + length.len() + bytes.len();
        if end > SPACE {
            let begun = self.begun.get_or_insert_default();
            begun.update(&self.space[..self.gathered]).update(&length).update(bytes);
            self.gathered = 0;
            return;
        }
        // Byte by byte: where the build has no optimisations, that takes less than a call that copies.
        let space = &mut self.space[self.gathered..end];
        let mut at = 0;
        while at < length.len() {
            space[at] = length[at];
            at += 1;
        }
        while at < space.len() {
            space[at] = bytes[at - length.len()];
            at += 1;
        }
        self.gathered = end;
    }

    pub(crate) fn finish(self) -> Checksum {
        let hash = match self.begun {
            Some(mut begun) => begun.update(&self.space[..self.gathered]).finalize(),
            None => blake3::hash(&self.space[..self.gathered]),
        };
        Checksum(*hash.as_bytes())
    }
}

/// What some statements of a script, given by their hashes, come to: by it an interrupted script is compared with an
/// edited one.
#[must_use]
pub fn progress_digest(hashes: impl IntoIterator<Item = u64>) -> Checksum {
    let mut hasher = Hasher::new("progress");
    for hash in hashes {
        hasher.part(&hash.to_le_bytes());
    }
    hasher.finish()
}

/// The key of the lock that keeps runs apart: of a history table, as far as it is named, and a namespace in it.
#[must_use]
pub fn lock_key(parts: &[&str]) -> Checksum {
    let mut hasher = Hasher::new("lock");
    parts.iter().for_each(|part| hasher.part(part.as_bytes()));
    hasher.finish()
}

/// The digest of one revision together with all that it stands on: its ancestors' digests are part of it.
///
/// `below` are the digests of its parents and of what it depends on, in any order.
pub(crate) fn node_digest(id: &str, content: &Checksum, below: &mut Vec<Checksum>) -> Checksum {
    below.sort_unstable();
    below.dedup();
    let mut hasher = Hasher::new("revision");
    hasher.part(id.as_bytes());
    hasher.part(content.as_bytes());
    for digest in below.iter() {
        hasher.part(digest.as_bytes());
    }
    hasher.finish()
}

/// The chain digest of a set of heads, given their own digests in any order.
pub(crate) fn chain_digest(heads: &mut Vec<Checksum>) -> Checksum {
    heads.sort_unstable();
    heads.dedup();
    let mut hasher = Hasher::new("chain");
    for digest in heads.iter() {
        hasher.part(digest.as_bytes());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_reads_back_from_its_text() {
        let checksum = Hasher::new("test").finish();
        assert_eq!(checksum.to_string().parse(), Ok(checksum));
        assert_eq!(checksum.to_string().len(), 66);
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in ["", "1:", "1:zz", "abc", &format!("1:{}", "g".repeat(64)), &"0".repeat(66)] {
            assert_eq!(bad.parse::<Checksum>(), Err(InvalidChecksum::Malformed), "{bad}");
        }
        let later = format!("2:{}", "0".repeat(64));
        assert_eq!(later.parse::<Checksum>(), Err(InvalidChecksum::UnknownScheme("2".into())));
    }

    #[test]
    fn parts_do_not_run_together() {
        let hash = |parts: &[&str]| {
            let mut hasher = Hasher::new("test");
            parts.iter().for_each(|part| hasher.part(part.as_bytes()));
            hasher.finish()
        };
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    }

    #[test]
    fn what_is_gathered_makes_no_difference() {
        let sizes = [0, 1, SPACE - 40, 100, SPACE, 3 * SPACE, 5, SPACE - 8, 0, SPACE - 16, 9];
        let mut hasher = Hasher::new("test");
        let mut plain = blake3::Hasher::new();
        plain.update(&4_u64.to_le_bytes()).update(b"test");
        for (round, &size) in sizes.iter().enumerate() {
            let part = vec![round as u8; size];
            hasher.part(&part);
            plain.update(&(size as u64).to_le_bytes()).update(&part);
        }
        assert_eq!(hasher.finish().as_bytes(), plain.finalize().as_bytes());
    }
}
