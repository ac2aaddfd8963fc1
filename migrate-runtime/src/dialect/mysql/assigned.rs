//! The variables that a `SET` assigns, by its text: what is shipped has no splitter.

// What is `#[inline]` is compiled by what calls it: with SQLite alone that is nothing but scripts, and a first build pays for none of it.

/// A system variable of the session, and what it is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assigned {
    /// Its name in lower case
    pub(crate) name: String,
    /// The expression
    pub(crate) value: String,
}

/// The system variables of the session that a `SET` assigns; none where a statement is another.
#[inline]
pub(crate) fn assigned(sql: &str) -> Vec<Assigned> {
    let mut items = items(sql).into_iter();
    let Some(first) = items.next().and_then(|first| without_set(&first)) else { return Vec::new() };
    // Of the keywords before a name the last holds for those behind it as well.
    let mut is_global = false;
    std::iter::once(first).chain(items).filter_map(|item| parse(&item, &mut is_global)).collect()
}

/// The parts between commas outside of quotes and parentheses, each as its name and its value; with no comments, and with
/// what is inside of executable ones.
#[inline]
fn items(sql: &str) -> Vec<Item> {
    let mut items = vec![Item::default()];
    let mut depth = 0_usize;
    let mut rest = sql;
    while let Some(character) = rest.chars().next() {
        let mut taken = character.len_utf8();
        let mut seen = &rest[..taken];
        match character {
            '\'' | '"' | '`' => {
                taken = quoted(rest, character);
                seen = &rest[..taken];
            }
            '/' if rest.starts_with("/*!") || rest.starts_with("/*M!") => {
                let digits = rest.find('!').map_or(rest.len(), |at| at + 1);
                taken = digits + rest[digits..].bytes().take_while(u8::is_ascii_digit).count();
                seen = " ";
            }
            '/' if rest.starts_with("/*") => {
                taken = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
                seen = " ";
            }
            '*' if rest.starts_with("*/") => (taken, seen) = (2, " "),
            '#' => (taken, seen) = (rest.find('\n').unwrap_or(rest.len()), " "),
            '-' if rest.starts_with("--") && rest[2..].starts_with(|c: char| c.is_whitespace()) => {
                (taken, seen) = (rest.find('\n').unwrap_or(rest.len()), " ");
            }
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.push(Item::default());
                seen = "";
            }
            _ => {}
        }
        if let Some(item) = items.last_mut() {
            match &mut item.value {
                None if seen == "=" && depth == 0 => item.value = Some(String::new()),
                None => item.name.push_str(seen),
                Some(value) => value.push_str(seen),
            }
        }
        rest = &rest[taken..];
    }
    items
}

/// How long a quoted text is.
#[inline]
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if quote != '`' => drop(characters.next()),
            // A doubled one ends a text and begins another, which comes to the same.
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[derive(Debug, Default)]
struct Item {
    name: String,
    /// What is behind the first equals sign, if there is one
    value: Option<String>,
}

/// The first item of a `SET` that assigns variables, without that word.
#[inline]
fn without_set(first: &Item) -> Option<Item> {
    let mut words = first.name.split_whitespace();
    let is_set = words.next().is_some_and(|word| word.eq_ignore_ascii_case("set"));
    // `SET STATEMENT ... FOR` puts its variables back itself, and a password is none.
    let is_other =
        |word: &str| ["statement", "password"].iter().any(|other| word.eq_ignore_ascii_case(other));
    if !is_set || words.clone().next().is_some_and(is_other) {
        return None;
    }
    Some(Item { name: words.collect::<Vec<_>>().join(" "), value: first.value.clone() })
}

#[inline]
fn parse(item: &Item, is_global: &mut bool) -> Option<Assigned> {
    let name = item.name.trim().trim_end_matches(':').to_ascii_lowercase().replace('`', "");
    let value = item.value.as_ref()?.trim().to_owned();
    let is_sigil = name.starts_with("@@");
    if name.starts_with('@') && !is_sigil {
        return None;
    }
    let mut words = name.trim_start_matches('@').split(|c: char| c.is_whitespace() || c == '.');
    let mut words: Vec<&str> = words.by_ref().filter(|word| !word.is_empty()).collect();
    let name = words.pop()?;
    let global = match words.as_slice() {
        [] => !is_sigil && *is_global,
        [scope] => !["session", "local"].contains(scope),
        _ => return None,
    };
    if !is_sigil {
        *is_global = global;
    }
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !global).then(|| Assigned { name: name.to_owned(), value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigned_variables_are_found_with_their_values() {
        let cases: [(&str, &[(&str, &str)]); 14] = [
            (
                "SET @a = 1, @@SESSION.Sql_Log_Bin := 0, local `group_concat_max_len`=2",
                &[("sql_log_bin", "0"), ("group_concat_max_len", "2")],
            ),
            ("SET @@é=1, NAMES utf8mb4", &[]),
            ("SET @n = (SELECT COUNT(*) FROM users WHERE active = 1), sql_mode = ''", &[("sql_mode", "''")]),
            (r"SET @sql = 'UPDATE users SET foo=1, bar = \'2\', baz = 3'", &[]),
            (
                "set autocommit = 0, foreign_key_checks = 1",
                &[("autocommit", "0"), ("foreign_key_checks", "1")],
            ),
            ("SET GLOBAL a = 1, b = 2, SESSION c = 3, d = 4", &[("c", "3"), ("d", "4")]),
            ("SET GLOBAL a = 1, @@b = 2, @@global.c = 3, @@local.d = 4", &[("b", "2"), ("d", "4")]),
            ("SET PERSIST max_connections = 1000", &[]),
            ("SET STATEMENT max_statement_time = 1 FOR SELECT 1", &[]),
            ("SET PASSWORD = 'x'", &[]),
            (
                "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='ANSI,ALLOW_INVALID_DATES' */",
                &[("sql_mode", "'ANSI,ALLOW_INVALID_DATES'")],
            ),
            (
                "SET -- a = 1\n sql_mode /* , b = 2 */ = CONCAT(@@sql_mode, ',', 'ANSI'), # c = 3\n d = \"it's, e = 1\"",
                &[("sql_mode", "CONCAT(@@sql_mode, ',', 'ANSI')"), ("d", "\"it's, e = 1\"")],
            ),
            ("SET /*/ a = 1, /*/ b = 2", &[("b", "2")]),
            ("UPDATE users SET a = 1, b = 2", &[]),
        ];
        for (sql, expected) in cases {
            let found = assigned(sql);
            let found: Vec<(&str, &str)> =
                found.iter().map(|found| (found.name.as_str(), found.value.as_str())).collect();
            assert_eq!(found, expected, "{sql}");
        }
    }
}
