//! Databases made by the tools themselves, adopted, and gone on with: sqlx, Diesel and refinery as crates, in the project
//! `tools/`, and Alembic from PyPI.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use embed_migrations_tests::project::cargo;

use crate::adopted::{history, project, schema, sqlite};
use crate::project::{Done, Project};

/// Runs one of the tools that are crates on a directory and `app.db`, building it first if need be.
fn run_crate(project: &Project, tool: &str, directory: &str) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/adopt/tools");
    let mut command = cargo(&here);
    command.args(["run", "--quiet", "--locked", "--", tool]);
    command.arg(project.path(directory)).arg(project.path("app.db"));
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Adopts the files and the database, and fails unless that leaves nothing to do, the same schema as a database that is
/// ours from the start, and a way to go on.
#[track_caller]
fn goes_on(project: &Project, adopt: &Command, head: &str) {
    let mut adopt_once = Command::new(adopt.get_program());
    adopt_once.args(adopt.get_args()).current_dir(adopt.get_current_dir().unwrap());
    adopt_once.envs(adopt.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let done = Done::new(adopt_once.output().unwrap());
    assert!(done.ok().contains(&format!("stamped {head}: ")), "{done:?}");
    project.run("check").ok();
    let status = project.on_database("status");
    assert!(status.ok().ends_with(" applied, 0 pending\n"), "{status:?}");
    project.run("upgrade --database-url sqlite:fresh.db").ok();
    assert_eq!(schema(&mut sqlite(project, "fresh.db")), schema(&mut sqlite(project, "app.db")));
    project.run("new -m 'Ours' --id ours").ok();
    let text = project.read("migrations/ours_ours.sql");
    let text = text.replace("-- migrate:up\n", "-- migrate:up\nCREATE TABLE ours (x);\n");
    project.write(
        "migrations/ours_ours.sql",
        &text.replace("-- migrate:down\n", "-- migrate:down\nDROP TABLE ours;\n"),
    );
    project.on_database("upgrade").ok();
    assert_eq!(sqlite(project, "app.db").count("ours"), 0);
    project.on_database("downgrade -1 --yes").ok();
    assert!(project.on_database("current").ok().starts_with(head));
}

fn adopt(project: &Project, tool: &str) -> Command {
    let mut command = project.command(&["adopt", "--from", tool, "old", "--stamp"]);
    command.env("DATABASE_URL", "sqlite:app.db");
    command
}

#[test]
fn a_database_of_sqlx_goes_on_as_ours() {
    let project = project(&[
        ("old/20240131120159_users.up.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);\r\n"),
        ("old/20240131120159_users.down.sql", "DROP TABLE users;\r\n"),
        ("old/20240201000000_index.up.sql", "-- no-transaction\nCREATE INDEX by_name ON users (name);\n"),
        ("old/20240201000000_index.down.sql", "-- no-transaction\nDROP INDEX by_name;\n"),
    ]);
    run_crate(&project, "sqlx", "old");
    goes_on(&project, &adopt(&project, "sqlx"), "20240201000000");
    project.on_database("downgrade -1 --yes").ok();
    assert_eq!(schema(&mut sqlite(&project, "app.db")).len(), 1);
    // What sqlx has applied is compared with what is there now.
    project.write("old/20240131120159_users.up.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n");
    let done = Done::new(adopt(&project, "sqlx").output().unwrap());
    assert!(done.failed(10).contains("old/20240131120159_users.up.sql"), "{done:?}");
}

#[test]
fn a_database_of_diesel_goes_on_as_ours() {
    let project = project(&[
        ("old/2024-01-31-120159_users/up.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n"),
        ("old/2024-01-31-120159_users/down.sql", "DROP TABLE users;\n"),
        ("old/2024-02-01-000000-0000_vacuum/up.sql", "VACUUM;\n"),
        ("old/2024-02-01-000000-0000_vacuum/down.sql", "VACUUM;\n"),
        ("old/2024-02-01-000000-0000_vacuum/metadata.toml", "run_in_transaction = false\n"),
    ]);
    run_crate(&project, "diesel", "old");
    goes_on(&project, &adopt(&project, "diesel"), "202402010000000000");
    project.on_database("downgrade base --yes").ok();
    assert_eq!(schema(&mut sqlite(&project, "app.db")), Vec::<String>::new());
}

#[test]
fn a_database_of_refinery_goes_on_as_ours() {
    let project = project(&[
        ("old/V2__users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY);\n"),
        ("old/more/V10__posts.sql", "CREATE TABLE posts (id INTEGER PRIMARY KEY);\n"),
        ("old/U9__tags.sql", "CREATE TABLE tags (id INTEGER PRIMARY KEY);\n"),
    ]);
    run_crate(&project, "refinery", "old");
    goes_on(&project, &adopt(&project, "refinery"), "V10");
}

/// The directory with the programs of Alembic, which is installed from PyPI when it is first asked for.
fn alembic() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("alembic-1.20.1");
        let programs = home.join(if cfg!(windows) { "Scripts" } else { "bin" });
        let run = |program: &Path, arguments: &[&str]| {
            let done = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
                panic!(
                    "{} cannot be run: {error}; these tests need Python 3 with venv and pip",
                    program.display()
                )
            });
            assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        };
        if !home.join("installed").exists() {
            let path = home.display().to_string();
            run(Path::new("python3"), &["-m", "venv", "--clear", &path]);
            run(&programs.join("python"), &["-m", "pip", "install", "--quiet", "alembic==1.20.1"]);
            std::fs::write(home.join("installed"), "").unwrap();
        }
        programs
    })
}

