//! TLS of connections that are made from URLs, alike for all servers.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use embed_migrations::{Error, ErrorKind, Migrations};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::front::{Front, Seems};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::server_behaviours;

use crate::connections::poll_and_drop;

/// A revision that notes what the server says of the connection that it is applied on.
fn noting(db: &Database) -> Migrations {
    // MariaDB and MySQL keep it in two places.
    let status = if db.is_mariadb() {
        "information_schema.SESSION_STATUS"
    } else {
        "performance_schema.session_status"
    };
    Revisions::new()
        .sections(
            "note",
            &format!("-- migrate:up postgres\n\
             CREATE TABLE noted AS SELECT ssl, version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid();\n\n\
             -- migrate:up mysql\n\
             CREATE TABLE noted AS SELECT VARIABLE_VALUE <> '' AS encrypted FROM {status} \
             WHERE VARIABLE_NAME = 'Ssl_cipher';\n\n\
             -- migrate:down\nDROP TABLE noted;"),
        )
        .build()
}

/// Whether the connection of a URL is encrypted, by what the server says.
fn encrypted(db: &Database, url: &str) -> Result<bool, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let set = noting(db);
    runtime.block_on(async { set.connect(url).await?.upgrade("head").await })?;
    let column = if db.kind == Kind::Postgres { "ssl" } else { "encrypted" };
    let answer = db.connect().value(&format!("SELECT {column} FROM noted"));
    runtime.block_on(async { set.connect(url).await?.downgrade("base").await })?;
    Ok(matches!(answer.as_str(), "t" | "1"))
}

fn with(url: &str, parameters: &str) -> String {
    format!("{url}?{parameters}")
}

/// The certificate of an authority that has not signed for this server.
fn other_authority(db: &Database) -> String {
    db.kind.server_file("other.pem").display().to_string()
}

