//! `?` as PostgreSQL's `$1`.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A statement with its question marks numbered; `??` is one that stays. A statement that has numbers is left as it is.
pub(super) fn numbered(sql: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(sql.len() + 8);
    let mut number = 0;
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        let before = sql[..at].chars().next_back();
        let length = quoted(rest, before).unwrap_or(first.len_utf8());
        if rest.starts_with("??") {
            out.push('?');
            at += 2;
            continue;
        }
        if first == '?' {
            number += 1;
            let _ = write!(out, "${number}");
        } else if first == '$'
            && length == 1
            && !before.is_some_and(is_part)
            && rest[1..].starts_with(is_digit)
        {
            return Cow::Borrowed(sql);
        } else {
            out.push_str(&rest[..length]);
        }
        at += length;
    }
    Cow::Owned(out)
}

/// How long the quoted text or comment is that begins here, if one does.
fn quoted(rest: &str, before: Option<char>) -> Option<usize> {
    let in_word = before.is_some_and(is_part);
    match rest.as_bytes().first()? {
        b'\'' => Some(until(rest, 1, "'")),
        b'"' => Some(until(rest, 1, "\"")),
        b'e' | b'E' if !in_word && rest[1..].starts_with('\'') => Some(escaped(rest)),
        b'-' if rest.starts_with("--") => Some(rest.find('\n').unwrap_or(rest.len())),
        b'/' if rest.starts_with("/*") => Some(comment(rest)),
        b'$' if !in_word => {
            let tag = rest[1..].find('$')? + 2;
            let name = &rest[1..tag - 1];
            let is_tag = name.chars().all(|c| is_part(c) && c != '$') && !name.starts_with(is_digit);
            is_tag.then(|| until(rest, tag, &rest[..tag]))
        }
        _ => None,
    }
}

/// How long a string with backslashes is, from its `E` on.
fn escaped(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(2).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' if chars.next_if(|(_, next)| *next == '\'').is_none() => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn until(rest: &str, from: usize, end: &str) -> usize {
    rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len())
}

fn comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while let Some(next) = rest[at..].find(['/', '*']) {
        at += next;
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn question_marks_outside_of_quotes_are_numbered() {
        for (sql, expected) in [
            ("a = ? AND b = ?", "a = $1 AND b = $2"),
            ("'?' \"?\" ? -- ?\n/* ? /* ? */ ? */ ?", "'?' \"?\" $1 -- ?\n/* ? /* ? */ ? */ $2"),
            ("$$ ? $$ $a$ ? $$ $a$ ?", "$$ ? $$ $a$ ? $$ $a$ $1"),
            ("E'\\'?' ? 'it''s ?' ?", "E'\\'?' $1 'it''s ?' $2"),
            ("E'a''\\'?' ?", "E'a''\\'?' $1"),
            ("a ?? 'x' AND b = ?", "a ? 'x' AND b = $1"),
            ("a ? $1", "a ? $1"),
            ("'$1' a$1 ?", "'$1' a$1 $1"),
            ("é = ? -- '", "é = $1 -- '"),
        ] {
            assert_eq!(numbered(sql), expected);
        }
    }
}
