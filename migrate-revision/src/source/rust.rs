//! A Rust revision's file, as far as the build must know it: which functions it has and which data it names.

use std::ops::Range;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::data::{DataUse, is_doc, string};
use super::file::SourceText;
use super::rebuild::rebuilt;
use crate::sql;
use crate::{Backend, Problem};

/// What a Rust revision's file has.
#[derive(Debug, Clone, Default)]
pub(super) struct RustItems {
    /// Whether there is a `pub async fn down`
    pub(super) down: bool,
    /// The string literals in it, sorted, among which the names of data files are looked for
    pub(super) strings: Vec<String>,
    /// How it reads data files
    pub(super) data: DataUse,
    /// Where a string sets SQLite's `PRAGMA foreign_keys`
    pub(super) foreign_keys_pragma: Option<Range<usize>>,
    /// A table that strings with SQL drop and whose name they give to another, and where they drop it
    pub(super) rebuilt: Option<(Range<usize>, String)>,
}

/// Looks for the functions at the top level and the string literals at any.
pub(super) fn scan_rust(source: &SourceText, problems: &mut Vec<Problem>) -> RustItems {
    let Ok(tokens) = source.text.parse::<TokenStream>() else {
        problems.push(Problem::of_path(
            &source.path,
            "this is not Rust: its brackets or quotes do not match",
            format!("`rustfmt --check {}` shows where", source.path),
        ));
        return RustItems::default();
    };
    let mut items = RustItems::default();
    let top: Vec<TokenTree> = tokens.clone().into_iter().collect();
    items.down = has(&top, "down");
    if !has(&top, "up") {
        problems.push(Problem::of_path(
            &source.path,
            "the revision has no `pub async fn up`",
            "write `pub async fn up(db: &mut Db<'_>) -> Result<()>` at the top level of the file",
        ));
    }
    // Without one it is irreversible, which nobody means who has written this.
    if !items.down && has_otherwise(&top, "down") {
        let problem = Problem::of_path(
            &source.path,
            "the revision's `down` is not a `pub async fn down`",
            "write `pub async fn down(db: &mut Db<'_>) -> Result<()>` at the top level of the file",
        );
        problems.push(problem.help("or, if it is no way down, give it another name"));
    }
    items.data = DataUse::scan(tokens.clone());
    let mut code = Vec::new();
    collect_strings(tokens, false, &mut items.strings, &mut code);
    items.strings.sort_unstable();
    let place = |literal: &str| {
        source
            .text
            .find(literal)
            .map_or(0..0, |start| start..start + literal.lines().next().unwrap_or(literal).len())
    };
    items.foreign_keys_pragma = code.iter().find(|text| sets_foreign_keys(text)).map(|text| place(text));
    items.rebuilt = rebuilt_by(&code).map(|(literal, table)| (place(literal), table));
    items
}

/// Whether there is a function of this name that a revision may have.
fn has(top: &[TokenTree], name: &str) -> bool {
    top.windows(5).any(|window| {
        let words: Vec<String> = window[..4].iter().map(ToString::to_string).collect();
        words == ["pub", "async", "fn", name] && !is_braced(&window[4])
    })
}

/// Whether there is another function of this name, here or from another module by `pub use`.
fn has_otherwise(top: &[TokenTree], name: &str) -> bool {
    let words = |pair: &[TokenTree], first, second| is_word(&pair[0], first) && is_word(&pair[1], second);
    top.windows(2).any(|pair| words(pair, "fn", name))
        || top.split(|token| is_mark(token, ';')).any(|part| {
            let at = part.windows(2).position(|pair| words(pair, "pub", "use"));
            at.is_some_and(|at| is_used(&part[at..], name))
        })
}