/// A command with Alembic on the PATH.
fn with_alembic(mut command: Command) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(alembic().to_owned()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(all).unwrap());
    command
}

/// Runs Alembic in the project, and returns what it prints.
#[track_caller]
pub(crate) fn run_alembic(project: &Project, line: &str) -> String {
    let mut command = Command::new(alembic().join("alembic"));
    command.args(line.split(' ')).current_dir(project.path(""));
    let done = command.output().unwrap();
    assert!(done.status.success(), "{line}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// A project with an environment that Alembic made, and revisions with a branch and a merge.
pub(crate) fn alembic_project(url: &str) -> Project {
    static FILES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let project = project(&[]);
    for (path, text) in FILES.get_or_init(alembic_files) {
        project.write(path, &text.replace("driver://user:pass@localhost/dbname", url));
    }
    project
}

fn alembic_files() -> Vec<(String, String)> {
    let project = project(&[]);
    run_alembic(&project, "init alembic");
    for (arguments, up, down) in [
        (
            "revision --branch-label people -m users --rev-id aaa",
            "op.create_table('users', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.String(50)))",
            "op.drop_table('users')",
        ),
        (
            "revision -m rows --rev-id bbb",
            "op.execute(\"INSERT INTO users (id, name) VALUES (1, 'a;b -- c')\")",
            "op.execute('DELETE FROM users')",
        ),
        (
            "revision --head aaa --splice -m index --rev-id ccc",
            "op.create_index('by_name', 'users', ['name'])",
            "op.drop_index('by_name', 'users')",
        ),
        ("merge bbb ccc -m join --rev-id ddd", "pass", "pass"),
        (
            "revision -m posts --rev-id eee",
            "op.create_table('posts', sa.Column('id', sa.Integer, primary_key=True))",
            "op.drop_table('posts')",
        ),
    ] {
        run_alembic(&project, arguments);
        let words: Vec<&str> = arguments.split(' ').rev().collect();
        let file = format!("alembic/versions/{}_{}.py", words[0], words[2]);
        let text = project.read(&file).replacen("    pass", &format!("    {up}"), 1);
        let (start, end) = text.rsplit_once("    pass").unwrap();
        project.write(&file, &format!("{start}    {down}{end}"));
    }
    let mut paths = vec!["alembic.ini".to_owned(), "alembic/env.py".to_owned()];
    for entry in std::fs::read_dir(project.path("alembic/versions")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".py") {
            paths.push(format!("alembic/versions/{name}"));
        }
    }
    paths.into_iter().map(|path| (path.clone(), project.read(&path))).collect()
}

#[test]
fn a_database_of_alembic_goes_on_as_ours() {
    let project = alembic_project("sqlite:///app.db");
    run_alembic(&project, "upgrade head");
    let mut command = with_alembic(project.command(&["adopt", "--from", "alembic", "--stamp"]));
    command.env("DATABASE_URL", "sqlite:app.db");
    goes_on(&project, &command, "eee");
    assert!(history(&project).contains(&"bbb+ccc <- ddd: join".to_owned()));
    assert_eq!(sqlite(&project, "fresh.db").value("SELECT name FROM users"), "a;b -- c");
    project.on_database("downgrade base --yes").ok();
    assert_eq!(schema(&mut sqlite(&project, "app.db")), Vec::<String>::new());
}

#[test]
fn a_database_that_alembic_left_on_two_branches_is_stamped_on_both() {
    let project = alembic_project("sqlite:///app.db");
    run_alembic(&project, "upgrade bbb");
    run_alembic(&project, "upgrade ccc");
    with_alembic(project.command(&["adopt", "--from", "alembic"])).output().map(Done::new).unwrap().ok();
    let done = project.on_database("adopt --from alembic --stamp");
    assert_eq!(done.ok(), "stamped bbb, ccc: 3 applied, by `alembic_version`\n");
    project.on_database("upgrade").ok();
    assert_eq!(project.on_database("current").ok(), "eee (head), posts\n");
    assert_eq!(sqlite(&project, "app.db").count("posts"), 0);
}

#[test]
fn the_ways_down_of_several_heads_are_all_asked_for() {
    let project = alembic_project("sqlite:///app.db");
    for file in ["ddd_join.py", "eee_posts.py"] {
        std::fs::remove_file(project.path("alembic/versions").join(file)).unwrap();
    }
    let done = Done::new(with_alembic(project.command(&["adopt", "--from", "alembic"])).output().unwrap());
    done.ok();
    assert!(done.stderr.starts_with("note: there are 2 heads"), "{done:?}");
    project.on_database("upgrade heads").ok();
    project.on_database("downgrade base --yes").ok();
    assert_eq!(schema(&mut sqlite(&project, "app.db")), Vec::<String>::new());
}

#[test]
fn a_way_down_that_raises_is_none_and_the_others_are_asked_for() {
    let project = alembic_project("sqlite:///app.db");
    for (file, raise) in [
        ("bbb_rows", "raise NotImplementedError(\"it's gone\")"),
        ("ccc_index", "if not op: raise ValueError\n    op.drop_index('by_name', 'users')"),
        ("eee_posts", "op.execute('SELECT 1')\n    raise RuntimeError"),
    ] {
        let file = format!("alembic/versions/{file}.py");
        let text = project.read(&file);
        let (up, _) = text.split_once("def downgrade").unwrap();
        project.write(&file, &format!("{up}def downgrade() -> None:\n    {raise}\n"));
    }
    let done = Done::new(with_alembic(project.command(&["adopt", "--from", "alembic"])).output().unwrap());
    done.ok();
    for id in ["bbb", "eee"] {
        assert!(done.stderr.contains(&format!("for {id}: the revision is irreversible")), "{done:?}");
    }
    assert!(!project.read("migrations/eee_posts.sql").contains("migrate:down"));
    for (file, down) in [("ccc_index", "DROP INDEX by_name;"), ("aaa_users", "DROP TABLE users;")] {
        let text = project.read(&format!("migrations/{file}.sql"));
        let (_, text) = text.split_once("-- migrate:down\n").unwrap();
        assert_eq!(text.trim(), down, "{file}");
    }
}

#[test]
fn a_revision_that_needs_a_database_is_shown_with_alembic_s_own_words() {
    let project = alembic_project("sqlite:///app.db");
    let file = "alembic/versions/bbb_rows.py";
    let text = project.read(file);
    project
        .write(file, &text.replace("op.execute(\"", "op.get_bind().scalar(sa.text('SELECT 1')).nothing(\""));
    let done = Done::new(with_alembic(project.command(&["adopt", "--from", "alembic"])).output().unwrap());
    assert!(done.failed(1).starts_with("error: `alembic upgrade heads --sql` failed ("), "{done:?}");
    assert!(
        done.stderr.contains("Error") && done.stderr.contains("give `--upgrade-sql` and `--downgrade-sql`")
    );
    assert!(!project.path("migrations").exists());
}
