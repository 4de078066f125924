//! The provider against the scripted upstream: the whole text is the truth, however it came about.

use std::{sync::Once, time::Duration};

use futures_util::StreamExt;
use weir_bench::upstream::{self, RequestState, Upstream, UpstreamOptions};
use weir_protocol::{ConversationId, Role};
use weir_providers::{
    ChatRequest, ContextPlace, FinishedWith, Provider, ProviderError, ProviderErrorKind as Kind, ProviderEvent, Turn,
    openai::{OpenAiOptions, OpenAiProvider},
};

async fn start() -> (Upstream, OpenAiProvider) {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| rustls::crypto::ring::default_provider().install_default().expect("nothing installed before"));
    let upstream = upstream::start(UpstreamOptions::default()).await.expect("a free port");
    let base_url = upstream.base_url().parse().expect("an address");
    let provider = OpenAiProvider::new(OpenAiOptions { base_url, ..OpenAiOptions::default() }).expect("a client");
    (upstream, provider)
}

fn request(model: &str, question: &str, partial: Option<&str>) -> ChatRequest {
    ChatRequest {
        model: model.to_owned(),
        conversation: ConversationId("01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an id")),
        turns: vec![Turn::new(Role::User, question)],
        tools: Vec::new(),
        partial: partial.map(str::to_owned),
        place: ContextPlace::default(),
    }
}

/// The text and how it ended.
async fn ask(provider: &OpenAiProvider, request: ChatRequest) -> (String, Result<FinishedWith, ProviderError>) {
    let mut text = String::new();
    let mut stream = match provider.stream(request).await {
        Ok(stream) => stream,
        Err(error) => return (text, Err(error)),
    };
    while let Some(event) = stream.next().await {
        match event {
            Ok(ProviderEvent::Text(more)) => text.push_str(&more),
            Ok(ProviderEvent::Call { name, .. }) => panic!("it was offered no tools and calls {name}"),
            Ok(ProviderEvent::Usage(usage)) => assert!(usage.output_tokens > 0 || text.is_empty()),
            Ok(ProviderEvent::Finished(finished)) => return (text, Ok(finished)),
            Err(error) => return (text, Err(error)),
        }
    }
    panic!("the stream ended without a word")
}

#[tokio::test]
async fn every_model_is_listed_and_the_whole_answer_arrives() {
    let (upstream, provider) = start().await;
    assert!(provider.models().await.iter().any(|model| model.id == "openai/scripted-markdown" && model.available));
    let question = "Hello [[rate=0]]";
    for model in ["scripted-fast", "scripted-markdown", "scripted-long"] {
        let (text, finished) = ask(&provider, request(model, question, None)).await;
        assert_eq!((text, finished), (upstream.answer(model, question), Ok(FinishedWith::Stop)));
    }
}

#[tokio::test]
async fn an_answer_taken_up_anywhere_becomes_the_same_whole() {
    let (upstream, provider) = start().await;
    let question = "Hello [[tokens=30 rate=0]]";
    let whole = upstream.answer("scripted-fast", question);
    for (cut, _) in whole.char_indices() {
        let (rest, finished) = ask(&provider, request("scripted-fast", question, Some(&whole[..cut]))).await;
        assert_eq!(finished, Ok(FinishedWith::Stop));
        assert_eq!(format!("{}{rest}", &whole[..cut]), whole, "taken up at {cut}");
    }
}

#[tokio::test]
async fn closing_our_side_closes_theirs() {
    let (upstream, provider) = start().await;
    for question in ["Hello [[rate=50]]", "Hello [[fail=silent after=1]]"] {
        let mut stream = provider.stream(request("scripted-slow", question, None)).await.expect("an answer");
        assert!(matches!(stream.next().await, Some(Ok(ProviderEvent::Text(_)))));
        drop(stream);
        let closed =
            upstream.request_where(|record| record.question == question && record.state == RequestState::ClosedEarly);
        tokio::time::timeout(Duration::from_secs(1), closed).await.expect("closed within a second");
    }
}

#[tokio::test]
async fn every_failure_has_its_kind() {
    let (upstream, provider) = start().await;
    for (failure, kind) in [
        ("401", Kind::Unauthorized),
        ("404", Kind::ModelNotFound),
        ("429", Kind::RateLimited),
        ("quota", Kind::RateLimited),
        ("context", Kind::ContextTooLong),
        ("midstream", Kind::Broken),
        ("html", Kind::Malformed),
    ] {
        let model = format!("scripted-error-{failure}");
        let (text, finished) = ask(&provider, request(&model, "Hello", None)).await;
        assert_eq!(finished.expect_err(failure).kind, kind, "{failure}");
        assert_eq!(text.is_empty(), failure != "midstream");
    }
    assert!(upstream.requests().iter().all(|record| record.state == RequestState::Failed));
}
