//! What an application has to resolve and to compile: its own backend, and nothing of the others.

use embed_migrations_tests::project::TestProject;

const TLS: &[&str] = &["rustls", "ring", "tokio-rustls"];

const DRIVERS: [(&str, &[&str]); 3] = [
    ("sqlite", &["rusqlite", "libsqlite3-sys"]),
    ("postgres", &["tokio-postgres"]),
    ("mysql", &["mysql_async", "mysql_common"]),
];

#[test]
fn an_application_neither_resolves_nor_compiles_what_it_leaves_out() {
    for features in [&["sqlite"][..], &["postgres"], &["mysql"], &["postgres", "tls"], &["mysql", "tls"]] {
        let project = TestProject::new(&format!("dependencies_{}", features.join("_")))
            .features(features)
            .file("src/main.rs", "fn main() {}\n");
        let tree = project.cargo(["tree", "--edges=all", "--target=all", "--prefix=none"]);
        // With versions of cargo's own choice, of which not all need be at hand.
        project.remove("Cargo.lock");
        project.cargo(["generate-lockfile"]).succeeded();
        let lock = project.read("Cargo.lock");
        let tree = tree.succeeded();
        for (feature, crates) in DRIVERS.into_iter().chain([("tls", TLS), ("no feature", &["aws-lc-rs"])]) {
            for name in crates {
                let locked = lock.contains(&format!("\nname = \"{name}\"\n"));
                let compiled = tree.lines().any(|line| line.split(' ').next() == Some(name));
                let wanted = features.contains(&feature);
                assert_eq!(
                    (locked, compiled),
                    (wanted, wanted),
                    "`{name}` with features {features:?}\n{tree}"
                );
            }
        }
    }
}

#[test]
fn without_its_feature_tls_is_refused_where_a_url_asks_for_it() {
    let project = TestProject::new("tls-off")
        .features(&["postgres", "mysql"])
        .manifest("tokio = { version = \"1\", features = [\"net\", \"rt\"] }")
        .file("migrations/a1_users.sql", crate::revision("a1", "none", "users"))
        .file(
            "src/main.rs",
            "embed_migrations::embed_migrations!(\"migrations\");\n\
             fn main() {\n    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();\n    \
             for url in std::env::args().skip(1) {\n        \
             let told = runtime.block_on(migrations::MIGRATIONS.connect(&url)).unwrap_err();\n        \
             println!(\"{:?} {told}\", told.kind());\n    }\n}\n",
        );
    for scheme in ["postgres", "mysql"] {
        for parameters in ["sslmode=require", "sslmode=verify-full&sslrootcert=system", "ssl-ca=ca.pem"] {
            // Nobody listens there.
            let output = project.cargo([
                "run",
                "--quiet",
                "--",
                &format!("{scheme}://u:p@127.0.0.1:1/db?{parameters}"),
            ]);
            let told = output.succeeded();
            assert!(
                told.contains("Unsupported") && told.contains("the `tls` feature"),
                "{parameters}: {told}"
            );
        }
        for parameters in ["", "sslmode=prefer", "sslmode=disable", "ssl-mode=PREFERRED"] {
            let output = project.cargo([
                "run",
                "--quiet",
                "--",
                &format!("{scheme}://u:p@127.0.0.1:1/db?{parameters}"),
            ]);
            let told = output.succeeded().to_lowercase();
            assert!(
                told.contains("database cannot connect") && told.contains("refused"),
                "{parameters}: {told}"
            );
        }
    }
}

#[test]
fn what_ships_holds_nothing_that_reads_sql_or_rust() {
    let project = TestProject::new("dependencies_shipped").file("src/main.rs", "fn main() {}\n");
    let tree = project.cargo(["tree", "--edges=normal,no-proc-macro", "--prefix=none", "--format={p} {f}"]);
    let tree = tree.succeeded();
    for line in tree.lines() {
        assert!(!line.starts_with("syn ") && !line.starts_with("proc-macro2 "), "{tree}");
        assert!(!(line.starts_with("migrate-revision ") && line.contains("source")), "{tree}");
    }
    assert!(tree.contains("migrate-revision "), "{tree}");
}

#[test]
fn a_backend_whose_feature_is_off_says_so_when_it_is_used() {
    let project = TestProject::new("feature-off")
        .file("migrations/a1_users.sql", crate::revision("a1", "none", "users"))
        .file(
            "src/main.rs",
            "embed_migrations::embed_migrations!(\"migrations\");\n\
             fn main() {\n    migrations::MIGRATIONS.sqlite(&mut ());\n    migrations::MIGRATIONS.postgres(&mut ());\n    \
             migrations::MIGRATIONS.mysql(&mut ());\n}\n",
        );
    let output = project.cargo(["check", "--quiet"]);
    assert!(!output.success);
    for feature in ["sqlite", "postgres", "mysql"] {
        let message = format!("the `{feature}` feature of embed-migrations is off");
        let cure = format!("`embed-migrations = {{ version = \"0.1\", features = [\"{feature}\"] }}`");
        assert!(output.stderr.contains(&message) && output.stderr.contains(&cure), "{}", output.stderr);
    }
}
