//! Revisions in Rust, which only the application can run.

use crate::project::Project;

#[test]
fn a_rust_revision_on_the_way_is_refused_before_anything_runs() {
    let project = Project::chain(&["aaa"]);
    project.run("new -m 'In Rust' --rust --id bbb").ok();
    let done = project.on_database("upgrade");
    assert_eq!(
        done.failed(16),
        "error: a revision is written in Rust and can be run only by the application that embeds it: \
         migrations/bbb_in_rust.rs\n\n\
         hint: run the application's own command, or name it: `runner = [\"cargo\", \"run\", \"--\", \"migrate\"]` in \
         `[package.metadata.migrate]`\n"
    );
    assert!(!project.path("app.db").exists());
    project.on_database("upgrade aaa").ok();
}

/// A project with revision `aaa` and on it `bbb` in Rust, whose application is a script.
#[cfg(unix)]
pub(crate) fn with_application(configuration: &str) -> Project {
    let project = Project::chain(&["aaa"]);
    project.run("new -m 'In Rust' --rust --id bbb").ok();
    let file = "migrations/bbb_in_rust.rs";
    let text = project.read(file);
    project.write(
        file,
        &format!("{text}\npub async fn down(_: &mut Db<'_>) -> Result<()> {{\n    Ok(())\n}}\n"),
    );
    let manifest = project.read("Cargo.toml");
    let runner = "runner = [\"sh\", \"app.sh\", \"migrate\"]";
    project
        .write("Cargo.toml", &format!("{manifest}\n[package.metadata.migrate]\n{runner}\n{configuration}\n"));
    project
}

/// Has the application say how it was called, do as `stamp` does with these arguments each, and end with a code.
#[cfg(unix)]
fn application(project: &Project, stamps: &[&str], code: u8) {
    let stamp = |arguments: &&str| {
        format!("'{}' stamp --purge {arguments} >&2 || exit 1\n", env!("CARGO_BIN_EXE_cargo-migrate"))
    };
    let stamps: String = stamps.iter().map(stamp).collect();
    project.write("app.sh", &format!("echo \"$@ on $DATABASE_URL\"\n{stamps}exit {code}\n"));
}

#[cfg(unix)]
#[test]
fn a_runner_gets_the_run_with_the_database_in_its_environment() {
    let project = with_application("");
    let root = project.path("").canonicalize().unwrap();
    let database = root.join("app.db").display().to_string();
    application(&project, &["bbb"], 0);
    assert_eq!(project.on_database("upgrade +2").ok(), format!("migrate upgrade +2 on sqlite:{database}\n"));
    application(&project, &["aaa"], 0);
    assert_eq!(
        project.on_database("downgrade -1 -y").ok(),
        format!("migrate downgrade --yes -1 on sqlite:{database}\n")
    );
    application(&project, &["bbb"], 0);
    let options = "--lock lease --lock-timeout 5 --color never";
    assert_eq!(
        project.on_database(&format!("upgrade {options}")).ok(),
        format!("migrate upgrade head --lock=lease --lock-timeout=5 --color=never on sqlite:{database}\n")
    );
    application(&project, &["aaa"], 0);
    assert_eq!(
        project.on_database(&format!("downgrade aaa -y {options}")).ok(),
        format!(
            "migrate downgrade --yes aaa --lock=lease --lock-timeout=5 --color=never on sqlite:{database}\n"
        )
    );
    // Without such a revision on the way there is no need.
    project.on_database("stamp base").ok();
    assert!(project.on_database("upgrade aaa").ok().starts_with("1 step, now at aaa"));
    application(&project, &[], 12);
    assert_eq!(
        project.on_database("upgrade").failed(12),
        "migrations/bbb_in_rust.rs is written in Rust: `sh app.sh migrate` runs it\n\
         error: `sh app.sh migrate` failed (exit status: 12)\n"
    );
    application(&project, &[], 99);
    project.on_database("upgrade").failed(1);
}

