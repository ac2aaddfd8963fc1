//! sqlx.

use sqlx::Connection as _;

fn main() -> peers::Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    peers::time(|file| {
        runtime.block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
            sqlx::migrate!("migrations/sqlx").run(&mut connection).await?;
            connection.close().await?;
            Ok(())
        })
    })
}
