//! A new revision file: its name, its text, and what happens around its writing.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::ZonedDateTime;
use migrate_cli::{Error, Exit, Output};
use migrate_revision::source::{ParsedRevision, Resolved, SourceText};
use migrate_revision::{Placed, RevisionId};

use crate::clock;
use crate::error::problems_with;
use crate::files;
use crate::project::Project;
use crate::set;

/// The longest slug, in characters: file systems end names at 255 bytes.
const MAX_SLUG: usize = 60;

/// What a new revision is to be.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The first line of its prose, and what follows it
    pub(crate) message: String,
    /// Its id; a random one if there is none
    pub(crate) id: Option<RevisionId>,
    /// What its header says of others
    pub(crate) placed: Placed,
    /// Its sections
    pub(crate) body: DraftBody,
}

/// The sections of a new revision.
#[derive(Debug)]
pub(crate) enum DraftBody {
    /// One for every backend
    Plain,
    /// One for each of these
    PerBackend(Vec<String>),
    /// A Rust file
    Rust,
    /// None: a merge
    None,
}

/// A revision that was written.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Written {
    /// Its id
    pub(crate) revision: String,
    /// Its parents
    pub(crate) revises: Vec<String>,
    /// Its file
    pub(crate) file: String,
}

/// Writes a new revision file, makes cargo notice it and runs the commands for new files.
///
/// # Errors
/// When the id is taken, the template makes no name, the file cannot be written, or a command fails.
pub(crate) fn write(
    project: &Project,
    set: &Resolved,
    draft: &Draft,
    output: &Output,
) -> Result<Written, Error> {
    let id = match &draft.id {
        Some(id) => id.to_string(),
        None => loop {
            let id = files::random_hex();
            if set.graph.named(&id).is_none() {
                break id;
            }
        },
    };
    let now = clock::now(&project.config.zone);
    let name = file_name(project, &id, draft, &now)?;
    let path = project.config.directory.join(&name);
    let text = text(&id, draft, &now);
    accept(&name, &text)?;
    files::create(&path, &text)?;
    set::touch(project, set, output);
    let file = path.display().to_string();
    for command in &project.config.post_write {
        post_write(project, command, &path, output)?;
    }
    Ok(Written { revision: id, revises: parents(draft), file })
}

