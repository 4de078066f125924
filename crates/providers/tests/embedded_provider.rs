//! The provider with the real engine and the real model: processes, crashes and queues.
#![cfg(feature = "embedded-model")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::StreamExt;
use tokio::time::timeout;
use uuid::Uuid;
use weir_protocol::{ConversationId, Role};
use weir_providers::{
    ChatRequest, ContextPlace, EventStream, FinishedWith, Provider, ProviderError, ProviderErrorKind, ProviderEvent,
    Turn,
    embedded::{EmbeddedOptions, EmbeddedProvider, EngineStats},
    model_file::{DEMO_MODEL, ModelSource},
};

mod support;

const STORY: &str = "Write a long story about a river and a mill.";

fn options(model: ModelSource) -> EmbeddedOptions {
    let threads = std::num::NonZeroU32::MIN;
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_weir-engine"));
    EmbeddedOptions { threads, seed: Some(7), ..EmbeddedOptions::new(model, binary) }
}

fn provider(model: &Path) -> EmbeddedProvider {
    EmbeddedProvider::new(options(ModelSource::File(model.to_owned())))
}

fn question(text: &str) -> ChatRequest {
    ChatRequest {
        model: "smollm2-135m-instruct".to_owned(),
        conversation: ConversationId(Uuid::now_v7()),
        turns: vec![Turn::new(Role::User, text)],
        tools: Vec::new(),
        partial: None,
        place: ContextPlace::default(),
    }
}

/// What a stream gave: its text, its end, and the error that broke it off.
async fn read(mut stream: EventStream) -> (String, Option<FinishedWith>, Option<ProviderError>) {
    let (mut text, mut finished) = (String::new(), None);
    while let Some(event) = stream.next().await {
        match event {
            Ok(ProviderEvent::Text(piece)) => {
                assert!(!piece.is_empty());
                text.push_str(&piece);
            }
            Ok(ProviderEvent::Call { name, .. }) => panic!("it was offered no tools and calls {name}"),
            Ok(ProviderEvent::Usage(usage)) => assert!(usage.input_tokens > 10),
            Ok(ProviderEvent::Finished(how)) => finished = Some(how),
            Err(error) => return (text, finished, Some(error)),
        }
    }
    (text, finished, None)
}

/// Reads until the first piece of text.
async fn first_text(stream: &mut EventStream) -> String {
    loop {
        if let ProviderEvent::Text(text) = stream.next().await.unwrap().unwrap() {
            return text;
        }
    }
}

