//! Parameters with options.

// ANCHOR: parcel
use std::convert::Infallible;

use fluvius::serde_json::json;
use fluvius::{Domain, DomainContext, MemoryStore, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parcel {
    pub weight_grams: u32,
    pub note: Option<String>,
    pub express: bool,
}

#[aggregate(resource = "parcel")]
impl Parcel {
    /// Accept a parcel.
    #[action(evt_key = "parcel-accepted")]
    pub fn accept_parcel(
        /// Weight in grams.
        #[arg(alias = "weight", example = 750)]
        weight_grams: u32,
        /// Note from the sender.
        note: Option<String>,
        /// Transport by the next van.
        #[arg(rename = "is_express", default = false)]
        express: bool,
    ) -> Result<Self, Infallible> {
        Ok(Self { weight_grams, note, express })
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Parcel))]
pub struct PostDomain;

#[tokio::test]
async fn a_misspelt_field_is_an_error() -> Result<(), Box<dyn std::error::Error>> {
    let domain = PostDomain::runtime(MemoryStore::new()).await?;
    let mut session = domain.session(DomainContext::create("counter"));
    session.set_aggroot("parcel", Uuid::new_v4());

    let command = session.create_command("accept-parcel", json!({ "weight": 750 }))?;
    let response = session.process_command(command).await?;
    let parcel = r#"{"weight_grams":750,"note":null,"express":false}"#;
    assert_eq!(response.data.as_str(), parcel);

    let command = session.create_command("accept-parcel", json!({ "weight_gram": 750 }))?;
    let error = session.process_command(command).await.unwrap_err();
    assert_eq!(error.code(), "invalid-payload");
    Ok(())
}
// ANCHOR_END: parcel
