//! Read dates and times with values and without
//!
//! revision: d1
//! revises:

use embed_migrations::{Db, Error, Result};

const ASKED: &str = "SELECT CAST('2020-01-01 00:00:00' AS DATETIME), CAST('2020-01-01 00:00:00.5' AS DATETIME(3)), CAST('2020-01-01' AS DATE), \
                     CAST('01:02:03' AS TIME), CAST('-30:02:03' AS TIME), CAST('01:02:03.25' AS TIME(2)) FROM DUAL";

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    let texts = |rows: Vec<embed_migrations::Row>| {
        (0..6).map(|place| rows[0].get(place)).collect::<Result<Vec<String>>>()
    };
    let without = texts(db.query(ASKED, &[]).await?)?;
    let with = texts(db.query(&format!("{ASKED} WHERE 1 = ?"), &[1.into()]).await?)?;
    if without == with && without[0] == "2020-01-01 00:00:00" {
        Ok(())
    } else {
        Err(Error::other(format!("{without:?} and {with:?}")))
    }
}
