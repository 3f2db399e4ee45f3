//! Streams of events.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{EventReader, Running, StreamEvent};
use crate::library::{emma, library};

const EVENTS: &str = "/library/events";

async fn add_books(server: &Running, numbers: std::ops::RangeInclusive<u128>) {
    for number in numbers {
        let path = format!("/library/book/{}/add-book", Uuid::from_u128(number));
        server.post(path, &emma()).send().await.expect(201);
    }
}

async fn open(server: &Running, query: &str, last: Option<&str>) -> EventReader {
    let call = server.get(format!("{EVENTS}{query}")).header("accept", "text/event-stream");
    match last {
        Some(last) => call.header("last-event-id", last).open().await,
        None => call.open().await,
    }
}

fn numbers(events: &[StreamEvent]) -> Vec<u128> {
    let id = |data: &Value| data["identifier"].as_str().unwrap().parse::<Uuid>().unwrap();
    events.iter().map(|event| id(event.data.as_ref().unwrap()).as_u128()).collect()
}

#[tokio::test]
async fn stream_goes_from_the_past_to_the_future() {
    let server = Running::of(library().await).await;
    add_books(&server, 1..=3).await;
    let mut stream = open(&server, "", None).await;
    let past = stream.take(3).await;
    add_books(&server, 4..=6).await;
    let future = stream.take(3).await;
    assert_eq!(numbers(&[past.clone(), future].concat()), [1, 2, 3, 4, 5, 6]);
    let page = server.get(EVENTS).send().await.expect(200);
    assert_eq!(page["rows"][0], past[0].data.clone().unwrap());
}

#[tokio::test]
async fn catching_up_and_following_meet_without_a_gap() {
    let server = Running::of(library().await).await;
    let (readers, _) = tokio::join!(
        futures_util::future::join_all((0..20).map(|index| {
            let server = &server;
            async move {
                tokio::time::sleep(Duration::from_millis(index * 3)).await;
                let mut stream = open(server, "", None).await;
                numbers(&stream.take(200).await)
            }
        })),
        add_books(&server, 1..=200),
    );
    for seen in readers {
        assert!(seen.iter().copied().eq(1..=200), "{seen:?}");
    }
}

#[tokio::test]
async fn stream_cut_at_any_byte_resumes_exactly() {
    let server = Running::of(library().await).await;
    add_books(&server, 1..=6).await;
    let mut whole = open(&server, "", None).await;
    let events = whole.take(6).await;
    let text: String = events
        .iter()
        .map(|event| {
            let (id, data) = (event.id.as_ref().unwrap(), event.data.as_ref().unwrap());
            format!("id: {id}\ndata: {data}\n\n")
        })
        .collect();
    for cut in (0..text.len()).step_by(7) {
        let complete = text[..cut].rfind("\n\n").map_or("", |end| &text[..end]);
        let seen: Vec<StreamEvent> = complete
            .split("\n\n")
            .filter(|block| !block.is_empty())
            .map(StreamEvent::parse)
            .collect();
        let last = seen.last().and_then(|event| event.id.clone());
        let mut resumed = open(&server, "", last.as_deref()).await;
        let rest = resumed.take(6 - seen.len()).await;
        assert_eq!([seen, rest].concat(), events, "cut at {cut}");
    }
}

#[tokio::test]
async fn filtered_stream_reports_its_progress() {
    let server = Running::of(library().await).await;
    add_books(&server, 1..=1).await;
    let mut stream = open(&server, "?event=book-returned&after=latest", None).await;
    let first = stream.next().await.unwrap();
    assert!(first.id.is_some() && first.data.is_none());
    add_books(&server, 2..=3).await;
    // No event is shown, but the place moves on.
    let progress = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.unwrap();
    let progress = progress.unwrap();
    assert!(progress.data.is_none());
    let path = format!("/library/book/{}/return-book", Uuid::from_u128(2));
    server.post(path, &json!({})).send().await.expect(200);
    let mut resumed = open(&server, "", progress.id.as_deref()).await;
    assert_eq!(resumed.take(1).await[0].data.as_ref().unwrap()["event"], "book-returned");
    assert_eq!(stream.take(1).await[0].data.as_ref().unwrap()["event"], "book-returned");
}

#[tokio::test]
async fn token_that_does_not_fit_resets_the_stream() {
    let server = Running::of(library().await).await;
    add_books(&server, 1..=2).await;
    let elsewhere = format!("2.{}", Uuid::from_u128(99));
    let mut stream = open(&server, "", Some("nonsense")).await;
    let reset = stream.next().await.unwrap();
    assert_eq!(reset.event.as_deref(), Some("reset"));
    assert_eq!(reset.data.unwrap()["newest"], reset.id.unwrap());
    add_books(&server, 3..=3).await;
    assert_eq!(numbers(&stream.take(1).await), [3]);
    for token in ["99999", &elsewhere] {
        let reset = open(&server, "", Some(token)).await.next().await.unwrap();
        assert_eq!(reset.event.as_deref(), Some("reset"), "{token}");
    }
}

#[tokio::test]
async fn slow_reader_misses_nothing() {
    let server = Running::of(library().await).await;
    let mut stream = open(&server, "", None).await;
    // Far more events than the buffers of the stream, its tail and its connection hold.
    let count = 6_000;
    let domain_events = async {
        for part in 0..count / 100 {
            let member = |number: u128| {
                json!({
                    "resource": "book",
                    "identifier": Uuid::from_u128(number),
                    "command": "add-book",
                    "payload": emma(),
                })
            };
            let first = part * 100 + 1;
            let members: Vec<Value> = (first..first + 100).map(member).collect();
            let group = json!({ "commands": members });
            server.post("/library/atomic", &group).send().await.expect(200);
        }
    };
    domain_events.await;
    let seen = numbers(&stream.take(count as usize).await);
    assert!(seen.iter().copied().eq(1..=count));
}

#[tokio::test]
async fn streams_of_a_sender_are_limited() {
    let server = Running::of(library().await).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(open(&server, "", None).await);
    }
    let refused = server.get(EVENTS).header("accept", "text/event-stream").send().await;
    assert_eq!(refused.expect_problem(429)["code"], "rate-limited");
    streams.pop();
    // The server learns of the end of a connection a moment later.
    let begun = Instant::now();
    loop {
        let call = server.get(EVENTS).header("accept", "text/event-stream");
        match tokio::time::timeout(Duration::from_millis(100), call.send()).await {
            Ok(answer) => assert_eq!(answer.status, 429),
            // A stream has no end, so it was opened.
            Err(_) => break,
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn shutdown_ends_idle_streams_at_once() {
    let server = Running::of(library().await).await;
    add_books(&server, 1..=1).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = open(&server, "", None).await;
        stream.take(1).await;
        streams.push(stream);
    }
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    for mut stream in streams {
        assert_eq!(stream.next().await, None);
    }
}
