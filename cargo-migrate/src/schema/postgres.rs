//! PostgreSQL: what the catalogs say of everything that is not the system's own and not an extension's.

mod queries;

use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use super::{History, Snapshot, row};

/// The schema of the connection's database. Roles and tablespaces are of the server and are left out.
///
/// # Errors
/// Those of the server.
pub(crate) async fn schema(client: &Client, history: &History) -> Result<Snapshot, Error> {
    let sql = queries::schema(history);
    let lines = texts(&found(client, &sql).await?);
    let orders = texts(&found(client, &queries::orders(history)).await?);
    Ok(Snapshot::with_orders(lines, orders))
}

/// Every row of every table.
///
/// # Errors
/// Those of the server.
pub(crate) async fn rows(client: &Client, history: &History) -> Result<Snapshot, Error> {
    let mut lines = Vec::new();
    for select in found(client, &queries::selects(history)).await? {
        let (table, sql) = (select.get(0).unwrap_or_default(), select.get(1).unwrap_or_default());
        for found in found(client, sql).await? {
            let columns = found.columns().iter().enumerate();
            let values = columns
                .map(|(place, column)| (column.name(), found.get(place).map(|text| format!("{text:?}"))));
            lines.push(row(table, values));
        }
    }
    Ok(Snapshot::new(lines))
}

fn texts(rows: &[SimpleQueryRow]) -> Vec<String> {
    rows.iter().filter_map(|row| row.get(0).map(str::to_owned)).collect()
}

/// The rows of some statements, with every name that they print qualified.
async fn found(client: &Client, sql: &str) -> Result<Vec<SimpleQueryRow>, Error> {
    let messages =
        client.simple_query(&format!("BEGIN; SET LOCAL search_path = pg_catalog; {sql}; COMMIT")).await;
    // The transaction that an error leaves open would stand in the way of what follows.
    if messages.is_err() {
        client.batch_execute("ROLLBACK").await?;
    }
    let rows = messages?.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(rows.collect())
}
