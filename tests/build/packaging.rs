//! The crates as they go to the registry.

use std::fs;
use std::path::PathBuf;

use embed_migrations_tests::project::{TestProject, cargo, workspace};
use serde_json::Value;

#[test]
fn every_crate_that_is_published_can_be_packed_and_builds_from_its_package() {
    let project = TestProject::new("packaging");
    let home = cargo_home(&project);
    let run = |arguments: &[&str]| {
        let mut command = cargo(workspace());
        // Where crates lie counts for cargo: in the shared target directory this would make other tests' builds stale.
        command
            .env("CARGO_HOME", &home)
            .env("CARGO_TARGET_DIR", project.path("target"))
            .args(["--offline", "--locked"])
            .args(arguments);
        project.run_command(&mut command)
    };
    let metadata = run(&["metadata", "--no-deps", "--format-version=1"]);
    let metadata: Value = serde_json::from_str(metadata.succeeded()).unwrap();
    let published: Vec<String> = (metadata["packages"].as_array().unwrap().iter())
        .filter(|package| package["publish"].is_null())
        .map(|package| package["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(published.iter().any(|name| name == "embed-migrations"), "{published:?}");
    let packages: Vec<String> = published.iter().map(|name| format!("--package={name}")).collect();
    let mut arguments = vec!["package", "--allow-dirty"];
    arguments.extend(packages.iter().map(String::as_str));
    let output = run(&arguments);
    output.succeeded();
    for name in published {
        assert!(output.stderr.contains(&format!("Verifying {name} v")), "{}", output.stderr);
    }
}

/// A home for cargo with what the real one has downloaded, and nothing that it has unpacked: it takes the packages of an
/// earlier run for those of this one, because they have the same version.
fn cargo_home(project: &TestProject) -> PathBuf {
    let real = std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").expect("there is a home directory")).join(".cargo"),
        PathBuf::from,
    );
    let home = project.path("cargo-home");
    fs::create_dir_all(home.join("registry")).unwrap();
    for name in ["registry/index", "registry/cache", "config.toml", "config"] {
        if real.join(name).exists() {
            std::os::unix::fs::symlink(real.join(name), home.join(name)).unwrap();
        }
    }
    home
}
