//! Readers over real sockets. They do what the browser does: go on after the last event, wherever a door is open.

use std::time::Duration;

use fastrand::Rng;
use reqwest::{Client, Response, StatusCode};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use weir_testkit::{EventParser, Heard};

use super::{Doors, SILENCE, SharedJournal, pause, retry_after, told};

/// How a reader reads.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Stays until it is cut off.
    Steady,
    /// Leaves after a few events and comes back, again and again.
    Restless(Rng),
}

/// One reader of one answer.
pub(crate) struct Reader {
    pub(crate) http: Client,
    pub(crate) doors: Doors,
    pub(crate) journal: SharedJournal,
    pub(crate) manner: Manner,
    /// Counts the events that anybody was shown.
    pub(crate) progress: watch::Sender<u64>,
    /// Which door is tried next.
    pub(crate) door: usize,
}

/// A log without an end where one stands is what is left of a broken disk. A browser would go and fetch the messages.
const EMPTY_STREAMS: usize = 20;

/// What became of the attempt to read.
enum Opened {
    Stream(Response),
    /// Nobody there, or not now.
    Later(Duration),
    /// This reader cannot go on, and was told so.
    Refused(String),
}

impl Reader {
    /// Reads to the end of the answer, or until somebody says that there is no going on.
    pub(crate) async fn read(mut self, first: Option<Response>) {
        let (mut next, mut empty) = (first, 0);
        while empty < EMPTY_STREAMS {
            let response = match next.take() {
                Some(response) => response,
                None => match self.open().await {
                    Opened::Stream(response) => response,
                    Opened::Later(wait) => {
                        sleep(wait).await;
                        continue;
                    }
                    Opened::Refused(said) => {
                        self.journal.lock().refused = Some(said);
                        return;
                    }
                },
            };
            let before = self.journal.lock().last();
            self.follow(response).await;
            if self.journal.lock().is_done() {
                return;
            }
            if self.journal.lock().last() > before {
                empty = 0;
            } else {
                empty += 1;
                sleep(pause()).await;
            }
        }
        self.journal.lock().refused = Some("one empty stream after another".to_owned());
    }

    async fn open(&mut self) -> Opened {
        let door = self.doors.at(self.door);
        let last = self.journal.lock().last();
        let request = self.http.get(format!("{door}/api/realtime/{}", self.journal.answer.run));
        let sent = timeout(SILENCE, request.header("last-event-id", last.to_string()).send()).await;
        let Ok(Ok(response)) = sent else {
            self.door += 1;
            return Opened::Later(pause());
        };
        match response.status() {
            StatusCode::OK => Opened::Stream(response),
            StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::GONE => {
                Opened::Refused(told(response).await)
            }
            status @ (StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT) => {
                let wait = retry_after(&response);
                if status == StatusCode::SERVICE_UNAVAILABLE && wait.is_none() {
                    self.journal.lock().complaints.push("503 without Retry-After".to_owned());
                }
                self.door += 1;
                Opened::Later(wait.unwrap_or_else(pause))
            }
            _ => {
                let told = told(response).await;
                self.journal.lock().complaints.push(format!("a reader was answered {told}"));
                self.door += 1;
                Opened::Later(Duration::from_secs(1))
            }
        }
    }

    /// Writes down what one stream carries.
    async fn follow(&mut self, mut response: Response) {
        let patience = match &mut self.manner {
            Manner::Steady => usize::MAX,
            Manner::Restless(random) => random.usize(1..40),
        };
        let (mut parser, mut seen) = (EventParser::default(), 0);
        while seen < patience {
            // An end, a cut, or silence where there should be pings: each means to ask again.
            let bytes = match timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) => return,
                Ok(Err(_)) | Err(_) => {
                    self.door += 1;
                    return;
                }
            };
            for heard in parser.push(&bytes) {
                if let Heard::Event(event) = heard {
                    self.journal.lock().write(event);
                    self.progress.send_modify(|count| *count += 1);
                    seen += 1;
                }
            }
        }
    }
}