/// Whether the tokens behind `use` bring a name: it is the last of a path, or what that is to be called.
fn is_used(tokens: &[TokenTree], name: &str) -> bool {
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => is_used(&group.stream().into_iter().collect::<Vec<_>>(), name),
        token => {
            let next = tokens.get(at + 1);
            is_word(token, name) && next.is_none_or(|next| is_mark(next, ','))
        }
    })
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_braced(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

/// The strings' insides, and the literals of those that are no comments, in the order of the text.
fn collect_strings(tokens: TokenStream, of_comment: bool, strings: &mut Vec<String>, code: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                collect_strings(group.stream(), of_comment || is_doc(&group), strings, code);
            }
            token => {
                if let Some(inside) = string(&token) {
                    strings.push(inside);
                    if !of_comment {
                        code.push(token.to_string());
                    }
                }
            }
        }
    }
}

/// Whether a literal has `PRAGMA foreign_keys = ...` or `PRAGMA foreign_keys(...)`, rather than one that asks.
fn sets_foreign_keys(literal: &str) -> bool {
    let text = literal.to_ascii_lowercase();
    text.match_indices("pragma").any(|(at, pragma)| {
        let name = text[at + pragma.len()..].trim_start();
        let name =
            name.split_once('.').map_or(name, |(schema, rest)| if is_name(schema) { rest } else { name });
        name.strip_prefix("foreign_keys").is_some_and(|rest| rest.trim_start().starts_with(['=', '(']))
    })
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The literal that drops a table that is made anew, and the table's name.
///
/// A string is a statement or several; what is no SQL, and what is put together at run time, is not seen.
fn rebuilt_by(literals: &[String]) -> Option<(&String, String)> {
    let mut text = String::new();
    let mut ends = Vec::new();
    for literal in literals {
        let Some((start, end)) = literal.find('"').zip(literal.rfind('"')) else { continue };
        let inside = literal.get(start + 1..end).unwrap_or_default();
        let sql = if literal.starts_with('r') { inside.to_owned() } else { unescaped(inside) };
        let lower = sql.to_ascii_lowercase();
        // What begins otherwise may be prose, which would keep the rest from being split.
        let makes = ["create", "insert", "replace"].iter().any(|word| lower.trim_start().starts_with(word));
        if makes || ["drop", "rename"].iter().any(|word| lower.contains(word)) {
            text.push_str(&sql);
            text.push_str(";\n");
            ends.push((text.len(), literal));
        }
    }
    let statements = sql::split(&text, Backend::Sqlite).ok()?;
    let (range, table) = rebuilt(&statements, &text).into_iter().next()?;
    let (_, literal) = ends.into_iter().find(|(end, _)| range.start < *end)?;
    Some((literal, table.to_owned()))
}

/// The text of a literal as far as SQL needs it.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, false) => out.push(character),
            _ => match characters.next() {
                Some('n' | 'r' | 't' | '\n') => out.push(' '),
                Some(other) => out.push(other),
                None => {}
            },
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(body: &str) -> RustItems {
        let text = format!("//! Message\n\npub async fn up(db: &mut Db<'_>) -> Result<()> {{\n{body}\n}}\n");
        let source = SourceText::new("migrations/a_b.rs", "a_b.rs", text.as_bytes()).unwrap();
        let mut problems = Vec::new();
        let items = scan_rust(&source, &mut problems);
        assert_eq!(problems, []);
        items
    }

    #[test]
    fn a_table_that_is_made_anew_by_statements_in_several_strings_is_seen() {
        let rebuilt = |statements: &[&str]| {
            let calls: String =
                statements.iter().map(|sql| format!("db.execute({sql}, &[]).await?;\n")).collect();
            scan(&calls).rebuilt.map(|(_, table)| table)
        };
        let [drop, create] = [r#""DROP TABLE t""#, r##"r#"CREATE TABLE t (a TEXT DEFAULT 'it''s')"#"##];
        assert_eq!(rebuilt(&[drop, create, r#""INSERT INTO t SELECT a FROM b""#]), Some("t".to_owned()));
        assert_eq!(
            rebuilt(&[r#""ALTER TABLE t RENAME TO b""#, create, r#""DROP TABLE b""#]),
            Some("t".to_owned())
        );
        assert_eq!(rebuilt(&[drop, create, r#""INSERT INTO t VALUES (1)""#]), None);
        assert_eq!(
            rebuilt(&[drop, create, r#""it doesn't insert""#, r#""REPLACE INTO t SELECT 1""#]),
            Some("t".to_owned())
        );
    }

    #[test]
    fn a_way_down_in_another_form_is_told_and_what_only_has_the_name_is_not() {
        let problems = |item: &str| {
            let text = format!("//! Message\n\npub async fn up(db: &mut Db<'_>) {{}}\n{item}\n");
            let source = SourceText::new("migrations/a_b.rs", "a_b.rs", text.as_bytes()).unwrap();
            let mut problems = Vec::new();
            let down = scan_rust(&source, &mut problems).down;
            (down, problems.len())
        };
        for other in [
            "pub fn down(db: &mut Db<'_>) {}",
            "async fn down(db: &mut Db<'_>) {}",
            "pub(crate) async fn down(db: &mut Db<'_>) {}",
            "fn down<'a>(db: &'a mut Db<'_>) {}",
            "pub use other::down;",
            "pub use other::{self, undo as down, more};",
        ] {
            assert_eq!(problems(other), (false, 1), "{other}");
        }
        for none in [
            "mod down { pub fn down() {} }",
            "// pub fn down() {}",
            "impl Way { pub fn down(&self) {} }",
            "use other::down;",
            "pub use down::other;",
            "pub use other::down as undo;",
            "const TEXT: &str = \"fn down() {}\";",
        ] {
            assert_eq!(problems(none), (false, 0), "{none}");
        }
        assert_eq!(problems("pub async fn down(db: &mut Db<'_>) {}"), (true, 0));
    }

    #[test]
    fn a_pragma_that_sets_foreign_keys_is_found_and_one_that_asks_is_not() {
        for set in
            ["PRAGMA foreign_keys = OFF", "pragma main.foreign_keys=0", "BEGIN; PRAGMA foreign_keys(0)"]
        {
            assert!(scan(&format!("db.execute({set:?}, &[])")).foreign_keys_pragma.is_some(), "{set}");
        }
        for other in [
            "\"PRAGMA foreign_keys\"",
            "\"PRAGMA defer_foreign_keys = ON\"",
            "\"PRAGMA foreign_key_check(users)\"",
            "// PRAGMA foreign_keys = OFF",
            "/// PRAGMA foreign_keys = OFF\nlet a = 1;",
        ] {
            assert_eq!(scan(other).foreign_keys_pragma, None, "{other}");
        }
    }

    #[test]
    fn a_table_that_strings_make_anew_is_found() {
        let parts = r##"
            db.execute("CREATE TABLE new (id INTEGER PRIMARY KEY)", &[]);
            db.execute("INSERT INTO new SELECT id FROM users", &[]);
            db.execute("DROP TABLE \"users\"", &[]);
            db.execute("ALTER TABLE new \
                        RENAME TO users", &[]);
        "##;
        let found = scan(parts).rebuilt.unwrap();
        assert_eq!(found.1, "users");
        let batch = r##"db.sqlite().unwrap().execute_batch(r#"DROP TABLE users; ALTER TABLE new RENAME TO "users";"#)"##;
        assert_eq!(scan(batch).rebuilt.unwrap().1, "users");
        for other in [
            r#"db.execute("DROP TABLE users", &[]); db.execute("ALTER TABLE new RENAME TO people", &[])"#,
            r#"db.execute("ALTER TABLE users RENAME TO old", &[]); db.execute("DROP TABLE older", &[])"#,
            r#"/// DROP TABLE users; ALTER TABLE new RENAME TO users
               db.execute("it's dropped", &[])"#,
        ] {
            assert_eq!(scan(other).rebuilt, None, "{other}");
        }
    }
}
