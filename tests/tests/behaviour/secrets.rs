//! Secrets: an action uses them, and nothing stores or shows them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fluvius_core::{
    ActionContext, Aggregate, AggregateId, Authorization, Command, CommandBundle, ContextError,
    Domain, DomainContext, Error, Observer, Policy, PolicyRequest, PolicyState, Rejection,
    RuntimeEvent, Session, SimpleRejection, UnitOfWork, aggregate,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use fluvius_tests::fixture::{Fixture, error_texts, id};
use fluvius_tests::store_snapshot::{StoreSnapshot, Trail};
use fluvius_tests::trace::CapturedOutput;

const SECRET: &str = "hunter2-9c1d";

/// Something with a lock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Vault {
    pub opened: u64,
    pub digest: usize,
}

/// Reasons to reject a command on a vault.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum VaultError {
    #[error("the password is wrong")]
    WrongPassword,
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

/// A secret with parts, whose decoder quotes the value.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Combination {
    pub digits: Vec<u8>,
    pub word: String,
}

#[aggregate(resource = "vault")]
impl Vault {
    /// Build a vault.
    #[action(evt_key = "vault-built")]
    pub fn build_vault(label: String, #[arg(secret)] password: String) -> Result<Self, VaultError> {
        let _ = label;
        Ok(Self { opened: 0, digest: password.len() })
    }

    /// Open the vault.
    #[action(evt_key = "vault-unlocked")]
    pub fn unlock_vault(
        &mut self,
        #[arg(secret, rename = "passWord", alias = "password", alias = "pin")] secret: String,
        note: Option<String>,
    ) -> Result<u64, VaultError> {
        let _ = note;
        assert!(!secret.starts_with("panic"), "the secret was {secret}");
        if secret.len() != self.digest {
            return Err(VaultError::WrongPassword);
        }
        self.opened += 1;
        Ok(self.opened)
    }

    /// Open it by its combination.
    #[action(evt_key = "vault-dialled")]
    pub fn dial_vault(
        &mut self,
        #[arg(secret)] combination: Combination,
        #[arg(secret, default)] hints: BTreeMap<String, u64>,
        turns: u64,
    ) -> Result<(), VaultError> {
        let _ = (combination, hints);
        self.opened += turns;
        Ok(())
    }

    /// Check the password.
    #[action]
    pub fn try_password(&self, #[arg(secret)] password: String) -> Result<bool, VaultError> {
        Ok(password.len() == self.digest)
    }

    /// Open another vault with the same password.
    #[action(evt_key = "other-unlocked")]
    pub async fn unlock_other(
        &mut self,
        cx: &mut ActionContext,
        other: Uuid,
        #[arg(secret)] password: String,
    ) -> Result<(), VaultError> {
        cx.message("unlocking", &other);
        cx.invoke(other, UnlockVault { secret: password, note: None }).await?;
        Ok(())
    }

    /// Try another vault, and continue.
    #[action(evt_key = "other-tried")]
    pub async fn try_other(
        &mut self,
        cx: &mut ActionContext,
        other: Uuid,
        #[arg(secret)] password: String,
    ) -> Result<String, SimpleRejection> {
        let command = UnlockVault { secret: password, note: None };
        let outcome = cx.invoke(other, command).await;
        Ok(format!("{outcome:?}"))
    }
}

/// Domain for vaults.
#[derive(Domain)]
#[domain(aggregates(Vault))]
struct VaultDomain;

/// Captures everything that an observer or a policy can print.
#[derive(Clone, Default)]
struct Eavesdropper(Arc<Mutex<String>>);

impl Eavesdropper {
    fn capture(&self, what: &dyn std::fmt::Debug) {
        *self.0.lock().unwrap() += &format!("{what:?}\n");
    }
}

impl Observer for Eavesdropper {
    fn on_event(&self, signal: &RuntimeEvent<'_>) {
        self.capture(signal);
    }

    fn before_commit(&self, unit: &UnitOfWork) -> Result<(), SimpleRejection> {
        self.capture(unit);
        Ok(())
    }
}

impl Policy for Eavesdropper {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        self.capture(request);
        Authorization::Allow
    }

    async fn authorize_with_state(
        &self,
        request: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> Authorization {
        self.capture(request);
        self.capture(&state);
        Authorization::Allow
    }
}

fn vault(number: u128) -> AggregateId {
    Vault::aggregate_id(id(number))
}

