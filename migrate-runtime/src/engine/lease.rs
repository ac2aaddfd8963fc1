//! Holding the database by a lease, where a connection cannot hold a lock.

use std::time::Instant;

use migrate_revision::Backend;

use super::{Run, UNLOCKED, nonce, program};
use crate::backends::{Attempt, Database, Own, Sight};
use crate::event::Event;
use crate::lease::LeaseTable;
use crate::options::Lock;
use crate::{Error, Result};

impl<D: Database> Run<'_, D> {
    /// Settles how this run is kept apart from others, and what it calls itself in the rows that it writes.
    pub(super) async fn choose_lock(&mut self) -> Result<()> {
        match (self.options.lock, self.db.backend()) {
            // Its write lock is all that is needed.
            (Lock::Lease, Backend::Sqlite) => self.options.lock = Lock::Session,
            (Lock::Session, _) => {
                if let Some(why) = self.db.lacks_session_lock() {
                    return self.lease_instead(why).await;
                }
            }
            _ => {}
        }
        self.name_owner().await
    }

    /// Goes over to a lease because the lock that was asked for would not hold.
    pub(super) async fn lease_instead(&mut self, why: &str) -> Result<()> {
        self.options.lock = Lock::Lease;
        self.events.emit(&Event::Leasing { why });
        self.name_owner().await
    }

    async fn name_owner(&mut self) -> Result<()> {
        if self.nonce.is_empty() {
            self.nonce = nonce();
            self.name = self.options.applied_by.clone().unwrap_or_else(program);
            self.owner = format!("{} {}", self.name, self.nonce);
        }
        let place =
            self.db.sign(&self.nonce).await.map_err(|fault| fault.while_doing("look at the session"))?;
        if self.options.lock != Lock::Session {
            let place = place.map_or_else(String::new, |place| format!(", {place}"));
            self.owner = format!("{} {}{UNLOCKED}{place})", self.name, self.nonce);
        }
        Ok(())
    }

    /// Takes the lease if it is free, or over, or its owner gone.
    pub(super) async fn try_lease(&mut self) -> Result<Attempt> {
        let doing = |fault: crate::error::Fault| -> Error { fault.while_doing("take the lease") };
        let backend = self.db.backend();
        let lasts = self.options.lease;
        let lease = LeaseTable::of(&self.table, backend);
        let (insert, select) = (lease.insert(&self.owner, lasts), lease.select());
        self.db.owe_lease(Some(lease.delete(&self.owner)));
        let taken = match self.db.own(&insert).await.map_err(doing)? {
            Own::NoTable => {
                let create = lease.create();
                self.db.create_beside(&self.table, &create).await.map_err(doing)?;
                self.db.own(&insert).await.map_err(doing)?
            }
            taken => taken,
        };
        let taken = match taken {
            Own::Done { changed: 1, .. } => true,
            _ => {
                let Own::Done { rows, .. } = self.db.own(&select).await.map_err(doing)? else {
                    return Ok(Attempt::Busy(None));
                };
                let [Some(holder), until, over] = rows.first().map_or(&[][..], Vec::as_slice) else {
                    // It was given back just now.
                    return Ok(Attempt::Busy(None));
                };
                let sight = self.db.sight(&self.table, holder).await.map_err(doing)?;
                let gone = sight == Sight::Gone;
                let free = gone || over.as_deref() == Some("1") && sight != Sight::AtWork;
                let take = LeaseTable::of(&self.table, backend).take(holder, gone, &self.owner, lasts);
                if !free || !matches!(self.db.own(&take).await.map_err(doing)?, Own::Done { changed: 1, .. })
                {
                    let until = until.as_deref().unwrap_or("unknown");
                    self.db.owe_lease(None);
                    return Ok(Attempt::Busy(Some(format!("{holder}, lease until {until}"))));
                }
                true
            }
        };
        self.renewed = Instant::now();
        Ok(if taken { Attempt::Held } else { Attempt::Busy(None) })
    }

    /// Renews the lease when a third of it is over. `false` if it is another's by now.
    pub(super) async fn keep_lease(&mut self) -> Result<bool> {
        if self.options.lock != Lock::Lease || self.renewed.elapsed() < self.options.lease / 3 {
            return Ok(true);
        }
        let renew = LeaseTable::of(&self.table, self.db.backend()).renew(&self.owner, self.options.lease);
        let renewed = self.db.own(&renew).await.map_err(|fault| fault.while_doing("renew the lease"))?;
        self.renewed = Instant::now();
        self.locked = matches!(renewed, Own::Done { changed: 1, .. });
        Ok(self.locked)
    }

    /// Gives the lease back.
    pub(super) async fn release_lease(&mut self) -> Result<()> {
        let delete = LeaseTable::of(&self.table, self.db.backend()).delete(&self.owner);
        self.db.own(&delete).await.map_err(|fault| fault.while_doing("give the lease back"))?;
        self.db.owe_lease(None);
        Ok(())
    }
}
