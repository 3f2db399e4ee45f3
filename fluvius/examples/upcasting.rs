//! Two revisions of an aggregate type over one store: the second one reads the rows of the first.
//!
//! The two modules are two releases of one program.
//!
//! ```sh
//! cargo run -p fluvius --example upcasting
//! ```

use fluvius::{Domain, DomainContext, MemoryStore, Versioned};
use uuid::Uuid;

/// The program of revision 1.
pub mod first_release {
    use std::convert::Infallible;

    use fluvius::{Domain, aggregate};
    use serde::{Deserialize, Serialize};

    /// A customer with the name as one text.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Customer {
        /// The given name and the family name.
        pub name: String,
    }

    #[aggregate(resource = "customer")]
    impl Customer {
        /// Register a customer.
        #[action(evt_key = "customer-registered")]
        pub fn register_customer(name: String) -> Result<Self, Infallible> {
            Ok(Self { name })
        }
    }

    /// Domain for customers.
    #[derive(Debug, Domain)]
    #[domain(aggregates(Customer), namespace = "customers")]
    pub struct CustomersDomain;
}

/// The program of revision 2.
pub mod second_release {
    use std::convert::Infallible;

    use fluvius::serde_json::{Value, json};
    use fluvius::{Domain, UpcastError, UpcastInput, aggregate};
    use serde::{Deserialize, Serialize};

    /// A customer with the name in two parts.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Customer {
        /// The given name.
        pub given_name: String,
        /// The family name; may be empty.
        pub family_name: String,
    }

    #[aggregate(resource = "customer", revision = 2, upcast = upcast_customer)]
    impl Customer {
        /// Register a customer.
        #[action(evt_key = "customer-registered")]
        pub fn register_customer(
            given_name: String,
            family_name: String,
        ) -> Result<Self, Infallible> {
            Ok(Self { given_name, family_name })
        }

        /// Change the family name.
        #[action(evt_key = "family-name-changed")]
        pub fn change_family_name(&mut self, family_name: String) -> Result<(), Infallible> {
            self.family_name = family_name;
            Ok(())
        }
    }

    /// Converts JSON of revision `from` to the next revision.
    fn upcast_customer(
        from: u32,
        input: UpcastInput<'_>,
        json: &mut Value,
    ) -> Result<(), UpcastError> {
        // Other events did not change.
        if let (1, UpcastInput::State | UpcastInput::Event("customer-registered")) = (from, input) {
            let name = json["name"].as_str().ok_or("the name is no text")?;
            let (given_name, family_name) = name.split_once(' ').unwrap_or((name, ""));
            *json = json!({ "given_name": given_name, "family_name": family_name });
        }
        Ok(())
    }

    /// Domain for customers.
    #[derive(Debug, Domain)]
    #[domain(aggregates(Customer), namespace = "customers")]
    pub struct CustomersDomain;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    let id = Uuid::new_v4();

    let domain = first_release::CustomersDomain::runtime(store.clone()).await?;
    let session = domain.session(DomainContext::create("desk"));
    let register = first_release::RegisterCustomer { name: "Grace Hopper".to_owned() };
    session.send(id, register).await?;
    domain.shutdown().await;

    let domain = second_release::CustomersDomain::runtime(store).await?;
    let session = domain.session(DomainContext::create("desk"));
    let customer = session.statemgr().fetch::<second_release::Customer>(id).await?;
    println!("{}, {}", customer.family_name, customer.given_name);
    assert_eq!(customer.family_name, "Hopper");
    // The stored row is unchanged until the next event.
    assert_eq!(Versioned::record(&customer).revision, 1);

    let change = second_release::ChangeFamilyName { family_name: "Murray Hopper".to_owned() };
    let response = session.send(id, change).await?;
    assert_eq!(response.data.given_name, "Grace");
    let customer = session.statemgr().fetch::<second_release::Customer>(id).await?;
    assert_eq!(Versioned::record(&customer).revision, 2);
    domain.shutdown().await;
    Ok(())
}
