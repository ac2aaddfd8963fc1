//! Whether another run is at work, by the server's list of its connections.

use super::Mysql;
use super::packet::Failed;
use crate::backends::Sight;
use crate::history::quote_text;

impl Mysql<'_> {
    /// By what this connection is known to others: `connection 7 of user at host:3306`. The numbers of a cluster's nodes
    /// are not told apart without the server.
    pub(super) async fn place(&mut self) -> Result<Option<String>, Failed> {
        let sql = format!("SELECT CONCAT('connection ', CONNECTION_ID(), ' of ', {USER}, ' at ', {SERVER})");
        let row = self.send(&sql).await?;
        Ok(row.and_then(|row| row.into_iter().next().flatten()))
    }

    /// Looks for the connection of a row's owner.
    pub(super) async fn look_for(&mut self, owner: &str) -> Result<Sight, Failed> {
        let Some(place) = Place::parse(owner) else { return Ok(Sight::Unknown) };
        let text = |text: &str| quote_text(text, self.dialect());
        // Without the privilege a user sees no connections but its own. A server that was started anew gives the numbers again,
        // also to a replica that reads the log for as long as it lives.
        let sql = format!(
            "SELECT COUNT(*), COALESCE(SUM(COMMAND <> 'Sleep'), 0), {SERVER} = {}, {USER} = {} OR EXISTS (SELECT 1 FROM \
             information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'PROCESS' AND REPLACE(GRANTEE, CHAR(39), '') = \
             CURRENT_USER()) FROM information_schema.PROCESSLIST WHERE ID = {} AND USER = {} AND COMMAND NOT LIKE 'Binlog Dump%'",
            text(place.server),
            text(place.user),
            place.number,
            text(place.user),
        );
        let row = self.send(&sql).await?;
        let Some([Some(found), Some(working), Some(here), Some(shown)]) = row.as_deref() else {
            return Ok(Sight::Unknown);
        };
        Ok(match (found.as_str(), working.as_str()) {
            _ if here != "1" || shown != "1" => Sight::Unknown,
            ("0", _) => Sight::Gone,
            (_, "0") => Sight::Idle,
            _ => Sight::AtWork,
        })
    }
}

/// A connection, as a row's owner names it.
#[derive(Debug, PartialEq, Eq)]
struct Place<'o> {
    number: u64,
    user: &'o str,
    server: &'o str,
}

impl<'o> Place<'o> {
    fn parse(owner: &'o str) -> Option<Self> {
        let (_, place) = owner.rsplit_once(", connection ")?;
        let (place, server) = place.strip_suffix(')')?.rsplit_once(" at ")?;
        let (number, user) = place.split_once(" of ")?;
        Some(Self { number: number.parse().ok()?, user, server })
    }
}

const USER: &str = "SUBSTRING_INDEX(USER(), '@', 1)";
const SERVER: &str = "CONCAT(@@hostname, ':', @@port)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_read_from_the_owner_of_a_row() {
        let read = |owner| Place::parse(owner).map(|place| (place.number, place.user, place.server));
        assert_eq!(
            read("app[1] 00ff (unlocked, connection 7 of a of b at h:3306)"),
            Some((7, "a of b", "h:3306"))
        );
        assert_eq!(read("app[1] 00ff (unlocked)"), None);
        assert_eq!(read("app[1] 00ff"), None);
    }
}
