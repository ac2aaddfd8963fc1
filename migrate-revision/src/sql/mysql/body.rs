//! Where a statement ends that has statements inside: stored programs and, on MariaDB, blocks of their own.

use std::ops::Range;

use super::mode::Oracle;
use crate::sql::token::{Token, TokenKind};

/// What a token did to the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is part of the statement
    Inside,
    /// It is the semicolon that ends it
    End,
    /// The statement cannot be understood, for this reason: where it ends is not certain
    Lost(&'static str),
    /// It cannot be understood because `sql_mode`, which decides how it is read, is not known
    LostToMode,
}

/// Follows one statement, token by token. The frames of executable comments are not to be given to it.
#[derive(Debug)]
pub(super) struct Body {
    state: State,
    /// What is open, outermost first
    open: Vec<(Open, Range<usize>)>,
    parentheses: usize,
    before: Before,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Begin,
    If,
    Case,
    Loop,
    Repeat,
    While,
    For,
    /// A `CASE` that is an expression
    Choice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the first token of the whole statement
    Top,
    /// After a `BEGIN` that may begin a transaction or a block
    TopBegin,
    /// After `SET`; `true` if it is `SET STATEMENT ... FOR`
    TopSet(bool),
    /// After a first word that may be a label
    TopLabel,
    /// In a statement without statements inside
    Plain,
    /// After `CREATE` or `ALTER`
    Create,
    /// In `DEFINER = user@host`; `true` where a name must come
    Definer(bool),
    /// At the name of a stored program, so many words of `IF NOT EXISTS` behind
    Name(Program, usize),
    /// Between name and body
    Head(Program),
    /// Before the name after `FOLLOWS` or `PRECEDES`
    TriggerOrder,
    /// At the body
    ProgramBody,
    /// At the beginning of a statement inside
    Start,
    /// After a first word inside that may be a label
    Label,
    /// In a simple statement inside
    Inner,
    /// In what `THEN`, `DO` or `END REPEAT` ends
    Condition,
    Declare,
    /// After `HANDLER`
    HandlerFor,
    /// After `HANDLER FOR`; `true` where a condition must come
    Handler(bool),
    /// In `CREATE` inside; `true` if it makes an event, whose body comes after `DO`
    InnerCreate(bool),
    /// After `BEGIN NOT`
    NotAtomic,
    /// After the `END` of something that names what it ends
    Ended,
    /// After the end of a block; `true` if a label may come
    AfterBlock(bool),
    /// The end was lost
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Routine,
    Trigger,
    Event,
}

/// The token before, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Makes a key word a name
    DotOrAt,
    /// A word after which `SET` belongs to a type
    Type,
    /// So many words of `FOR EACH ROW`
    EachRow(usize),
}

/// Words that begin a simple statement, and so the body of a routine that is one.
const VERBS: [&str; 46] = [
    "alter",
    "analyze",
    "binlog",
    "cache",
    "call",
    "change",
    "check",
    "checksum",
    "commit",
    "create",
    "deallocate",
    "delete",
    "desc",
    "describe",
    "do",
    "drop",
    "execute",
    "explain",
    "flush",
    "get",
    "grant",
    "handler",
    "help",
    "insert",
    "install",
    "kill",
    "load",
    "lock",
    "optimize",
    "prepare",
    "rename",
    "repair",
    "replace",
    "reset",
    "resignal",
    "return",
    "revoke",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "signal",
    "truncate",
    "update",
    "with",
];

/// What a statement can create that has no body.
const BODILESS: [&str; 13] = [
    "table",
    "temporary",
    "unique",
    "index",
    "view",
    "database",
    "schema",
    "user",
    "role",
    "sequence",
    "server",
    "fulltext",
    "spatial",
];

const ORACLE: &str = "stored programs in `sql_mode` ORACLE follow rules that are not known here";
const MISMATCH: &str = "this does not fit what is open";

impl Body {
    pub(super) fn new() -> Self {
        Self { state: State::Top, open: Vec::new(), parentheses: 0, before: Before::Nothing }
    }

