//! Readers over one WebSocket: several answers in one numbered session, which is gone on with after each cut.

use std::time::Duration;

use fastrand::Rng;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::HeaderValue},
};
use weir_testkit::Event;

use super::{Doors, SILENCE, SharedJournal, pause};

/// Frames after which the client says how far it has come.
const ACK_EVERY: u64 = 16;

/// After so long without an event nothing more comes: longer than any fault lasts.
const PATIENCE: Duration = Duration::from_secs(40);

type Socket = WebSocketStream<TcpStream>;

/// One client with one session, and a journal for each answer that it follows.
pub(crate) struct SocketReader {
    pub(crate) doors: Doors,
    pub(crate) journals: Vec<SharedJournal>,
    /// Counts the events that anybody was shown.
    pub(crate) progress: watch::Sender<u64>,
    pub(crate) random: Rng,
    /// Which door is tried next.
    pub(crate) door: usize,
    session: Option<Session>,
    /// When something of an answer came last.
    heard: Instant,
}

/// Where the session stands.
struct Session {
    id: String,
    seq: u64,
    /// The last run that was subscribed to. A wish may be lost with its connection, so a session is gone on with only after
    /// something came of the last wish.
    awaited: Option<String>,
}

/// Why a socket is left.
enum Left {
    /// Cut, silent, refused, or because the reader wanted to.
    Cut,
    /// Somebody else goes on with the session, on this socket.
    TakenOver(Box<Socket>),
    /// All answers have ended.
    Done,
}

impl SocketReader {
    pub(crate) fn new(
        doors: Doors,
        journals: Vec<SharedJournal>,
        progress: watch::Sender<u64>,
        mut random: Rng,
    ) -> Self {
        let door = random.usize(0..16);
        Self { doors, journals, progress, random, door, session: None, heard: Instant::now() }
    }

    /// Reads until every answer has ended, or cannot be gone on with.
    pub(crate) async fn read(mut self) {
        let mut next = None;
        loop {
            let socket = match next.take() {
                Some(socket) => Ok(socket),
                None => self.connect().await,
            };
            let left = match socket {
                Ok(mut socket) => match self.greet(&mut socket).await {
                    Ok(()) => self.follow(socket).await,
                    Err(()) => Left::Cut,
                },
                Err(()) => Left::Cut,
            };
            match left {
                Left::Done => return,
                Left::TakenOver(socket) => next = Some(*socket),
                Left::Cut => sleep(pause()).await,
            }
        }
    }

    /// A log whose end was never shown and to which nothing comes is what is left of a broken disk. A browser would go and
    /// fetch the messages.
    fn give_up(&self) {
        for journal in self.journals.iter().filter(|journal| !is_over(journal)) {
            journal.lock().refused = Some("nothing more comes over the socket".to_owned());
        }
    }

    fn complain(&self, about: String) {
        if let Some(journal) = self.journals.first() {
            journal.lock().complaints.push(about);
        }
    }

