use std::{future::pending, sync::atomic::AtomicBool};

use futures_util::{FutureExt as _, stream};
use tokio::{sync::mpsc, time::timeout};
use weir_protocol::{ConversationId, Role};

use super::*;
use crate::{ContextPlace, FinishedWith, Turn};

/// So long that a test which waits for it fails.
const NEVER: Duration = Duration::from_hours(1);
/// What is to happen at once happens within this time on the busiest machine.
const SOON: Duration = Duration::from_secs(20);

#[allow(clippy::unnecessary_wraps, reason = "it stands where events stand")]
fn text(text: &str) -> Event {
    Ok(ProviderEvent::Text(text.to_owned()))
}

/// Says what `say` makes of the name of the model.
struct Scripted<F>(F);

#[async_trait]
impl<F: Fn(String) -> Result<EventStream, ProviderError> + Send + Sync + 'static> Provider for Scripted<F> {
    fn id(&self) -> &'static str {
        "scripted"
    }

    async fn models(&self) -> Vec<Model> {
        Vec::new()
    }

    fn calls_tools(&self, _: &str) -> bool {
        false
    }

    fn continues(&self, model: &str) -> bool {
        model == "continues"
    }

    async fn stream(&self, request: ChatRequest) -> Result<EventStream, ProviderError> {
        (self.0)(request.model)
    }
}

fn paced(
    pacer: &Pacer,
    say: impl Fn(String) -> Result<EventStream, ProviderError> + Send + Sync + 'static,
) -> Arc<dyn Provider> {
    pacer.pace(Arc::new(Scripted(say)))
}

async fn ask(provider: &Arc<dyn Provider>, model: &str) -> Result<EventStream, ProviderError> {
    let request = ChatRequest {
        model: model.to_owned(),
        conversation: ConversationId(uuid::Uuid::nil()),
        turns: vec![Turn::new(Role::User, "Hello")],
        tools: Vec::new(),
        partial: None,
        place: ContextPlace::default(),
    };
    timeout(SOON, provider.stream(request)).await.unwrap()
}

async fn next(stream: &mut EventStream) -> Option<Event> {
    timeout(SOON, stream.next()).await.unwrap()
}

async fn all(mut stream: EventStream) -> (String, Vec<Event>) {
    let (mut said, mut rest) = (String::new(), Vec::new());
    while let Some(event) = next(&mut stream).await {
        match event {
            Ok(ProviderEvent::Text(text)) => said.push_str(&text),
            other => rest.push(other),
        }
    }
    (said, rest)
}

#[tokio::test]
async fn every_word_comes_once_and_in_order() {
    let pacer = Pacer::start(Duration::from_millis(1)).unwrap();
    let provider = paced(&pacer, |model| {
        let words = stream::iter(0..500).then(move |word| {
            let model = model.clone();
            async move {
                tokio::task::yield_now().await;
                text(&format!("{model}{word} "))
            }
        });
        let end = stream::iter([Ok(ProviderEvent::Finished(FinishedWith::Stop))]);
        Ok(words.chain(end).boxed())
    });
    let (a, b) = tokio::join!(async { all(ask(&provider, "a").await.unwrap()).await }, async {
        all(ask(&provider, "b").await.unwrap()).await
    },);
    for (name, (said, rest)) in [("a", a), ("b", b)] {
        let words: Vec<_> = (0..500).map(|word| format!("{name}{word} ")).collect();
        assert_eq!(said, words.concat());
        assert_eq!(rest, [Ok(ProviderEvent::Finished(FinishedWith::Stop))]);
    }
}

#[tokio::test]
async fn a_first_word_is_not_held_back_by_the_rest_after_others() {
    let pacer = Pacer::start(NEVER).unwrap();
    let provider = paced(&pacer, |model| Ok(stream::iter([text(&model)]).chain(stream::pending()).boxed()));
    let mut open = Vec::new();
    for word in ["one", "two", "three", "four"] {
        let mut stream = ask(&provider, word).await.unwrap();
        assert_eq!(next(&mut stream).await, Some(text(word)));
        open.push(stream);
    }
}

