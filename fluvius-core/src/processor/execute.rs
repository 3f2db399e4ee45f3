//! The way of a command, and of an atomic group, through the stages.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::environment::Environment;
use super::task::{Answer, Sender, Task};
use super::turns::Turns;
use super::{authorize, commit, decide, publish, recall, refusal};
use crate::activity::{ActivityKind, ActivityRecord};
use crate::command::CommandStatus;
use crate::context::{ActionContext, Given};
use crate::error::Error;
use crate::json;
use crate::store::Fate;
use crate::unit_of_work::UnitOfWork;

/// Takes commands through the stages.
#[derive(Debug)]
pub(crate) struct Processor {
    pub(crate) environment: Arc<Environment>,
    turns: Arc<Turns>,
}

/// Which command of a group ended it, and why.
type Ended = (usize, Error);

impl Processor {
    pub(crate) fn new(environment: Environment) -> Self {
        Self { environment: Arc::new(environment), turns: Arc::default() }
    }

    /// Processes one command.
    pub(crate) async fn run(&self, sender: &Sender, task: Task) -> Result<Answer, Error> {
        let tasks = [task];
        let answer = match self.execute(sender, &tasks).await {
            Ok(mut answers) => answers.pop().ok_or(Error::ShuttingDown),
            Err((_, error)) => Err(error),
        };
        publish::answered(&self.environment, &tasks[0], &answer);
        answer
    }

    /// Processes a group as one unit of work: each command is decided on the result of those
    /// before it, and all are applied or none.
    pub(crate) async fn run_group(
        &self,
        sender: &Sender,
        tasks: &[Task],
    ) -> Result<Vec<Answer>, Error> {
        if let Some(id) = twice(tasks) {
            return Err(Error::DuplicateCommand { id });
        }
        let ended = self.execute(sender, tasks).await;
        match &ended {
            Ok(answers) => {
                for (task, answer) in tasks.iter().zip(answers) {
                    publish::answered(&self.environment, task, &Ok(answer.clone()));
                }
            }
            Err((index, error)) => {
                for (task, error) in tasks.iter().zip(group_errors(tasks, *index, error)) {
                    publish::answered(&self.environment, task, &Err(error));
                }
            }
        }
        ended.map_err(|(index, error)| match error {
            error if error.is_refusal() => {
                Error::GroupRefused { refused: tasks[index].id, source: Box::new(error) }
            }
            fault => fault,
        })
    }

    async fn execute(&self, sender: &Sender, tasks: &[Task]) -> Result<Vec<Answer>, Ended> {
        for (index, task) in tasks.iter().enumerate() {
            if let Err(error) = self.authorize(sender, task).await {
                return Err((index, error));
            }
        }
        let _turns = self.turns.take_all(tasks.iter().map(|task| &task.root)).await;
        let mut given = Given {
            sender: sender.clone(),
            now: tasks.first().map_or(chrono::DateTime::UNIX_EPOCH, |task| task.received),
            attempt: 0,
            ids: Vec::new(),
            ids_used: 0,
        };
        loop {
            given.attempt += 1;
            given.ids_used = 0;
            let mut cx = ActionContext::new(Arc::clone(&self.environment), given);
            let mut ended = self.decide(&mut cx, tasks).await;
            given = cx.given;
            let applied = ended.is_ok().then(|| std::mem::take(&mut cx.work));
            let mut unit = match applied {
                Some(work) => work.into_unit(Arc::clone(&sender.record)),
                None => cx.work.into_refusal(Arc::clone(&sender.record)),
            };
            if ended.is_ok()
                && let Err(veto) = commit::ask(&self.environment, &unit)
            {
                ended = Err((0, veto));
                unit = UnitOfWork { expected: unit.expected, ..UnitOfWork::empty(unit.context) };
            }
            if let Err((index, error)) = &ended {
                self.record_refusal(&mut unit, sender, tasks, *index, error);
                if unit.commands.is_empty() {
                    // Nothing of this answer is kept, so the log must be asked whether the
                    // identifier has had another one.
                    if let Some(first) = self.recall(sender, tasks).await {
                        return first;
                    }
                    if !error.is_refusal() && unit.activities.is_empty() {
                        return ended;
                    }
                }
            }

            let (batch, fate) = commit::commit(&self.environment, unit).await;
            match fate {
                Fate::Committed { first } => {
                    for unit in batch.iter() {
                        publish::committed(&self.environment, unit, first);
                    }
                    return ended;
                }
                Fate::Stale { root, .. } => {
                    if given.attempt >= self.environment.settings.attempt_count_max {
                        let attempts = given.attempt;
                        return Err((0, Error::Conflict { root, attempts }));
                    }
                    back_off(given.attempt).await;
                }
                Fate::Known { command, .. } => {
                    let first = self.recall(sender, tasks).await;
                    let taken = Error::DuplicateCommand { id: command.id };
                    return first.unwrap_or(Err((0, taken)));
                }
                Fate::Failed(error) => return Err((0, error.into())),
                Fate::Fell { .. } | Fate::Unknown => {
                    return Err((0, Error::OutcomeUnknown { id: tasks[0].id }));
                }
            }
        }
    }

