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

#[cfg(unix)]
#[test]
fn a_runner_gets_the_run_with_the_database_in_its_environment() {
    let project = Project::chain(&["aaa"]);
    project.run("new -m 'In Rust' --rust --id bbb").ok();
    let manifest = project.read("Cargo.toml");
    project.write(
        "Cargo.toml",
        &format!("{manifest}\n[package.metadata.migrate]\nrunner = [\"sh\", \"app.sh\", \"migrate\"]\n"),
    );
    project.write("app.sh", "echo \"$@ on $DATABASE_URL\"; exit $(cat code)\n");
    project.write("code", "0");
    let root = project.path("").canonicalize().unwrap();
    let database = root.join("app.db").display().to_string();
    assert_eq!(project.on_database("upgrade +2").ok(), format!("migrate upgrade +2 on sqlite:{database}\n"));
    assert!(!project.path("app.db").exists(), "the command itself touches nothing");
    let done = project.on_database("upgrade --format json");
    assert_eq!(done.ok(), format!("migrate upgrade head --format json on sqlite:{database}\n"));
    // Without such a revision on the way there is no need.
    assert!(project.on_database("upgrade aaa").ok().starts_with("1 step, now at aaa"));
    project.write("code", "12");
    assert_eq!(
        project.on_database("upgrade").failed(12),
        "migrations/bbb_in_rust.rs is written in Rust: `sh app.sh migrate` runs it\n\
         error: `sh app.sh migrate` failed (exit status: 12)\n"
    );
    project.write("code", "99");
    project.on_database("upgrade").failed(1);
}

#[cfg(unix)]
#[test]
fn a_runner_gets_a_run_on_many_databases_as_a_whole() {
    let project = Project::chain(&["aaa"]);
    project.run("new -m 'In Rust' --rust --id bbb").ok();
    project.write("tenants/urls", "# two\nsqlite:one.db\nsqlite:two.db\n");
    let fleet = "upgrade aaa --urls tenants/urls --limit 3 --fail-fast";
    assert!(project.run(fleet).failed(16).contains("a revision is written in Rust"));
    let manifest = project.read("Cargo.toml");
    project.write(
        "Cargo.toml",
        &format!("{manifest}\n[package.metadata.migrate]\nrunner = [\"sh\", \"app.sh\", \"migrate\"]\n"),
    );
    project.write("app.sh", "echo \"$@ on $DATABASE_URL\"\n");
    let tenants = project.path("tenants").canonicalize().unwrap().display().to_string();
    assert_eq!(
        project.run(fleet).ok(),
        format!(
            "migrate upgrade aaa --urls={tenants}/urls --limit=3 --fail-fast on sqlite:{tenants}/one.db\n"
        )
    );
    assert!(!project.path("tenants/one.db").exists());
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
