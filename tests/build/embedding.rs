//! Where a call may stand and under which names, and what the rest of the application sees of it.

use embed_migrations_tests::project::TestProject;

use crate::{LISTING, revision};

#[test]
fn the_dependency_may_have_another_name() {
    let fill = "//! Fill users\n//!\n//! revision: b2\n//! revises: a1\n\nuse mig::{Db, Result};\n\n\
                pub async fn up(_: &mut Db<'_>) -> Result<()> {\n    Ok(())\n}\n";
    let project = TestProject::new("embedding_renamed")
        .renamed("mig")
        .file("src/main.rs", LISTING.replace("embed_migrations::", "mig::"))
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"))
        .file("migrations/b2_fill_users.rs", fill)
        .file("migrations/data/users.csv", "id\n1\n");
    assert_eq!(project.run().succeeded(), "a1 Add users\nb2 Fill users\n");
}

#[test]
fn a_member_of_a_workspace_may_use_a_directory_above_it() {
    let project = TestProject::new("embedding_member");
    let member = format!(
        "[package]\nname = \"embedding_member_app\"\nedition = \"2024\"\n\n[dependencies]\n{}\n",
        project.dependency()
    );
    let project = project
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"services/app\"]\n")
        .file("services/app/Cargo.toml", member)
        .file("services/app/src/main.rs", LISTING.replace("\"migrations\"", "\"../../migrations\""))
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"));
    assert_eq!(project.run().succeeded(), "a1 Add users\n");
}

#[test]
fn examples_tests_and_several_calls_each_have_their_own_module() {
    let two = r#"
        embed_migrations::embed_migrations!("migrations", module = shop);
        embed_migrations::embed_migrations!("billing", module = billing, namespace = "billing");

        fn main() {
            for set in [&shop::MIGRATIONS, &billing::MIGRATIONS] {
                println!("{} {}", set.namespace(), set.revisions().len());
            }
            use embed_migrations::EmbeddedRevision as _;
            println!("{} {}", shop::AddUsers.id(), billing::AddUsers.id());
        }
    "#;
    let test = "embed_migrations::embed_migrations!(\"migrations\");\n\n#[test]\nfn there_is_one() {\n    \
                assert_eq!(migrations::MIGRATIONS.revisions().len(), 1);\n}\n";
    // The same Rust revision may be part of both.
    let fill = "//! Fill users\n//!\n//! revision: b2\n//! revises: c3\n\nuse embed_migrations::{Db, Result};\n\n\
                pub async fn up(_: &mut Db<'_>) -> Result<()> {\n    Ok(())\n}\n";
    let project = TestProject::new("embedding_places")
        .file("src/main.rs", two)
        .file("examples/listing.rs", LISTING)
        .file("tests/counting.rs", test)
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"))
        .file("billing/c3_add_users.sql", revision("c3", "none", "users"))
        .file("billing/b2_fill_users.rs", fill);
    assert_eq!(project.run().succeeded(), "main 1\nbilling 2\na1 c3\n");
    assert_eq!(project.cargo(["run", "--quiet", "--example", "listing"]).succeeded(), "a1 Add users\n");
    project.cargo(["test", "--quiet", "--test", "counting"]).succeeded();
}

#[test]
fn revisions_are_values_of_one_type_and_may_be_called_like_what_stands_beside_them() {
    let main = r#"
        embed_migrations::embed_migrations!("migrations");

        const FIRST: migrations::Revision = migrations::Revision::Some;

        fn main() {
            use embed_migrations::EmbeddedRevision as _;
            use migrations::Revision;
            for revision in [FIRST, migrations::Revision, migrations::Clone, migrations::Result] {
                let place = match revision {
                    Revision::Some => "first",
                    Revision::Result => "last",
                    _ => "between",
                };
                println!("{revision:?} {} {place} {}", revision.message(), revision == FIRST);
            }
        }
    "#;
    let project = TestProject::new("embedding_names")
        .file("src/main.rs", main)
        .file("migrations/a1_some.sql", revision("a1", "none", "one"))
        .file("migrations/b2_revision.sql", revision("b2", "a1", "two"))
        .file("migrations/c3_clone.sql", revision("c3", "b2", "three"))
        .file("migrations/d4_result.sql", revision("d4", "c3", "four"));
    let expected = "a1 Add one first true\nb2 Add two between false\nc3 Add three between false\n\
                    d4 Add four last false\n";
    assert_eq!(project.run().succeeded(), expected);
}

#[test]
fn what_is_emitted_compiles_without_a_warning_under_strict_lints_whatever_the_slugs() {
    let main = r#"
        #![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, unused, nonstandard_style)]
        //! Documented.
        embed_migrations::embed_migrations!("migrations", module = db);
        fn main() {
            println!("{}", db::MIGRATIONS.revisions().len());
        }
    "#;
    let slugs = [
        "option",
        "some",
        "none",
        "self",
        "Vec",
        "string",
        "box",
        "MIGRATIONS",
        "DATA",
        "at",
        "migrations",
        "result",
        "ok",
        "fix",
        "fix",
        "fix13",
        "2nd-try",
        "__",
        "embedded",
        "position",
        "include_dir",
        "core",
        "std",
        "u8",
        "str",
        "usize",
    ];
    let mut project = TestProject::new("embedding_lints").file("src/main.rs", main);
    for (number, slug) in slugs.iter().enumerate() {
        let parent = if number == 0 { "none".to_owned() } else { (number - 1).to_string() };
        let text = revision(&number.to_string(), &parent, &format!("table{number}"));
        project = project.file(&format!("migrations/{number}_{slug}.sql"), text);
    }
    let fill = "//! Fill users\n//!\n//! revision: Last\n//! revises: 25\n\nuse embed_migrations::{Db, Result};\n\n\
                /// Fills.\npub async fn up(db: &mut Db<'_>) -> Result<()> {\n    db.file(\"users.csv\").map(drop)\n}\n";
    let project =
        project.file("migrations/Last_fill_users.rs", fill).file("migrations/data/users.csv", "id\n1\n");
    assert_eq!(project.run().succeeded(), "27\n");
}

#[test]
fn a_call_that_stands_for_a_value_is_told_where_it_belongs() {
    let main = "fn main() {\n    embed_migrations::embed_migrations!(\"migrations\").revisions();\n}\n";
    let project = TestProject::new("embedding_value")
        .file("src/main.rs", main)
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"));
    let output = project.cargo(["check"]);
    let error = output.failed();
    assert!(error.contains("found `__embed_migrations_belongs_at_module_level`"), "{error}");
    assert!(error.contains("--> src/main.rs:2:5\n"), "{error}");
}
