//! What `new` writes, and how.

use std::fs;
#[cfg(unix)]
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::project::{Done, Project};

#[test]
fn sections_header_and_name_are_as_asked() {
    let project = Project::chain(&["aaa"]);
    project
        .run("new -m 'Per backend' --id bbb --backend postgres --backend sqlite --label one --label two --depends-on aaa")
        .ok();
    let text = project.read("migrations/bbb_per_backend.sql");
    let (header, sections) = text.split_once("-- created: ").unwrap();
    assert_eq!(
        header,
        "-- Per backend\n--\n-- revision: bbb\n-- revises: aaa\n-- depends-on: aaa\n-- labels: one, two\n"
    );
    let sections: Vec<&str> = sections.lines().filter(|line| line.starts_with("-- migrate")).collect();
    assert_eq!(
        sections,
        [
            "-- migrate:up postgres",
            "-- migrate:up sqlite",
            "-- migrate:down postgres",
            "-- migrate:down sqlite"
        ]
    );
    project.run("new -m Other --base --id ccc").ok();
    assert!(project.read("migrations/ccc_other.sql").contains("\n-- revises: none\n"));
    project.run("revision -m 'In Rust' --head bbb --id ddd --rust").ok();
    let text = project.read("migrations/ddd_in_rust.rs");
    assert!(text.starts_with("//! In Rust\n//!\n//! revision: ddd\n//! revises: bbb\n"));
    assert!(text.contains("pub async fn up(db: &mut Db<'_>) -> Result<()> {"));
    project.run("heads").ok();
}

#[test]
fn a_new_file_makes_cargo_build_again_by_way_of_the_lock_file() {
    let project = Project::chain(&["aaa"]);
    project.run("lock").ok();
    assert_touched(&project, "migrations/migrations.lock", "new -m Next");
}

#[test]
fn without_a_lock_file_cargo_notices_a_new_file_or_the_lock_file_by_way_of_the_revisions() {
    let project = Project::chain(&["aaa"]);
    for line in ["new -m Next --rust", "lock"] {
        assert_touched(&project, "migrations/aaa_make.sql", line);
    }
}

/// That a command gives a file the present as its time and leaves its content.
fn assert_touched(project: &Project, file: &str, line: &str) {
    let path = project.path(file);
    let before = fs::read(&path).unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().append(true).open(&path).unwrap().set_modified(hour_ago).unwrap();
    project.run(line).ok();
    assert_eq!(fs::read(&path).unwrap(), before);
    let age = fs::metadata(&path).unwrap().modified().unwrap().elapsed().unwrap();
    assert!(age < Duration::from_secs(600), "{age:?}");
}

/// What needs a second account, which only root can be another one than.
#[cfg(unix)]
mod in_a_directory_of_another_user {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use embed_migrations_tests::project::copy_executable;

    use super::*;

    const LOCK: &str = "migrations/migrations.lock";

    /// A project with a locked revision and two drafts on it; everybody may write into its directories, and its lock file has
    /// this mode and is old. `None` where this process is not root's.
    fn project(mode: u32) -> Option<Project> {
        let project = Project::chain(&["aaa"]);
        project.run("lock").ok();
        project.revision("bbb", "aaa");
        project.revision("ccc", "aaa");
        for directory in ["", "migrations"] {
            fs::set_permissions(project.path(directory), Permissions::from_mode(0o777)).unwrap();
        }
        copy_executable(env!("CARGO_BIN_EXE_cargo-migrate").as_ref(), &project.path("program"));
        fs::set_permissions(project.path("program"), Permissions::from_mode(0o755)).unwrap();
        let lock = fs::File::options().append(true).open(project.path(LOCK)).unwrap();
        lock.set_permissions(Permissions::from_mode(mode)).unwrap();
        lock.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        (lock.metadata().unwrap().uid() == 0).then_some(project)
    }

    fn run(project: &Project, arguments: &[&str]) -> Done {
        let mut command = Command::new(project.path("program"));
        command.args(arguments).current_dir(project.path("")).uid(65534).gid(65534);
        Done::new(command.output().unwrap())
    }

    fn is_touched(project: &Project) -> bool {
        fs::metadata(project.path(LOCK)).unwrap().modified().unwrap() != SystemTime::UNIX_EPOCH
    }

    const COMMANDS: [&[&str]; 2] = [&["rebase", "ccc"], &["new", "-m", "Next", "--id", "ddd"]];

