//! What a person is told when it fails, and what is tried before that.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::net::TcpSocket;
use weir_providers::{
    ChatRequest, Provider, ProviderError, ProviderErrorKind as Kind, ProviderEvent,
    openai::{OpenAiOptions, OpenAiProvider},
};

use crate::server::{EVENTS, STOP, Server, provider, question, response, token};

/// The text that came before the failure, and the failure.
async fn fail(provider: &OpenAiProvider) -> (String, ProviderError) {
    let mut text = String::new();
    let mut stream = match provider.stream(question()).await {
        Ok(stream) => stream,
        Err(error) => return (text, error),
    };
    while let Some(event) = stream.next().await {
        match event {
            Ok(ProviderEvent::Text(more)) => text.push_str(&more),
            Ok(ProviderEvent::Finished(_)) => panic!("a failure that looks like a finished answer: {text}"),
            Ok(ProviderEvent::Usage(_) | ProviderEvent::Call { .. }) => {}
            Err(error) => {
                assert_eq!(stream.next().await, None, "nothing follows a failure");
                return (text, error);
            }
        }
    }
    panic!("the stream ended without a word")
}

/// What is heard when every question gets `answer`, and how often it was asked.
async fn fail_with(answer: &str) -> (String, ProviderError, u32) {
    let server = Server::start().await;
    let provider = server.provider();
    let mut failing = Box::pin(fail(&provider));
    let mut asked = 0;
    loop {
        tokio::select! {
            biased;
            _ = server.answer(answer) => asked += 1,
            (text, error) = &mut failing => return (text, error, asked),
        }
    }
}

