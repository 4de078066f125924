//! What becomes of an answer that comes, and of one that nobody waits for any more.

use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use weir_protocol::Usage;
use weir_providers::{ChatRequest, EventStream, FinishedWith, Offer, Provider, ProviderEvent};

use crate::server::{EVENTS, STOP, Server, question, response, token};

/// Everything the stream says, successive texts as one.
async fn gather(mut stream: EventStream) -> Vec<ProviderEvent> {
    let mut events: Vec<ProviderEvent> = Vec::new();
    while let Some(event) = stream.next().await {
        match (events.last_mut(), event.unwrap()) {
            (Some(ProviderEvent::Text(text)), ProviderEvent::Text(more)) => text.push_str(&more),
            (_, event) => events.push(event),
        }
    }
    events
}

fn text(text: &str) -> ProviderEvent {
    ProviderEvent::Text(text.to_owned())
}

const USAGE: ProviderEvent = ProviderEvent::Usage(Usage { input_tokens: 3, output_tokens: 2 });
const FINISHED: ProviderEvent = ProviderEvent::Finished(FinishedWith::Stop);

/// Asks `request` of a server that answers with `answer`; gives the body it was sent and what was heard.
async fn ask(request: ChatRequest, answer: &str) -> (Value, Vec<ProviderEvent>) {
    let server = Server::start().await;
    let provider = server.provider();
    let asking = async { gather(provider.stream(request).await.unwrap()).await };
    let (exchange, events) = tokio::join!(server.answer(answer), asking);
    (exchange.body, events)
}

#[tokio::test]
async fn an_answer_is_streamed_and_its_usage_counted() {
    let (body, events) = ask(question(), &[EVENTS, &token("Hel"), &token("lo 🌊"), STOP].concat()).await;
    assert_eq!(events, [text("Hello 🌊"), USAGE, FINISHED]);
    let expected = json!({
        "model": "m-1", "messages": [{ "role": "user", "content": "Hello" }],
        "stream": true, "stream_options": { "include_usage": true },
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_is_the_same() {
    let server = Server::start().await;
    let provider = server.provider();
    let playing = async {
        let mut exchange = server.next().await;
        assert!(exchange.head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{}", exchange.head);
        assert!(exchange.head.contains("authorization: bearer sk-very-secret\r\n"));
        for byte in [EVENTS, ": hi\r\n\r\n", &token("Hel"), &token("lo 🌊"), STOP].concat().bytes() {
            exchange.write_bytes(&[byte]).await;
            tokio::task::yield_now().await;
        }
    };
    let asking = async { gather(provider.stream(question()).await.unwrap()).await };
    let (events, ()) = tokio::join!(asking, playing);
    assert_eq!(events, [text("Hello 🌊"), USAGE, FINISHED]);
}

#[tokio::test]
async fn the_first_token_is_given_before_the_second_is_there() {
    let server = Server::start().await;
    let provider = server.provider();
    let (mut exchange, stream) = tokio::join!(
        async {
            let mut exchange = server.next().await;
            exchange.write(&[EVENTS, &token("one")].concat()).await;
            exchange
        },
        provider.stream(question())
    );
    let mut stream = stream.unwrap();
    assert_eq!(stream.next().await, Some(Ok(text("one"))));
    exchange.write(&[&token("two"), STOP].concat()).await;
    assert_eq!(stream.next().await, Some(Ok(text("two"))));
}

#[tokio::test]
async fn dropping_a_stream_closes_the_connection_of_a_silent_upstream() {
    let server = Server::start().await;
    let provider = server.provider();
    let (exchange, stream) = tokio::join!(
        async {
            let mut exchange = server.next().await;
            exchange.write(&[EVENTS, &token("one")].concat()).await;
            exchange
        },
        provider.stream(question())
    );
    let mut stream = stream.unwrap();
    assert_eq!(stream.next().await, Some(Ok(text("one"))));
    drop(stream);
    exchange.closed_within(Duration::from_secs(1)).await;
    assert!(!server.is_asked_again().await);
}

#[tokio::test]
async fn dropping_the_question_closes_the_connection_of_an_upstream_that_has_not_answered() {
    let server = Server::start().await;
    let provider = server.provider();
    let request = question();
    let mut asking = provider.stream(request);
    let exchange = tokio::select! {
        exchange = server.next() => exchange,
        _ = &mut asking => panic!("answered by nobody"),
    };
    drop(asking);
    exchange.closed_within(Duration::from_secs(1)).await;
    assert!(!server.is_asked_again().await);
}

#[tokio::test]
async fn the_end_does_not_wait_for_a_server_that_keeps_the_connection() {
    let server = Server::start().await;
    let provider = server.provider();
    let finish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n";
    let (exchange, events) = tokio::join!(
        async {
            let mut exchange = server.next().await;
            exchange.write(&[EVENTS, &token("one"), finish].concat()).await;
            exchange
        },
        async { gather(provider.stream(question()).await.unwrap()).await }
    );
    assert_eq!(events, [text("one"), ProviderEvent::Finished(FinishedWith::Length)]);
    exchange.closed_within(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_connection_serves_one_answer_after_the_other() {
    let server = Server::start().await;
    let provider = server.provider();
    let events = [&token("Hi"), STOP].concat();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunked = format!("{head}{:x}\r\n{events}\r\n0\r\n\r\n", events.len());
    let ask = async || gather(provider.stream(question()).await.unwrap()).await;
    let first = async {
        let mut exchange = server.next().await;
        exchange.write(&chunked).await;
        exchange
    };
    let (exchange, _) = tokio::join!(first, ask());
    let second = async { exchange.next().await.write(&chunked).await };
    let ((), events) = tokio::join!(second, ask());
    assert_eq!(events, [text("Hi"), USAGE, FINISHED]);
}

#[tokio::test]
async fn a_server_that_ignores_the_wish_for_a_stream_is_understood() {
    let document = r#"{"object":"chat.completion","choices":[{"message":{"role":"assistant","content":"Hello"},
        "finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let (_, events) = ask(question(), &response("200 OK", "", document)).await;
    assert_eq!(events, [text("Hello"), USAGE, FINISHED]);
}

#[tokio::test]
async fn a_server_without_content_type_and_with_odd_fields_is_understood() {
    let odd = "data: {\"choices\":[{\"delta\":{\"role\":null,\"content\":\"Hi\",\"tool_calls\":null},\"logprobs\":null}],\"usage\":null}\n\n";
    let (_, events) = ask(question(), &["HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", odd, STOP].concat()).await;
    assert_eq!(events, [text("Hi"), USAGE, FINISHED]);
}

#[tokio::test]
async fn a_server_that_refuses_a_field_is_asked_without_it_from_then_on() {
    let server = Server::start().await;
    let provider = server.provider();
    let refusal = response("422 Unprocessable", "", r#"{"detail":[{"loc":["body","stream_options"],"msg":"extra"}]}"#);
    let answer = [EVENTS, &token("Hi"), STOP].concat();
    let ask = async || gather(provider.stream(question()).await.unwrap()).await;

    let serving = async { (server.answer(&refusal).await.body, server.answer(&answer).await.body) };
    let ((first, second), events) = tokio::join!(serving, ask());
    assert_eq!(events, [text("Hi"), USAGE, FINISHED]);
    assert_eq!((first.get("stream_options").is_some(), second.get("stream_options")), (true, None));

    let (exchange, _) = tokio::join!(server.answer(&answer), ask());
    assert_eq!(exchange.body.get("stream_options"), None);
}

#[tokio::test]
async fn a_partial_answer_is_taken_up_at_its_seam() {
    let partial = || Some("The river runs past a quiet weir. ".to_owned());
    let request = ChatRequest { partial: partial(), ..question() };
    let (body, events) = ask(request, &[EVENTS, &token(" It"), &token(" falls."), STOP].concat()).await;
    assert_eq!(events, [text("It falls."), USAGE, FINISHED]);
    assert_eq!(body["messages"][1], json!({ "role": "assistant", "content": "The river runs past a quiet weir." }));
    assert_eq!((&body["continue_final_message"], &body["add_generation_prompt"]), (&json!(true), &json!(false)));

    let request = ChatRequest { partial: partial(), ..question() };
    let echo = [EVENTS, &token("The river runs"), &token(" past a quiet weir. It"), &token(" falls."), STOP].concat();
    assert_eq!(ask(request, &echo).await.1, [text("It falls."), USAGE, FINISHED]);
}

#[tokio::test]
async fn whether_models_continue_follows_the_address_unless_it_is_said() {
    let server = Server::start().await;
    assert!(server.provider().continues("m-1"));
    let own =
        |continues| crate::server::provider(weir_providers::openai::OpenAiOptions { continues, ..Default::default() });
    assert!(!own(None).continues("gpt-4o") && own(Some(true)).continues("gpt-4o"));
}

fn offered() -> ChatRequest {
    let tool = Offer {
        name: "add".to_owned(),
        definition: r#"{"name":"add","description":"Adds.","parameters":{"type":"object"}}"#.into(),
    };
    ChatRequest { tools: vec![tool], ..question() }
}

fn piece(delta: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{delta}]}}}}]}}\n\n")
}

