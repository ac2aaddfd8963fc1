//! The file in the URL of an SQLite database, as SQLite reads it: <https://www.sqlite.org/uri.html>.

use std::borrow::Cow;
use std::path::Path;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What in the path of SQLite's own kind of URL is not itself.
const SPECIAL: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// The file that a `sqlite:` URL leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteFile<'u> {
    path: Cow<'u, str>,
    /// What follows the `?`; `None` where the path is taken as it is written
    parameters: Option<&'u str>,
    /// Whether it is SQLite's own kind of URL by its text
    is_uri: bool,
}

impl<'u> SqliteFile<'u> {
    /// The file of a URL, unless it leads elsewhere or to no file.
    #[must_use]
    pub fn of(url: &'u str) -> Option<Self> {
        let text = url.strip_prefix("sqlite:")?;
        let text = text.strip_prefix("//").unwrap_or(text);
        let uri = text.strip_prefix("file:");
        let (path, parameters) = match (uri, text.split_once('?')) {
            (None, None) => (text.into(), None),
            _ => {
                let text = uri.unwrap_or(text);
                let text = text.split_once('#').map_or(text, |(text, _)| text);
                let (path, parameters) = text.split_once('?').unwrap_or((text, ""));
                // An authority is none or this machine.
                let path = path
                    .strip_prefix("//")
                    .map_or(path, |path| path.strip_prefix("localhost").unwrap_or(path));
                (percent_decode_str(path).decode_utf8_lossy(), Some(parameters))
            }
        };
        let is_memory =
            parameters.is_some_and(|text| text.split('&').any(|it| it == "mode=memory" || it == "vfs=memdb"));
        let is_file = !path.is_empty() && !path.starts_with(':') && !is_memory;
        is_file.then_some(Self { path, parameters, is_uri: uri.is_some() })
    }

    /// Its path, nothing of it escaped.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(&*self.path)
    }

    /// Its URL with a path that is below a directory, if it is relative.
    #[must_use]
    pub fn below(&self, directory: &Path) -> Option<String> {
        if !self.path().is_relative() {
            return None;
        }
        let path = directory.join(self.path()).display().to_string();
        let scheme = if self.is_uri { "sqlite:file:" } else { "sqlite:" };
        Some(match self.parameters {
            None if path.contains('?') => format!("sqlite:file:{}", utf8_percent_encode(&path, SPECIAL)),
            None => format!("sqlite:{path}"),
            Some("") if self.is_uri => format!("{scheme}{}", utf8_percent_encode(&path, SPECIAL)),
            Some(parameters) => format!("{scheme}{}?{parameters}", utf8_percent_encode(&path, SPECIAL)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_sqlite_reads_it() {
        for (url, path) in [
            ("sqlite:app.db", Some("app.db")),
            ("sqlite:my%20app.db", Some("my%20app.db")),
            ("sqlite://data/app.db", Some("data/app.db")),
            ("sqlite:my%20app.db?mode=rwc", Some("my app.db")),
            ("sqlite:/a%23b.db?mode=ro#end", Some("/a#b.db")),
            ("sqlite:file:app.db", Some("app.db")),
            ("sqlite:file:///srv/app%25.db?mode=rw", Some("/srv/app%.db")),
            ("sqlite:file://localhost/srv/app.db", Some("/srv/app.db")),
            ("sqlite::memory:", None),
            ("sqlite:file:x?mode=memory&cache=shared", None),
            ("sqlite:file:/x?vfs=memdb", None),
            ("sqlite:", None),
            ("postgres://h/db", None),
        ] {
            let file = SqliteFile::of(url);
            assert_eq!(file.as_ref().map(|file| &*file.path), path, "{url}");
        }
    }

    #[test]
    fn a_relative_path_is_below_a_directory() {
        for (url, below) in [
            ("sqlite:data/app.db", Some("sqlite:/a %/data/app.db")),
            ("sqlite://app.db?mode=rw", Some("sqlite:/a %25/app.db?mode=rw")),
            ("sqlite:my%20app.db?mode=ro", Some("sqlite:/a %25/my app.db?mode=ro")),
            ("sqlite:a%23b.db?", Some("sqlite:/a %25/a%23b.db?")),
            ("sqlite:file:app.db", Some("sqlite:file:/a %25/app.db")),
            ("sqlite:file:a%3Fb.db?cache=shared", Some("sqlite:file:/a %25/a%3Fb.db?cache=shared")),
            ("sqlite:/srv/app.db", None),
            ("sqlite:file:///srv/app.db", None),
        ] {
            let file = SqliteFile::of(url).unwrap();
            let found = file.below(Path::new("/a %"));
            assert_eq!(found.as_deref(), below, "{url}");
            if let Some(found) = found {
                let back = SqliteFile::of(&found).unwrap();
                assert_eq!(back.path(), Path::new("/a %").join(file.path()), "{found}");
            }
        }
        // A `?` in the directory would be taken for the end of a path that stands as it is.
        let app = SqliteFile::of("sqlite:app.db").unwrap();
        let found = app.below(Path::new("/what?")).unwrap();
        assert_eq!(found, "sqlite:file:/what%3F/app.db");
    }
}
