//! The files under `data/`, as Rust revisions get them.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::{Utf8Error, from_utf8};
use std::sync::OnceLock;

use include_dir::{Dir, DirEntry, File};

/// The embedded files under `data/`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Data {
    directory: Dir<'static>,
    /// The texts with CRLF line ends, with LF instead
    texts: OnceLock<BTreeMap<&'static Path, String>>,
}

impl Data {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(directory: Dir<'static>) -> Self {
        Self { directory, texts: OnceLock::new() }
    }

    pub(crate) fn directory(&self) -> &Dir<'static> {
        &self.directory
    }

    /// A file as text, CRLF as LF: the checksum of a revision that reads it so does not count them either.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub(crate) fn text(&'static self, file: &'static File<'static>) -> Result<&'static str, Utf8Error> {
        let text = from_utf8(file.contents())?;
        if !text.contains("\r\n") {
            return Ok(text);
        }
        let texts = self.texts.get_or_init(|| {
            let mut texts = BTreeMap::new();
            gather(&self.directory, &mut texts);
            texts
        });
        Ok(texts.get(file.path()).map_or(text, String::as_str))
    }
}

fn gather(directory: &Dir<'static>, texts: &mut BTreeMap<&'static Path, String>) {
    for entry in directory.entries() {
        match entry {
            DirEntry::Dir(below) => gather(below, texts),
            DirEntry::File(file) => {
                if let Some(text) = from_utf8(file.contents()).ok().filter(|text| text.contains("\r\n")) {
                    texts.insert(file.path(), text.replace("\r\n", "\n"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILES: [DirEntry<'static>; 3] = [
        DirEntry::File(File::new("binary", b"\xff\r\n")),
        DirEntry::Dir(Dir::new("lists", &[DirEntry::File(File::new("lists/dos.csv", b"1\r\n\r2\r\r\n"))])),
        DirEntry::File(File::new("unix.csv", b"1\n2\n")),
    ];
    static DATA: Data = Data::new(Dir::new("", &FILES));

    #[test]
    fn a_text_has_the_same_lines_whatever_the_line_ends_of_its_file() {
        let text = |name| DATA.text(DATA.directory().get_file(name).unwrap());
        assert_eq!(text("lists/dos.csv"), Ok("1\n\r2\r\n"));
        assert_eq!(text("unix.csv"), Ok("1\n2\n"));
        assert!(text("binary").is_err());
    }
}
