//! No lock and no transaction is left on a connection that goes back to its pool, however the run ended.

use std::sync::Arc;
use std::time::Duration;

use embed_migrations::{ErrorKind, Migrations, embed_migrations};
use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::guarantees::counted;
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;
use tokio_postgres::NoTls;

embed_migrations!(
    "kills/panicking",
    module = panicking,
    namespace = "panicked",
    backends = [postgres, mysql]
);

/// How a run ends before its time.
#[derive(Debug, Clone, Copy)]
enum End {
    Failed,
    Panicked,
    /// The future is dropped after so many milliseconds
    Dropped(u64),
}

const ENDS: [End; 9] = [
    End::Failed,
    End::Panicked,
    End::Dropped(0),
    End::Dropped(1),
    End::Dropped(3),
    End::Dropped(6),
    End::Dropped(12),
    End::Dropped(25),
    End::Dropped(50),
];

fn tables() -> Migrations {
    Revisions::tables(4).namespace("dropped").build()
}

/// Lets a run on a pooled connection end early, and gives the connection back.
macro_rules! end_early {
    ($pooled:expr, $verb:ident, $end:expr) => {{
        let mut pooled = $pooled;
        match $end {
            End::Failed => {
                let bad = "SELECT nothing FROM nowhere";
                let set = Revisions::new().namespace("failed").sql("bad", bad, "").build();
                set.$verb(&mut pooled).upgrade("head").await.unwrap_err();
            }
            End::Panicked => {
                let run =
                    async move { panicking::MIGRATIONS.$verb(&mut pooled).upgrade("head").await.map(|_| ()) };
                assert!(tokio::spawn(run).await.unwrap_err().is_panic());
            }
            End::Dropped(time) => {
                let set = tables();
                let run = set.$verb(&mut pooled).upgrade("head");
                let _ = tokio::time::timeout(Duration::from_millis(time), run).await;
            }
        }
    }};
}

/// Another connection gets every lock without waiting, and finds no transaction in its way.
fn is_free(db: &Database, what: &str) {
    // What the server ends when the client has left takes it a moment.
    let patience = Duration::from_secs(1);
    for namespace in ["failed", "panicked"] {
        let set = Revisions::new().namespace(namespace).sql("other", "SELECT 1", "").build();
        if let Err(error) = migrate!(db.connect(), set, lock_timeout(patience).upgrade("head")) {
            // What was interrupted is not in this set, which is found out under the lock.
            assert_ne!(error.kind(), ErrorKind::Locked, "{what}: {error}");
        }
    }
    migrate!(db.connect(), tables(), lock_timeout(patience).upgrade("head"))
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    for n in 1..=4 {
        assert_eq!(db.connect().count(&format!("t{n}")), 1, "{what}");
    }
}

/// Runs a future, and what it spawned, to its end.
fn run(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

/// Looks whether all is free while the pool's connection can work.
async fn look(db: &Arc<Database>, what: String) {
    let db = db.clone();
    tokio::task::spawn_blocking(move || is_free(&db, &what)).await.unwrap();
}

mod a_pooled_connection_keeps_no_lock_however_its_run_ended {
    use super::*;

    #[test]
    fn postgres() {
        for end in ENDS {
            let db = Arc::new(Database::new(Kind::Postgres));
            run(async {
                let manager = deadpool_postgres::Manager::new(db.url().parse().unwrap(), NoTls);
                let pool = deadpool_postgres::Pool::builder(manager).max_size(1).build().unwrap();
                end_early!(pool.get().await.unwrap(), postgres, end);
                look(&db, format!("{end:?} in deadpool")).await;
                let mut pooled = pool.get().await.unwrap();
                tables().postgres(&mut pooled).downgrade("base").await.unwrap();
            });
            let db = Arc::new(Database::new(Kind::Postgres));
            run(async {
                let config = db.url().parse().unwrap();
                let manager = bb8_postgres::PostgresConnectionManager::new(config, NoTls);
                let pool = bb8_postgres::bb8::Pool::builder().max_size(1).build(manager).await.unwrap();
                end_early!(pool.get_owned().await.unwrap(), postgres, end);
                look(&db, format!("{end:?} in bb8")).await;
                let mut pooled = pool.get().await.unwrap();
                tables().postgres(&mut pooled).downgrade("base").await.unwrap();
            });
        }
        counted("A pooled connection", Kind::Postgres, 2 * ENDS.len());
    }

    #[test]
    fn mysql() {
        for end in ENDS {
            let db = Arc::new(Database::new(Kind::Mysql));
            run(async {
                let one = mysql_async::PoolConstraints::new(1, 1).unwrap();
                let options = mysql_async::Opts::from_url(&db.url()).unwrap();
                let options = mysql_async::OptsBuilder::from_opts(options)
                    .pool_opts(mysql_async::PoolOpts::default().with_constraints(one));
                let pool = mysql_async::Pool::new(options);
                end_early!(pool.get_conn().await.unwrap(), mysql, end);
                look(&db, format!("{end:?} in mysql_async")).await;
                let mut pooled = pool.get_conn().await.unwrap();
                tables().mysql(&mut pooled).downgrade("base").await.unwrap();
                drop(pooled);
                pool.disconnect().await.unwrap();
            });
        }
        counted("A pooled connection", Kind::Mysql, ENDS.len());
    }
}