#[tokio::test]
async fn refusals_are_told_in_words_and_not_repeated() {
    for (status, body, kind, words) in [
        (
            "401 Unauthorized",
            r#"{"error":{"message":"Incorrect API key: sk-very-secret"}}"#,
            Kind::Unauthorized,
            "Check OPENAI_API_KEY",
        ),
        (
            "404 Not Found",
            r#"{"error":{"message":"no such model","code":"model_not_found"}}"#,
            Kind::ModelNotFound,
            "has no model “m-1”",
        ),
        ("404 Not Found", "<html>", Kind::Rejected, "Check OPENAI_BASE_URL"),
        (
            "400 Bad Request",
            r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#,
            Kind::ContextTooLong,
            "Start a new conversation",
        ),
        (
            "429 Too Many Requests",
            r#"{"error":{"code":"insufficient_quota","message":"x"}}"#,
            Kind::RateLimited,
            "quota",
        ),
        ("400 Bad Request", r#"{"error":"sk-very-secret is no key"}"#, Kind::Rejected, "… is no key"),
    ] {
        let (_, error, _) = fail_with(&response(status, "", body)).await;
        assert_eq!(error.kind, kind, "{status} {body}");
        assert!(error.message.contains(words), "{}", error.message);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let (_, _, asked) = fail_with(&response("401 Unauthorized", "", "")).await;
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_server_that_cannot_continue_is_told_with_the_setting_for_it() {
    let server = Server::start().await;
    let provider = server.provider();
    let refusal = response("400 Bad Request", "", r#"{"error":{"message":"prefill is incompatible with thinking"}}"#);
    let request = ChatRequest { partial: Some("Once".to_owned()), ..question() };
    let serving = async { (server.answer(&refusal).await, server.answer(&refusal).await) };
    let (result, _) = tokio::join!(provider.stream(request), serving);
    let Err(error) = result else { panic!("it was refused") };
    assert_eq!(error.kind, Kind::Rejected);
    assert!(error.message.contains("incompatible") && error.message.contains("OPENAI_CONTINUES=false"), "{error}");
}

#[tokio::test]
async fn an_overloaded_server_is_asked_three_times_in_all() {
    let (_, error, asked) = fail_with(&response("503 Service Unavailable", "", r#"{"error":"Loading model"}"#)).await;
    assert_eq!((error.kind, asked), (Kind::Overloaded, 3));
    assert!(error.message.contains("Loading model"), "{}", error.message);
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_kept_when_short_and_passed_on_when_long() {
    let (_, error, asked) = fail_with(&response("429 Too Many Requests", "retry-after: 30\r\n", "{}")).await;
    assert_eq!((error.kind, error.retry_after, asked), (Kind::RateLimited, Some(Duration::from_secs(30)), 1));
    assert!(error.message.contains("30 s"), "{}", error.message);
    let (_, _, asked) = fail_with(&response("429 Too Many Requests", "retry-after-ms: 20\r\n", "{}")).await;
    assert_eq!(asked, 3);
}

#[tokio::test]
async fn an_answer_comes_after_failures_before_its_first_token() {
    let server = Server::start().await;
    let provider = server.provider();
    let serving = async {
        server.answer(&response("500 Internal Server Error", "", "{}")).await;
        server.answer(&[EVENTS, "data: {\"error\":{\"message\":\"busy\",\"code\":503}}\n\n"].concat()).await;
        server.answer(&[EVENTS, &token("Hi"), STOP].concat()).await;
    };
    let asking = async {
        let events: Vec<_> = provider.stream(question()).await.unwrap().map(Result::unwrap).collect().await;
        assert_eq!(events[0], ProviderEvent::Text("Hi".to_owned()));
    };
    tokio::join!(serving, asking);
}

#[tokio::test]
async fn nothing_is_tried_again_after_the_first_token() {
    for ending in ["", "data: [DONE]\n\n", "data: {\"choices\":[{\"del"] {
        let (text, error, asked) = fail_with(&[EVENTS, &token("Hel"), ending].concat()).await;
        assert_eq!((text.as_str(), error.kind, asked), ("Hel", Kind::Broken, 1), "{ending:?}");
    }
}

#[tokio::test]
async fn a_failure_inside_the_stream_keeps_the_text_before_it() {
    let (text, error, _) = fail_with(&[EVENTS, &token("Hel"), "data: {\"error\":\"it broke\"}\n\n"].concat()).await;
    assert_eq!((text.as_str(), error.kind), ("Hel", Kind::Broken));
    assert!(error.message.contains("it broke"), "{}", error.message);
}

#[tokio::test]
async fn an_answer_cut_by_a_filter_is_no_finished_answer() {
    let filter = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\ndata: [DONE]\n\n";
    let (text, error, asked) = fail_with(&[EVENTS, &token("Hel"), filter].concat()).await;
    assert_eq!((text.as_str(), error.kind, asked), ("Hel", Kind::Rejected, 1));
}

#[tokio::test]
async fn an_empty_answer_is_asked_for_again_and_then_told() {
    let (_, error, asked) = fail_with(EVENTS).await;
    assert_eq!((error.kind, asked), (Kind::Broken, 3));
    assert!(error.message.contains("empty answer"), "{}", error.message);
}

#[tokio::test]
async fn what_is_not_of_the_protocol_is_named() {
    let page =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<!doctype html><title>Hi</title>";
    let endless = [EVENTS, "data: ", &"x".repeat(3 * 1024 * 1024)].concat();
    for (answer, words) in [
        (page, "a web page"),
        (&endless, "more than 1 MiB"),
        ("HTTP/1.1 301 Moved\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", "redirects"),
    ] {
        let server = Server::start().await;
        let provider = server.provider();
        let serving = async { server.next().await.try_write(answer).await };
        let ((_, error), ()) = tokio::join!(fail(&provider), serving);
        assert!(matches!(error.kind, Kind::Malformed | Kind::Rejected), "{error:?}");
        assert!(error.message.contains(words) && error.message.contains("OPENAI_BASE_URL"), "{}", error.message);
    }
}

#[tokio::test]
async fn silence_is_noticed_before_the_answer_in_it_and_between_tokens() {
    for begin in [String::new(), EVENTS.to_owned(), [EVENTS, &token("Hel")].concat()] {
        let server = Server::start().await;
        let provider = provider(OpenAiOptions { silence_timeout: Duration::from_millis(100), ..server.options() });
        let serving = async {
            let mut exchange = server.next().await;
            exchange.write(&begin).await;
            exchange
        };
        let ((_, error), exchange) = tokio::join!(fail(&provider), serving);
        assert_eq!(error.kind, Kind::Silent, "after {begin:?}");
        assert!(error.message.contains("has sent nothing for 1 s"), "{}", error.message);
        exchange.closed_within(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn endless_early_responses_are_silence() {
    let server = Server::start().await;
    let provider = provider(OpenAiOptions { silence_timeout: Duration::from_millis(300), ..server.options() });
    let early = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    let serving = async { server.next().await.write_until_closed(&early).await };
    let ((_, error), ()) = tokio::join!(fail(&provider), serving);
    assert_eq!(error.kind, Kind::Silent);
}

#[tokio::test]
async fn comments_break_the_silence() {
    let server = Server::start().await;
    let provider = provider(OpenAiOptions { silence_timeout: Duration::from_millis(400), ..server.options() });
    let serving = async {
        let mut exchange = server.next().await;
        exchange.write(EVENTS).await;
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            exchange.write(": still at work\n\n").await;
        }
        exchange.write(&[&token("Hi"), STOP].concat()).await;
    };
    let asking = async { provider.stream(question()).await.unwrap().map(Result::unwrap).count().await };
    assert_eq!(tokio::join!(asking, serving).0, 3);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_in_words() {
    let server = Server::start().await;
    let options = server.options();
    let addr = server.addr;
    drop(server);
    let (_, error) = fail(&provider(options)).await;
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.starts_with(&format!("Nothing answers at {addr}.")), "{}", error.message);
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_given_up() {
    // The queue of a listener that never accepts takes a few connections; the next one hangs.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(Ok(connection)) =
        tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(addr)).await
    {
        queued.push(connection);
    }
    let server = Server::start().await;
    let options = OpenAiOptions {
        base_url: format!("http://{addr}").parse().unwrap(),
        connect_timeout: Duration::from_millis(100),
        ..server.options()
    };
    let (_, error) = fail(&provider(options)).await;
    assert_eq!(error.kind, Kind::Unreachable);
    assert!(error.message.starts_with(&format!("No connection to {addr} within 1 s.")), "{}", error.message);
}

#[tokio::test]
async fn a_cancelled_question_is_not_tried_again() {
    let server = Server::start().await;
    let mut options = server.options();
    options.retry.base = Duration::from_millis(60);
    let provider = provider(options);
    let mut asking = provider.stream(question());
    let failure = response("500 Internal Server Error", "", "{}");
    tokio::select! {
        _ = server.answer(&failure) => {}
        _ = &mut asking => panic!("it gave up without another try"),
    }
    drop(asking);
    assert!(!server.is_asked_again().await);
}
