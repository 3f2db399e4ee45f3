//! The options of the macros, and their behaviour.

use fluvius_core::Versioned;
use fluvius_core::{
    Aggregate, AggregateId, Command, CommandStatus, DecodeError, Domain, Error, Event, Json,
    Lifecycle, StateDelta,
};
use serde_json::{Value, json};

use fluvius_tests::fixture::{Fixture, check_error, id};
use fluvius_tests::store_snapshot::Trail;
use fluvius_tests::ticket::{
    AddPoints, AskTitle, CloseTicket, Estimate, EstimateWork, OpenTicket, Part, PointsAdded,
    RenameTicket, ResetTicket, SeeTicket, Ticket, TicketClosed, TicketCommand, TicketDomain,
    TicketEvent, TicketOpened, TicketRenamed, WorkEstimated, incident, ticket,
};

async fn tickets() -> Fixture {
    let fixture = Fixture::new::<TicketDomain>().await;
    fixture.apply(&ticket(1), "open-ticket", json!({ "title": "first" })).await;
    fixture
}

/// Runs one action on an absent, an open and a closed aggregate, and checks the codes. The code
/// `ok` expects success.
async fn check_life_cycle(key: &str, payload: Value, absent: &str, open: &str, closed: &str) {
    let fixture = Fixture::new::<TicketDomain>().await;
    for number in [2, 3] {
        fixture.apply(&ticket(number), "open-ticket", json!({ "title": "a" })).await;
    }
    fixture.apply(&ticket(3), "close-ticket", json!({})).await;
    for (number, expected) in [(1, absent), (2, open), (3, closed)] {
        if expected == "ok" {
            fixture.apply(&ticket(number), key, payload.clone()).await;
        } else {
            let kept = Trail::Command(expected);
            let error = fixture.reject(&ticket(number), key, payload.clone(), kept).await;
            assert_eq!(error.code(), expected, "{key} on aggregate {number}");
        }
    }
}

#[tokio::test]
async fn an_action_without_receiver_creates() {
    let (open, exists) = (json!({ "title": "a" }), "already-exists");
    check_life_cycle("open-ticket", open, "ok", exists, exists).await;
}

#[tokio::test]
async fn an_action_with_mut_self_updates() {
    let add = json!({ "points": 1 });
    check_life_cycle("add-points", add, "not-found", "ok", "not-found").await;
}

#[tokio::test]
async fn an_action_with_ref_self_needs_the_aggregate() {
    check_life_cycle("see-ticket", json!({}), "not-found", "ok", "not-found").await;
    check_life_cycle("ask-title", json!({}), "not-found", "ok", "not-found").await;
}

#[tokio::test]
async fn an_action_with_self_closes() {
    check_life_cycle("close-ticket", json!({}), "not-found", "ok", "not-found").await;
}