    /// The innermost block that is open at the end of the text.
    pub(super) fn unfinished(&self) -> Option<Range<usize>> {
        if self.state == State::Lost {
            return None;
        }
        self.open.iter().rev().find(|(open, _)| *open != Open::Choice).map(|(_, range)| range.clone())
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Takes a token. `oracle` says whether `sql_mode` contains ORACLE.
    pub(super) fn step(&mut self, text: &str, token: &Token, oracle: Oracle) -> Step {
        let step = if token.is_symbol(text, ";") {
            self.semicolon()
        } else if token.kind == TokenKind::Word && self.before != Before::DotOrAt {
            self.word(&token.text(text).to_ascii_lowercase(), &token.range, oracle)
        } else if token.kind == TokenKind::Symbol {
            self.symbol(token.text(text))
        } else {
            // A user variable or a part of a qualified name is never a key word.
            self.other()
        };
        self.before = self.next_before(text, token);
        if matches!(step, Step::Lost(_) | Step::LostToMode) {
            self.state = State::Lost;
        }
        step
    }

    fn next_before(&self, text: &str, token: &Token) -> Before {
        if token.kind == TokenKind::Symbol && matches!(token.text(text), "." | "@" | "@@") {
            return Before::DotOrAt;
        }
        let is = |word: &str| token.is_word(text, word);
        match self.before {
            _ if is("character") || is("char") || is("returns") => Before::Type,
            _ if is("for") => Before::EachRow(1),
            Before::EachRow(1) if is("each") => Before::EachRow(2),
            Before::EachRow(2) if is("row") => Before::EachRow(3),
            _ => Before::Nothing,
        }
    }

    fn semicolon(&mut self) -> Step {
        if self.state == State::Lost || self.open.is_empty() {
            return Step::End;
        }
        if self.parentheses > 0 {
            return Step::Lost("a semicolon inside parentheses");
        }
        match (self.top(), self.state) {
            (Some(Open::Choice), _) => Step::Lost("a semicolon inside a CASE expression"),
            (_, State::Condition) => Step::Lost("a semicolon inside a condition"),
            (_, State::Ended | State::NotAtomic | State::Handler(_)) => Step::Lost(MISMATCH),
            _ => {
                self.state = State::Start;
                Step::Inside
            }
        }
    }

    fn symbol(&mut self, symbol: &str) -> Step {
        match symbol {
            "(" => self.parentheses += 1,
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            ":" if matches!(self.state, State::Label | State::TopLabel) => {
                self.state = State::Start;
                return Step::Inside;
            }
            "," if matches!(self.state, State::Handler(_)) => {
                self.state = State::Handler(true);
                return Step::Inside;
            }
            _ => {}
        }
        match self.state {
            State::Definer(_) => {
                self.state = State::Definer(!matches!(symbol, "(" | ")"));
                Step::Inside
            }
            State::Head(_) | State::Declare | State::InnerCreate(_) | State::TopSet(_) => Step::Inside,
            _ => self.other(),
        }
    }

    /// A token that is neither word nor semicolon.
    fn other(&mut self) -> Step {
        self.state = match self.state {
            State::Top | State::ProgramBody => State::TopLabel,
            State::TopLabel => State::Plain,
            State::TopBegin => return Step::Lost("`BEGIN` begins a transaction here: only `;` can follow"),
            State::Definer(_) => State::Definer(false),
            State::Name(program, _) => State::Head(program),
            State::Head(Program::Trigger) if self.before == Before::EachRow(3) => State::TopLabel,
            State::TriggerOrder => State::ProgramBody,
            State::Start => State::Label,
            State::Label | State::HandlerFor => State::Inner,
            State::Handler(_) => State::Handler(false),
            State::AfterBlock(true) => State::AfterBlock(false),
            State::AfterBlock(false) | State::NotAtomic | State::Ended => return Step::Lost(MISMATCH),
            state => state,
        };
        Step::Inside
    }

    fn word(&mut self, word: &str, range: &Range<usize>, oracle: Oracle) -> Step {
        let is_block = matches!(word, "begin" | "if" | "case" | "loop" | "repeat" | "while" | "for");
        match self.state {
            State::Top => self.top_word(word, range, oracle),
            State::TopBegin => match word {
                "not" => {
                    self.open(Open::Begin, range, State::NotAtomic);
                    Step::Inside
                }
                "work" => self.go(State::Plain),
                _ => self.other(),
            },
            State::TopSet(false) => {
                self.go(if word == "statement" { State::TopSet(true) } else { State::Plain })
            }
            State::TopSet(true) => self.go(if word == "for" { State::Top } else { State::TopSet(true) }),
            State::Create => self.create_word(word, oracle),
            State::Definer(false) => self.create_word(word, oracle),
            State::Name(program, behind) => match ["if", "not", "exists"].get(behind) {
                Some(next) if *next == word => self.go(State::Name(program, behind + 1)),
                _ => self.go(State::Head(program)),
            },
            State::Head(Program::Routine) if self.parentheses > 0 => Step::Inside,
            State::Head(Program::Routine) if is_block => self.start_word(word, range),
            State::Head(Program::Routine) => {
                let is_type = word == "set" && self.before == Before::Type;
                if VERBS.contains(&word) && !is_type { self.go(State::Plain) } else { Step::Inside }
            }
            State::Head(Program::Trigger) if self.before == Before::EachRow(3) => match word {
                "follows" | "precedes" => self.go(State::TriggerOrder),
                _ => self.program_body(word, is_block, range),
            },
            State::Head(Program::Event) if word == "do" && self.parentheses == 0 => {
                self.go(State::ProgramBody)
            }
            State::Head(_) => Step::Inside,
            State::ProgramBody => self.program_body(word, is_block, range),
            State::Start => self.start_word(word, range),
            State::Label | State::Inner => {
                self.state = State::Inner;
                self.inner_word(word, range)
            }
            State::Condition => self.condition_word(word, range),
            State::Declare if word == "handler" => self.go(State::HandlerFor),
            State::Declare => self.inner_word(word, range),
            State::HandlerFor => self.go(if word == "for" { State::Handler(true) } else { State::Inner }),
            State::Handler(expected) => match word {
                "sqlstate" | "value" | "not" | "found" | "sqlwarning" | "sqlexception" => {
                    self.go(State::Handler(false))
                }
                _ if expected => self.go(State::Handler(false)),
                _ => self.start_word(word, range),
            },
            State::InnerCreate(true) if word == "do" && self.parentheses == 0 => self.go(State::Start),
            State::InnerCreate(_) if word == "event" => self.go(State::InnerCreate(true)),
            State::InnerCreate(false) if BODILESS.contains(&word) => self.go(State::Inner),
            State::InnerCreate(_) => self.inner_word(word, range),
            State::NotAtomic if word == "atomic" => self.go(State::Start),
            State::Ended => self.ended_word(word),
            State::AfterBlock(_) if is_block && word != "begin" => Step::Lost(MISMATCH),
            State::TopLabel
            | State::Definer(true)
            | State::TriggerOrder
            | State::NotAtomic
            | State::AfterBlock(_) => self.other(),
            State::Plain | State::Lost => Step::Inside,
        }
    }

    fn top_word(&mut self, word: &str, range: &Range<usize>, oracle: Oracle) -> Step {
        match word {
            "create" | "alter" => self.go(State::Create),
            "begin" | "declare" if oracle != Oracle::No => lost_to(oracle),
            "begin" => self.go(State::TopBegin),
            "set" => self.go(State::TopSet(false)),
            "if" | "case" | "loop" | "repeat" | "while" | "for" => self.start_word(word, range),
            _ => self.go(State::TopLabel),
        }
    }

    fn create_word(&mut self, word: &str, oracle: Oracle) -> Step {
        match word {
            "or" | "replace" | "aggregate" => self.go(State::Create),
            "definer" => self.go(State::Definer(true)),
            "procedure" | "function" | "trigger" | "event" if oracle != Oracle::No => lost_to(oracle),
            "procedure" | "function" => self.go(State::Name(Program::Routine, 0)),
            "trigger" => self.go(State::Name(Program::Trigger, 0)),
            "event" => self.go(State::Name(Program::Event, 0)),
            "package" => Step::Lost("where a package ends is not known here"),
            _ => self.go(State::Plain),
        }
    }

    fn program_body(&mut self, word: &str, is_block: bool, range: &Range<usize>) -> Step {
        if is_block { self.start_word(word, range) } else { self.go(State::TopLabel) }
    }

    /// The first word of a statement inside.
    fn start_word(&mut self, word: &str, range: &Range<usize>) -> Step {
        match (word, self.top()) {
            ("begin", _) => self.open(Open::Begin, range, State::Start),
            ("not", Some(Open::Begin)) => self.state = State::NotAtomic,
            ("if", _) => self.open(Open::If, range, State::Condition),
            ("case", _) => self.open(Open::Case, range, State::Condition),
            ("loop", _) => self.open(Open::Loop, range, State::Start),
            ("repeat", _) => self.open(Open::Repeat, range, State::Start),
            ("while", _) => self.open(Open::While, range, State::Condition),
            ("for", _) => self.open(Open::For, range, State::Condition),
            ("until", Some(Open::Repeat)) | ("elseif", Some(Open::If)) | ("when", Some(Open::Case)) => {
                self.state = State::Condition;
            }
            ("else", Some(Open::If | Open::Case)) => self.state = State::Start,
            ("end", Some(Open::Begin)) => self.close(),
            ("end", Some(Open::If | Open::Case | Open::Loop | Open::While | Open::For)) => {
                self.state = State::Ended;
            }
            ("until" | "elseif" | "when" | "else" | "then" | "end", _) => return Step::Lost(MISMATCH),
            ("declare", _) => self.state = State::Declare,
            ("create" | "alter", _) => self.state = State::InnerCreate(false),
            _ => self.state = State::Label,
        }
        Step::Inside
    }

    fn inner_word(&mut self, word: &str, range: &Range<usize>) -> Step {
        let in_choice = self.top() == Some(Open::Choice);
        match word {
            "case" => self.open.push((Open::Choice, range.clone())),
            "end" if in_choice => {
                self.open.pop();
            }
            "then" if !in_choice => return Step::Lost(MISMATCH),
            _ => {}
        }
        Step::Inside
    }

    fn condition_word(&mut self, word: &str, range: &Range<usize>) -> Step {
        match (word, self.top()) {
            ("then", Some(Open::If | Open::Case)) | ("do", Some(Open::While | Open::For)) => {
                self.go(State::Start)
            }
            ("end", Some(Open::Repeat)) => self.go(State::Ended),
            _ => self.inner_word(word, range),
        }
    }

    /// The word after `END`.
    fn ended_word(&mut self, word: &str) -> Step {
        let fits = match self.top() {
            Some(Open::If) => word == "if",
            Some(Open::Case) => word == "case",
            Some(Open::Loop) => word == "loop",
            Some(Open::Repeat) => word == "repeat",
            Some(Open::While) => word == "while",
            Some(Open::For) => word == "for",
            Some(Open::Begin | Open::Choice) | None => false,
        };
        if !fits {
            return Step::Lost(MISMATCH);
        }
        self.close();
        Step::Inside
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Step::Inside
    }

    fn top(&self) -> Option<Open> {
        self.open.last().map(|(open, _)| *open)
    }

    fn open(&mut self, open: Open, range: &Range<usize>, state: State) {
        self.open.push((open, range.clone()));
        self.state = state;
    }

    fn close(&mut self) {
        self.open.pop();
        self.state = State::AfterBlock(true);
    }
}

fn lost_to(oracle: Oracle) -> Step {
    if oracle == Oracle::Perhaps { Step::LostToMode } else { Step::Lost(ORACLE) }
}