#[cfg(unix)]
#[test]
fn of_a_run_that_is_handed_over_programs_get_one_object() {
    let project = with_application("");
    let print = |text: &str, stamps: &[&str], code: u8| {
        application(&project, stamps, code);
        let script =
            project.read("app.sh").replace("echo \"$@ on $DATABASE_URL\"", &format!("echo '{text}'"));
        project.write("app.sh", &script);
        project.on_database("upgrade --format json")
    };
    // The application's, whatever it logs beside it.
    let failed =
        "{\"version\": 1, \"command\": \"upgrade\", \"error\": {\"exit\": 12, \"message\": \"theirs\"}}";
    let done = print(&format!("begun\n{failed}"), &[], 12);
    assert_eq!(done.json()["error"]["message"], "theirs");
    assert!(
        done.failed(12).contains("begun\nerror: `sh app.sh migrate` failed (exit status: 12)\n"),
        "{done:?}"
    );
    // Ours where it has none, or where that is not true.
    let done = print("begun", &[], 12);
    assert_eq!(done.json()["error"]["exit"], 12);
    assert!(done.failed(12).contains("begun\n"), "{done:?}");
    let ok = "{\"version\": 1, \"command\": \"upgrade\", \"data\": {\"steps\": []}}";
    let message = print(ok, &[], 0).json()["error"]["message"].to_string();
    assert!(message.contains("revision 'aaa' is not applied"), "{message}");
    let done = print(ok, &["bbb"], 0);
    assert_eq!((done.code, &done.json()["data"]["steps"]), (0, &serde_json::json!([])));
    project.on_database("stamp base --purge").ok();
    let done = print("begun", &["bbb"], 0);
    let message = done.json()["error"]["message"].to_string();
    assert!(message.contains("has done all, and printed no object"), "{message}");
    done.failed(1);
}

#[cfg(unix)]
#[test]
fn a_runner_that_did_not_do_what_was_planned_is_told() {
    let project = with_application("");
    application(&project, &[], 0);
    let done = project.on_database("upgrade");
    assert!(
        done.failed(1).contains(
            "error: `sh app.sh migrate` ended as if all were done, but revision 'aaa' is not applied in the history that \
             this command reads\n\nhint: "
        ),
        "{done:?}"
    );
    assert!(!project.path("app.db").exists(), "the command itself touches nothing");
    project.on_database("upgrade aaa").ok();
    assert!(project.on_database("upgrade").failed(1).contains("revision 'bbb' is not applied"));
    project.on_database("stamp bbb").ok();
    assert!(project.on_database("downgrade base -y").failed(1).contains("revision 'bbb' is not undone"));
}

#[cfg(unix)]
#[test]
fn a_runner_is_told_which_history_is_meant_and_another_one_does_not_count() {
    let project = with_application("table = \"h1\"\nnamespace = \"shop\"");
    // An application that keeps its history where it is by default.
    project
        .write("other/Cargo.toml", "[package]\n[package.metadata.migrate]\ndirectory = \"../migrations\"\n");
    application(&project, &["bbb --manifest-path other"], 0);
    let done = project.on_database("upgrade");
    assert!(done.failed(1).contains("revision 'aaa' is not applied"), "{done:?}");
    let variables = "$EMBED_MIGRATIONS_NAMESPACE/$EMBED_MIGRATIONS_SCHEMA/$EMBED_MIGRATIONS_TABLE";
    project.write("app.sh", &format!("echo \"{variables}\"; exit 3\n"));
    assert_eq!(project.on_database("upgrade").stdout, "shop//h1\n");
    let manifest = project.read("Cargo.toml");
    project.write("Cargo.toml", &format!("{manifest}schema = \"main\"\n"));
    assert_eq!(project.on_database("upgrade").stdout, "shop/main/h1\n");
}