#[track_caller]
fn check_silent(what: &str, text: &str) {
    assert!(!text.contains(SECRET), "the secret is in {what}: {text}");
}

struct Sent {
    session: Session,
    seen: String,
}

impl Sent {
    /// Sends JSON text by key, and captures everything visible.
    async fn key(&mut self, number: u128, key: &str, payload: &str) -> String {
        let bundle = match self.session.aggregate(vault(number)).create_command(key, payload) {
            Ok(bundle) => bundle,
            Err(error) => return self.keep(Err::<(), _>(error)),
        };
        let answer = self.session.process_command(bundle.clone()).await;
        let first = self.keep(answer);
        // The same command again, which is replayed, and as a group of its own.
        let again = self.session.process_command(bundle.clone()).await;
        self.keep(again);
        let group = self.session.process_atomic([bundle.with_id(Uuid::new_v4())]).await;
        self.keep(group);
        first
    }

    async fn typed<C>(&mut self, number: u128, command: C) -> String
    where
        C: Command,
        C::Output: serde::de::DeserializeOwned + std::fmt::Debug + 'static,
    {
        self.seen += &format!("{command:?} {command:#?}");
        let prepared = self.session.send(id(number), command);
        self.seen += &format!("{prepared:?}");
        let answer = prepared.await;
        self.keep(answer)
    }

    fn keep<T: std::fmt::Debug>(&mut self, answer: Result<T, Error>) -> String {
        match answer {
            Ok(answer) => {
                self.seen += &format!("{answer:?} {answer:#?}");
                "ok".to_owned()
            }
            Err(error) => {
                self.seen += &error_texts(&error);
                error.code().to_owned()
            }
        }
    }
}

