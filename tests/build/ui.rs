//! Every way in which a directory or a call is refused, with the exact text that the compiler shows.
//!
//! A case is a directory below `ui`: the revisions, `expected.stderr`, and `call.rs` if the call says more than the
//! directory. Files that version control would spoil are made by [`generate`]. All cases are built by one `cargo check`.
//! With `UPDATE_EXPECT=1` in the environment the texts are written instead of compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use embed_migrations_tests::project::TestProject;
use migrate_revision::source::MAX_FILE_SIZE;
use serde_json::Value;

#[test]
fn what_is_refused_is_refused_with_its_reason_its_place_and_its_cure_and_nothing_else_fails() {
    let project = TestProject::new("ui");
    let cases = cases();
    for (name, directory) in &cases {
        let target = format!("cases/{name}");
        fs::create_dir_all(project.path(&target)).unwrap();
        copy(&project, directory, &target);
        generate(&project, name, &target);
        let call = fs::read_to_string(directory.join("call.rs"))
            .unwrap_or_else(|_| format!("embed_migrations!(\"cases/{name}\");\n"));
        project.write(&format!("src/bin/{name}.rs"), program(&call, &project.path(&target)));
    }
    let output = project.cargo(["check", "--bins", "--keep-going", "--message-format=json"]);
    let mut shown = rendered(&output.stdout);
    let mut wrong = Vec::new();
    for (name, directory) in &cases {
        let shown = shown.remove(name).unwrap_or_default();
        if shown.is_empty() {
            wrong.push(format!("{name}\nit compiles, or was not built"));
            continue;
        }
        let path = directory.join("expected.stderr");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, &shown).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != shown {
            wrong.push(format!("{name}\n{shown}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} texts are not as in `expected.stderr` (`UPDATE_EXPECT=1` writes them):\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn cases() -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/ui");
    fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .collect()
}

fn copy(project: &TestProject, from: &Path, to: &str) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            copy(project, &path, &format!("{to}/{name}"));
        } else if name != "expected.stderr" && name != "call.rs" {
            project.write(&format!("{to}/{name}"), fs::read(&path).unwrap());
        }
    }
}

/// What the rest of an application does with its revisions: it uses the set, and some of them by name.
fn program(call: &str, directory: &Path) -> String {
    let mut uses = vec!["    let _ = migrations::MIGRATIONS.revisions();\n".to_owned()];
    for entry in fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let table =
            name.strip_suffix(".sql").and_then(|stem| stem.split_once("_add_")).map(|(_, table)| table);
        if let Some(table) = table.filter(|table| table.bytes().all(|byte| byte.is_ascii_lowercase())) {
            let table = format!("{}{}", table[..1].to_uppercase(), &table[1..]);
            uses.push(format!("    let _ = migrations::Add{table};\n"));
        }
    }
    // Two revisions of one slug have other names.
    uses.sort();
    let twice: Vec<String> =
        uses.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0].clone()).collect();
    uses.retain(|line| !twice.contains(line));
    format!("use embed_migrations::embed_migrations;\n\n{call}\nfn main() {{\n{}}}\n", uses.concat())
}

/// What the compiler shows for each program, warnings included.
fn rendered(messages: &str) -> BTreeMap<String, String> {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for line in messages.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let message = &line["message"];
        let is_summary = message["spans"].as_array().is_none_or(Vec::is_empty)
            && message["message"].as_str().is_none_or(|text| text.starts_with("aborting due to"));
        if line["reason"] == "compiler-message" && line["target"]["kind"][0] == "bin" && !is_summary {
            let name = line["target"]["name"].as_str().unwrap_or_default().to_owned();
            shown.entry(name).or_default().push_str(message["rendered"].as_str().unwrap_or_default());
        }
    }
    shown
}

/// Adds what cannot be kept as it is in version control.
fn generate(project: &TestProject, case: &str, directory: &str) {
    let file = format!("{directory}/1f3a9c0d27be_add_users.sql");
    let head = "-- Add users\n--\n-- revision: 1f3a9c0d27be\n\n-- migrate:up\n";
    match case {
        "file_is_binary" => {
            project.write(&file, b"SQLite format 3\0\x10\0\x02\x02\0\x40\x20\x20\0\0\xff\xfe")
        }
        "file_is_latin1" => {
            project.write(
                &file,
                [head.as_bytes(), b"INSERT INTO users VALUES ('Zo\xeb', 'Ren\xe9');\n"].concat(),
            );
        }
        "file_with_nul" => project.write(&file, format!("{head}INSERT INTO users VALUES ('a\0b');\n")),
        "file_too_large" => {
            let rows = "INSERT INTO users (id) VALUES (1);\n".repeat(MAX_FILE_SIZE as usize / 35 + 1);
            project.write(&file, format!("{head}{rows}"));
        }
        "directory_named_like_a_revision" => fs::create_dir(project.path(&file)).unwrap(),
        #[cfg(unix)]
        "file_is_a_dangling_link" => std::os::unix::fs::symlink("nowhere.sql", project.path(&file)).unwrap(),
        #[cfg(unix)]
        "file_name_not_utf8" => write_name(&project.path(directory), b"1f3a9c0d27be_na\xefve.sql"),
        #[cfg(unix)]
        "data_file_name_not_utf8" => write_name(&project.path(directory).join("data"), b"na\xefve.csv"),
        #[cfg(unix)]
        "data_file_unreadable" => {
            let data = project.path(directory).join("data");
            fs::create_dir(&data).unwrap();
            std::os::unix::fs::symlink("nowhere.csv", data.join("users.csv")).unwrap();
        }
        #[cfg(unix)]
        "lock_is_a_dangling_link" => {
            let lock = project.path(directory).join("migrations.lock");
            std::os::unix::fs::symlink("nowhere.lock", lock).unwrap();
        }
        "lock_not_utf8" => project.write(&format!("{directory}/migrations.lock"), b"version 1\n\xe9\n"),
        _ => {}
    }
}

#[cfg(unix)]
fn write_name(directory: &Path, name: &[u8]) {
    use std::os::unix::ffi::OsStrExt as _;
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
}
