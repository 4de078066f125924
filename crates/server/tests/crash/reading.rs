//! Readers over real sockets, and what they wrote down.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;
use weir_testkit::{Event, EventParser, Heard, soon};

/// Everything that anybody ever saw of one run.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pub(crate) run: String,
    pub(crate) conversation: String,
    pub(crate) prompt: String,
    pub(crate) key: String,
    seen: Arc<Mutex<BTreeMap<u64, Event>>>,
}

impl Journal {
    /// Writes an event down. One that was seen before has to be the same.
    fn write(&self, event: Event) {
        let mut seen = self.seen.lock().unwrap();
        if let Some(before) = seen.get(&event.id) {
            assert_eq!(before, &event, "the same event twice is the same event");
        }
        seen.insert(event.id, event);
    }

    pub(crate) fn seen(&self) -> Vec<Event> {
        self.seen.lock().unwrap().values().cloned().collect()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.seen.lock().unwrap().values().any(|event| event.kind == "done")
    }
}

/// A stream of events over a socket.
pub(crate) struct Reading {
    response: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    parser: EventParser,
    heard: std::vec::IntoIter<Heard>,
}

impl Reading {
    fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        Self {
            response: Box::pin(response.bytes_stream()),
            parser: EventParser::default(),
            heard: Vec::new().into_iter(),
        }
    }

    /// Asks; a request with the same key is the same run from its start.
    pub(crate) async fn start(url: &str, prompt: &str, key: &str) -> (Journal, Self) {
        let request = reqwest::Client::new().post(format!("{url}/api/realtime")).header("idempotency-key", key);
        let request = request.header("content-type", "application/json").body(json!({ "prompt": prompt }).to_string());
        let response = soon("the run to start", request.send()).await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name).unwrap_or_else(|| panic!("{response:?}"));
            value.to_str().unwrap().to_owned()
        };
        let journal = Journal {
            run: header("weir-run-id"),
            conversation: header("weir-conversation-id"),
            prompt: prompt.to_owned(),
            key: key.to_owned(),
            seen: Arc::default(),
        };
        (journal, Self::of(response))
    }

    /// Follows a run; none when there is no server.
    pub(crate) async fn follow(url: &str, run: &str, after: u64) -> Option<Self> {
        let request = reqwest::Client::new().get(format!("{url}/api/realtime/{run}"));
        let request = request.header("last-event-id", after.to_string());
        soon("the stream to start", request.send()).await.ok().map(Self::of)
    }

    /// The next event; none when the stream has ended, be it closed or cut.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        let next = async {
            loop {
                match self.heard.next() {
                    Some(Heard::Event(event)) => return Some(event),
                    Some(Heard::Comment(_)) => {}
                    None => {
                        let bytes = self.response.next().await?.ok()?;
                        self.heard = self.parser.push(&bytes).into_iter();
                    }
                }
            }
        };
        // Pings alone are no progress: nothing spins.
        soon("the stream to go on", next).await
    }

    /// Every event until the end.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// Reads a run as a restless browser does: it is cut again and again, and goes on after the last event it has seen. Ends
/// with the run or with the server.
pub(crate) async fn read_restlessly(
    url: String,
    journal: Journal,
    first: Option<Reading>,
    mut random: fastrand::Rng,
    seen: watch::Sender<usize>,
) {
    let mut last = 0;
    let mut next = first;
    loop {
        let reading = match next.take() {
            Some(reading) => Some(reading),
            None => Reading::follow(&url, &journal.run, last).await,
        };
        let Some(mut reading) = reading else { return };
        let patience = random.usize(1..40);
        for _ in 0..patience {
            let Some(event) = reading.next().await else { break };
            assert_eq!(event.id, last + 1, "no event is left out and none comes twice");
            last = event.id;
            let is_done = event.kind == "done";
            journal.write(event);
            seen.send_modify(|count| *count += 1);
            if is_done {
                assert_eq!(reading.next().await, None, "nothing follows done");
                return;
            }
        }
    }
}

/// The whole log of a run that ends, checked in itself.
pub(crate) struct Whole {
    pub(crate) log: Vec<Event>,
    pub(crate) message: Value,
    pub(crate) done: Value,
}

impl Whole {
    pub(crate) fn of(log: Vec<Event>, prompt: &str) -> Self {
        assert!(log.iter().zip(1..).all(|(event, number)| event.id == number), "numbers are dense: {log:?}");
        assert_eq!(log.iter().filter(|event| event.kind == "done").count(), 1);
        let [first, .., message, done] = &log[..] else { panic!("no whole log: {log:?}") };
        assert_eq!((message.kind.as_str(), done.kind.as_str()), ("message", "done"));
        let value = |event: &Event| -> Value { serde_json::from_str(&event.data).unwrap() };
        assert_eq!(value(first)["content"], prompt);
        let (message, done) = (value(message), value(done));
        let tokens = log.iter().filter(|event| event.kind == "token").map(value);
        let joined: String = tokens.map(|token| token["text"].as_str().unwrap().to_owned()).collect();
        assert_eq!(message["content"], joined, "the tokens are the message");
        Self { log, message, done }
    }

    pub(crate) fn text(&self) -> &str {
        self.message["content"].as_str().unwrap()
    }

    /// Everything that was ever seen is in the log, with the same bytes.
    pub(crate) fn has_all_of(&self, journal: &Journal) {
        for event in journal.seen() {
            let place = usize::try_from(event.id).unwrap() - 1;
            assert_eq!(self.log.get(place), Some(&event), "what was shown is never lost");
        }
    }
}
