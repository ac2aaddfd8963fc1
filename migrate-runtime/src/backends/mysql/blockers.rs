//! Who keeps a statement waiting.

use mysql_async::ServerError;

use super::Mysql;
use super::packet::{DEADLOCK, LOCK_TIMEOUT};
use crate::backends::{IN_TURN, StepFault};

impl Mysql<'_> {
    /// Finds out who may have the lock that a statement waited for in vain.
    pub(super) async fn name_blockers(&mut self, result: Result<(), StepFault>) -> Result<(), StepFault> {
        let Err(fault) = result else { return Ok(()) };
        if !is_blocked(&fault) || !self.undone {
            return Err(fault);
        }
        // What the statements behind the one that is taken up again have set is not to be there.
        self.put_back().await?;
        if is_deadlock(&fault) {
            return Err(StepFault::Blocked { fault: Box::new(fault), by: Some(IN_TURN.to_owned()) });
        }
        // Not everyone may see them.
        let rows = self.rows(TRANSACTIONS).await.unwrap_or_default();
        let rows: Vec<String> = rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect();
        let by = (!rows.is_empty()).then(|| format!("a lock, perhaps that of {}", rows.join("; ")));
        Err(StepFault::Blocked { fault: Box::new(fault), by })
    }
}

/// Whether a statement waited for a lock in vain, or could only have.
pub(super) fn is_blocked(fault: &StepFault) -> bool {
    is_deadlock(fault) || fault.said::<ServerError>().is_some_and(|error| error.code == LOCK_TIMEOUT)
}

/// Whether the server let another transaction by.
pub(super) fn is_deadlock(fault: &StepFault) -> bool {
    fault.said::<ServerError>().is_some_and(|error| error.code == DEADLOCK)
}

/// The transactions of others, the oldest first: whoever has a table's lock for long is in one.
const TRANSACTIONS: &str = "SELECT CONCAT('connection ', p.ID, ', user `', p.USER, '` at ', p.HOST, \
     ', in a transaction since ', DATE_FORMAT(t.trx_started, '%Y-%m-%dT%H:%i:%s'), \
     COALESCE(CONCAT(', query `', LEFT(p.INFO, 120), '`'), ', idle')) \
     FROM information_schema.INNODB_TRX AS t JOIN information_schema.PROCESSLIST AS p ON p.ID = t.trx_mysql_thread_id \
     WHERE p.ID <> CONNECTION_ID() ORDER BY t.trx_started LIMIT 3";
