//! A release binary by itself: no files beside it, the directory that it was built from gone.

mod application;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use embed_migrations_tests::behaviours;
use embed_migrations_tests::project::{TestProject, copy_executable, workspace};

const PROGRAM: &str = r#"
use embed_migrations::{Result, embed_migrations};

embed_migrations!("migrations", require(down));

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio starts");
    runtime.block_on(run())
}

async fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let migrator = migrations::MIGRATIONS.connect(&arguments[1]).await?;
    let report = match arguments[2].as_str() {
        "upgrade" => migrator.upgrade(&arguments[3]).await?,
        _ => migrator.downgrade(&arguments[3]).await?,
    };
    println!("{} {}", report.steps.len(), report.to.join(","));
    Ok(())
}
"#;

/// Builds the program once, and takes its migrations away.
fn program() -> &'static Path {
    static PROGRAM_PATH: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM_PATH.get_or_init(|| {
        let project = TestProject::new("shipped")
            .features(&["sqlite-bundled", "postgres", "mysql"])
            .manifest(
                "tokio = { version = \"1\", features = [\"rt\", \"net\", \"time\"] }\n\
                 [profile.release]\nopt-level = 0\n",
            )
            .file("src/main.rs", PROGRAM);
        copy(&workspace().join("migrations"), &project.path("migrations"));
        project.cargo(["build", "--release", "--quiet"]).succeeded();
        std::fs::rename(project.path("migrations"), project.path("renamed-away")).unwrap();
        project.executable("release")
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

behaviours! {
    fn a_release_binary_alone_goes_up_down_and_up_again_to_the_same_schema(db) {
        let empty = tempfile::tempdir().unwrap();
        let binary = empty.path().join("app");
        copy_executable(program(), &binary);
        let run = |verb: &str, target: &str| {
            let output = Command::new(&binary).args([&db.url(), verb, target]).current_dir(empty.path()).env_clear().output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!(run("upgrade", "head"), "12 0891a9178087");
        let first = db.schema();
        assert_eq!(run("downgrade", "base"), "12");
        assert_eq!(db.tables(), Vec::<String>::new());
        assert!(!db.schema().contains("CREATE TABLE") && !db.schema().contains("CREATE FUNCTION"), "{}", db.schema());
        assert_eq!(run("upgrade", "head"), "12 0891a9178087");
        // A process that finds half of it reads the other half alone, in which every revision has another place.
        // The first of the three is in Rust.
        assert_eq!(db.schema(), first);
        assert_eq!(run("downgrade", "9ce8b79adad1"), "3 9ce8b79adad1");
        assert_eq!(run("upgrade", "head"), "3 0891a9178087");
        assert_eq!(db.schema(), first);
        assert_eq!(run("upgrade", "head"), "0 0891a9178087");
        let left: Vec<_> = std::fs::read_dir(empty.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["app"], "the binary needs no file and leaves none");
    }
}