/// Waits until what the provider says of itself is as it should be.
async fn until(provider: &EmbeddedProvider, wanted: impl Fn(&EngineStats) -> bool) -> EngineStats {
    let wait = async {
        loop {
            let stats = provider.stats().await;
            if wanted(&stats) {
                return stats;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), wait).await.unwrap()
}

fn kill(process: u32) {
    signal(process, rustix::process::Signal::KILL);
}

fn signal(process: u32, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    rustix::process::kill_process(process, signal).unwrap();
}

#[tokio::test]
async fn two_conversations_are_answered_at_once_by_one_process() {
    let provider = provider(&model_or_return!());
    assert_eq!(provider.stats().await.starts, 0, "nothing is started before the first question");
    let (one, two) = tokio::join!(provider.stream(question(STORY)), provider.stream(question("What is a mill?")));
    let (one, two) = tokio::join!(read(one.unwrap()), read(two.unwrap()));
    for (text, finished, error) in [one, two] {
        assert!(!text.trim().is_empty());
        assert!(finished.is_some());
        assert_eq!(error, None);
    }
    let stats = provider.stats().await;
    assert_eq!((stats.starts, stats.open_answers), (1, 0));
    assert!(stats.input_tokens > 0 && stats.output_tokens > 0);
    provider.shutdown().await;
    assert_eq!(provider.stats().await.process, None);
    assert_eq!(provider.stats().await.crashes, 0, "a wanted end is no crash");
}

#[tokio::test]
async fn a_dropped_answer_stops_the_computing() {
    let provider = provider(&model_or_return!());
    let mut stream = provider.stream(question(STORY)).await.unwrap();
    first_text(&mut stream).await;
    drop(stream);
    let stats = until(&provider, |stats| stats.open_answers == 0).await;
    assert!(stats.output_tokens < 100, "{} tokens were written for nobody", stats.output_tokens);
}

#[tokio::test]
async fn an_answer_survives_the_death_of_its_engine() {
    let provider = provider(&model_or_return!());
    let mut request = question(STORY);
    let mut stream = provider.stream(request.clone()).await.unwrap();
    let mut text = first_text(&mut stream).await;
    kill(provider.stats().await.process.unwrap());
    let (rest, finished, error) = read(stream).await;
    assert_eq!(finished, None);
    assert_eq!(error.unwrap().kind, ProviderErrorKind::Crashed);
    text.push_str(&rest);
    request.partial = Some(text);
    let (more, finished, error) = read(provider.stream(request).await.unwrap()).await;
    assert!(!more.is_empty());
    assert!(finished.is_some());
    assert_eq!(error, None);
    let stats = provider.stats().await;
    assert_eq!((stats.starts, stats.crashes), (2, 1));
}

#[tokio::test]
async fn life_11_an_engine_that_hangs_is_killed_and_replaced() {
    let model = ModelSource::File(model_or_return!());
    let provider = EmbeddedProvider::new(EmbeddedOptions { silence: Duration::from_secs(5), ..options(model) });
    let mut stream = provider.stream(question(STORY)).await.unwrap();
    first_text(&mut stream).await;
    signal(provider.stats().await.process.unwrap(), rustix::process::Signal::STOP);
    let (_, _, error) = timeout(Duration::from_secs(20), read(stream)).await.unwrap();
    assert_eq!(error.unwrap().kind, ProviderErrorKind::Crashed);
    let (text, ..) = read(provider.stream(question("Say hello.")).await.unwrap()).await;
    assert!(!text.is_empty());
    let stats = provider.stats().await;
    assert_eq!((stats.starts, stats.crashes), (2, 1));
}

#[tokio::test]
async fn an_engine_that_keeps_crashing_is_left_alone_for_a_while() {
    let provider = provider(&model_or_return!());
    for _ in 0..3 {
        let mut stream = provider.stream(question(STORY)).await.unwrap();
        first_text(&mut stream).await;
        kill(provider.stats().await.process.unwrap());
        assert_eq!(read(stream).await.2.unwrap().kind, ProviderErrorKind::Crashed);
    }
    let error = provider.stream(question(STORY)).await.err().unwrap();
    assert_eq!(error.kind, ProviderErrorKind::NotReady);
    assert!(error.retry_after.unwrap() > Duration::from_secs(20));
}

#[tokio::test]
async fn an_idle_engine_ends_and_comes_back() {
    let model = ModelSource::File(model_or_return!());
    let provider = EmbeddedProvider::new(EmbeddedOptions { idle: Duration::from_millis(100), ..options(model) });
    read(provider.stream(question("Say hello.")).await.unwrap()).await;
    until(&provider, |stats| stats.process.is_none()).await;
    let (text, ..) = read(provider.stream(question("Say hello.")).await.unwrap()).await;
    assert!(!text.is_empty());
    let stats = provider.stats().await;
    assert_eq!((stats.starts, stats.crashes), (2, 0));
}

#[tokio::test]
async fn beyond_the_queue_is_an_error_that_says_when() {
    let provider = EmbeddedProvider::new(options(ModelSource::Off));
    let mut seats: Vec<_> = (0..20).map(|_| provider.admit().unwrap()).collect();
    let error = provider.admit().err().unwrap();
    assert_eq!(error.kind, ProviderErrorKind::Overloaded);
    assert!(error.retry_after.unwrap() >= Duration::from_secs(1));
    seats.pop();
    assert!(provider.admit().is_ok(), "a seat that was given back can be had");
}

#[tokio::test]
async fn without_a_file_the_model_is_listed_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let source = ModelSource::Pulled { directory: directory.path().to_owned() };
    let provider = EmbeddedProvider::new(options(source));
    let models = provider.models().await;
    assert_eq!(models.len(), 1);
    assert_eq!(models[0].id, "local/smollm2-135m-instruct");
    assert_eq!(models[0].name, "SmolLM2 135M Instruct");
    assert!(models[0].demo && !models[0].available);
    assert!(models[0].note.as_ref().unwrap().contains("weir model pull"));
    let error = provider.stream(question("Hi")).await.err().unwrap();
    assert_eq!(error.kind, ProviderErrorKind::NotReady);

    let file = directory.path().join(DEMO_MODEL.file_name);
    std::fs::write(&file, b"<html>").unwrap();
    assert!(provider.models().await[0].note.as_ref().unwrap().contains("not a GGUF file"));
    std::fs::write(&file, b"GGUF but damaged").unwrap();
    assert!(provider.models().await[0].available, "what cannot be seen from its first bytes comes out on use");
    let error = provider.stream(question("Hi")).await.err().unwrap();
    assert_eq!(error.kind, ProviderErrorKind::NotReady, "{error}");
    assert!(EmbeddedProvider::new(options(ModelSource::Off)).models().await.is_empty());
}

#[tokio::test]
async fn a_pull_during_run_time_is_seen() {
    let model = model_or_return!();
    let directory = tempfile::tempdir().unwrap();
    let provider = EmbeddedProvider::new(options(ModelSource::Pulled { directory: directory.path().to_owned() }));
    assert!(!provider.models().await[0].available);
    std::os::unix::fs::symlink(model, directory.path().join(DEMO_MODEL.file_name)).unwrap();
    assert!(provider.models().await[0].available);
    let (text, ..) = read(provider.stream(question("Say hello.")).await.unwrap()).await;
    assert!(!text.is_empty());
}

#[tokio::test]
async fn a_message_that_cannot_fit_and_an_unknown_model_are_refused() {
    let provider = provider(&model_or_return!());
    for length in [2_000, 100_000] {
        let error = provider.stream(question(&"word ".repeat(length))).await.err().unwrap();
        assert_eq!(error.kind, ProviderErrorKind::ContextTooLong, "{error}");
        assert!(error.to_string().contains("too long for the local model"));
    }
    let error = provider.stream(ChatRequest { model: "gpt".to_owned(), ..question("Hi") }).await.err().unwrap();
    assert_eq!(error.kind, ProviderErrorKind::ModelNotFound);
}

#[tokio::test]
async fn a_binary_that_is_no_engine_is_an_error_in_words() {
    let model = ModelSource::File(model_or_return!());
    let options = EmbeddedOptions { engine_binary: "/nonexistent/weir".into(), ..options(model) };
    let error = EmbeddedProvider::new(options).stream(question("Hi")).await.err().unwrap();
    assert_eq!(error.kind, ProviderErrorKind::NotReady);
    assert!(error.to_string().contains("cannot be started"));
}
