//! P41, P45: return types and defaults as written, and behind an alias.
#![deny(warnings)]

use std::borrow::Cow;
use std::convert::Infallible;

use fluvius::{
    Aggregate, Command, ContextError, Domain, DomainContext, MemoryStore, Rejection, aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub type Note = Option<String>;
pub type Outcome<T> = Result<T, Infallible>;
pub type Nothing = ();

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    pub failed: bool,
}

#[aggregate]
impl Job {
    #[action(evt_key = "job-made")]
    pub fn make() -> Outcome<Self> {
        Ok(Self { failed: false })
    }

    #[action(evt_key = "job-noted")]
    pub fn note_job(
        &mut self,
        note: Note,
        #[arg(default = "none")] kind: String,
        #[arg(default = "EUR")] currency: Cow<'static, str>,
    ) -> Result<Vec<String>, Infallible> {
        self.failed = true;
        Ok(vec![note.unwrap_or_default(), kind, currency.into_owned()])
    }

    #[action(evt_key = "job-ended")]
    pub fn end_job(&mut self) -> Result<Nothing, Infallible> {
        self.failed = true;
        Ok(())
    }

    // A secret `data` is no field of the event.
    #[action(evt_key = "job-sealed")]
    pub fn seal(&mut self, #[arg(secret)] data: String) -> Result<usize, Infallible> {
        Ok(data.len())
    }

    #[action]
    pub fn word(&self) -> Result<&'static str, Infallible> {
        Ok(if self.failed { "failed" } else { "well" })
    }

    /// Before.
    #[doc = concat!("Asks ", "words.")]
    #[action]
    pub fn words(&self) -> Outcome<Vec<u8>> {
        Ok(vec![1])
    }
}

#[derive(Debug, thiserror::Error, Rejection)]
pub enum BoxedError {
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] Box<ContextError>),
    #[error(transparent)]
    #[rejection(transparent)]
    Twice(Box<Box<ContextError>>),
}

#[doc = concat!("All ", "jobs.")]
#[derive(Domain)]
#[domain(aggregates(Job))]
pub struct JobDomain;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(JobDomain::METADATA.description, "All jobs.");
    assert_eq!(Words::ACTION.docs, "Before.\nAsks words.");
    let note: NoteJob = serde_json::from_str("{}").unwrap();
    assert_eq!((note.note, &*note.kind, &*note.currency), (None, "none", "EUR"));
    let _: Option<<Word as Command>::Output> = None::<String>;
    let _: fn(JobNoted) -> Vec<String> = |event| event.data;
    let _: fn(JobEnded) = |event| event.data;
    let _: fn(JobSealed) -> usize = |event| event.data;

    let fault = ContextError::Fault;
    assert_eq!(BoxedError::from(Box::new(fault.clone())).code(), fault.code());
    assert_eq!(BoxedError::Twice(Box::new(Box::new(fault.clone()))).code(), fault.code());

    let domain = JobDomain::runtime(MemoryStore::new()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let id = Uuid::from_u128(1);
    session.send(id, Make {}).await.unwrap();
    assert_eq!(session.send(id, Word {}).await.unwrap().data, "well");
    session.send(id, EndJob {}).await.unwrap();
    assert_eq!(session.send(id, Word {}).await.unwrap().data, "failed");
    assert_eq!(session.send(id, Seal { data: "four".to_owned() }).await.unwrap().data, 4);
    assert_eq!(Job::ACTIONS.len(), 6);
}
