//! The command of the README that shows the main job.

use embed_migrations_tests::project::{cargo, workspace};

#[test]
fn the_quickstart_applies_the_sample_history_and_a_second_run_has_nothing_to_do() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let database = directory.path().join("quickstart.db");
    let run = || {
        let mut command = cargo(workspace());
        command.args(["run", "--quiet", "--example", "quickstart", "--"]).arg(&database);
        let output = command.output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints text")
    };
    let first = run();
    for part in [
        "12 steps to do",
        "[12/12] up 0891a9178087",
        "12 steps, now at 0891a9178087",
        "12 applied, 0 pending",
        "  transactions\n",
    ] {
        assert!(first.contains(part), "{part} is not in\n{first}");
    }
    let second = run();
    assert!(second.contains("nothing to do: at 0891a9178087") && !second.contains("[1/"), "{second}");
}
