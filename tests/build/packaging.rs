//! The crates as they go to the registry.

use embed_migrations_tests::project::{TestProject, cargo, workspace};

#[test]
fn every_crate_that_is_published_can_be_packed_and_builds_from_its_package() {
    let project = TestProject::new("packaging");
    let output = project.run_command(cargo(workspace()).args([
        "package",
        "--workspace",
        "--exclude=embed-migrations-tests",
        "--exclude=xtask",
        "--allow-dirty",
        "--offline",
    ]));
    output.succeeded();
    for name in ["migrate-revision", "migrate-macros", "migrate-runtime", "embed-migrations"] {
        assert!(output.stderr.contains(&format!("Packaging {name} v")), "{}", output.stderr);
    }
}