    async fn authorize(&self, sender: &Sender, task: &Task) -> Result<(), Error> {
        let checked = AssertUnwindSafe(authorize::check(&self.environment, sender, task));
        let checked = checked.catch_unwind().await;
        let checked = checked.unwrap_or_else(|_| Err(Error::Panicked { command: task.action.key }));
        match &checked {
            Ok(()) => self.environment.tell(&crate::signal::Signal::CommandReady {
                id: task.id,
                action: task.action,
                root: &task.root,
            }),
            Err(error @ Error::Unauthorized { .. }) => {
                let mut unit = UnitOfWork::empty(Arc::clone(&sender.record));
                unit.activities.push(self.denied(sender, task, error));
                let (_, fate) = commit::commit(&self.environment, unit).await;
                if !matches!(fate, Fate::Committed { .. }) {
                    tracing::error!(
                        domain = self.environment.meta.namespace,
                        command_id = %task.id,
                        "a refusal of the policy could not be recorded"
                    );
                }
            }
            Err(_) => {}
        }
        checked
    }

    /// Decides the commands one on the result of the other.
    async fn decide(&self, cx: &mut ActionContext, tasks: &[Task]) -> Result<Vec<Answer>, Ended> {
        let mut answers = Vec::with_capacity(tasks.len());
        for (index, task) in tasks.iter().enumerate() {
            let deadline = task.action.timeout;
            let deadline = deadline.unwrap_or(self.environment.settings.deadline);
            let decided = AssertUnwindSafe(decide::run(cx, task)).catch_unwind();
            let decided = match tokio::time::timeout(deadline, decided).await {
                Ok(Ok(decided)) => decided,
                Ok(Err(_)) => Err(Error::Panicked { command: task.action.key }),
                Err(_) => Err(Error::TimedOut { command: task.action.key, after: deadline }),
            };
            match decided {
                Ok(answer) => answers.push(answer),
                Err(error) => return Err((index, error)),
            }
        }
        Ok(answers)
    }

    /// What is kept of commands that were not applied: rows for an answer of the domain, an
    /// activity for one of the policy, nothing for a fault.
    fn record_refusal(
        &self,
        unit: &mut UnitOfWork,
        sender: &Sender,
        tasks: &[Task],
        index: usize,
        error: &Error,
    ) {
        if matches!(error, Error::Unauthorized { .. }) {
            unit.activities.push(self.denied(sender, &tasks[index], error));
        }
        if !error.is_refusal() || !self.environment.settings.record_refusals {
            return;
        }
        for (task, error) in tasks.iter().zip(group_errors(tasks, index, error)) {
            let mut row =
                task.record(self.environment.meta, &sender.record, CommandStatus::Rejected);
            refusal::write(&mut row, &error);
            unit.commands.push(row);
        }
    }

    fn denied(&self, sender: &Sender, task: &Task, error: &Error) -> ActivityRecord {
        let command = serde_json::json!({ "command": task.action.key });
        ActivityRecord {
            id: self.environment.ids.next(),
            root: task.root.clone(),
            context_id: sender.record.id,
            src_cmd: task.id,
            message: error.to_string().replace('\0', "\u{FFFD}").into(),
            kind: ActivityKind::UserAction,
            label: None,
            code: Some(error.code().into()),
            data: json::Json::from_value(&command).ok(),
        }
    }

    /// The first answer of commands whose identifiers are in the log. For a group all of them
    /// must be.
    async fn recall(&self, sender: &Sender, tasks: &[Task]) -> Option<Result<Vec<Answer>, Ended>> {
        let mut answers = Vec::with_capacity(tasks.len());
        let mut ended: Option<Ended> = None;
        let mut known = None;
        for (index, task) in tasks.iter().enumerate() {
            match recall::look_up(&self.environment, sender, task).await {
                Ok(None) => {}
                Ok(Some(first)) => {
                    known = Some(task.id);
                    match first {
                        Ok(answer) => answers.push(Some(answer)),
                        Err(error) => {
                            answers.push(None);
                            if !matches!(error, Error::GroupRefused { .. }) || tasks.len() == 1 {
                                ended.get_or_insert((index, error));
                            }
                        }
                    }
                }
                Err(error) => return Some(Err((index, error))),
            }
        }
        let id = known?;
        if answers.len() < tasks.len() {
            return Some(Err((0, Error::DuplicateCommand { id })));
        }
        if let Some(ended) = ended {
            return Some(Err(ended));
        }
        let all: Option<Vec<Answer>> = answers.into_iter().collect();
        Some(all.ok_or((0, Error::DuplicateCommand { id })))
    }
}

/// What each command of a group is answered with when one of them ended it.
fn group_errors<'a>(
    tasks: &'a [Task],
    ended: usize,
    error: &'a Error,
) -> impl Iterator<Item = Error> + 'a {
    (0..tasks.len()).map(move |index| {
        if index == ended || !error.is_refusal() {
            error.clone()
        } else {
            Error::GroupRefused { refused: tasks[ended].id, source: Box::new(error.clone()) }
        }
    })
}

/// An identifier that two commands of a group share.
fn twice(tasks: &[Task]) -> Option<uuid::Uuid> {
    let mut seen = std::collections::HashSet::with_capacity(tasks.len());
    tasks.iter().map(|task| task.id).find(|id| !seen.insert(*id))
}

/// Waits a little, longer after each lost attempt, so that commands that keep losing to each
/// other fall out of step.
async fn back_off(attempt: u32) {
    let bound = 50_u64 << attempt.min(10);
    let jitter = RandomState::new().build_hasher().finish() % bound;
    tokio::time::sleep(Duration::from_micros(jitter)).await;
}