const CALLS: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";

#[tokio::test]
async fn calls_of_tools_are_gathered_and_come_whole() {
    let stream = [
        EVENTS,
        &token("Let me see."),
        &piece(r#"{"index":0,"id":"a","function":{"name":"add","arguments":"{\"a\""}}"#),
        &piece(r#"{"index":1,"id":"b","function":{"name":"add","arguments":"{}"}}"#),
        &piece(r#"{"index":0,"function":{"arguments":":1}"}}"#),
        CALLS,
    ];
    let (body, events) = ask(offered(), &stream.concat()).await;
    assert_eq!(body["tools"][0]["function"]["name"], "add");
    let call = |args: &str| ProviderEvent::Call { name: "add".to_owned(), args: args.to_owned() };
    let finished = ProviderEvent::Finished(FinishedWith::Calls);
    assert_eq!(events, [text("Let me see."), call(r#"{"a":1}"#), call("{}"), finished]);
}

#[tokio::test]
async fn a_model_that_takes_no_tools_is_asked_without_them_from_then_on() {
    let server = Server::start().await;
    let provider = server.provider();
    let asking = async { gather(provider.stream(offered()).await.unwrap()).await };
    let playing = async {
        let refusal = r#"{"error":{"message":"m-1 does not support tools"}}"#;
        let with = server.answer(&response("400 Bad Request", "", refusal)).await.body;
        let without = server.answer(&[EVENTS, &token("Hi"), STOP].concat()).await.body;
        (with, without)
    };
    let ((with, without), events) = tokio::join!(playing, asking);
    assert!(with.get("tools").is_some() && without.get("tools").is_none());
    assert_eq!(events, [text("Hi"), USAGE, FINISHED]);
    assert!(!provider.calls_tools("m-1") && provider.calls_tools("m-2"));
}
