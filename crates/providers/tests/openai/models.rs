//! The list of models.

use std::time::{Duration, Instant};

use weir_providers::{Provider, openai::OpenAiOptions};

use crate::server::{Server, provider, response};

const LIST: &str = r#"{"object":"list","data":[{"id":"gpt-4o-mini","context_length":8192},{"id":"text-embedding-3"}]}"#;

#[tokio::test]
async fn the_servers_list_is_asked_for_once_by_many() {
    let server = Server::start().await;
    let provider = server.provider();
    let list = response("200 OK", "", LIST);
    let (exchange, (first, second)) =
        tokio::join!(server.answer(&list), async { tokio::join!(provider.models(), provider.models()) });
    assert!(exchange.head.starts_with("get /v1/models http/1.1\r\n"), "{}", exchange.head);
    assert!(exchange.head.contains("authorization: bearer"));
    assert_eq!(first, second);
    let [model] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!((model.id.as_str(), model.name.as_str()), ("openai/gpt-4o-mini", "GPT-4o mini"));
    assert!(model.available && !model.default && model.capabilities.continues && model.capabilities.tools);
    assert_eq!(model.context_length, Some(8192));
    assert_eq!(provider.models().await, first);
    assert!(!server.is_asked_again().await);
}

#[tokio::test]
async fn named_models_need_no_list() {
    let server = Server::start().await;
    let models = Some(vec!["a".to_owned(), "b".to_owned()]);
    let provider = provider(OpenAiOptions { models, ..server.options() });
    let ids: Vec<_> = provider.models().await.into_iter().map(|model| model.id).collect();
    assert_eq!(ids, ["openai/a", "openai/b"]);
    assert!(!server.is_asked_again().await);
}

#[tokio::test]
async fn without_a_list_one_entry_says_what_to_do() {
    for (answer, words) in [
        (response("401 Unauthorized", "", "{}"), "Check OPENAI_API_KEY"),
        (response("404 Not Found", "", "{}"), "name the models in OPENAI_MODELS"),
        (response("200 OK", "", "<html>"), "a web page"),
        (response("200 OK", "", "7"), "something else than a list of models"),
        (response("200 OK", "", r#"{"data":[]}"#), "no model that can chat"),
    ] {
        let server = Server::start().await;
        let provider = server.provider();
        let (_, models) = tokio::join!(server.answer(&answer), provider.models());
        let [model] = models.as_slice() else { panic!("{models:?}") };
        assert!(!model.available);
        let note = model.note.as_deref().unwrap();
        assert!(note.contains(words) && !note.contains("secret"), "{note}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_reported_within_seconds() {
    let server = Server::start().await;
    let provider = server.provider();
    let asked = Instant::now();
    let models = tokio::select! {
        models = provider.models() => models,
        () = async { let _exchange = server.next().await; std::future::pending().await } => unreachable!(),
    };
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert!(!models[0].available && models[0].note.as_deref().unwrap().contains("nothing for 3 s"), "{models:?}");
}