#[tokio::test]
async fn secrets_are_never_exposed() {
    let (trace, _guard) = CapturedOutput::of_this_thread();
    let store = fluvius_core::MemoryStore::new();
    let ears = Eavesdropper::default();
    let builder = VaultDomain::builder(store.clone()).observer(ears.clone()).policy(ears.clone());
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let mut sent = Sent { session, seen: String::new() };

    let ok = "ok";
    for number in 1..=2 {
        let build = BuildVault { label: "a".to_owned(), password: SECRET.to_owned() };
        assert_eq!(sent.typed(number, build).await, ok);
    }
    // By key: applied under each name, rejected, panicking; the text of the payload in many forms.
    for (key, payload, outcome) in [
        ("unlock-vault", format!(r#"{{"passWord":"{SECRET}"}}"#), ok),
        ("unlock-vault", format!(r#"{{"password":"{SECRET}"}}"#), ok),
        ("unlock-vault", format!(r#"{{"pin":"{SECRET}","note":"b"}}"#), ok),
        ("unlock-vault", format!(r#"{{ "p\u0069n" : "{SECRET}" }}"#), ok),
        ("unlock-vault", format!(r#"{{"pin":"wrong-{SECRET}"}}"#), "wrong-password"),
        ("unlock-vault", format!(r#"{{"pin":"panic-{SECRET}"}}"#), "panicked"),
        ("try-password", format!(r#"{{"password":"{SECRET}"}}"#), ok),
        ("build-vault", format!(r#"{{"label":"a","password":"{SECRET}"}}"#), "already-exists"),
        (
            "dial-vault",
            format!(r#"{{"combination":{{"digits":[1],"word":"{SECRET}"}},"turns":1}}"#),
            ok,
        ),
        (
            "dial-vault",
            format!(
                r#"{{"combination":{{"digits":[],"word":""}},"hints":{{"{SECRET}":1}},"turns":1}}"#
            ),
            ok,
        ),
        ("unlock-other", format!(r#"{{"other":"{}","password":"{SECRET}"}}"#, id(2)), ok),
        (
            "unlock-other",
            format!(r#"{{"other":"{}","password":"wrong-{SECRET}"}}"#, id(2)),
            "wrong-password",
        ),
        ("unlock-other", format!(r#"{{"other":"{}","password":"{SECRET}"}}"#, id(9)), "not-found"),
        (
            "unlock-other",
            format!(r#"{{"other":"{}","password":"panic-{SECRET}"}}"#, id(2)),
            "panicked",
        ),
        ("try-other", format!(r#"{{"other":"{}","password":"wrong-{SECRET}"}}"#, id(2)), ok),
        (
            "try-other",
            format!(r#"{{"other":"{}","password":"panic-{SECRET}"}}"#, id(2)),
            "panicked",
        ),
    ] {
        assert_eq!(sent.key(1, key, &payload).await, outcome, "{key} {payload}");
    }
    // Invalid payloads, with the secret in every position.
    let invalid = [
        ("unlock-vault", format!(r#"{{"pin":["{SECRET}"]}}"#)),
        ("unlock-vault", format!(r#"{{"pin":{{"{SECRET}":1}}}}"#)),
        ("unlock-vault", format!(r#"{{"pin":"{SECRET}","pin":"{SECRET}"}}"#)),
        ("unlock-vault", format!(r#"{{"pin":"{SECRET}","password":"x"}}"#)),
        ("unlock-vault", format!(r#"{{"pim":"{SECRET}"}}"#)),
        ("unlock-vault", format!(r#"{{"{SECRET}":"pin"}}"#)),
        ("unlock-vault", format!(r#"{{"pin":"x","note":["{SECRET}"]}}"#)),
        ("unlock-vault", format!(r#"{{"pin":"{SECRET}","note":7}}"#)),
        ("unlock-vault", format!(r#""{SECRET}""#)),
        ("unlock-vault", format!(r#"["{SECRET}",null]"#)),
        ("unlock-vault", format!(r#"{{"pin":"{SECRET}\u0000"}}"#)),
        ("unlock-vault", format!(r#"{{"pin":"{SECRET}""#)),
        ("unlock-vault", format!(r#"{{"pin":"{SECRET}}}"#)),
        ("unlock-vault", format!(r#"{{"pin":{SECRET}}}"#)),
        ("unlock-vault", format!(r#"{{"pin":"x","{SECRET}":"\u0000"}}"#)),
        ("unlock-vault", format!(r#"{{"pin":{{"{SECRET}":"\u0000"}}}}"#)),
        ("unlock-vault", format!(r#"{{"pin":{{"{SECRET}":1e999}}}}"#)),
        ("dial-vault", format!(r#"{{"combination":"{SECRET}","turns":1}}"#)),
        (
            "dial-vault",
            format!(r#"{{"combination":{{"digits":["{SECRET}"],"word":"a"}},"turns":1}}"#),
        ),
        (
            "dial-vault",
            format!(r#"{{"combination":{{"digits":[],"word":"a","{SECRET}":1}},"turns":1}}"#),
        ),
        (
            "dial-vault",
            format!(r#"{{"combination":{{"digits":[],"word":"a"}},"turns":"{SECRET}"}}"#),
        ),
        (
            "dial-vault",
            format!(
                r#"{{"combination":{{"digits":[],"word":"a"}},"hints":{{"{SECRET}":"x"}},"turns":1}}"#
            ),
        ),
        ("try-password", format!(r#"{{"password":{{"{SECRET}":[]}}}}"#)),
        ("unlock-other", format!(r#"{{"other":"{SECRET}","password":"x"}}"#)),
    ];
    for (key, payload) in &invalid {
        assert_eq!(sent.key(1, key, payload).await, "invalid-payload", "{key} {payload}");
    }
    let big = "31415926535897932384626433832795";
    for payload in
        [format!(r#"{{"pin":{big}}}"#), format!(r#"{{"pin":[0.{big}]}}"#), big.to_owned()]
    {
        assert_eq!(sent.key(1, "unlock-vault", &payload).await, "invalid-payload", "{payload}");
    }
    // Typed.
    let unlock = |secret: String| UnlockVault { secret, note: None };
    assert_eq!(sent.typed(1, unlock(SECRET.to_owned())).await, ok);
    assert_eq!(sent.typed(1, unlock(format!("wrong-{SECRET}"))).await, "wrong-password");
    assert_eq!(sent.typed(1, unlock(format!("panic-{SECRET}"))).await, "panicked");
    assert_eq!(sent.typed(9, unlock(SECRET.to_owned())).await, "not-found");
    let note = Some("\0".to_owned());
    let outcome = sent.typed(1, UnlockVault { secret: SECRET.to_owned(), note }).await;
    assert_eq!(outcome, "invalid-payload");
    let combination = Combination { digits: vec![1], word: SECRET.to_owned() };
    let hints = BTreeMap::from([(SECRET.to_owned(), 1)]);
    assert_eq!(sent.typed(1, DialVault { combination, hints, turns: 1 }).await, ok);
    let other = UnlockOther { other: id(2), password: SECRET.to_owned() };
    assert_eq!(sent.typed(1, other).await, ok);

    let log = StoreSnapshot::of(&store).await;
    assert_eq!((log.commands.len(), log.events.len(), log.messages.len()), (36, 24, 3));
    check_silent("the tables", &log.text());
    check_silent("the store's own debug text", &format!("{store:?}"));
    check_silent("an answer or an error", &sent.seen);
    assert!(!sent.seen.contains(big), "{}", sent.seen);
    check_silent("what listeners and policies can print", &ears.0.lock().unwrap());
    check_silent("the trace", &trace.text());
    check_silent("the runtime", &format!("{domain:?} {:?}", sent.session));
    assert!(sent.seen.contains("[secret]"), "`Debug` of a command marks the omitted value");
}

#[tokio::test]
async fn a_secret_reaches_the_action_and_the_wire() {
    let fixture = Fixture::new::<VaultDomain>().await;
    let build = BuildVault { label: "a".to_owned(), password: SECRET.to_owned() };
    fixture.session.send(id(1), build.clone()).await.unwrap();
    let tried = TryPassword { password: SECRET.to_owned() };
    assert!(fixture.session.send(id(1), tried).await.unwrap().data);
    let tried = TryPassword { password: "x".to_owned() };
    assert!(!fixture.session.send(id(1), tried).await.unwrap().data);
    // A client needs the command's own `Serialize` to send it.
    assert_eq!(serde_json::to_value(&build).unwrap(), json!({ "label": "a", "password": SECRET }));
    let unlock = UnlockVault { secret: SECRET.to_owned(), note: None };
    let encoded = serde_json::to_value(&unlock).unwrap();
    assert_eq!(encoded, json!({ "passWord": SECRET, "note": null }));
    assert!(UnlockVault::ACTION.fields[0].secret && !UnlockVault::ACTION.fields[1].secret);
}

#[tokio::test]
async fn other_arguments_are_recorded() {
    let fixture = Fixture::new::<VaultDomain>().await;
    let build = json!({ "label": "a", "password": SECRET });
    fixture.apply(&vault(1), "build-vault", build).await;
    fixture.apply(&vault(1), "unlock-vault", json!({ "pin": SECRET, "note": "b" })).await;
    let log = fixture.snapshot().await;
    assert_eq!(log.commands[0].record.payload.to_value(), json!({ "label": "a" }));
    assert_eq!(log.commands[1].record.payload.to_value(), json!({ "note": "b" }));
    assert_eq!(log.events[0].record.args.to_value(), json!({ "label": "a" }));
    assert_eq!(log.events[1].record.args.to_value(), json!({ "note": "b" }));
    let event = VaultEvent::try_from(&log.events[1].record).unwrap();
    let VaultEvent::VaultUnlocked(VaultUnlocked { note, data: 1 }) = event else {
        panic!("{event:?}")
    };
    assert_eq!(note.as_deref(), Some("b"));
    // A command whose secret has no default cannot be read from its row; the error says so.
    VaultCommand::try_from(&log.commands[1].record).unwrap_err();
}

#[tokio::test]
async fn an_error_at_a_secret_has_path_and_type() {
    let fixture = Fixture::new::<VaultDomain>().await;
    for (key, payload, path, message) in [
        ("unlock-vault", json!({ "pin": 7 }), "pin", "expected `String`"),
        ("unlock-vault", json!({ "pin": "x", "note": 7 }), "note", "expected `Option<String>`"),
        ("unlock-vault", json!({ "note": "x" }), "passWord", "missing field `passWord`"),
        ("dial-vault", json!({ "combination": 7 }), "combination", "expected `Combination`"),
    ] {
        let error = fixture.reject(&vault(1), key, payload, Trail::Nothing).await;
        match error {
            Error::InvalidPayload { path: at, message: why, .. } => {
                assert_eq!((at.as_str(), why.as_str()), (path, message));
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A bundle holds the payload as it was sent; its `Debug` text must not show it.
#[tokio::test]
async fn the_debug_text_of_a_bundle_hides_the_payload() {
    let fixture = Fixture::new::<VaultDomain>().await;
    let bundle = fixture.command(&vault(1), "unlock-vault", json!({ "pin": SECRET }));
    check_silent("the bundle's debug text", &format!("{bundle:?} {bundle:#?}"));
    // A queue gets it complete.
    let text = serde_json::to_string(&bundle).unwrap();
    assert!(text.contains(SECRET));
    assert_eq!(serde_json::from_str::<CommandBundle>(&text).unwrap(), bundle);
}
