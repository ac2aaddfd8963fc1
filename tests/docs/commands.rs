//! The commands that texts name: in backticks, in tables, in the sources' documentation and hints.

use std::collections::BTreeMap;
use std::process::Command;

use embed_migrations_tests::command;
use embed_migrations_tests::project::workspace;
use regex::Regex;

use crate::page::{Page, files, pages};

/// What each subcommand says of itself when asked for help; empty for what is none.
#[derive(Default)]
struct Helps(BTreeMap<String, String>);

impl Helps {
    fn of(&mut self, subcommand: &str) -> &str {
        self.0.entry(subcommand.to_owned()).or_insert_with(|| {
            let mut command = Command::new(command::program());
            let done = command.args(["migrate", subcommand, "--help"]).output().expect("the command runs");
            if done.status.success() {
                String::from_utf8(done.stdout).expect("it prints text")
            } else {
                String::new()
            }
        })
    }

    /// What is wrong with a line of arguments: a subcommand or an option that does not exist.
    fn problem(&mut self, line: &str) -> Option<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (subcommand, words) = words.split_first()?;
        if subcommand.starts_with('-') {
            return None;
        }
        let help = self.of(subcommand);
        if help.is_empty() {
            return Some(format!("there is no `cargo migrate {subcommand}`"));
        }
        let option = Regex::new(r"^\[?(--?[a-z][a-z-]*)").expect("it is one");
        let named = words.iter().filter_map(|word| option.captures(word)?.get(1)).map(|found| found.as_str());
        let known = options(help);
        let unknown: Vec<&str> =
            named.filter(|named| !known.iter().flatten().any(|known| known == named)).collect();
        (!unknown.is_empty()).then(|| format!("`cargo migrate {subcommand}` has no {unknown:?}"))
    }
}

/// The options that a help shows, the short and the long name of each together.
fn options(help: &str) -> Vec<Vec<&str>> {
    let lines =
        help.lines().map(str::trim_start).filter(|line| line.starts_with('-') && !line.starts_with("- "));
    let names = |line| str::split_whitespace(line).map(|word: &str| word.trim_end_matches(','));
    lines.map(|line| names(line).filter(|word| word.starts_with('-')).collect()).collect()
}

/// The lines of arguments that a page names: `cargo migrate ..`, and the cells of columns of commands.
fn named(page: &Page) -> Vec<(usize, &str)> {
    let of_span =
        |span: &'_ crate::page::Span| matches!(span.column.as_deref(), Some("command" | "cargo migrate"));
    let spans = page.spans.iter().filter_map(|span| {
        let full = span.text.strip_prefix("cargo migrate ");
        Some((span.line, full.or_else(|| of_span(span).then_some(span.text.as_str()))?))
    });
    spans.collect()
}

#[test]
fn every_command_that_a_page_names_exists_with_its_options() {
    let mut helps = Helps::default();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in &pages() {
        for (line, arguments) in named(page) {
            count += 1;
            wrong.extend(helps.problem(arguments).map(|problem| format!("{}: {problem}", page.place(line))));
        }
    }
    println!("{count} commands looked up");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_that_documentation_and_hints_in_the_sources_name_exists_with_its_options() {
    let mut helps = Helps::default();
    let (mut wrong, mut count) = (Vec::new(), 0);
    // A text may go on behind a backslash, and documentation on the next line.
    let line_ends = Regex::new(r"\\?\n\s*(//[/!] ?)?").expect("it is one");
    let in_backticks = Regex::new("`cargo migrate ([^`]+)`").expect("it is one");
    let sources =
        ["src", "migrate-revision/src", "migrate-macros/src", "migrate-runtime/src", "migrate-cli/src"];
    let sources = sources.iter().chain(&["cargo-migrate/src"]).flat_map(|directory| files(directory, "rs"));
    for source in sources {
        let text = std::fs::read_to_string(workspace().join(&source)).expect("the source can be read");
        let text = line_ends.replace_all(&text, " ");
        for found in in_backticks.captures_iter(&text) {
            count += 1;
            let arguments = found.get(1).map_or("", |found| found.as_str());
            wrong.extend(helps.problem(arguments).map(|problem| format!("{source}: {problem}")));
        }
    }
    println!("{count} commands looked up");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_command_is_on_the_page_of_the_command_and_every_option_there_or_on_its_own_page() {
    let page = Page::read("docs/command.md");
    let adopting = Page::read("docs/adopting.md");
    let help = Command::new(command::program()).args(["migrate", "--help"]).output().expect("it runs");
    let help = String::from_utf8(help.stdout).expect("it prints text");
    let list =
        help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("it lists them");
    let (mut helps, mut missing) = (Helps::default(), Vec::new());
    for command in
        list.lines().filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "help")
    {
        if !named(&page).iter().any(|(_, line)| line.split_whitespace().next() == Some(command)) {
            missing.push(command.to_owned());
        }
        let said = |name: &&str| {
            page.spans
                .iter()
                .chain(&adopting.spans)
                .any(|span| span.text.split([' ', '[', ']']).any(|word| word == *name))
        };
        let unsaid = options(helps.of(command)).into_iter().filter(|names| !names.iter().any(said));
        missing.extend(
            unsaid
                .filter(|names| !names.contains(&"--help"))
                .map(|names| format!("{command} {}", names.join(" "))),
        );
    }
    assert!(missing.is_empty(), "on no page: {missing:?}");
}