/// A revision file's text with another parent, and nothing else changed.
///
/// # Errors
/// When the text is none of a revision.
pub(crate) fn with_parent(name: &str, text: &str, parent: &str) -> Result<String, Error> {
    let comment = if name.ends_with(".rs") { "//!" } else { "--" };
    let key = |line: &str, key: &str| {
        let line = line.trim_start_matches('\u{feff}').trim_start();
        let rest = line.strip_prefix(comment).and_then(|rest| rest.split_once(':'));
        rest.is_some_and(|(name, _)| name.trim() == key)
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // Below the header the same words are a comment: with something there that is no id, the file is still a revision.
    let of_header = |wanted: &str| {
        lines.iter().enumerate().filter(|(_, line)| key(line, wanted)).map(|(number, _)| number).find(
            |&number| {
                let mut lines = lines.clone();
                let line = format!("{comment} {wanted}: !\n");
                lines[number] = &line;
                accept(Path::new(name), &lines.concat()).is_err()
            },
        )
    };
    let place = of_header("revises").or_else(|| of_header("revision"));
    let mut new = String::with_capacity(text.len() + parent.len());
    for (number, line) in lines.iter().enumerate() {
        if Some(number) != place {
            new.push_str(line);
            continue;
        }
        let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
        let indent = line.split_once(comment).map_or("", |(before, _)| before);
        if key(line, "revision") {
            new.push_str(line);
            new.push_str(if line.ends_with('\n') { "" } else { end });
            new.push_str(&format!(
                "{}{comment} revises: {parent}{end}",
                indent.trim_start_matches('\u{feff}')
            ));
        } else {
            new.push_str(&format!("{indent}{comment} revises: {parent}{end}"));
        }
    }
    accept(Path::new(name), &new)?;
    Ok(new)
}

/// Reads the text as a build will, so that a message or a label that means something else is never written.
fn accept(name: &Path, text: &str) -> Result<(), Error> {
    let name = name.display().to_string();
    let source = SourceText::new(&name, &name, text.as_bytes());
    let parsed = source.map_err(|problem| vec![problem]).and_then(ParsedRevision::new);
    parsed.map(drop).map_err(|problems| problems_with(&problems, Exit::Usage))
}

/// The file's text.
fn text(id: &str, draft: &Draft, now: &ZonedDateTime) -> String {
    let comment = if matches!(draft.body, DraftBody::Rust) { "//!" } else { "--" };
    let mut text = String::new();
    for line in draft.message.trim().lines() {
        text.push_str(format!("{comment} {}", line.trim()).trim_end());
        text.push('\n');
    }
    text.push_str(&format!("{comment}\n{comment} revision: {id}\n"));
    let parents = parents(draft);
    let parents = if parents.is_empty() { "none".to_owned() } else { parents.join(", ") };
    text.push_str(&format!("{comment} revises: {parents}\n"));
    for (key, values) in [("depends-on", &draft.placed.depends_on), ("labels", &draft.placed.labels)] {
        if !values.is_empty() {
            text.push_str(&format!("{comment} {key}: {}\n", values.join(", ")));
        }
    }
    text.push_str(&format!("{comment} created: {}\n", clock::written(now)));
    match &draft.body {
        DraftBody::None => {}
        DraftBody::Plain => text.push_str("\n-- migrate:up\n\n\n-- migrate:down\n\n"),
        DraftBody::PerBackend(backends) => {
            for direction in ["up", "down"] {
                for backend in backends {
                    text.push_str(&format!("\n-- migrate:{direction} {backend}\n\n"));
                }
            }
        }
        DraftBody::Rust => text.push_str(
            "\nuse embed_migrations::{Db, Result};\n\n\
             pub async fn up(db: &mut Db<'_>) -> Result<()> {\n    \
             let _rows = db.query(\"SELECT 1\", &[]).await?;\n    Ok(())\n}\n",
        ),
    }
    text
}

fn parents(draft: &Draft) -> Vec<String> {
    draft.placed.revises.iter().map(ToString::to_string).collect()
}

/// The file's name by the template.
fn file_name(project: &Project, id: &str, draft: &Draft, now: &ZonedDateTime) -> Result<PathBuf, Error> {
    let template = &project.config.file_template;
    let wrong = |why: &str| {
        Error::project(format!(
            "`file-template = \"{template}\"` {why}\n\nhint: write it as `{{revision}}_{{slug}}`; date parts go after \
             the revision: `{{revision}}_{{year}}{{month}}{{day}}_{{slug}}`"
        ))
    };
    let mut stem = String::new();
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        stem.push_str(before);
        let (name, after) = after.split_once('}').ok_or_else(|| wrong("has a brace without end"))?;
        match name {
            "revision" => stem.push_str(id),
            "slug" => stem.push_str(&slug(&draft.message)),
            "year" => stem.push_str(&format!("{:04}", now.year())),
            "month" => stem.push_str(&format!("{:02}", now.month())),
            "day" => stem.push_str(&format!("{:02}", now.day())),
            "hour" => stem.push_str(&format!("{:02}", now.hour())),
            "minute" => stem.push_str(&format!("{:02}", now.minute())),
            "second" => stem.push_str(&format!("{:02}", now.second())),
            _ => return Err(wrong(&format!("has the unknown part `{{{name}}}`"))),
        }
        rest = after;
    }
    stem.push_str(rest);
    let slug = stem.strip_prefix(id).and_then(|rest| rest.strip_prefix('_'));
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if !slug.is_some_and(|slug| !slug.is_empty() && slug.chars().all(is_allowed)) {
        return Err(wrong("makes no name of a revision file"));
    }
    let extension = if matches!(draft.body, DraftBody::Rust) { "rs" } else { "sql" };
    Ok(PathBuf::from(format!("{stem}.{extension}")))
}

