//! The crates as they go to the registry.

use embed_migrations_tests::project::{TestProject, cargo, workspace};
use serde_json::Value;

#[test]
fn every_crate_that_is_published_can_be_packed_and_builds_from_its_package() {
    let project = TestProject::new("packaging");
    let run = |arguments: &[&str]| {
        project.run_command(cargo(workspace()).args(["--offline", "--locked"]).args(arguments))
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
