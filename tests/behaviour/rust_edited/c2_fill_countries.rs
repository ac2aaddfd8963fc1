//! Fill the table of countries
//!
//! revision: c2
//! revises: c1

use embed_migrations::{Backend, Db, Error, Result, Value};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    let backend = db.backend();
    assert_eq!(db.sqlite().is_some(), backend == Backend::Sqlite);
    assert_eq!(db.postgres().is_some(), backend == Backend::Postgres);
    assert_eq!(db.mysql().is_some(), [Backend::Mysql, Backend::Mariadb].contains(&backend));
    if let Some(connection) = db.sqlite() {
        connection.execute_batch("PRAGMA recursive_triggers = ON")?;
    }
    // Names are those of embedded files, and lead nowhere else.
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for elsewhere in
        ["..", "../..", "../c1_create_countries.sql", "countries/../../c1_create_countries.sql", manifest, "/etc/passwd", "", "countries"]
    {
        let error = db.file(elsewhere).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(&format!("there was no file `{elsewhere}` under")), "{error}");
        assert!(db.file_bytes(elsewhere).is_err());
    }
    for (id, line) in db.file("countries/all.csv")?.lines().enumerate() {
        let fields: Vec<&str> = line.split('|').collect();
        let [name, population, area, capital] = fields[..] else {
            return Err(Error::other(format!("a line with {} fields", fields.len())));
        };
        let population: i64 = population.parse().map_err(Error::other)?;
        let area: f64 = area.parse().map_err(Error::other)?;
        let capital = Some(capital).filter(|capital| !capital.is_empty());
        let inserted = db
            .execute(
                "INSERT INTO countries (id, name, population, area, capital, big) VALUES (?, ?, ?, ?, ?, ?) -- really?",
                &[(id as i64).into(), name.into(), population.into(), area.into(), capital.into(), Value::Int(0)],
            )
            .await?;
        assert_eq!(inserted, 1);
    }
    let rows = db.query("SELECT id, name, population, area, capital FROM countries WHERE population > ? ORDER BY id", &[100_000.into()]).await?;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].get::<String>(1)?, "Bhutan");
    assert_eq!(rows[0].get::<i64>(2)?, 777_486);
    assert!((rows[0].get::<f64>(3)? - 38_394.5).abs() < f64::EPSILON);
    assert_eq!(rows[0].get::<Option<String>>(4)?, None);
    assert!(rows[0].get::<String>(9).is_err() && rows[0].get::<i64>(1).is_err());
    let changed = db.execute("UPDATE countries SET big = 1 WHERE population > ?", &[1_000_000.into()]).await?;
    assert_eq!(changed, 1);
    Ok(())
}

pub async fn down(db: &mut Db<'_>) -> Result<()> {
    db.execute("DELETE FROM countries", &[]).await?;
    Ok(())
}