server_behaviours! {
    fn each_mode_encrypts_as_it_says(db) {
        let ca = db.kind.server_file("ca.pem").display().to_string();
        for (parameters, expected) in [
            ("", true),
            ("sslmode=disable", false),
            ("sslmode=prefer", true),
            ("sslmode=require", true),
            ("sslmode=require&sslrootcert={ca}", true),
            ("sslmode=verify-ca&sslrootcert={ca}", true),
            ("sslmode=verify-full&sslrootcert={ca}", true),
            ("sslrootcert={ca}", true),
            ("ssl-mode=DISABLED", false),
            ("ssl-mode=PREFERRED", true),
            ("ssl-mode=REQUIRED", true),
            ("ssl-mode=VERIFY_CA&ssl-ca={ca}", true),
            ("ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}", true),
        ] {
            let url = with(&db.url(), &parameters.replace("{ca}", &ca));
            assert_eq!(encrypted(db, &url).unwrap(), expected, "{parameters}");
        }
        // No default of the process was used, and none was made: that is the application's.
        assert!(tokio_rustls::rustls::crypto::CryptoProvider::get_default().is_none());
    }

    fn an_authority_that_did_not_sign_is_refused_where_one_is_asked_for(db) {
        let other = other_authority(db);
        for parameters in ["sslmode=require&", "sslmode=verify-ca&", "sslmode=verify-full&", ""] {
            let error = encrypted(db, &with(&db.url(), &format!("{parameters}sslrootcert={other}"))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Database);
            let told = error.to_string();
            assert!(told.contains("certificate") && told.contains("hint: `sslrootcert`"), "{told}");
        }
        assert!(encrypted(db, &with(&db.url(), &format!("sslmode=prefer&sslrootcert={other}"))).unwrap());
    }

    fn a_host_that_the_certificate_is_not_for_is_refused_by_verify_full_alone(db) {
        let ca = db.kind.server_file("ca.pem").display().to_string();
        let url = db.url().replace("127.0.0.1", "localhost");
        let error = encrypted(db, &with(&url, &format!("sslmode=verify-full&sslrootcert={ca}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Database);
        let told = error.to_string();
        assert!(told.contains("localhost") && told.contains("127.0.0.1") && told.contains("hint: "), "{told}");
        for parameters in ["sslmode=require", "sslmode=verify-ca&sslrootcert={ca}"] {
            assert!(encrypted(db, &with(&url, &parameters.replace("{ca}", &ca))).unwrap(), "{parameters}");
        }
    }

    fn a_server_s_own_certificate_may_be_the_root(db) {
        let own = db.kind.server_file("server.pem").display().to_string();
        for mode in ["verify-ca", "verify-full"] {
            assert!(encrypted(db, &with(&db.url(), &format!("sslmode={mode}&sslrootcert={own}"))).unwrap());
        }
    }

    fn without_tls_on_the_server_there_is_a_connection_only_where_it_need_not_be_encrypted(db) {
        let ca = db.kind.server_file("ca.pem").display().to_string();
        for seems in [Seems::WithoutTls, Seems::BrokenTls] {
            let url = Front::new(db.kind, &db.url(), seems).url(&db.url());
            for parameters in ["", "sslmode=prefer", "sslmode=disable"] {
                assert!(!encrypted(db, &with(&url, parameters)).unwrap(), "{seems:?} {parameters}");
            }
            for mode in ["require", "verify-ca", "verify-full"] {
                let error = encrypted(db, &with(&url, &format!("sslmode={mode}&sslrootcert={ca}"))).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Database);
                assert!(error.to_string().contains("TLS"), "{seems:?} {mode}: {error}");
            }
        }
    }

    fn a_client_shows_its_certificate(db) {
        let [certificate, key] = ["client.pem", "client.key"].map(|name| db.kind.server_file(name).display().to_string());
        let identity = format!("sslmode=require&sslcert={certificate}&sslkey={key}");
        if db.kind == Kind::Postgres {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let url = with(&db.url(), &identity);
            runtime.block_on(async { noting(db).connect(&url).await?.upgrade("head").await }).unwrap();
            let name = db.connect().value("SELECT client_dn FROM noted");
            assert_eq!(name, "/CN=embed-migrations client");
        } else {
            let user = format!("x_{}", db.name);
            let mut admin = db.connect();
            admin.run(&format!("CREATE USER {user} IDENTIFIED BY 'p' REQUIRE X509"));
            admin.run(&format!("GRANT ALL ON {}.* TO {user}", db.name));
            let url = db.url_for(&user, "p");
            let error = encrypted(db, &with(&url, "sslmode=require")).unwrap_err();
            assert!(error.to_string().contains("denied"), "{error}");
            assert!(encrypted(db, &with(&url, &identity)).unwrap());
            admin.run(&format!("DROP USER {user}"));
        }
    }

    fn a_socket_of_the_own_machine_has_no_tls_whatever_the_url_asks_for(db) {
        let ca = db.kind.server_file("ca.pem");
        let folder = ca.parent().unwrap().display();
        let url = db.url();
        let (_, password) = url.rsplit_once('@').unwrap().0.rsplit_once(':').unwrap();
        let place = match db.kind {
            Kind::Postgres => {
                let port = url.rsplit_once(':').unwrap().1.split('/').next().unwrap();
                format!("postgres://tester:{password}@/{}?host={folder}&port={port}", db.name)
            }
            _ => format!("mysql://tester:{password}@localhost/{}?socket={folder}/socket", db.name),
        };
        for parameters in ["sslmode=require".to_owned(), format!("sslmode=verify-full&sslrootcert={}", ca.display())] {
            assert!(!encrypted(db, &format!("{place}&{parameters}")).unwrap(), "{parameters}");
        }
    }

    fn a_future_dropped_at_any_await_ends_its_connection_and_the_next_run_converges(db) {
        let set = Revisions::tables(3).build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut finished = 0;
        for polls in 0..30 {
            let url = with(&db.url(), "sslmode=require");
            let run = async { set.connect(&url).await?.upgrade("head").await };
            finished += usize::from(runtime.block_on(poll_and_drop(run, polls * 2)).is_some());
            runtime.block_on(async { set.connect(&url).await?.upgrade("head").await }).unwrap();
            assert_eq!(db.tables(), ["t1", "t2", "t3"], "{polls} polls");
            runtime.block_on(async { set.connect(&url).await?.downgrade("base").await }).unwrap();
        }
        assert!(finished < 25, "some futures were dropped before they were done");
        let mut watcher = db.connect();
        let others = match db.kind {
            Kind::Postgres => "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
            _ => "SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()",
        };
        // The runtime still runs, and no connection does.
        let deadline = Instant::now() + Duration::from_secs(10);
        while watcher.value(others) != "0" {
            assert!(Instant::now() < deadline, "a connection is left");
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
        }
    }

    fn what_is_large_arrives_whole(db) {
        let text = "0123456789abcdef".repeat(100_000);
        let set = Revisions::new()
            .sql("large", &format!("CREATE TABLE large AS SELECT '{text}' AS t;"), "DROP TABLE large;")
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = with(&db.url(), "sslmode=require");
        runtime.block_on(async { set.connect(&url).await?.upgrade("head").await }).unwrap();
        assert_eq!(db.connect().value("SELECT length(t) FROM large"), text.len().to_string());
    }

    fn system_is_what_the_operating_system_believes(db) {
        let files = Revisions::tables(1).write();
        let upgrade = |authorities: &Path| {
            Command::new(env!("CARGO_BIN_EXE_migrating"))
                .args([with(&db.url(), "sslrootcert=system"), files.path().display().to_string()])
                .args(["upgrade", "head"])
                .env("SSL_CERT_FILE", authorities)
                .env_remove("SSL_CERT_DIR")
                .stdin(Stdio::null())
                .output()
                .unwrap()
        };
        let refused = upgrade(Path::new(&other_authority(db)));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("invalid peer certificate"), "{refused:?}");
        let empty = db.directory.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let refused = upgrade(&empty);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("no root certificates"), "{refused:?}");
        let done = upgrade(&db.kind.server_file("ca.pem"));
        assert!(done.status.success(), "{done:?}");
        assert_eq!(db.tables(), ["t1"]);
    }

    fn what_does_not_say_what_to_believe_is_refused_before_anything_is_sent(db) {
        let ca = db.kind.server_file("ca.pem").display().to_string();
        let folder = db.directory.path().display().to_string();
        let letter = format!("{folder}/letter.pem");
        std::fs::write(&letter, "Dear Sir or Madam").unwrap();
        // Nobody listens there.
        let scheme = db.url().split_once(':').unwrap().0.to_owned();
        let url = format!("{scheme}://u:p@127.0.0.1:1/db");
        for (parameters, expected) in [
            ("sslmode=verify-ca", "no root certificate"),
            ("sslmode=verify-full", "sslrootcert=system"),
            ("sslmode=verfy-full&sslrootcert={ca}", "`sslmode=verfy-full`"),
            ("ssl-mode=always", "`verify-full`"),
            ("sslmode=require&ssl-mode=DISABLED", "more than one of `sslmode` and `ssl-mode`"),
            ("sslmode=require&sslmode=disable", "more than one"),
            ("sslmode=require&sslrootcert=system", "verify-full"),
            ("sslmode=verify-ca&sslrootcert=system", "verify-full"),
            ("sslrootcert={folder}/missing.pem", "cannot read the root certificate `{folder}/missing.pem`"),
            ("sslrootcert={folder}", "cannot read the root certificate `{folder}`"),
            ("sslrootcert={folder}/letter.pem", "the root certificate `{folder}/letter.pem` cannot be used"),
            ("sslmode=prefer&sslrootcert={folder}/missing.pem", "{folder}/missing.pem"),
            ("sslmode=require&sslcert={ca}", "belong together"),
            ("sslmode=require&sslcert={ca}&sslkey={folder}/letter.pem", "the client key `{folder}/letter.pem` cannot be used"),
        ] {
            let fill = |text: &str| text.replace("{ca}", &ca).replace("{folder}", &folder);
            let error = encrypted(db, &with(&url, &fill(parameters))).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Url, "{parameters}: {error}");
            assert!(error.to_string().contains(&fill(expected)), "{parameters}: {error}");
        }
    }
}

