//! What the server can answer with.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::timeout};
use weir_protocol::{Model, ModelCapabilities};

use super::{client::Server, failure::Failure};

/// The prefix of every model's id.
pub(super) const PROVIDER: &str = "openai";

/// The longest wait for the list.
const LIST_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a list is good for, and how long the news that there is none.
const LIST_LIFETIME: Duration = Duration::from_secs(30);
const FAILURE_LIFETIME: Duration = Duration::from_secs(5);
/// The longest list, in bytes; the longest known one has less than 2 MiB.
const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

/// The newest list. Whoever finds it too old fetches it while the others wait for the same answer.
#[derive(Debug, Default)]
pub(super) struct ModelCache(Mutex<Option<Listed>>);

#[derive(Debug)]
struct Listed {
    models: Vec<Model>,
    good_until: Instant,
}

impl ModelCache {
    /// The models to offer. Never fails: what goes wrong is told in the note of a single entry.
    pub(super) async fn models(&self, server: &Server) -> Vec<Model> {
        let continues = server.continues();
        if let Some(names) = &server.options.models {
            return names.iter().map(|name| model(name, None, continues)).collect();
        }
        let mut cached = self.0.lock().await;
        if let Some(listed) = cached.as_ref().filter(|listed| Instant::now() < listed.good_until) {
            return listed.models.clone();
        }
        let (models, lifetime) = match list(server, continues).await {
            Ok(models) => (models, LIST_LIFETIME),
            Err(note) => (vec![unavailable(note)], FAILURE_LIFETIME),
        };
        *cached = Some(Listed { models: models.clone(), good_until: Instant::now() + lifetime });
        models
    }
}

/// Asks the server; fails with a note for a person.
async fn list(server: &Server, continues: bool) -> Result<Vec<Model>, String> {
    let words = server.words("");
    let note = |failure: Failure| failure.error.message;
    let (status, headers, body) = timeout(LIST_TIMEOUT, server.fetch_models(MAX_LIST_BYTES))
        .await
        .map_err(|_| note(words.silent(LIST_TIMEOUT)))?
        .map_err(note)?;
    let host = server.options.base_url.authority();
    if matches!(status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) {
        return Err(format!(
            "{host} does not list its models. Check OPENAI_BASE_URL, or name the models in OPENAI_MODELS."
        ));
    }
    if !status.is_success() {
        return Err(note(words.reported(Some(status), &headers, &body)));
    }
    if body.trim_ascii_start().starts_with(b"<") {
        return Err(note(words.malformed("a web page")));
    }
    let models = parse(&body, server.options.base_url.is_openai(), continues)
        .map_err(|_| note(words.malformed("something else than a list of models")))?;
    if models.is_empty() {
        return Err(format!("{host} offers no model that can chat. Load one there, or name it in OPENAI_MODELS."));
    }
    Ok(models)
}

/// A list is an object with `data`, or, on some servers, the bare array.
#[derive(Deserialize)]
#[serde(untagged)]
enum WireList {
    Object { data: Option<Vec<WireModel>> },
    Array(Vec<WireModel>),
}

#[derive(Deserialize)]
struct WireModel {
    id: String,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

impl WireModel {
    /// Seconds since 1970; 0 where the server does not say.
    fn created(&self) -> u64 {
        self.rest.get("created").and_then(Value::as_u64).unwrap_or_default()
    }

    fn name(&self) -> Option<&str> {
        ["name", "display_name"]
            .iter()
            .filter_map(|field| self.rest.get(*field).and_then(Value::as_str))
            .map(str::trim)
            .find(|name| !name.is_empty())
    }

    /// The context's size under the names that servers have for it: vLLM, `OpenRouter`, Groq, llama.cpp.
    fn context_length(&self) -> Option<u32> {
        let meta = self.rest.get("meta");
        ["max_model_len", "context_length", "context_window", "max_context_length"]
            .iter()
            .map(|name| self.rest.get(*name))
            .chain(["n_ctx", "n_ctx_train"].iter().map(|name| meta.and_then(|meta| meta.get(*name))))
            .flatten()
            .filter_map(Value::as_u64)
            .find_map(|length| u32::try_from(length).ok().filter(|length| *length > 0))
    }
}

fn parse(body: &[u8], is_openai: bool, continues: bool) -> serde_json::Result<Vec<Model>> {
    let mut listed = match serde_json::from_slice(body)? {
        WireList::Object { data } => data.unwrap_or_default(),
        WireList::Array(listed) => listed,
    };
    listed.retain(|model| chats(&model.id, is_openai));
    if is_openai {
        // OpenAI's list has no order of its own; the first of it is the default, so the newest comes first.
        listed.sort_by_key(|model| std::cmp::Reverse(model.created()));
    }
    let offered = listed.iter().map(|listed| {
        let mut offered = model(&listed.id, listed.context_length(), continues);
        if let Some(name) = listed.name() {
            name.clone_into(&mut offered.name);
        }
        offered
    });
    Ok(offered.collect())
}

/// Whether a model of this name answers in a chat. The list does not say it, the names do.
fn chats(id: &str, is_openai: bool) -> bool {
    let id = id.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| id.contains(word));
    if has(&["embed", "whisper", "rerank", "moderation", "dall-e", "transcribe", "stable-diffusion"]) {
        return false;
    }
    let other =
        ["tts", "audio", "realtime", "image", "sora", "babbage", "davinci", "-instruct", "codex", "computer-use"];
    !is_openai || !(has(&other) || dated(&id))
}