#[cfg(unix)]
#[test]
fn a_runner_gets_a_run_on_many_databases_as_a_whole() {
    let project = Project::chain(&["aaa"]);
    project.run("new -m 'In Rust' --rust --id bbb").ok();
    project.write("tenants/urls", "# two\nsqlite:one.db\nsqlite:two.db\n");
    let fleet = "upgrade aaa --urls tenants/urls --limit 3 --fail-fast --lock none";
    assert!(project.run(fleet).failed(16).contains("a revision is written in Rust"));
    let project = with_application("");
    project.write("tenants/urls", "# two\nsqlite:one.db\nsqlite:two.db\n");
    let tenants = project.path("tenants").canonicalize().unwrap().display().to_string();
    let called = format!(
        "migrate upgrade aaa --urls={tenants}/urls --limit=3 --fail-fast --lock=none on sqlite:{tenants}/one.db\n"
    );
    let on = |name: &str| format!("aaa --database-url sqlite:tenants/{name}.db");
    application(&project, &[&on("one")], 0);
    let done = project.run(fleet);
    assert!(done.failed(1).contains("two.db is not at `aaa`"), "{done:?}");
    assert_eq!(done.stdout, called);
    assert!(!project.path("tenants/two.db").exists());
    application(&project, &[&on("one"), &on("two")], 0);
    assert_eq!(project.run(fleet).ok(), called);
    // Where that was is not known.
    application(&project, &[], 0);
    project.run("upgrade +1 --urls tenants/urls").ok();
}

#[cfg(unix)]
#[test]
fn a_runner_leads_many_databases_down_where_a_rust_revision_is_on_the_way_of_one() {
    let project = with_application("");
    project.write("tenants/urls", "sqlite:one.db\nsqlite:two.db\n");
    let tenants = project.path("tenants").canonicalize().unwrap().display().to_string();
    let on = |id: &str, name: &str| format!("{id} --database-url sqlite:tenants/{name}.db");
    project.run(&format!("stamp {}", on("bbb", "one"))).ok();
    project.run(&format!("stamp {}", on("bbb", "two"))).ok();
    application(&project, &[&on("aaa", "one")], 0);
    let line = "downgrade aaa --urls tenants/urls";
    let refused = project.run(line);
    assert!(refused.failed(17).contains("hint: add `--yes`") && refused.stdout.is_empty(), "{refused:?}");
    let called = format!("migrate downgrade --yes aaa --urls={tenants}/urls on sqlite:{tenants}/one.db\n");
    let done = project.run(&format!("{line} --yes"));
    assert!(
        done.failed(1).contains("of target sqlite:tenants/two.db revision 'bbb' is not undone"),
        "{done:?}"
    );
    assert_eq!(done.stdout, called);
    application(&project, &[&on("aaa", "two")], 0);
    assert_eq!(project.run(&format!("{line} --yes")).ok(), called);
    // Of all what there is to undo is to be known; one that lacks the revision is no matter.
    project.run(&format!("stamp --purge {}", on("bbb", "two"))).ok();
    project.write("tenants/more", "sqlite:two.db\nsqlite:../migrations\n");
    let unknown = project.run("downgrade aaa --yes --urls tenants/more");
    assert!(
        unknown.failed(19).contains("what there is to undo on sqlite:tenants/../migrations"),
        "{unknown:?}"
    );
    project.write("tenants/more", "sqlite:two.db\nsqlite:new.db\n");
    application(&project, &[&on("aaa", "two")], 0);
    assert!(
        project
            .run("downgrade aaa --yes --urls tenants/more")
            .ok()
            .starts_with("migrate downgrade --yes aaa ")
    );
    // Nobody is needed for what is left.
    project.write("app.sh", "exit 1\n");
    assert!(project.run(line).ok().contains("2 targets: 2 with nothing to do ("));
    assert!(
        project
            .run("downgrade base --yes --urls tenants/urls --dry-run")
            .ok()
            .contains("2 with something to do (")
    );
}

#[test]
fn a_runner_that_is_not_there_is_named() {
    let project = Project::chain(&["aaa"]);
    project.run("new -m 'In Rust' --rust --id bbb").ok();
    let manifest = project.read("Cargo.toml");
    project.write(
        "Cargo.toml",
        &format!("{manifest}\n[package.metadata.migrate]\nrunner = [\"no-such-program\"]\n"),
    );
    assert!(project.on_database("upgrade").failed(1).contains("`no-such-program` of `runner` cannot be run"));
}