    #[test]
    fn cargo_notices_what_is_written_if_the_lock_file_may_be_written() {
        let Some(project) = project(0o666) else { return };
        let before = fs::read(project.path(LOCK)).unwrap();
        for command in COMMANDS {
            let done = run(&project, command);
            done.ok();
            assert!(!done.stderr.contains("touch"), "{done:?}");
            assert!(is_touched(&project), "{command:?}");
            let lock = fs::File::options().append(true).open(project.path(LOCK)).unwrap();
            lock.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        assert_eq!(fs::read(project.path(LOCK)).unwrap(), before);
    }

    #[test]
    fn what_cargo_may_not_notice_is_written_all_the_same_and_told() {
        let Some(project) = project(0o644) else { return };
        for command in COMMANDS {
            let done = run(&project, command);
            done.ok();
            let note = "note: cargo may not notice what is new: cannot touch `migrations/migrations.lock`: ";
            assert!(done.stderr.contains(note), "{done:?}");
            assert!(!is_touched(&project), "{command:?}");
        }
        let written = ["aaa_make.sql", "bbb_make.sql", "ccc_make.sql", "ddd_next.sql", "migrations.lock"];
        assert_eq!(project.migrations(), written);
        project.run("heads").ok();
    }
}

#[test]
fn many_at_once_make_one_line() {
    let project = Project::initialised();
    let temporary = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..8)
        .map(|n| {
            let mut command = project.command(&["new", "-m", &format!("number {n}")]);
            command.env("TMPDIR", temporary.path()).stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        Done::new(child.wait_with_output().unwrap()).ok();
    }
    assert_eq!(project.run("heads").ok().lines().count(), 1);
    assert_eq!(project.run("history").ok().lines().count(), 8);
    assert!(project.migrations().iter().all(|name| !name.starts_with('.')), "{:?}", project.migrations());
    #[cfg(unix)]
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn an_id_is_given_once() {
    let project = Project::chain(&["aaa"]);
    assert_eq!(project.run("new -m Again --base --id aaa").failed(2), "error: revision id 'aaa' is taken\n");
    assert_eq!(project.migrations(), ["aaa_make.sql"]);
}

#[test]
fn a_message_that_would_be_read_as_something_else_is_refused() {
    let project = Project::chain(&["aaa"]);
    for message in ["revision: bbb", "migrate:up"] {
        let done = project.run_all(&["new", "-m", message]);
        assert_eq!(done.code, 2, "{done:?}");
    }
    assert_eq!(
        project.run("new -m ''").failed(2),
        "error: the message is empty\n\nhint: say what the revision does\n"
    );
    assert_eq!(project.migrations(), ["aaa_make.sql"]);
}

#[test]
fn the_configuration_names_directory_template_zone_and_commands() {
    let project = Project::with_manifest(
        "[package]\nname = \"app\"\nversion = \"0.0.0\"\n\n[package.metadata.migrate]\ndirectory = \"db/steps\"\n\
         file-template = \"{revision}_{year}{month}{day}_{slug}\"\ntime-zone = \"+05:30\"\n\
         post-write = [[\"sh\", \"-c\", \"echo '-- formatted' >> $0\", \"{file}\"]]\n",
    );
    project.run("init").ok();
    let json = project.run("new -m 'Add users' --id aaa --format json").json();
    let file = json["data"]["file"].as_str().unwrap().to_owned();
    assert!(file.starts_with("db/steps/aaa_20") && file.ends_with("_add_users.sql"), "{file}");
    let text = project.read(&file);
    assert!(text.ends_with("-- formatted\n"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("-- created: ") && line.ends_with("+05:30")), "{text}");
}

#[test]
fn a_command_for_new_files_that_fails_is_an_error_and_the_file_stays() {
    let project = Project::with_manifest(
        "[package]\nname = \"app\"\n[package.metadata.migrate]\npost-write = [[\"false\"]]\n",
    );
    project.run("init").ok();
    let done = project.run("new -m Next --id aaa");
    assert!(
        done.failed(1)
            .starts_with("error: `false` of `post-write` failed (exit status: 1); the file is written: ")
    );
    assert_eq!(project.migrations(), ["aaa_next.sql"]);
}

#[test]
fn a_workspace_configures_its_packages() {
    let project = Project::with_manifest(
        "[workspace]\nmembers = [\"app\"]\n[workspace.metadata.migrate]\ndirectory = \"shared/migrations\"\n",
    );
    project.write("app/Cargo.toml", "[package]\nname = \"app\"\n");
    project.run("init").ok();
    project.run("new -m Next --id aaa --manifest-path app/Cargo.toml").ok();
    assert!(project.path("shared/migrations/aaa_next.sql").exists());
}

#[test]
fn init_writes_what_differs_from_the_defaults_into_the_manifest() {
    let project = Project::new();
    project.run("init --directory db --backend sqlite --backend postgres").ok();
    assert!(project.read("Cargo.toml").ends_with(
        "\n[package.metadata.migrate]\ndirectory = \"db\"\nbackends = [\"sqlite\", \"postgres\"]\n"
    ));
    assert!(project.path("db").is_dir());
    let again = project.run("init --directory other");
    assert!(again.failed(2).contains("is configured already"));
}

#[cfg(unix)]
#[test]
fn a_wait_for_another_command_is_told() {
    let project = Project::chain(&["aaa"]);
    let held = std::fs::File::open(project.path("migrations")).unwrap();
    fs4::FileExt::lock(&held).unwrap();
    let mut child = project.command(&["lock"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    errors.read_line(&mut told).unwrap();
    assert_eq!(told, "waiting for another command that changes `migrations`\n");
    assert!(!project.path("migrations/migrations.lock").exists());
    drop(held);
    assert!(child.wait().unwrap().success());
    assert!(project.path("migrations/migrations.lock").exists());
    // A short one is not.
    assert_eq!(project.run("lock").stderr, "");
}
