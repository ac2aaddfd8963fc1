//! A page's blocks in order, as a person would go through them: its files are written, its command lines are typed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use embed_migrations_tests::command;
use embed_migrations_tests::project::{Output, TestProject, offline_cargo, workspace};
use regex::Regex;
use snapbox::{Assert, IntoData, Redactions};

use crate::page::{Block, Page};

/// A command line of a page, and what the page says of it.
struct Line<'a> {
    number: usize,
    text: &'a str,
    /// What it prints, if the page shows that; `...` and `[..]` stand for anything
    output: String,
}

impl Line<'_> {
    /// The command without the comment behind it.
    fn command(&self) -> &str {
        self.text.split_once(" #").map_or(self.text, |(command, _)| command).trim_end()
    }

    /// 0, unless there is a comment `# exits with 7` behind the command.
    fn code(&self) -> i32 {
        let said = self.text.split_once("# exits with ").map(|(_, rest)| rest);
        let digits = said.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
        digits.map_or(0, |digits| digits.parse().expect("`# exits with` is followed by a code"))
    }
}

/// The lines after a `$`, each with what follows up to the next.
fn lines(block: &Block) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (offset, text) in block.text.lines().enumerate() {
        if let Some(text) = text.strip_prefix("$ ") {
            lines.push(Line { number: block.line + 1 + offset, text, output: String::new() });
        } else {
            let line = lines.last_mut().expect("a block of the console begins with a command");
            line.output.push_str(text);
            line.output.push('\n');
        }
    }
    lines
}

/// A page and the throw-away project that it is tried on.
pub(crate) struct Session<'a> {
    page: &'a Page,
    project: TestProject,
    /// The variables and the directory after the last line
    state: PathBuf,
    /// The revisions that the page shows, and those that the commands really made
    ids: BTreeMap<String, String>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(page: &'a Page) -> Self {
        let stem: String = page.name.split(['/', '.', '-']).collect::<Vec<_>>().join("_").to_lowercase();
        let name = format!("docs_{stem}");
        let project = TestProject::new(&name).file("src/main.rs", "fn main() {}\n");
        // What stands for the registry, which does not have what is under test.
        let registry = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [patch.crates-io]\nembed-migrations.path = {:?}\n\n",
            workspace().display().to_string()
        );
        let shows_manifest = page.blocks.iter().any(|block| block.file.as_deref() == Some("Cargo.toml"));
        let usual =
            "[dependencies]\nembed-migrations = { version = \"0.1\", features = [\"sqlite-bundled\"] }\n";
        project.write("Cargo.toml", registry + if shows_manifest { "" } else { usual });
        let state = project.path(".state");
        project.write(".state", "");
        Self { page, project, state, ids: BTreeMap::new() }
    }

    /// Goes through the page, but for the commands that are excused. Gives back how many it has run.
    pub(crate) fn run(mut self, mut is_excused: impl FnMut(&str) -> bool) -> usize {
        let (mut has_program, mut run) = (false, 0);
        for block in &self.page.blocks {
            if let Some(file) = &block.file {
                has_program |= block.language == "rust";
                self.write(file, &block.text);
            }
            if block.language == "console" {
                for line in lines(block).iter().filter(|line| !is_excused(line.command())) {
                    self.type_line(line);
                    run += 1;
                }
            }
        }
        if has_program {
            self.project.cargo(["check", "--quiet"]).succeeded();
        }
        run
    }

    /// A file of the page; what belongs into Cargo.toml is added to what cargo puts there.
    fn write(&self, file: &str, text: &str) {
        let before = if file == "Cargo.toml" { self.project.read(file) } else { String::new() };
        self.project.write(&self.real(file), before + &self.real(text));
    }

    fn type_line(&mut self, line: &Line<'_>) {
        const SCRIPT: &str = "exec 2>&1; . \"$STATE\"; eval \"$1\"; code=$?; \
                              { export -p; printf 'cd %q\\n' \"$PWD\"; } >\"$STATE\"; exit $code";
        let root = self.project.path("");
        let mut text = self.real(line.text);
        // The repository's own programs, without leaving their files in it.
        if text.starts_with("cargo run --example ") {
            let manifest = workspace().join("Cargo.toml").display().to_string();
            text = text.replacen("cargo run", &format!("cargo run --quiet --manifest-path '{manifest}'"), 1);
        }
        // Only for the variables that cargo is given.
        let cargo = offline_cargo(&root);
        let mut command = Command::new("bash");
        command.envs(cargo.get_envs().filter_map(|(name, value)| Some((name, value?))));
        for variable in command::HEEDED {
            command.env_remove(variable);
        }
        command
            .args(["-c", SCRIPT, "bash", &text])
            .env("STATE", &self.state)
            .env("PATH", command::path())
            .current_dir(&root)
            .stdin(Stdio::null());
        let done = Output::of(&mut command, &root);
        let place = self.page.place(line.number);
        assert_eq!(done.code, Some(line.code()), "{place}: `{}`\n{}", line.text, done.stdout);
        if !line.output.is_empty() {
            self.compare(&place, line, &done.stdout);
        }
    }

    /// Holds what was printed against the page. How long something took is never the same.
    fn compare(&mut self, place: &str, line: &Line<'_>, printed: &str) {
        let (shown, made) = (ids(&line.output), ids(printed));
        if shown.len() == made.len() {
            for (shown, made) in shown.into_iter().zip(made) {
                self.ids.entry(shown).or_insert(made);
            }
        }
        let mut redactions = Redactions::new();
        redactions
            .insert("[MS]", Regex::new(r"(?<redacted>\d+) ms").expect("it is one"))
            .expect("it has brackets");
        let shown = redactions.redact(&self.real(&line.output));
        let assert = Assert::new().redact_with(redactions);
        if let Err(error) = assert.try_eq(Some(&place), printed.into_data(), shown.into_data()) {
            panic!("{place}: `{}` prints something else\n{error}", line.text);
        }
    }

    /// A text of the page with the revisions that the commands made.
    fn real(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (shown, made)| text.replace(shown, made))
    }
}

/// What looks like the id of a revision that `new` has made up.
fn ids(text: &str) -> Vec<String> {
    let id = Regex::new(r"\b[0-9a-f]{12}").expect("it is one");
    id.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}
