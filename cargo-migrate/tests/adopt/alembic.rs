//! Alembic, by its files and its printed SQL. With Alembic itself: `tools`.

use crate::adopted::{can_be_taken_back, does_the_same_as, history, project};
use crate::project::Project;

const USERS: &str = r#""""Add users: the first

They have names.

Revision ID: aaa111
Revises:
Create Date: 2024-01-31 12:01:59.123456

"""
from typing import Sequence, Union
from alembic import op

# revision identifiers, used by Alembic.
revision: str = 'aaa111'
down_revision: Union[str, Sequence[str], None] = None
branch_labels: Union[str, Sequence[str], None] = ('people',)
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.execute("revision = 'never read'")
"#;

const LEFT: &str =
    "\"\"\"left\n\nRevision ID: bbb\n\"\"\"\nrevision = \"bbb\"\ndown_revision = \"aaa111\"  # on users\n";
const RIGHT: &str = "'''right'''\nrevision = 'ccc'\ndown_revision = 'aaa111'\ndepends_on = ['bbb']\n\n\ndef upgrade():\n    \
                     with op.get_context().autocommit_block():\n        op.execute('VACUUM')\n\n\ndef downgrade():\n    pass\n";
const JOIN: &str = "revision = 'ddd'\ndown_revision = (\n    'bbb',\n    # and\n    'ccc',\n)\n";

const UP: &str = "CREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL\n);\n\n\
    -- Running upgrade  -> aaa111\n\nCREATE TABLE users (\n    id INTEGER NOT NULL, \n    name VARCHAR(50)\n);\n\n\
    INSERT INTO alembic_version (version_num) VALUES ('aaa111') RETURNING version_num;\n\n\
    -- Running upgrade aaa111 -> bbb\n\nCREATE TABLE lefts (x INTEGER);\n\n\
    UPDATE alembic_version SET version_num='bbb' WHERE alembic_version.version_num = 'aaa111';\n\n\
    -- Running upgrade aaa111 -> ccc\n\nVACUUM;\n\n\
    UPDATE alembic_version SET version_num='ccc' WHERE alembic_version.version_num = 'bbb';\n\n\
    -- Running upgrade bbb, ccc -> ddd\n\n\
    UPDATE alembic_version SET version_num='ddd' WHERE alembic_version.version_num = 'ccc';\n\n";

const DOWN: &str = "-- Running downgrade ddd -> bbb, ccc\n\n\
    UPDATE alembic_version SET version_num='ccc' WHERE alembic_version.version_num = 'ddd';\n\n\
    -- Running downgrade ccc -> aaa111\n\n\
    UPDATE alembic_version SET version_num='bbb' WHERE alembic_version.version_num = 'ccc';\n\n\
    -- Running downgrade bbb -> aaa111\n\nDROP TABLE lefts;\n\n\
    UPDATE alembic_version SET version_num='aaa111' WHERE alembic_version.version_num = 'bbb';\n\n\
    -- Running downgrade aaa111 -> \n\nDROP TABLE users;\n\n\
    DELETE FROM alembic_version WHERE alembic_version.version_num = 'aaa111';\n\n";

fn graph() -> Project {
    project(&[
        ("alembic.ini", "[alembic]\nscript_location = %(here)s/alembic\n"),
        ("alembic/env.py", "raise SystemExit\n"),
        ("alembic/versions/__init__.py", ""),
        ("alembic/versions/1_users.py", USERS),
        ("alembic/versions/2_left.py", LEFT),
        ("alembic/versions/3_right.py", RIGHT),
        ("alembic/versions/4_join.py", JOIN),
        ("up.sql", UP),
        ("down.sql", DOWN),
    ])
}

#[test]
fn the_graph_is_that_of_the_files_and_the_sql_that_of_the_output() {
    let project = graph();
    let done = project.run("adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql");
    assert_eq!(
        done.ok(),
        "created migrations/aaa111_add_users_the_first.sql\ncreated migrations/bbb_left.sql\n\
         created migrations/ccc_right.sql\ncreated migrations/ddd_migration_ddd.sql\n"
    );
    assert_eq!(done.stderr, "note: the way down of ccc does nothing: the revision is irreversible\n");
    assert_eq!(
        project.read("migrations/aaa111_add_users_the_first.sql"),
        "-- Add users: the first\n--\n-- They have names.\n--\n-- revision: aaa111\n-- revises: none\n-- labels: people\n\
         -- created: 2024-01-31 12:01:59.123456\n\n-- migrate:up\nCREATE TABLE users (\n    id INTEGER NOT NULL, \n    \
         name VARCHAR(50)\n);\n\n-- migrate:down\nDROP TABLE users;\n"
    );
    let right = project.read("migrations/ccc_right.sql");
    assert!(right.ends_with("-- depends-on: bbb\n\n-- migrate:up no-transaction\nVACUUM;\n"), "{right}");
    assert!(project.read("migrations/ddd_migration_ddd.sql").ends_with("-- revises: bbb, ccc\n"));
    assert_eq!(history(&project).last().unwrap(), "bbb+ccc <- ddd: Migration ddd");
    does_the_same_as(
        &project,
        "CREATE TABLE users (\n    id INTEGER NOT NULL, \n    name VARCHAR(50)\n); CREATE TABLE lefts (x INTEGER);",
    );
}

#[test]
fn what_does_nothing_is_said_or_made_a_revision_that_does_nothing() {
    let project = graph();
    let silent = UP.replace("VACUUM;\n\n", "");
    project.write("up.sql", &silent);
    let adopt = "adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql";
    let done = project.run(adopt);
    assert!(
        done.failed(4).contains(
            "error: the migration does nothing\n --> alembic/versions/3_right.py\n  = help: `--allow-empty` makes it"
        ),
        "{done:?}"
    );
    assert!(!project.path("migrations").exists());
    project.run(&format!("{adopt} --allow-empty")).ok();
    let right = project.read("migrations/ccc_right.sql");
    assert!(right.ends_with("-- migrate:up\nSELECT 1;\n\n-- migrate:down\nSELECT 1;\n"), "{right}");
    project.on_database("upgrade").ok();
    can_be_taken_back(&project);
}

#[test]
fn a_block_outside_of_the_transaction_makes_the_section_one() {
    let project = graph();
    let inside = "BEGIN;\n\n".to_owned()
        + &UP.replace(
            "CREATE TABLE lefts (x INTEGER);",
            "COMMIT;\n\nCREATE TABLE lefts (x INTEGER);\n\nBEGIN;",
        )
        + "COMMIT;\n\n";
    project.write("up.sql", &inside);
    project.run("adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql alembic").ok();
    let left = project.read("migrations/bbb_left.sql");
    assert!(
        left.contains("-- migrate:up no-transaction\nCREATE TABLE lefts (x INTEGER);\n\n-- migrate:down\n"),
        "{left}"
    );
}

#[test]
fn several_heads_are_adopted_and_pointed_at() {
    let project = graph();
    std::fs::remove_file(project.path("alembic/versions/4_join.py")).unwrap();
    project.write("alembic/versions/3_right.py", &RIGHT.replace("depends_on", "# depends_on"));
    project.write("up.sql", UP.split("-- Running upgrade bbb, ccc").next().unwrap());
    let done = project.run("adopt --from alembic --upgrade-sql up.sql alembic/versions");
    done.ok();
    assert!(done.stderr.contains("note: there are 2 heads, which a build refuses"), "{done:?}");
    assert!(
        done.stderr.contains("no output of `alembic downgrade --sql` for bbb: the revision is irreversible")
    );
    assert_eq!(project.run("check").code, 5);
    project.run("merge").ok();
    project.run("check").ok();
}

#[test]
fn what_only_python_could_tell_is_refused_with_its_place() {
    let project = graph();
    project.write("alembic/versions/2_left.py", "revision = make_id()\ndown_revision = 'aaa111'\n");
    project.write("alembic/versions/5_other.py", "x = 1\n");
    let done = project.run("adopt --from alembic --upgrade-sql up.sql");
    let shown = done.failed(4);
    assert!(
        shown.contains("error: `revision` is not a plain value\n --> alembic/versions/2_left.py:1:12\n"),
        "{shown}"
    );
    assert!(
        shown.contains("error: the file has no `revision`\n --> alembic/versions/5_other.py\n"),
        "{shown}"
    );
    assert!(!project.path("migrations").exists());
}

#[test]
fn an_output_that_lacks_a_revision_and_a_parent_that_is_not_there_are_refused() {
    let project = graph();
    project.write("alembic/versions/5_new.py", "revision = 'eee'\ndown_revision = 'nosuch'\n");
    let done = project.run("adopt --from alembic --upgrade-sql up.sql");
    let shown = done.failed(4);
    assert!(
        shown.contains(
            "the output of `alembic upgrade --sql` has no revision `eee`\n --> alembic/versions/5_new.py\n"
        ),
        "{shown}"
    );
    project.write("up.sql", &format!("{UP}-- Running upgrade nosuch -> eee\n\nSELECT 1;\n"));
    let done = project.run("adopt --from alembic --upgrade-sql up.sql");
    assert!(
        done.failed(4).contains("`nosuch`") && done.stderr.contains(" --> alembic/versions/5_new.py\n"),
        "{done:?}"
    );
}

#[test]
fn a_revision_of_the_output_that_no_file_is_of_is_refused() {
    let project = graph();
    std::fs::rename(project.path("alembic/versions/4_join.py"), project.path("4_join.py")).unwrap();
    let adopt = "adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql";
    let done = project.run(adopt);
    let shown = done.failed(4);
    assert!(
        shown.contains(
            "error: revision `ddd` is in the output, and none of the Python files that were read is its\n --> up.sql\n"
        ),
        "{shown}"
    );
    assert!(shown.contains("see that `version_locations` in it names every directory"), "{shown}");
    assert!(!project.path("migrations").exists());
    // One directory below another line of the setting
    project.write(
        "alembic.ini",
        "[alembic]\nscript_location = alembic\nversion_locations =\n    %(here)s/more\n    %(here)s/alembic/versions\n\nx = y\n",
    );
    project.write("more/4_join.py", &project.read("4_join.py"));
    for directory in ["", " .", " alembic"] {
        project.run(&format!("{adopt}{directory}")).ok();
        assert_eq!(history(&project).len(), 4, "{directory}");
        std::fs::remove_dir_all(project.path("migrations")).unwrap();
    }
    project.run(&format!("{adopt} alembic/versions")).failed(4);
    // The settings of a project without `alembic.ini`
    std::fs::remove_file(project.path("alembic.ini")).unwrap();
    let settings = "[tool.alembic]\nscript_location = \"%(here)s/alembic\"\n";
    let locations = "version_locations = [\"%(here)s/more\", \"%(here)s/alembic/versions\"]\n";
    project.write("pyproject.toml", &format!("{settings}{locations}"));
    project.run(adopt).ok();
    assert_eq!(history(&project).len(), 4);
}

#[test]
fn files_are_looked_for_below_the_locations_where_the_settings_say_so() {
    for (file, settings) in [
        ("alembic.ini", "[alembic]\nscript_location = alembic\nrecursive_version_locations = true\n"),
        (
            "pyproject.toml",
            "[tool.alembic]\nscript_location = \"alembic\"\nrecursive_version_locations = true\n\
             version_locations = [\"alembic/versions\", \"alembic/versions/2026\"]\n",
        ),
    ] {
        let project = graph();
        std::fs::create_dir(project.path("alembic/versions/2026")).unwrap();
        std::fs::rename(
            project.path("alembic/versions/4_join.py"),
            project.path("alembic/versions/2026/4_join.py"),
        )
        .unwrap();
        let adopt = "adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql";
        project.run(adopt).failed(4);
        let _ = std::fs::remove_file(project.path("alembic.ini"));
        project.write(file, settings);
        project.run(adopt).ok();
        assert_eq!(history(&project).len(), 4, "{file}");
    }
}

#[test]
fn statements_that_end_in_a_comment_stay_apart() {
    let project = graph();
    let rows =
        "INSERT INTO users VALUES (1, 'a') -- first row;\n\nINSERT INTO users VALUES (2, 'b') -- second;";
    project.write("up.sql", &UP.replace("CREATE TABLE lefts (x INTEGER);", rows));
    project.write("down.sql", &DOWN.replace("DROP TABLE lefts;", "DELETE FROM users;"));
    project.run("adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql").ok();
    project.on_database("upgrade").ok();
    assert_eq!(crate::adopted::sqlite(&project, "app.db").count("users"), 2);
}

#[test]
fn a_table_of_another_schema_is_not_alembic_s() {
    let project = graph();
    let own = |text: &str| text.replace("alembic_version", "meta.schema_version");
    let up = own(UP)
        .replace("CREATE TABLE lefts", "INSERT INTO app.schema_version VALUES (1);\n\nCREATE TABLE lefts");
    project.write("up.sql", &up);
    project.write("down.sql", &own(DOWN));
    let adopt =
        "adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql --table meta.schema_version";
    project.run(adopt).ok();
    let text = project.read("migrations/bbb_left.sql");
    assert!(text.contains("-- migrate:up\nINSERT INTO app.schema_version VALUES (1);\n"), "{text}");
    assert!(!text.contains("meta."), "{text}");
}

#[test]
fn prose_that_reads_like_a_key_is_prose() {
    for prose in ["compatible: yes", "Left\n\nlabels: x", "Left\n\ndepends-on:", "Left\ncreated: 2020-01-01"]
    {
        let project = graph();
        let text = LEFT.replace("\"\"\"left\n", &format!("\"\"\"{prose}\n"));
        project.write("alembic/versions/2_left.py", &text);
        project.run("adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql").ok();
        let file = project.migrations().into_iter().find(|name| name.starts_with("bbb")).unwrap();
        let text = project.read(&format!("migrations/{file}"));
        let (first, keys) = text.split_once("\n--\n").unwrap();
        assert_eq!(first, format!("-- The migration {}", prose.replace('\n', " ")));
        assert!(keys.starts_with("-- revision: bbb\n-- revises: aaa111\n\n"), "{text}");
    }
}

#[test]
fn an_output_that_was_broken_off_is_refused() {
    let project = graph();
    let (whole, _) = DOWN.split_once("DELETE FROM alembic_version").unwrap();
    project.write("down.sql", whole);
    let adopt = "adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql";
    let done = project.run(adopt);
    let error = done.failed(4);
    assert!(
        error.contains(
            "the output of `alembic downgrade --sql` for revision `aaa111` ends without its record in `alembic_version`"
        ),
        "{error}"
    );
    assert!(!project.path("migrations").exists());
    // What another table than the named one records is no record, and would be a part of the revision.
    project.write("down.sql", &DOWN.replace("alembic_version", "ops.versions"));
    project.write("up.sql", &UP.replace("alembic_version", "ops.versions"));
    assert!(project.run(adopt).failed(4).contains("for revision `bbb` ends without its record"), "{done:?}");
    project.run(&format!("{adopt} --table versions")).ok();
}

#[test]
fn what_is_inside_of_a_statement_is_adopted_as_it_is() {
    let project = graph();
    let body =
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$\nBEGIN\nDELETE FROM t;\n\nCOMMIT;\nINFO  [x]\nEND $$;";
    let log = "INFO  [alembic.runtime.migration] Running upgrade aaa111 -> bbb, it's left";
    project.write("up.sql", &UP.replace("CREATE TABLE lefts (x INTEGER);", &format!("{log}\n\n{body}")));
    let done =
        project.run("adopt --from alembic --backend postgres --upgrade-sql up.sql --downgrade-sql down.sql");
    done.ok();
    let text = project.read("migrations/bbb_left.sql");
    assert!(text.contains(&format!("\n-- migrate:up postgres\n{body}\n\n-- migrate:down ")), "{text}");
}

#[test]
fn an_output_that_databases_cut_differently_is_adopted_for_a_named_one() {
    let project = graph();
    let manifest = project.read("Cargo.toml").replace("\"sqlite-bundled\"", "\"sqlite-bundled\", \"mysql\"");
    project.write("Cargo.toml", &manifest);
    let rows = "INSERT INTO t VALUES ('a\\');\nCOMMIT;\nBEGIN;\n--');";
    project.write("up.sql", &UP.replace("CREATE TABLE lefts (x INTEGER);", rows));
    let adopt = "adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql";
    let error = project.run(adopt);
    assert!(
        error.failed(4).contains("error: sqlite and mysql do not find the same statements in it"),
        "{error:?}"
    );
    assert!(error.stderr.contains("as with `--backend mysql`"), "{error:?}");
    project.run(&format!("{adopt} --backend mysql")).ok();
    assert!(project.read("migrations/bbb_left.sql").contains(rows));
}

#[test]
fn without_alembic_the_commands_to_run_are_named() {
    let project = graph();
    let nowhere = project.path("alembic");
    let output = project.command(&["adopt", "--from", "alembic"]).env("PATH", nowhere).output().unwrap();
    let done = crate::project::Done::new(output);
    assert_eq!(
        done.failed(1),
        "error: cannot run `alembic upgrade heads --sql`: it is not on the PATH\n\n\
         hint: run `alembic upgrade heads --sql > upgrade.sql` and `alembic downgrade HEAD:base --sql > downgrade.sql` \
         where Alembic works, and give `--upgrade-sql` and `--downgrade-sql`\n"
    );
}
