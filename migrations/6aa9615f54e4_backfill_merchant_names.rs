//! Fill in the merchants of existing transactions
//!
//! The aliases come from `data/merchant_aliases.csv`. A transaction without a merchant gets the one whose
//! prefix its description begins with, in either case; of several prefixes the longest counts.
//!
//! revision: 6aa9615f54e4
//! revises: 9ce8b79adad1
//! created: 2026-06-22T15:10:44Z
//! compatible: yes

use embed_migrations::{Db, Result};

/// The most transactions that are in memory at once.
const BATCH: usize = 500;

/// Loads the aliases and fills `transactions.merchant`.
pub async fn up(db: &mut Db<'_>) -> Result<()> {
    let aliases = load_aliases(db).await?;
    let next_batch = format!(
        "SELECT id, description FROM transactions WHERE id > ? AND merchant IS NULL ORDER BY id LIMIT {BATCH}"
    );

    let mut last_id = i64::MIN;
    loop {
        let rows = db.query(&next_batch, &[last_id.into()]).await?;
        for row in &rows {
            last_id = row.get::<i64>(0)?;
            let description = row.get::<String>(1)?;
            if let Some(merchant) = merchant_of(&description, &aliases) {
                let params = [merchant.into(), last_id.into()];
                db.execute("UPDATE transactions SET merchant = ? WHERE id = ?", &params).await?;
            }
        }
        if rows.len() < BATCH {
            return Ok(());
        }
    }
}

/// Empties what `up` has filled.
pub async fn down(db: &mut Db<'_>) -> Result<()> {
    db.execute("UPDATE transactions SET merchant = NULL WHERE merchant IS NOT NULL", &[]).await?;
    db.execute("DELETE FROM merchant_aliases", &[]).await?;
    Ok(())
}

/// Copies the file into `merchant_aliases` and returns all that is there, as prefix and merchant.
async fn load_aliases(db: &mut Db<'_>) -> Result<Vec<(String, String)>> {
    let lines = db.file("merchant_aliases.csv")?.lines().skip(1);
    for line in lines {
        let mut fields = line.splitn(2, ',');
        // A line without a merchant gives NULL, which the table refuses.
        let params = [fields.next().into(), fields.next().into()];
        db.execute("INSERT INTO merchant_aliases (prefix, merchant) VALUES (?, ?)", &params).await?;
    }

    let rows = db.query("SELECT prefix, merchant FROM merchant_aliases", &[]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The merchant of the longest prefix; prefixes are in upper case.
fn merchant_of<'a>(description: &str, aliases: &'a [(String, String)]) -> Option<&'a str> {
    let description = description.to_uppercase();
    aliases
        .iter()
        .filter(|(prefix, _)| description.starts_with(prefix))
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(_, merchant)| merchant.as_str())
}