/// A message as the part of a file's name: letters and digits, `_` between words.
pub(crate) fn slug(message: &str) -> String {
    let mut slug = String::new();
    for word in message.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if slug.len() + word.len() >= MAX_SLUG && !slug.is_empty() {
            break;
        }
        if !slug.is_empty() {
            slug.push('_');
        }
        slug.extend(word.chars().take(MAX_SLUG).map(|c| c.to_ascii_lowercase()));
    }
    if slug.is_empty() { "revision".into() } else { slug }
}

/// Runs a command on a new file; `{file}` in it is the file's path.
fn post_write(project: &Project, command: &[String], file: &Path, output: &Output) -> Result<(), Error> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned()).display().to_string();
    let words: Vec<String> = command.iter().map(|word| word.replace("{file}", &file)).collect();
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let kept = format!("the file is written: `{file}`");
    let done =
        Command::new(program).args(arguments).current_dir(&project.root).output().map_err(|error| {
            Error::program(format!("`{program}` of `post-write` cannot be run: {error}; {kept}"))
        })?;
    for text in [&done.stdout, &done.stderr] {
        let text = String::from_utf8_lossy(text);
        if !text.trim().is_empty() {
            output.note(text.trim_end());
        }
    }
    if !done.status.success() {
        return Err(Error::program(format!("`{program}` of `post-write` failed ({}); {kept}", done.status)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_parent_changes_one_line() {
        let text =
            "-- Say so: yes\r\n--  revision:a\r\n-- revises : x, y\r\n\r\n-- migrate:up\r\nSELECT 1;\r\n";
        let moved = with_parent("a_b.sql", text, "z").unwrap();
        assert_eq!(moved, text.replace("-- revises : x, y", "-- revises: z"));
        let text = "\u{feff}-- revision: a\n-- created: 2026-01-01\n-- migrate:up\nSELECT 1;";
        let moved = with_parent("a_b.sql", text, "z").unwrap();
        assert_eq!(moved, text.replace("revision: a\n", "revision: a\n-- revises: z\n"));
    }

    #[test]
    fn another_parent_goes_into_the_header() {
        let body = "-- revises: y\n-- migrate:up\n-- revises: x\n-- revision: b\nSELECT 1; -- revision: c\n";
        let text = format!("/*\n-- revises: w\n*/\n-- revision: a\n-- created: 2026-01-01\n{body}");
        let moved = with_parent("a_b.sql", &text, "z").unwrap();
        assert_eq!(moved, text.replace("-- revises: y", "-- revises: z"));
        let text = text.replace("-- revises: y\n", "");
        let moved = with_parent("a_b.sql", &text, "z").unwrap();
        assert_eq!(moved, text.replace("-- revision: a\n", "-- revision: a\n-- revises: z\n"));
        let text = "// revision: b\n//! revision: a\n\npub async fn up(db: &mut Db<'_>) -> Result<()> { Ok(()) }\n/*\n//! revises: y\n*/\n";
        let moved = with_parent("a_b.rs", text, "z").unwrap();
        assert_eq!(moved, text.replace("//! revision: a\n", "//! revision: a\n//! revises: z\n"));
    }

    #[test]
    fn a_message_becomes_a_slug() {
        assert_eq!(slug("Add users"), "add_users");
        assert_eq!(slug("  It's a --test: ünïcode  "), "it_s_a_test_n_code");
        assert_eq!(slug("日本"), "revision");
        assert!(slug(&"word ".repeat(100)).len() <= MAX_SLUG);
        assert_eq!(slug(&"x".repeat(300)).len(), MAX_SLUG);
    }
}