/// A snapshot such as `gpt-4o-2024-08-06`, which stands beside its undated name.
fn dated(id: &str) -> bool {
    let tail = id.as_bytes().last_chunk::<11>();
    tail.is_some_and(|tail| {
        tail.iter().enumerate().all(|(index, byte)| match index {
            0 | 5 | 8 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    })
}

fn model(id: &str, context_length: Option<u32>, continues: bool) -> Model {
    Model {
        id: format!("{PROVIDER}/{id}"),
        name: pretty(id),
        provider: PROVIDER.to_owned(),
        default: false,
        available: true,
        demo: false,
        note: None,
        capabilities: ModelCapabilities { tools: false, continues },
        context_length,
    }
}

fn unavailable(note: String) -> Model {
    Model {
        name: "OpenAI-compatible server".to_owned(),
        available: false,
        note: Some(note),
        capabilities: ModelCapabilities::default(),
        ..model("unavailable", None, false)
    }
}

/// What a person reads: the file or repository without its folders, its extension and an idle tag.
fn pretty(id: &str) -> String {
    let last = id.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(id);
    let name = last.strip_suffix(".gguf").unwrap_or(last);
    let name = name.strip_suffix(":latest").unwrap_or(name);
    match name.strip_prefix("gpt-").map(|version| version.split_once('-').unwrap_or((version, ""))) {
        Some((version, "")) => format!("GPT-{version}"),
        Some((version, variant)) => format!("GPT-{version} {}", variant.replace('-', " ")),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_for_reading() {
        for (id, name) in [
            ("gpt-4o-mini", "GPT-4o mini"),
            ("gpt-5", "GPT-5"),
            ("o3-mini", "o3-mini"),
            ("llama3.2:latest", "llama3.2"),
            ("/models/SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct.Q4_1"),
            ("meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B-Instruct"),
        ] {
            assert_eq!(pretty(id), name);
        }
    }

    #[test]
    fn lists_of_every_server_are_read() {
        let read = |body: &str| parse(body.as_bytes(), false, true).unwrap();
        let lengths = |body: &str| read(body).iter().map(|model| model.context_length).collect::<Vec<_>>();
        assert_eq!(lengths(r#"{"object":"list","data":[{"id":"a","max_model_len":4096}]}"#), [Some(4096)]);
        assert_eq!(lengths(r#"[{"id":"a","context_length":8192,"display_name":"A"}]"#), [Some(8192)]);
        assert_eq!(
            lengths(r#"{"models":[],"data":[{"id":"a","created":null,"meta":{"n_ctx_train":2048}}]}"#),
            [Some(2048)]
        );
        assert_eq!(lengths(r#"{"data":[{"id":"a","meta":null,"context_window":-1}]}"#), [None]);
        assert_eq!(read(r#"{"data":null}"#), []);
        assert_eq!(read(r#"[{"id":"x/y","display_name":"Why"}]"#)[0].name, "Why");
        assert_eq!(read(r#"{"data":[{"id":"nomic-embed-text"},{"id":"codex"}]}"#)[0].id, "openai/codex");
    }

    #[test]
    fn the_list_of_openai_is_cut_to_what_chats_newest_first() {
        let body = r#"{"data":[{"id":"gpt-4","created":1},{"id":"gpt-9","created":9},{"id":"gpt-9-2030-01-01","created":9},
            {"id":"tts-1","created":10},{"id":"gpt-realtime","created":10}]}"#;
        let ids: Vec<_> = parse(body.as_bytes(), true, false).unwrap().into_iter().map(|model| model.id).collect();
        assert_eq!(ids, ["openai/gpt-9", "openai/gpt-4"]);
    }
}
