//! The domains that resources belong to.

use fluvius_store::StoreError;

use super::transaction::{Transaction, WriterConnection};
use crate::error::Fault;
use crate::read::query_optional;

impl WriterConnection<'_> {
    /// Registers the resources of a domain.
    pub(super) fn register_domain(
        &mut self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), Fault> {
        let open = self.begin()?;
        let claimed = open.register_domain(domain, resources).and_then(|()| open.commit());
        if claimed.is_err() {
            self.roll_back();
        }
        claimed
    }
}

impl Transaction<'_, '_, '_> {
    fn register_domain(&self, domain: &str, resources: &[&'static str]) -> Result<(), Fault> {
        for resource in resources {
            let select = "SELECT domain FROM resource_owner WHERE resource = ?1";
            let owner = query_optional(self.connection, select, (resource,), |row| {
                Ok(row.get::<_, String>(0)?)
            })?;
            match owner {
                Some(owner) if owner == domain => {}
                Some(owner) => {
                    return Err(Fault::Public(StoreError::resource_taken(resource, &owner)));
                }
                None => {
                    let insert = "INSERT INTO resource_owner (resource, domain) VALUES (?1, ?2)";
                    self.connection.prepare_cached(insert)?.execute((resource, domain))?;
                    self.database.reach("owner")?;
                }
            }
        }
        Ok(())
    }
}