    async fn connect(&mut self) -> Result<Socket, ()> {
        let door = self.doors.at(self.door).trim_start_matches("http://").to_owned();
        let connected = timeout(SILENCE, async {
            let mut request = format!("ws://{door}/api/ws").into_client_request()?;
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("weir.v1"));
            let stream = TcpStream::connect(&door).await?;
            stream.set_nodelay(true)?;
            client_async(request, stream).await
        });
        match connected.await {
            Ok(Ok((socket, _))) => return Ok(socket),
            Ok(Err(Error::Http(response))) if ![502, 503, 504].contains(&response.status().as_u16()) => {
                self.complain(format!("a socket was answered {}", response.status()));
            }
            Ok(Err(_)) | Err(_) => {}
        }
        self.door += 1;
        Err(())
    }

    /// Says which session is meant, and subscribes to what that session does not follow.
    async fn greet(&mut self, socket: &mut Socket) -> Result<(), ()> {
        let mut welcome = frame(socket).await?;
        let mut resumed = false;
        self.session.take_if(|session| session.awaited.is_some());
        if let Some(session) = &self.session {
            send(socket, &json!({ "type": "resume", "session": session.id, "seq": session.seq })).await?;
            welcome = frame(socket).await?;
            resumed = welcome["resumed"] == true;
            if resumed && (welcome["seq"] != session.seq || welcome["session"] != session.id.as_str()) {
                self.complain(format!("session {} at {} was resumed as {welcome}", session.id, session.seq));
            }
        }
        if welcome["type"] != "welcome" {
            self.complain(format!("instead of a welcome there came {welcome}"));
            return Err(());
        }
        if resumed {
            return Ok(());
        }
        let awaited = self.journals.iter().rfind(|journal| !is_over(journal)).map(|journal| journal.answer.run.clone());
        let id = welcome["session"].as_str().unwrap_or_default().to_owned();
        self.session = Some(Session { id, seq: 0, awaited });
        for journal in self.journals.clone() {
            let after = journal.lock().last();
            if !is_over(&journal) {
                let topic = format!("run:{}", journal.answer.run);
                send(socket, &json!({ "type": "subscribe", "topic": topic, "after": after })).await?;
            }
        }
        Ok(())
    }

    async fn follow(&mut self, mut socket: Socket) -> Left {
        let patience = self.random.usize(5..150);
        for _ in 0..patience {
            if self.heard.elapsed() > PATIENCE {
                self.give_up();
            }
            if self.journals.iter().all(is_over) {
                return Left::Done;
            }
            // The server pings each second; silence is a cut.
            let text = match timeout(SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => {
                    self.door += 1;
                    return Left::Cut;
                }
                Ok(Some(Ok(_))) => continue,
            };
            self.take(&text);
            let seq = self.session.as_ref().map_or(0, |session| session.seq);
            let is_cut = seq.is_multiple_of(ACK_EVERY)
                && send(&mut socket, &json!({ "type": "ack", "seq": seq })).await.is_err();
            if is_cut {
                return Left::Cut;
            }
        }
        match self.random.u8(0..3) {
            0 => self.rival(socket).await,
            _ => Left::Cut,
        }
    }

    /// Goes on with the session on a second socket while the first is still open, and acknowledges what was never sent.
    async fn rival(&mut self, mut first: Socket) -> Left {
        // Its answer has a number of the session, and comes to whoever holds that.
        if send(&mut first, &json!({ "type": "ack", "seq": u64::from(u32::MAX) })).await.is_err() {
            return Left::Cut;
        }
        match self.connect().await {
            Ok(second) => {
                tokio::spawn(async move {
                    // Held open until the server has closed it, which it has to do.
                    let _ =
                        timeout(Duration::from_secs(10), async { while let Some(Ok(_)) = first.next().await {} }).await;
                });
                Left::TakenOver(Box::new(second))
            }
            Err(()) => Left::Cut,
        }
    }

    /// Takes in a numbered frame.
    fn take(&mut self, text: &str) {
        let frame: Value = serde_json::from_str(text).unwrap_or_default();
        let Some(session) = &mut self.session else { return };
        let seq = frame["seq"].as_u64().unwrap_or_default();
        if seq != session.seq + 1 {
            let complaint = format!("session {}: {seq} follows {}", session.id, session.seq);
            session.seq = session.seq.max(seq);
            return self.complain(complaint);
        }
        session.seq = seq;
        self.heard = Instant::now();
        session.awaited.take_if(|run| frame["run"] == run.as_str() || frame["topic"] == format!("run:{run}").as_str());
        match frame["type"].as_str() {
            Some("chunk") => {
                let Some(journal) = self.journals.iter().find(|journal| frame["run"] == journal.answer.run.as_str())
                else {
                    return self.complain(format!("nobody asked for {text}"));
                };
                match event(&frame, text) {
                    Some(event) => {
                        journal.lock().write(event);
                        self.progress.send_modify(|count| *count += 1);
                    }
                    None => self.complain(format!("not an event: {text}")),
                }
            }
            Some("subscribed") => {}
            Some("error") if frame["code"] == "invalid_ack" => {}
            Some("error") => {
                let is_meant =
                    |journal: &&SharedJournal| frame["topic"] == format!("run:{}", journal.answer.run).as_str();
                match self.journals.iter().find(is_meant) {
                    Some(journal) => journal.lock().refused = Some(frame["code"].to_string()),
                    None => self.complain(format!("an error came: {text}")),
                }
            }
            _ => self.complain(format!("an unknown frame came: {text}")),
        }
    }
}

fn is_over(journal: &SharedJournal) -> bool {
    let journal = journal.lock();
    journal.is_done() || journal.refused.is_some()
}

/// The event of a `chunk`, with the bytes of its data as they came.
fn event(frame: &Value, text: &str) -> Option<Event> {
    let (_, data) = text.split_once(r#""data":"#)?;
    let data = data.strip_suffix("}}")?.to_owned();
    Some(Event { id: frame["n"].as_u64()?, kind: frame["chunk"]["type"].as_str()?.to_owned(), data })
}

/// The next frame of a socket that has something to say.
async fn frame(socket: &mut Socket) -> Result<Value, ()> {
    loop {
        match timeout(SILENCE, socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => return serde_json::from_str(&text).map_err(drop),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
            _ => return Err(()),
        }
    }
}

async fn send(socket: &mut Socket, frame: &Value) -> Result<(), ()> {
    match timeout(SILENCE, socket.send(Message::text(frame.to_string()))).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_the_bytes_of_its_data() {
        let text = r#"{"type":"chunk","seq":7,"run":"r","n":3,"chunk":{"type":"token","data":{"id":"m","text":"a \"data\": }}"}}}"#;
        let frame = serde_json::from_str(text).unwrap();
        let expected =
            Event { id: 3, kind: "token".to_owned(), data: r#"{"id":"m","text":"a \"data\": }}"}"#.to_owned() };
        assert_eq!(event(&frame, text), Some(expected));
    }
}
