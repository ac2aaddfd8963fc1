//! What `check` prints for the programs that show it beside the files.

use serde_json::Value;

use crate::project::Project;

#[test]
fn github_is_given_an_annotation_per_problem() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.write(
        "migrations/ccc_bad.sql",
        "-- Bad\n-- revision: ccc\n-- revises: bbb\n-- migrate:up\nSELECT 'x\n",
    );
    let done = project.run("check --format github");
    done.failed(4);
    assert!(
        done.stdout.starts_with(
            "::error file=migrations/ccc_bad.sql,line=5,col=8,endColumn=9,title=A build refuses the revisions::\
             unclosed string%0A"
        ),
        "{done:?}"
    );
    assert_eq!(done.stdout.lines().count(), 1, "{done:?}");
    std::fs::remove_file(project.path("migrations/ccc_bad.sql")).unwrap();
    assert_eq!(project.run("check --format github").ok(), "");
    project.run("lock").ok();
    project.revision("ccc", "bbb");
    let done = project.run("check --format github");
    done.failed(6);
    assert!(done.stdout.starts_with("::error file=migrations/ccc_make.sql,title=A revision is not locked::"));
}

#[test]
fn code_scanning_is_given_a_sarif_log() {
    let project = Project::chain(&["aaa"]);
    let results = |line: &str, code: i32| {
        let done = project.on_database(line);
        assert_eq!(done.code, code, "{done:?}");
        let log: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(
            (&log["version"], &log["runs"][0]["columnKind"]),
            (&"2.1.0".into(), &"unicodeCodePoints".into())
        );
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().clone();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        for result in &results {
            assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]), "{result}");
        }
        results
    };
    assert!(results("check --format sarif", 0).is_empty());
    let pending = results("check --database --format sarif", 7);
    assert_eq!(pending[0]["ruleId"], "database-state");
    project.on_database("upgrade").ok();
    assert!(results("check --database --format sarif", 0).is_empty());
    let text = project.read("migrations/aaa_make.sql").replace("INTEGER", "TEXT");
    project.write("migrations/aaa_make.sql", &text);
    let edited = results("check --database --format sarif", 10);
    assert!(
        edited[0]["message"]["text"].as_str().unwrap().contains("revision 'aaa' was edited"),
        "{edited:?}"
    );
    project.write("migrations/aaa_make.sql", &text.replace("migrate:down", "migrate:dwon"));
    let problems = results("check --format sarif", 4);
    let place = &problems[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "migrations/aaa_make.sql");
    assert_eq!(place["region"]["startLine"], 9, "{problems:?}");
}

#[test]
fn these_formats_are_of_check_alone() {
    let project = Project::chain(&["aaa"]);
    assert_eq!(project.run("heads --format sarif").failed(2), "error: `--format sarif` is for `check`\n");
    assert_eq!(project.run("check --format svg").failed(2), "error: `--format svg` is for `graph`\n");
}
