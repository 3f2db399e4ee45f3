//! The values that the context gives.

// ANCHOR: task
use fluvius::{ActionContext, Domain, DomainContext, MemoryStore, SimpleRejection, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    pub title: String,
    pub remarks: Vec<Remark>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Remark {
    pub id: Uuid,
    pub author: Option<Uuid>,
    pub text: String,
}

#[aggregate(resource = "task")]
impl Task {
    /// Put a task on the list.
    #[action(evt_key = "task-added")]
    pub fn add_task(title: String) -> Result<Self, SimpleRejection> {
        Ok(Self { title, remarks: Vec::new() })
    }

    /// Write a remark below a task.
    #[action(evt_key = "remark-written")]
    pub fn write_remark(
        &mut self,
        cx: &mut ActionContext,
        text: String,
    ) -> Result<Uuid, SimpleRejection> {
        let id = cx.new_id();
        self.remarks.push(Remark { id, author: cx.actor().id(), text });
        Ok(id)
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Task))]
pub struct TaskDomain;

#[tokio::test]
async fn a_remark_has_its_author_and_an_identifier() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TaskDomain::runtime(MemoryStore::new()).await?;
    let user = Uuid::from_u128(7);
    let session = domain.session(DomainContext::create("desk").with_user(user));
    let id = Uuid::new_v4();
    session.send(id, AddTask { title: "sweep".to_owned() }).await?;

    let response = session.send(id, WriteRemark { text: "done by noon".to_owned() }).await?;
    let task = session.statemgr().fetch::<Task>(id).await?;
    assert_eq!(task.remarks[0].id, response.data);
    assert_eq!(task.remarks[0].author, Some(user));
    Ok(())
}
// ANCHOR_END: task
