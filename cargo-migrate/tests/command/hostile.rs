//! Arguments and configuration that would lead elsewhere.

use std::fs;

use crate::project::Project;

/// Everything in a project's directory and beside it.
fn everything(project: &Project) -> Vec<String> {
    let root = project.path("");
    let mut directories = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path.clone());
            }
            found.push(path.strip_prefix(&root).unwrap().display().to_string());
        }
    }
    found.sort();
    found
}

const NAMES: [&str; 10] =
    ["../x", "/tmp/x", "..", "a/b", "a\nb", "a'; DROP TABLE t; --", "a\u{0}b", "a b", "\u{202e}a", ""];

#[test]
fn no_id_parent_or_label_leads_out_of_the_directory() {
    let project = Project::chain(&["aaa"]);
    let before = everything(&project);
    for name in NAMES.into_iter().filter(|name| !name.contains('\0')) {
        for option in ["--id", "--head", "--depends-on"] {
            let done = project.run_all(&["new", "-m", "Next", option, name]);
            assert!(done.code > 0, "{option} {name:?}: {done:?}");
            assert!(!done.stderr.contains("panicked"), "{option} {name:?}: {done:?}");
        }
        for arguments in [["show", name], ["edit", name], ["merge", name], ["rebase", name]] {
            let done = project.run_all(&arguments);
            assert!(done.code > 0 && !done.stderr.contains("panicked"), "{arguments:?}: {done:?}");
        }
    }
    assert_eq!(everything(&project), before);
    // A label stands in the header alone, and may hold a slash.
    for name in NAMES.into_iter().filter(|name| !name.contains('\0')) {
        let done = project.run_all(&["new", "-m", "Next", "--label", name]);
        assert!(!done.stderr.contains("panicked"), "{name:?}: {done:?}");
    }
    let mut after = everything(&project).into_iter().filter(|path| !before.contains(path));
    assert!(after.all(|path| path.starts_with("migrations/") && path.ends_with("_next.sql")));
}

#[test]
fn a_message_of_any_kind_makes_a_name_within_the_directory() {
    let project = Project::initialised();
    let messages =
        ["../../etc/passwd", "/", "..", "\u{4e2d}\u{6587}", "C:\\x", "'; rm -rf ~; '", "$(id) `id`", "-x"];
    for (place, message) in messages.iter().enumerate() {
        project.run_all(&["new", &format!("--message={message}"), "--id", &format!("r{place}")]).ok();
    }
    let names = project.migrations();
    assert_eq!(names.len(), messages.len(), "{names:?}");
    assert!(
        names.iter().all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))),
        "{names:?}"
    );
    assert_eq!(project.run("history").ok().lines().count(), messages.len());
}

#[test]
fn no_template_leads_out_of_the_directory() {
    for template in [
        "../{revision}_{slug}",
        "{revision}_/../../{slug}",
        "/tmp/{revision}_{slug}",
        "{revision}_{slug}/x",
        "{revision}_..",
        "{revision}",
    ] {
        let project = Project::with_manifest(&format!(
            "[package]\nname = \"app\"\n[package.metadata.migrate]\nfile-template = \"{template}\"\n"
        ));
        project.run("init").ok();
        let before = everything(&project);
        let done = project.run("new -m Next --id aaa");
        assert!(done.failed(3).contains("makes no name of a revision file"), "{template}: {done:?}");
        assert_eq!(everything(&project), before);
    }
}

#[test]
fn what_other_tools_files_are_called_leads_nowhere_else() {
    let project = Project::new();
    project.write("old/1_..%2f..%2fx.up.sql", "CREATE TABLE a (x INTEGER);\n");
    project.write("old/2_$(id) `id`'.up.sql", "CREATE TABLE b (x INTEGER);\n");
    let before = everything(&project);
    let done = project.run("adopt --from golang-migrate old");
    let new: Vec<String> = everything(&project).into_iter().filter(|path| !before.contains(path)).collect();
    assert!(done.code == 0 || new.is_empty(), "{done:?} {new:?}");
    let inside = |path: &String| path == "migrations" || path.starts_with("migrations/");
    assert!(new.iter().all(inside), "{new:?}");
}
