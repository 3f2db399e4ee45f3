//! A message and an activity.

// ANCHOR: invoice
use fluvius::serde_json::json;
use fluvius::{
    ActionContext, Activity, Domain, DomainContext, MemoryStore, SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invoice {
    pub cents: u64,
    pub is_paid: bool,
}

#[aggregate(resource = "invoice")]
impl Invoice {
    /// Write an invoice.
    #[action(evt_key = "invoice-written")]
    pub fn write_invoice(cents: u64) -> Result<Self, SimpleRejection> {
        Ok(Self { cents, is_paid: false })
    }

    /// Mark an invoice as paid.
    #[action(evt_key = "invoice-paid")]
    pub fn pay_invoice(&mut self, cx: &mut ActionContext) -> Result<(), SimpleRejection> {
        if self.is_paid {
            return Err(SimpleRejection::new("paid-already", "the invoice is paid already"));
        }
        self.is_paid = true;
        cx.message("receipt-due", &json!({ "cents": self.cents }));
        cx.activity(Activity::new("an invoice was marked as paid").code("invoice-paid"));
        Ok(())
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Invoice))]
pub struct InvoiceDomain;

#[tokio::test]
async fn a_rejected_payment_stores_no_message() -> Result<(), Box<dyn std::error::Error>> {
    let domain = InvoiceDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("office"));
    let id = Uuid::new_v4();
    session.send(id, WriteInvoice { cents: 1_500 }).await?;
    session.send(id, PayInvoice {}).await?;
    session.send(id, PayInvoice {}).await.unwrap_err();

    let messages = domain.log().messages().await?.rows;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].record.key, "receipt-due");
    assert_eq!(domain.log().activities().await?.rows.len(), 1);
    Ok(())
}
// ANCHOR_END: invoice