#[tokio::test]
async fn what_was_said_during_a_rest_comes_with_the_next_look() {
    let pacer = Pacer::start(NEVER).unwrap();
    let (say, said) = mpsc::unbounded_channel::<&'static str>();
    let said = Mutex::new(Some(said));
    let provider = paced(&pacer, move |_| {
        Ok(match lock(&said).take() {
            Some(said) => {
                stream::unfold(said, async |mut said| said.recv().await.map(|word| (text(word), said))).boxed()
            }
            None => stream::iter([text("hurry")]).boxed(),
        })
    });
    let mut first = ask(&provider, "first").await.unwrap();
    say.send("a").unwrap();
    assert_eq!(next(&mut first).await, Some(text("a")));
    say.send("b").unwrap();
    say.send("c").unwrap();
    drop(say);
    drop(ask(&provider, "second").await.unwrap());
    assert_eq!(all(first).await, ("bc".to_owned(), vec![]));
}

#[test]
fn it_rests_only_after_it_found_something_and_shortly_while_somebody_has_said_nothing() {
    let looks = Arc::new(Looks { pace: NEVER, speechless: AtomicUsize::new(0), said: Mutex::default() });
    assert_eq!(looks.hand_over(), None);
    let mailbox = Mailbox::new(&looks);
    let waiting = Speechless::new(&looks);
    mailbox.put(text("a"));
    assert_eq!(looks.hand_over(), Some(SHORT_REST));
    drop(waiting);
    mailbox.put(text("b"));
    assert_eq!(looks.hand_over(), Some(NEVER));
    assert_eq!(looks.hand_over(), None);
}

#[tokio::test]
async fn dropping_an_answer_drops_the_providers_stream_at_once() {
    struct Tell(Arc<AtomicBool>, mpsc::UnboundedSender<()>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
            let _ = self.1.send(());
        }
    }
    let pacer = Pacer::start(NEVER).unwrap();
    let (dropped, (tell, mut told)) = (Arc::new(AtomicBool::new(false)), mpsc::unbounded_channel());
    let flag = dropped.clone();
    let provider = paced(&pacer, move |_| {
        let tell = Tell(flag.clone(), tell.clone());
        Ok(stream::iter([text("a")]).chain(stream::once(async move { (pending::<Event>().await, tell).0 })).boxed())
    });
    let mut stream = ask(&provider, "any").await.unwrap();
    assert_eq!(next(&mut stream).await, Some(text("a")));
    assert!(!dropped.load(Ordering::Relaxed));
    drop(stream);
    timeout(SOON, told.recv()).await.unwrap();
    assert!(dropped.load(Ordering::Relaxed));
}

#[tokio::test]
async fn what_nobody_reads_is_bounded() {
    const PIECE: usize = 64 * 1024;
    let pacer = Pacer::start(Duration::from_millis(1)).unwrap();
    let provider = paced(&pacer, |_| Ok(stream::repeat_with(|| text(&"x".repeat(PIECE))).boxed()));
    let mut stream = ask(&provider, "any").await.unwrap();
    let mut read = 0;
    while read < 8 * MAILBOX_BYTES {
        let Some(Ok(ProviderEvent::Text(text))) = next(&mut stream).await else { panic!("an endless answer ended") };
        assert!(text.len() < MAILBOX_BYTES + PIECE, "{} bytes waited", text.len());
        read += text.len();
    }
}

#[tokio::test]
async fn refusals_and_broken_streams_are_told_as_they_are() {
    let pacer = Pacer::start(NEVER).unwrap();
    let refused = || ProviderError::new(ProviderErrorKind::Rejected, "No.");
    let provider = paced(&pacer, move |model| match model.as_str() {
        "refuses" => Err(refused()),
        "breaks" => Ok(stream::iter([text("a"), Err(refused())]).boxed()),
        _ => Ok(stream::once(async { panic!("a fault of the provider") }).boxed()),
    });
    assert_eq!(ask(&provider, "refuses").await.err(), Some(refused()));
    assert_eq!(all(ask(&provider, "breaks").await.unwrap()).await, ("a".to_owned(), vec![Err(refused())]));
    assert_eq!(all(ask(&provider, "panics").await.unwrap()).await, (String::new(), vec![]));
    assert!(provider.continues("continues") && !provider.continues("another"));
}

#[tokio::test]
async fn when_the_thread_ends_so_do_its_answers() {
    let pacer = Pacer::start(NEVER).unwrap();
    let provider = paced(&pacer, |_| Ok(stream::iter([text("a")]).chain(stream::pending()).boxed()));
    let mut stream = ask(&provider, "any").await.unwrap();
    assert_eq!(next(&mut stream).await, Some(text("a")));
    assert_eq!(stream.next().now_or_never(), None);
    drop(pacer);
    assert_eq!(next(&mut stream).await, None);
    assert!(ask(&provider, "any").await.is_err());
}