#[tokio::test]
async fn a_closed_aggregate_keeps_its_state() {
    let fixture = tickets().await;
    let before = fixture.session.statemgr().fetch_record(&ticket(1)).await.unwrap();
    let title = fixture.session.send(id(1), CloseTicket {}).await.unwrap();
    assert_eq!((title.data.as_str(), title.version), ("first", 2));
    let row = fixture.snapshot().await.states[&ticket(1)].clone();
    assert_eq!((row.version, &row.data, row.closed_at), (2, &before.data, Some(row.updated_at)));
    assert!(fixture.session.statemgr().find::<Ticket>(id(1)).await.unwrap().is_none());
    assert!(fixture.domain.statemgr().find_record(&ticket(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_read_only_action_records_its_command_alone() {
    let fixture = tickets().await;
    let before = fixture.snapshot().await;
    let asked = fixture.command(&ticket(1), "ask-title", json!({ "shout": true }));
    let answer = fixture.session.process_command(asked.clone()).await.unwrap();
    assert_eq!((answer.data.to_value(), answer.event), (json!("FIRST"), None));
    let stored = &before.states[&ticket(1)];
    assert_eq!((answer.version, answer.etag), (stored.version, stored.etag));
    let mut after = fixture.snapshot().await;
    let row = after.commands.pop().unwrap();
    assert_eq!(
        (row.record.id, row.record.key(), row.record.status),
        (asked.id, "ask-title", CommandStatus::Applied)
    );
    assert_eq!(row.record.response.as_ref().unwrap().as_str(), "\"FIRST\"");
    assert_eq!(before, after);
    let typed = fixture.session.send(id(1), AskTitle { shout: false }).await.unwrap();
    assert_eq!(typed.data, "first");
}

#[tokio::test]
async fn an_event_without_a_change_is_a_new_version() {
    let fixture = tickets().await;
    let before = fixture.snapshot().await;
    let seen = fixture.session.send(id(1), SeeTicket {}).await.unwrap();
    assert_eq!(
        (seen.version, seen.event, seen.data.title.as_str()),
        (2, Some("ticket-seen"), "first")
    );
    let after = fixture.snapshot().await;
    let event = after.events.last().unwrap();
    assert_eq!(
        (event.record.version, event.record.key(), &event.record.data),
        (2, "ticket-seen", &None)
    );
    assert_eq!(event.record.delta, StateDelta::Patch(Json::parse("[]").unwrap()));
    let (old, new) = (&before.states[&ticket(1)], &after.states[&ticket(1)]);
    assert_eq!(old.data, new.data);
    assert_ne!(old.etag, new.etag);
}

#[tokio::test]
async fn the_returned_value_is_data_of_event_and_response() {
    let fixture = tickets().await;
    let response = fixture.session.send(id(1), AddPoints { points: 4 }).await.unwrap();
    assert_eq!((response.data, response.version, response.event), (7, 2, Some("points-added")));
    let log = fixture.snapshot().await;
    let (event, command) = (log.events.last().unwrap(), log.commands.last().unwrap());
    assert_eq!(event.record.data.as_ref().unwrap().as_str(), "7");
    assert_eq!(command.record.response.as_ref().unwrap().as_str(), "7");
    assert_eq!(event.record.args.to_value(), json!({ "points": 4 }));

    // `None` is data as well.
    let estimate = Estimate { points: 7, parts: vec![] };
    let response = fixture.session.send(id(1), EstimateWork { estimate }).await.unwrap();
    assert_eq!(response.data, None);
    let log = fixture.snapshot().await;
    assert_eq!(log.events.last().unwrap().record.data.as_ref().unwrap().as_str(), "null");
}

#[tokio::test]
async fn a_state_response_is_not_logged() {
    let fixture = tickets().await;
    let payload = json!({ "title": "second" });
    let data = fixture.apply(&ticket(1), "rename-ticket", payload).await;
    assert_eq!(data, json!({ "title": "second", "points": 3, "tags": [] }));
    let log = fixture.snapshot().await;
    assert!(log.events.iter().all(|event| event.record.data.is_none()));
    assert!(log.commands.iter().all(|command| command.record.response.is_none()));
}

#[tokio::test]
async fn defaults_options_aliases_and_names() {
    let fixture = tickets().await;
    for (payload, title) in [
        (json!({ "newTitle": "a" }), "a"),
        (json!({ "title": "b", "note": null }), "b"),
        (json!({ "name": "c", "note": "d" }), "c (d)"),
    ] {
        let data = fixture.apply(&ticket(1), "rename-ticket", payload.clone()).await;
        assert_eq!(data["title"], json!(title));
        let log = fixture.snapshot().await;
        let (event, command) = (log.events.last().unwrap(), log.commands.last().unwrap());
        let name = payload.get("note").cloned().unwrap_or_default();
        let arguments = event.record.args.to_value();
        assert_eq!(arguments["note"], name, "as decoded, under the field's own name");
        assert_eq!(arguments.as_object().unwrap().len(), 2);
        assert!(arguments["newTitle"].is_string());
        assert_eq!(command.record.payload.to_value(), payload, "the payload is unchanged");
    }
    let opened = fixture.apply(&ticket(2), "open-ticket", json!({ "title": "x" })).await;
    assert_eq!(opened, json!({ "title": "x", "points": 3, "tags": [] }));
    let error = fixture.reject(&ticket(1), "set-estimate", json!({}), Trail::Nothing).await;
    assert_eq!(error.code(), "unknown-command", "`key` replaces the method's name");
    assert_eq!(EstimateWork::ACTION.method, "set_estimate");
    let encoded = serde_json::to_value(RenameTicket { title: "a".to_owned(), note: None }).unwrap();
    assert_eq!(encoded, json!({ "newTitle": "a", "note": null }));
}

#[tokio::test]
async fn an_aggregate_type_may_have_several_resources() {
    let fixture = Fixture::new::<TicketDomain>().await;
    for aggregate_id in [ticket(1), incident(1)] {
        let open = OpenTicket { title: aggregate_id.to_string(), points: 0, tags: vec![] };
        let opened = fixture.session.send(&aggregate_id, open).await.unwrap();
        assert_eq!((&opened.aggregate_id, opened.version), (&aggregate_id, 1));
        let stored = fixture.session.statemgr().fetch::<Ticket>(&aggregate_id).await.unwrap();
        assert_eq!(stored.title, aggregate_id.to_string());
    }
    fixture.apply(&incident(1), "escalate-incident", json!({})).await;
    let after = fixture.snapshot().await;
    assert_eq!((after.version(&ticket(1)), after.version(&incident(1))), (1, 2));
    let other = AggregateId::new("probe", id(1));
    let error = fixture.session.statemgr().fetch::<Ticket>(other).await.unwrap_err();
    check_error(
        &error,
        "resource-not-allowed",
        "`fetch` is not allowed on `probe`, only on `ticket`, `incident`",
    );
}

#[tokio::test]
async fn a_required_precondition_is_given_by_etag_or_version() {
    let fixture = tickets().await;
    let error = fixture.session.send(id(1), ResetTicket {}).await.unwrap_err();
    assert!(matches!(error, Error::PreconditionRequired { command: "reset-ticket", .. }));
    let etag = Versioned::etag(&fixture.session.statemgr().fetch::<Ticket>(id(1)).await.unwrap());
    let reset = fixture.session.send(id(1), ResetTicket {}).if_match(etag);
    assert_eq!(reset.await.unwrap().version, 2);
    let outdated = fixture.session.send(id(1), ResetTicket {}).if_match(etag).await;
    assert_eq!(outdated.unwrap_err().code(), "precondition-failed");
    let reset = fixture.session.send(id(1), ResetTicket {}).if_match(2).await.unwrap();
    assert_eq!((reset.version, reset.data.points), (3, 0));
}

/// Returns the key of a command, by an exhaustive `match`.
fn key_of(command: &TicketCommand) -> &'static str {
    match command {
        TicketCommand::OpenTicket(_) => "open-ticket",
        TicketCommand::RenameTicket(_) => "rename-ticket",
        TicketCommand::AddPoints(_) => "add-points",
        TicketCommand::EstimateWork(_) => "estimate",
        TicketCommand::SeeTicket(_) => "see-ticket",
        TicketCommand::AskTitle(_) => "ask-title",
        TicketCommand::ResetTicket(_) => "reset-ticket",
        TicketCommand::EscalateIncident(_) => "escalate-incident",
        TicketCommand::TouchTicket(_) => "touch-ticket",
        TicketCommand::CloseTicket(_) => "close-ticket",
    }
}

fn key_of_event(event: &TicketEvent) -> &'static str {
    match event {
        TicketEvent::TicketOpened(_) => "ticket-opened",
        TicketEvent::TicketRenamed(_) => "ticket-renamed",
        TicketEvent::PointsAdded(_) => "points-added",
        TicketEvent::WorkEstimated(_) => "work-estimated",
        TicketEvent::TicketSeen(_) => "ticket-seen",
        TicketEvent::TicketReset(_) => "ticket-reset",
        TicketEvent::IncidentEscalated(_) => "incident-escalated",
        TicketEvent::TicketTouched(_) => "ticket-touched",
        TicketEvent::TicketClosed(_) => "ticket-closed",
    }
}

#[tokio::test]
async fn log_rows_are_read_back_as_typed_commands_and_events() {
    let fixture = Fixture::new::<TicketDomain>().await;
    let aggregate_id = incident(1);
    let part = Part { label: "a".to_owned(), weight: 0.1 };
    let estimate = Estimate { points: 8, parts: vec![part] };
    fixture.apply(&aggregate_id, "open-ticket", json!({ "title": "a", "tags": ["x"] })).await;
    fixture.apply(&aggregate_id, "rename-ticket", json!({ "name": "b" })).await;
    fixture.apply(&aggregate_id, "add-points", json!({ "points": 2 })).await;
    fixture.apply(&aggregate_id, "estimate", json!({ "estimate": estimate })).await;
    fixture.apply(&aggregate_id, "see-ticket", json!({})).await;
    fixture.apply(&aggregate_id, "ask-title", json!({})).await;
    fixture.apply(&aggregate_id, "escalate-incident", json!({})).await;
    fixture.apply(&aggregate_id, "close-ticket", json!({})).await;
    let log = fixture.snapshot().await;
    for row in &log.commands {
        let command = TicketCommand::try_from(&row.record).unwrap();
        assert_eq!(key_of(&command), row.record.key());
    }
    let events: Vec<TicketEvent> =
        log.events.iter().map(|row| TicketEvent::try_from(&row.record).unwrap()).collect();
    for (event, row) in events.iter().zip(&log.events) {
        assert_eq!(key_of_event(event), row.record.key());
    }
    let [opened, renamed, added, estimated, .., closed] = events.as_slice() else { panic!() };
    assert!(matches!(opened, TicketEvent::TicketOpened(TicketOpened { title, points: 3, tags })
        if title == "a" && tags == &["x"]));
    assert!(matches!(renamed, TicketEvent::TicketRenamed(TicketRenamed { title, note: None })
        if title == "b"));
    assert!(matches!(added, TicketEvent::PointsAdded(PointsAdded { points: 2, data: 5 })));
    assert!(matches!(estimated, TicketEvent::WorkEstimated(WorkEstimated { estimate: of, data })
        if *of == estimate && *data == Some(5)));
    assert!(matches!(closed, TicketEvent::TicketClosed(TicketClosed { data }) if data == "b"));
}

#[tokio::test]
async fn an_event_with_an_unknown_field_is_readable() {
    let fixture = tickets().await;
    fixture.apply(&ticket(1), "add-points", json!({ "points": 2 })).await;
    let mut row = fixture.snapshot().await.events.pop().unwrap().record;
    row.args = Json::parse(r#"{"points":2,"reason":"old"}"#).unwrap();
    let event = TicketEvent::try_from(&row).unwrap();
    assert!(matches!(event, TicketEvent::PointsAdded(PointsAdded { points: 2, data: 5 })));
    // A payload without a field that has a default is readable too.
    row.event = "ticket-opened".into();
    row.args = Json::parse(r#"{"title":"a"}"#).unwrap();
    row.data = None;
    let event = TicketEvent::try_from(&row).unwrap();
    assert!(matches!(event, TicketEvent::TicketOpened(TicketOpened { points: 3, .. })));
}

#[tokio::test]
async fn a_row_of_another_type_or_shape_does_not_decode() {
    let fixture = tickets().await;
    let log = fixture.snapshot().await;
    let mut event = log.events[0].record.clone();
    event.args = Json::parse("{}").unwrap();
    let error = TicketEvent::try_from(&event).unwrap_err();
    assert!(matches!(&error, DecodeError::Invalid { key, .. } if key == "ticket-opened"));
    assert_eq!(error.to_string(), "the row of `ticket-opened` does not decode");
    event.event = "something-else".into();
    let error = TicketEvent::try_from(&event).unwrap_err();
    assert_eq!(error.to_string(), "`something-else` is no key of `Ticket`");
    let mut command = log.commands[0].record.clone();
    command.command = "something-else".into();
    let error = TicketCommand::try_from(&command).unwrap_err();
    assert_eq!(error.to_string(), "`something-else` is no key of `Ticket`");
}

#[test]
fn actions_and_events_are_listed_in_the_order_of_the_block() {
    let actions: Vec<_> = Ticket::ACTIONS.iter().map(|action| action.key).collect();
    assert_eq!(
        actions,
        [
            "open-ticket",
            "rename-ticket",
            "add-points",
            "estimate",
            "see-ticket",
            "ask-title",
            "reset-ticket",
            "escalate-incident",
            "touch-ticket",
            "close-ticket",
        ]
    );
    let events: Vec<_> = Ticket::EVENTS.iter().map(|event| (event.key, event.name)).collect();
    assert_eq!(events.len(), 9);
    assert_eq!(
        (events[0], events[8]),
        (("ticket-opened", "TicketOpened"), ("ticket-closed", "TicketClosed"),)
    );
    assert_eq!(Ticket::RESOURCES, ["ticket", "incident"]);
    assert_eq!((Ticket::RESOURCE, Ticket::REVISION), ("ticket", 3));
    assert_eq!(TicketDomain::METADATA.namespace, "ticketing");
    assert_eq!(
        (TicketDomain::METADATA.revision, TicketDomain::METADATA.tags),
        (7, &["work", "help"][..])
    );
    assert_eq!(TicketDomain::METADATA.description, "Domain for tickets.");
    assert_eq!(TicketDomain::METADATA.type_name, "TicketDomain");
}

#[test]
fn a_descriptor_has_all_options_and_docs() {
    let open = OpenTicket::ACTION;
    assert_eq!((open.key, open.command, open.method), ("open-ticket", "OpenTicket", "open_ticket"));
    assert_eq!(open.docs, "Open a ticket.\n\nA second paragraph.");
    assert_eq!((open.lifecycle, open.resources), (Lifecycle::Create, Ticket::RESOURCES));
    assert_eq!(open.event.unwrap(), TicketOpened::EVENT);
    let fields: Vec<_> = open
        .fields
        .iter()
        .map(|field| (field.name, field.type_name, field.docs, field.optional, field.secret))
        .collect();
    assert_eq!(
        fields,
        [
            ("title", "String", "Subject of the ticket.", false, false),
            ("points", "i64", "", true, false),
            ("tags", "Vec<String>", "", true, false),
        ]
    );
    assert!(open.location.file.ends_with("ticket.rs"), "{}", open.location);
    let line =
        include_str!("../../src/ticket.rs").lines().nth(open.location.line as usize - 1).unwrap();
    assert!(line.contains("fn open_ticket"), "{line}");

    let rename = RenameTicket::ACTION;
    assert_eq!(
        (rename.fields[0].name, rename.fields[0].aliases),
        ("newTitle", &["title", "name"][..])
    );
    assert_eq!((rename.fields[1].type_name, rename.fields[1].optional), ("Option<String>", true));
    assert_eq!(rename.lifecycle, Lifecycle::Update);
    assert_eq!(SeeTicket::ACTION.lifecycle, Lifecycle::Unchanged);
    assert_eq!(SeeTicket::ACTION.fields, [], "the context is not a field");
    assert_eq!(CloseTicket::ACTION.lifecycle, Lifecycle::Close);
    assert!(AskTitle::ACTION.event.is_none());
    assert!(ResetTicket::ACTION.if_match_required && !rename.if_match_required);
    assert!(fluvius_tests::ticket::TouchTicket::ACTION.internal && !open.internal);
    assert_eq!(fluvius_tests::ticket::EscalateIncident::ACTION.resources, ["incident"]);
    let timeout = fluvius_tests::probe::RunQuickly::ACTION.timeout;
    assert_eq!(timeout, Some(std::time::Duration::from_millis(20)));
    assert_eq!((open.aggregate)().type_name(), std::any::type_name::<Ticket>());
}

#[test]
fn the_methods_stay_ordinary_rust() {
    let mut ticket = Ticket::open_ticket("a".to_owned(), 1, vec![]).unwrap();
    assert_eq!(ticket.add_points(2).unwrap(), 3);
    assert!(ticket.add_points(200).is_err());
    assert_eq!(ticket.close_ticket(), Ok("a".to_owned()));
}

#[tokio::test]
async fn rows_carry_the_revisions_of_their_makers() {
    let fixture = tickets().await;
    let log = fixture.snapshot().await;
    assert_eq!(
        (log.commands[0].record.domain.as_ref(), log.commands[0].record.revision),
        ("ticketing", 7)
    );
    assert_eq!(
        (log.events[0].record.domain.as_ref(), log.events[0].record.revision),
        ("ticketing", 3)
    );
    assert_eq!(log.states[&ticket(1)].revision, 3);
    assert_eq!(log.contexts[&fixture.session.context_id()].revision, 7);
}