mod parameters_that_only_the_driver_knows_do_not_weaken_anything {
    use super::*;

    #[test]
    fn mysql() {
        let db = Database::new(Kind::Mysql);
        for parameters in
            ["require_ssl=true", "require_ssl=true&verify_ca=false", "sslmode=require&built_in_roots=false"]
        {
            let error = encrypted(&db, &with(&db.url(), parameters)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Url);
            assert!(error.to_string().contains("`sslmode`"), "{error}");
        }
    }
}

mod rules_of_the_server_against_tls_leave_prefer_a_plain_connection {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let mut admin = Connection::new(Kind::Postgres, &db.url());
        // The server reads its rules anew; the test's own database is the only one that they are about.
        let rules = admin.value("SHOW hba_file");
        let before = std::fs::read_to_string(&rules).unwrap();
        std::fs::write(
            &rules,
            format!("hostnossl {} all all scram-sha-256\nhostssl {0} all all reject\n{before}", db.name),
        )
        .unwrap();
        admin.run("SELECT pg_reload_conf()");
        let deadline = Instant::now() + Duration::from_secs(10);
        let refused = loop {
            match encrypted(&db, &with(&db.url(), "sslmode=require")) {
                Err(error) => break error.to_string(),
                Ok(_) => assert!(Instant::now() < deadline, "the rules do not reach the server"),
            }
        };
        assert!(refused.contains("pg_hba.conf"), "{refused}");
        assert!(!encrypted(&db, &db.url()).unwrap());
        std::fs::write(&rules, before).unwrap();
        admin.run("SELECT pg_reload_conf()");
    }
}
