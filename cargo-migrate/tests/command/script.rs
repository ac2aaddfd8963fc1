//! `--sql`: scripts instead of runs.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::project::Project;

#[test]
fn a_script_is_printed_without_a_database_and_does_what_an_upgrade_does() {
    let project = Project::chain(&["aaa", "bbb"]);
    let script = project.run("upgrade head --sql").ok().to_owned();
    assert!(
        script.contains("CREATE TABLE t_aaa (x INTEGER)") && script.contains("migrate_history"),
        "{script}"
    );
    assert!(!project.path("app.db").exists());
    run(&project, &script);
    assert_eq!(project.on_database("current --check-heads").ok(), "bbb (head), Make bbb\n");
    assert_eq!(project.on_database("upgrade").ok(), "nothing to do: at bbb\n");
    let script = project.run("downgrade bbb:aaa --sql").ok().to_owned();
    run(&project, &script);
    assert_eq!(project.on_database("current").ok(), "aaa, Make aaa\n");
    let script = project.run("stamp aaa:bbb --sql").ok().to_owned();
    run(&project, &script);
    assert_eq!(project.on_database("current").ok(), "bbb (head), Make bbb\n");
}

#[test]
fn a_script_is_for_the_database_that_is_named() {
    let project = Project::with_manifest("[package]\nname = \"app\"\n");
    project.revision("aaa", "none");
    assert_eq!(
        project.run("upgrade --sql").failed(2),
        "error: it is not known for which database the script is\n\n\
         hint: name it: `--backend postgres`, `mysql`, `mariadb` or `sqlite`\n"
    );
    assert!(project.run("upgrade --sql --backend postgres").ok().contains("\\set ON_ERROR_STOP on"));
    let json = project.run("upgrade --sql --database-url postgres://nowhere/db --format json").json();
    assert_eq!(json["data"]["backend"], "postgres");
    assert!(project.on_database("upgrade --sql").ok().contains(".bail on"));
}

#[test]
fn what_makes_no_sense_with_a_script_is_refused() {
    let project = Project::chain(&["aaa"]);
    for line in [
        "upgrade --sql --dry-run",
        "stamp aaa --sql --purge",
        "upgrade --backend sqlite",
        "upgrade --sql --backup x",
    ] {
        assert_eq!(project.run(line).code, 2, "{line}");
    }
    assert!(project.run("downgrade base --sql").failed(11).contains("range"), "a way down needs a start");
    project.run("new -m 'In Rust' --rust --id bbb").ok();
    assert!(project.run("upgrade --sql").failed(16).contains("bbb_in_rust.rs"));
}

fn run(project: &Project, script: &str) {
    let mut shell =
        Command::new("sqlite3").arg(project.path("app.db")).stdin(Stdio::piped()).spawn().unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success(), "{script}");
}
