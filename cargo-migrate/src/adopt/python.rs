//! The head of a Python file: its docstring and the plain values that it assigns. It is read, never run.

use std::ops::Range;

/// What a file says at its top level.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The string that the file begins with
    pub(super) docstring: Option<String>,
    assignments: Vec<(String, Assignment)>,
}

/// A value that is assigned.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    /// The strings in it: none for `None`, one for a string, those of a tuple or a list. `None` if it is anything else
    pub(super) strings: Option<Vec<String>>,
    /// Where the value is
    pub(super) range: Range<usize>,
}

impl Module {
    /// Reads a file's text.
    pub(super) fn read(text: &str) -> Self {
        let mut module = Self::default();
        let tokens = Lexer { text, at: 0, depth: 0 }.tokens();
        for (place, statement) in tokens.split(|token| token.kind == Kind::Newline).enumerate() {
            match statement {
                [Token { kind: Kind::Text(text), .. }] if place == 0 => module.docstring = Some(text.clone()),
                [Token { kind: Kind::Name(name), range }, rest @ ..]
                    if is_first_column(text, range.start) =>
                {
                    if let Some(assignment) = assignment(rest) {
                        module.assignments.push((name.clone(), assignment));
                    }
                }
                _ => {}
            }
        }
        module
    }

    /// What is assigned to a name in the end.
    pub(super) fn value(&self, name: &str) -> Option<&Assignment> {
        self.assignments.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

fn is_first_column(text: &str, at: usize) -> bool {
    at == 0 || text[..at].ends_with('\n')
}

/// The value of what follows a name: `= value`, or `: annotation = value`.
fn assignment(tokens: &[Token]) -> Option<Assignment> {
    let mut depth = 0_usize;
    let equals = match tokens.first()?.kind {
        Kind::Sign('=') => 0,
        Kind::Sign(':') => tokens.iter().position(|token| {
            match token.kind {
                Kind::Sign('(' | '[' | '{') => depth += 1,
                Kind::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.kind == Kind::Sign('=')
        })?,
        _ => return None,
    };
    let value = &tokens[equals + 1..];
    // A comparison
    if value.first()?.kind == Kind::Sign('=') {
        return None;
    }
    let range = value.first()?.range.start..value.last()?.range.end;
    Some(Assignment { strings: strings(value), range })
}

fn strings(value: &[Token]) -> Option<Vec<String>> {
    let mut strings: Vec<String> = Vec::new();
    let mut joins = false;
    for token in value {
        match &token.kind {
            // Strings side by side are one.
            Kind::Text(text) if joins => strings.last_mut()?.push_str(text),
            Kind::Text(text) => strings.push(text.clone()),
            Kind::Name(name) if name == "None" => {}
            Kind::Sign('(' | ')' | '[' | ']' | '{' | '}' | ',') => {}
            _ => return None,
        }
        joins = matches!(token.kind, Kind::Text(_));
    }
    Some(strings)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Token {
    kind: Kind,
    range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A name, a keyword or a number
    Name(String),
    /// A plain string
    Text(String),
    /// A string whose value is only known when it runs
    Computed,
    /// Any other character
    Sign(char),
    /// The end of a statement
    Newline,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Lexer<'_> {
    fn tokens(mut self) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        while let Some(c) = self.peek() {
            let start = self.at;
            let kind = match c {
                '#' => {
                    self.skip_while(|c| c != '\n');
                    continue;
                }
                '\n' if self.depth == 0 => {
                    self.at += 1;
                    // Empty lines end nothing.
                    if tokens.last().is_none_or(|last| last.kind == Kind::Newline) {
                        continue;
                    }
                    Kind::Newline
                }
                '\\' => {
                    self.at += 1;
                    self.skip_while(|c| c == '\r');
                    self.skip_while_once('\n');
                    continue;
                }
                c if c.is_whitespace() => {
                    self.at += c.len_utf8();
                    continue;
                }
                '"' | '\'' => self.string(""),
                c if c.is_alphanumeric() || c == '_' => {
                    self.skip_while(|c| c.is_alphanumeric() || c == '_');
                    let word = self.text[start..self.at].to_owned();
                    match self.peek() {
                        Some('"' | '\'') if is_prefix(&word) => self.string(&word.to_ascii_lowercase()),
                        _ => Kind::Name(word),
                    }
                }
                c => {
                    self.at += c.len_utf8();
                    match c {
                        '(' | '[' | '{' => self.depth += 1,
                        ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
                        _ => {}
                    }
                    Kind::Sign(c)
                }
            };
            tokens.push(Token { kind, range: start..self.at });
        }
        tokens
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while let Some(c) = self.peek().filter(|c| wanted(*c)) {
            self.at += c.len_utf8();
        }
    }

    fn skip_while_once(&mut self, wanted: char) {
        if self.peek() == Some(wanted) {
            self.at += wanted.len_utf8();
        }
    }

    /// A string that begins here, behind its prefix. One without end reaches to the end of its line, or of the file.
    fn string(&mut self, prefix: &str) -> Kind {
        let rest = &self.text[self.at..];
        let quote = &rest[..1];
        let triple = quote.repeat(3);
        let mark = if rest.starts_with(&triple) { triple.as_str() } else { quote };
        self.at += mark.len();
        let mut value = String::new();
        while let Some(c) = self.peek() {
            if self.text[self.at..].starts_with(mark) {
                self.at += mark.len();
                break;
            }
            if c == '\n' && mark.len() == 1 {
                break;
            }
            self.at += c.len_utf8();
            if c != '\\' {
                value.push(c);
                continue;
            }
            let Some(escaped) = self.peek() else { break };
            self.at += escaped.len_utf8();
            match escaped {
                _ if prefix.contains('r') => value.extend(['\\', escaped]),
                '\n' => {}
                'n' => value.push('\n'),
                't' => value.push('\t'),
                '\\' | '\'' | '"' => value.push(escaped),
                other => value.extend(['\\', other]),
            }
        }
        if prefix.contains(['f', 'b', 't']) { Kind::Computed } else { Kind::Text(value) }
    }
}

fn is_prefix(word: &str) -> bool {
    word.len() <= 2 && word.chars().all(|c| "rRuUbBfFtT".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(text: &str, name: &str) -> Option<Vec<String>> {
        Module::read(text).value(name)?.strings.clone()
    }

    fn list(values: &[&str]) -> Option<Vec<String>> {
        Some(values.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn plain_values_are_read_however_they_are_written() {
        assert_eq!(strings("a = 'x'", "a"), list(&["x"]));
        assert_eq!(strings("a: Union[str, 'X', None] = None  # why = 'not'", "a"), list(&[]));
        assert_eq!(strings("a = (\n  'x', # one\n  \"y\",\n)\n", "a"), list(&["x", "y"]));
        assert_eq!(strings("a: t.Sequence[str] = ['x']", "a"), list(&["x"]));
        assert_eq!(strings("a = 'x' \\\n    'y'", "a"), list(&["xy"]));
        assert_eq!(strings("a = u'x', r\"y\"", "a"), list(&["x", "y"]));
        assert_eq!(strings("a = 'x'\na = 'y'", "a"), list(&["y"]));
    }

    #[test]
    fn what_only_a_run_would_tell_is_nothing() {
        for computed in ["a = f()", "a = f'x'", "a = b + 'x'", "a = other"] {
            assert_eq!(strings(computed, "a"), None, "{computed}");
        }
        for none in
            ["    a = 'x'", "'''\na = 'x'\n'''", "a == 'x'", "x(\na = 'x'\n)", "# a = 'x'", "a.b = 'x'"]
        {
            assert!(Module::read(none).value("a").is_none(), "{none}");
        }
    }

    #[test]
    fn the_docstring_is_the_string_at_the_beginning() {
        let docstring = |text: &str| Module::read(text).docstring;
        assert_eq!(
            docstring("# a\n\n\"\"\"Add \"users\"\n\nmore\"\"\"\na = 1").as_deref(),
            Some("Add \"users\"\n\nmore")
        );
        assert_eq!(docstring("import x\n'''no'''"), None);
    }
}
