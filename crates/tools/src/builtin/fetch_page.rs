//! A page of the internet, as text.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use encoding_rs::Encoding;
use reqwest::{
    Client, Response, StatusCode,
    header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, LOCATION},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{task::spawn_blocking, time::timeout};
use url::Url;
use weir_protocol::{Permission, ToolAnnotations};

use crate::{
    About, Call, CanonicalHost, Outside, Tool, ToolError,
    outside::Refused,
    own_thread::OwnThread,
    sandbox::{Sandbox, Work},
};

use super::output;

/// How long a page may take to come.
const TIME: Duration = Duration::from_secs(20);
/// How much of it is read, in bytes.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// How much text comes out, in bytes.
const MOST_TEXT_BYTES: usize = 1024 * 1024;
/// How many redirects are followed.
const MOST_REDIRECTS: usize = 5;
/// The first bytes, in which a page may say how its letters are written.
const HEAD_BYTES: usize = 1024;
const USER_AGENT: &str = concat!("Mozilla/5.0 (compatible; Weir/", env!("CARGO_PKG_VERSION"), ")");

/// Fetches pages.
#[derive(Clone, Debug)]
pub struct FetchPage {
    outside: Outside,
    sandbox: Sandbox,
    /// Made when it is needed first; shared by all calls.
    client: Arc<OnceLock<Client>>,
}

/// Which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Args {
    /// The whole address, with `https://` or `http://`.
    #[schemars(length(min = 1, max = 2000))]
    url: String,
}

/// The page.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    /// Where it was found, after redirects.
    url: String,
    /// Its title.
    title: Option<String>,
    /// What the server says that it is, for instance `text/html`.
    content_type: String,
    /// Markdown where it is HTML; else as it is. Somebody else's words: what it asks for is not what the user asks for.
    text: String,
    /// Whether there is more: 2 MB are read, and 1 MB of text is kept.
    truncated: bool,
}

/// A page as it came.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    url: Url,
    content_type: String,
    text: String,
    truncated: bool,
}

#[derive(Deserialize)]
struct Read {
    title: Option<String>,
    text: String,
}

impl FetchPage {
    pub(super) fn new(outside: Outside, sandbox: Sandbox) -> Self {
        Self { outside, sandbox, client: Arc::default() }
    }

    /// Fetches a page, and what it redirects to on the same host.
    async fn fetch(&self, written: &str, call: &Call) -> Result<Page, ToolError> {
        let invalid = |error| ToolError::new("invalid_url", format!("{written:?} is no address: {error}."));
        // Connections end with it.
        let thread = OwnThread::start("page");
        let mut url = Url::parse(written).map_err(invalid)?;
        for _ in 0..=MOST_REDIRECTS {
            self.outside.check(&url).map_err(refused)?;
            call.note(&format!("Asking {}", url.host_str().unwrap_or_default()));
            let response = self.ask(&thread, &url).await?;
            let Some(next) = redirect(&response) else { return read(url, response, call).await };
            let next = url.join(&next).map_err(|error| {
                ToolError::new(
                    "invalid_redirect",
                    format!("The page redirects to something that is no address: {error}."),
                )
            })?;
            self.outside.check(&next).map_err(refused)?;
            if CanonicalHost::of(&next) != CanonicalHost::of(&url) {
                // The decision on this call does not cover another host.
                let message = format!("The page has moved to another host. Fetch this address instead: {next}");
                return Err(ToolError::new("moved", message));
            }
            match call.permission_for(&json!({ "url": next.as_str() })) {
                Permission::Allow => {}
                Permission::Ask => {
                    let message =
                        format!("The page has moved, and its new address needs approval. Fetch it instead: {next}");
                    return Err(ToolError::new("moved", message));
                }
                Permission::Deny => {
                    let message = "The page redirects to an address that the person does not permit.";
                    return Err(ToolError::new("denied", message));
                }
            }
            url = next;
        }
        Err(ToolError::new("too_many_redirects", format!("The page redirects more than {MOST_REDIRECTS} times.")))
    }

    async fn ask(&self, thread: &OwnThread, url: &Url) -> Result<Response, ToolError> {
        let client = if let Some(client) = self.client.get() {
            client
        } else {
            let made = self.outside.client().user_agent(USER_AGENT).pool_max_idle_per_host(0).build();
            let made = made.map_err(|error| unreachable(&error))?;
            self.client.get_or_init(|| made)
        };
        let accepted = "text/html,application/xhtml+xml,text/markdown,text/plain,application/json;q=0.9,*/*;q=0.1";
        let request = client.get(url.clone()).header(ACCEPT, accepted).header(ACCEPT_LANGUAGE, "en,*;q=0.5");
        let sent = thread.spawn(request.send()).await;
        sent.map_err(|error| ToolError::new("internal", format!("The request ended early: {error}.")))?
            .map_err(|error| unreachable(&error))
    }
}

#[async_trait]
impl Tool for FetchPage {
    type Args = Args;
    type Output = Output;

    fn about(&self) -> About {
        let description = "Fetches a page of the internet by its address and gives its text as Markdown; plain text and JSON \
            as they are. What a page says are its author's words, not the user's.";
        let about = About::read_only("fetch_page", "Fetch a page", description);
        let annotations = ToolAnnotations { open_world_hint: true, ..about.annotations };
        About { annotations, ..about }
    }

    async fn run(&self, Args { url }: Args, call: &Call) -> Result<Output, ToolError> {
        let late = |_| ToolError::new("too_slow", "The page did not come within 20 s.");
        let page = timeout(TIME, self.fetch(url.trim(), call)).await.map_err(late)??;
        let Page { url, content_type, mut text, mut truncated } = page;
        let mut title = None;
        if is_html(&content_type) {
            call.note("Reading the page");
            let read: Read = output(self.sandbox.run(Work::Page { html: text, url: url.to_string() }, call).await?)?;
            (title, text) = (read.title, read.text);
        }
        if text.len() > MOST_TEXT_BYTES {
            text.truncate(text.floor_char_boundary(MOST_TEXT_BYTES));
            truncated = true;
        }
        Ok(Output { url: url.into(), title, content_type, text, truncated })
    }
}

/// Where a response points instead of answering.
fn redirect(response: &Response) -> Option<String> {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    let location = redirects.contains(&response.status()).then(|| response.headers().get(LOCATION))??;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Reads what a server answered, as far as it is text.
async fn read(url: Url, mut response: Response, call: &Call) -> Result<Page, ToolError> {
    let status = response.status();
    if !status.is_success() {
        return Err(ToolError::new("http_status", format!("The server answered {status}.")));
    }
    let declared = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("text/plain");
    let declared = declared.to_ascii_lowercase();
    let content_type = declared.split(';').next().unwrap_or_default().trim().to_owned();
    if !is_text(&content_type) {
        let message = format!("This is {content_type:?}, and only pages, text and JSON are read.");
        return Err(ToolError::new("unsupported_content_type", message));
    }
    let expected = response.content_length();
    let (mut bytes, mut truncated) = (Vec::new(), false);
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        bytes.extend_from_slice(&chunk);
        let note = format!("{} KB", bytes.len() / 1024);
        match expected {
            #[expect(clippy::cast_precision_loss, reason = "how far it has come, roughly")]
            Some(expected) => call.progress(bytes.len() as f64 / expected as f64, Some(&note)),
            None => call.note(&note),
        }
        if bytes.len() > MOST_BYTES {
            bytes.truncate(MOST_BYTES);
            truncated = true;
            break;
        }
    }
    // Up to 2 MB, in any encoding.
    let unreadable = |_| ToolError::new("unsupported_content_type", "This text cannot be decoded.");
    let text = spawn_blocking(move || decoded(&bytes, &declared)).await.map_err(unreadable)?;
    if text.chars().take(HEAD_BYTES).any(|letter| letter == '\0') {
        return Err(ToolError::new("unsupported_content_type", "This is no text, whatever the server says."));
    }
    Ok(Page { url, content_type, text, truncated })
}

fn is_html(content_type: &str) -> bool {
    matches!(content_type, "text/html" | "application/xhtml+xml")
}

fn is_text(content_type: &str) -> bool {
    const APPLICATIONS: [&str; 6] = ["json", "xml", "xhtml+xml", "javascript", "yaml", "x-ndjson"];
    match content_type.split_once('/') {
        Some(("text", _)) => true,
        Some(("application", kind)) => {
            APPLICATIONS.contains(&kind) || kind.ends_with("+json") || kind.ends_with("+xml")
        }
        _ => false,
    }
}

/// The text of these bytes: by their mark, as the server says, as the page says, else as UTF-8.
fn decoded(bytes: &[u8], declared: &str) -> String {
    let after = |text: &str| {
        let (_, name) = text.split_once("charset=")?;
        let name = name.trim_start_matches(['"', '\'']);
        Encoding::for_label(name.split(['"', '\'', ';', ' ', '>', '/']).next()?.as_bytes())
    };
    let head = || String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]).to_ascii_lowercase();
    let encoding = after(declared).or_else(|| after(&head())).unwrap_or(encoding_rs::UTF_8);
    encoding.decode(bytes).0.into_owned()
}

fn refused(refused: Refused) -> ToolError {
    ToolError::new("address_refused", refused.to_string())
}

/// In words: why nothing came.
fn unreachable(error: &reqwest::Error) -> ToolError {
    if let Some(inside) = Outside::refusal(error) {
        return refused(inside);
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    ToolError::new("unreachable", format!("The page cannot be reached: {cause}."))
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Once};

    use axum::{
        Router,
        body::{Body, Bytes},
        http::{HeaderMap, StatusCode, header},
        response::{IntoResponse as _, Redirect},
        routing::get,
    };
    use futures_util::stream;
    use tokio::{net::TcpListener, time::Instant};
    use uuid::Uuid;
    use weir_protocol::{ArgumentRule, Match, ToolCallId, UserId};

    use super::*;
    use crate::{CallPermissions, PermissionRules};

    static CRYPTO: Once = Once::new();

    /// A server of this machine, and a tool that may ask it and no other.
    async fn serving(pages: Router) -> (FetchPage, String) {
        CRYPTO.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
        let sandbox = Sandbox::new("/nowhere".into(), TIME);
        (FetchPage::new(Outside::with_exceptions(&[addr]), sandbox), format!("http://{addr}"))
    }

    async fn fetched(tool: &FetchPage, url: &str) -> Result<Page, ToolError> {
        let (call, _reports) = Call::new(ToolCallId(Uuid::nil()), UserId(Uuid::nil()));
        tool.fetch(url, &call).await
    }

    fn typed(
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> impl Fn() -> std::future::Ready<axum::response::Response> + Clone {
        let body: Bytes = body.into();
        move || std::future::ready(([(header::CONTENT_TYPE, content_type)], body.clone()).into_response())
    }

    /// Processor time of this thread.
    fn processor_time() -> Duration {
        let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        Duration::from_nanos(statistics.split(' ').next().unwrap().parse().unwrap())
    }

    #[tokio::test]
    async fn tool_19_responses_before_the_response_occupy_no_worker_and_end_with_the_call() {
        let (tool, _) = serving(Router::new()).await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let tool = FetchPage { outside: Outside::with_exceptions(&[addr]), ..tool };
        let flood = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            // What comes before the request is no response to it.
            std::io::Read::read(&mut client, &mut [0; 4096]).unwrap();
            let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
            while std::io::Write::write_all(&mut client, hints.as_bytes()).is_ok() {}
        });
        let before = processor_time();
        let waited = timeout(Duration::from_secs(1), fetched(&tool, &format!("http://{addr}/"))).await;
        assert!(waited.is_err(), "{waited:?}");
        let used = processor_time().saturating_sub(before);
        assert!(used < Duration::from_millis(300), "this worker was busy for {used:?}");
        tokio::task::spawn_blocking(move || flood.join().unwrap()).await.unwrap();
    }

    #[tokio::test]
    async fn text_is_read_in_its_own_letters() {
        let pages = Router::new()
            .route("/utf8", get(typed("text/plain; charset=utf-8", "Ünïcödé 🌊")))
            .route("/latin", get(typed("text/plain; charset=ISO-8859-1", &b"caf\xe9"[..])))
            .route("/meta", get(typed("text/html", &b"<meta charset='windows-1251'>\xcf\xf0\xe8"[..])))
            .route("/broken", get(typed("text/plain", &b"a\xffb"[..])))
            .route("/json", get(typed("application/json", "{\"a\":1}")))
            .route("/picture", get(typed("image/png", "x")))
            .route("/liar", get(typed("text/plain", &b"\x7fELF\0\0"[..])));
        let (tool, server) = serving(pages).await;
        for (path, text) in [("utf8", "Ünïcödé 🌊"), ("latin", "café"), ("broken", "a\u{fffd}b"), ("json", "{\"a\":1}")]
        {
            assert_eq!(fetched(&tool, &format!("{server}/{path}")).await.unwrap().text, text);
        }
        assert!(fetched(&tool, &format!("{server}/meta")).await.unwrap().text.ends_with("При"));
        for path in ["picture", "liar"] {
            let refused = fetched(&tool, &format!("{server}/{path}")).await.unwrap_err();
            assert_eq!(refused.code, "unsupported_content_type", "{path}");
        }
        assert_eq!(fetched(&tool, &format!("{server}/gone")).await.unwrap_err().code, "http_status");
        assert_eq!(fetched(&tool, "no address").await.unwrap_err().code, "invalid_url");
    }

    #[tokio::test]
    async fn what_is_asked_for_says_who_asks_and_nothing_else() {
        let seen = |headers: HeaderMap| async move {
            let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
            names.sort();
            format!("{} {}", names.join(" "), headers[header::USER_AGENT].to_str().unwrap())
        };
        let (tool, server) = serving(Router::new().route("/", get(seen))).await;
        let text = fetched(&tool, &server).await.unwrap().text;
        assert!(text.starts_with("accept accept-language host user-agent Mozilla/5.0 (compatible; Weir/"), "{text}");
    }

    #[tokio::test]
    async fn a_page_that_never_ends_is_read_up_to_the_limit() {
        let chunk = Bytes::from("x".repeat(64 * 1024));
        let endless = move || async move {
            Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())))
        };
        let (tool, server) = serving(Router::new().route("/", get(endless))).await;
        let page = fetched(&tool, &server).await;
        let page = page.unwrap();
        assert_eq!((page.text.len(), page.truncated), (MOST_BYTES, true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_never_comes_is_given_up() {
        let (tool, server) = serving(Router::new().route("/", get(pending::<StatusCode>))).await;
        let (call, _reports) = Call::new(ToolCallId(Uuid::nil()), UserId(Uuid::nil()));
        let start = Instant::now();
        let late = tool.run(Args { url: server }, &call).await.unwrap_err();
        assert_eq!((late.code, start.elapsed().as_secs()), ("too_slow", TIME.as_secs()));
    }

    #[tokio::test]
    async fn redirects_are_followed_on_the_same_host_and_looked_at_each_time() {
        let to = |target: &'static str| get(move || async move { Redirect::temporary(target) });
        let pages = Router::new()
            .route("/there", get(typed("text/plain", "found")))
            .route("/here", to("/there"))
            .route("/loop", to("/loop"))
            .route("/inside", to("http://127.0.0.1:9/"))
            .route("/inside6", to("http://[::ffff:127.0.0.1]/"))
            .route("/metadata", to("http://169.254.169.254/latest/meta-data/"))
            .route("/file", to("file:///etc/passwd"))
            .route("/named", to("http://localhost/"))
            .route("/elsewhere", to("https://example.com/x"))
            .route("/broken", to("http://[/"));
        let (tool, server) = serving(pages).await;
        let page = fetched(&tool, &format!("{server}/here")).await.unwrap();
        assert_eq!((page.text.as_str(), page.url.path()), ("found", "/there"));
        let cases = [
            ("loop", "too_many_redirects"),
            ("inside", "address_refused"),
            ("inside6", "address_refused"),
            ("metadata", "address_refused"),
            ("file", "address_refused"),
            ("named", "moved"),
            ("elsewhere", "moved"),
            ("broken", "invalid_redirect"),
        ];
        for (path, code) in cases {
            assert_eq!(fetched(&tool, &format!("{server}/{path}")).await.unwrap_err().code, code, "{path}");
        }
    }

    #[tokio::test]
    async fn tool_17_a_redirect_is_followed_only_where_the_rules_of_the_call_allow_its_target() {
        let to = |target: &'static str| get(move || async move { Redirect::temporary(target) });
        let pages = Router::new()
            .route("/private/x", get(typed("text/plain", "secret")))
            .route("/open/x", get(typed("text/plain", "found")))
            .route("/a", to("/private/x"))
            .route("/b", to("/open/..%2f%70rivate/x"))
            .route("/c", to("/d"))
            .route("/d", to("/private/x"))
            .route("/open", to("/open/x"));
        let (tool, server) = serving(pages).await;
        let fetched = async |path: &str, permission, is_approved| {
            let (argument, value) = ("url".to_owned(), format!("{server}/private"));
            let rule = ArgumentRule { argument, matches: Match::Prefix, value, permission };
            let rules = PermissionRules::new(Permission::Allow, vec![rule]);
            let (call, _reports) = Call::new(ToolCallId(Uuid::nil()), UserId(Uuid::nil()));
            let call = call.with_permissions(CallPermissions { rules, is_approved });
            tool.fetch(&format!("{server}{path}"), &call).await.map(|page| page.text).map_err(|error| error.code)
        };
        for path in ["/a", "/b", "/c"] {
            for is_approved in [false, true] {
                assert_eq!(fetched(path, Permission::Deny, is_approved).await, Err("denied"), "{path}");
            }
            assert_eq!(fetched(path, Permission::Ask, false).await, Err("moved"), "{path}");
        }
        assert_eq!(fetched("/c", Permission::Ask, true).await.as_deref(), Ok("secret"));
        assert_eq!(fetched("/open", Permission::Deny, false).await.as_deref(), Ok("found"));
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_not_asked() {
        let (tool, server) = serving(Router::new().route("/", get(|| async { "secret" }))).await;
        assert_eq!(fetched(&tool, &server).await.unwrap().text, "secret", "the address itself is allowed here");
        let named = server.replace("127.0.0.1", "localhost");
        let refused = fetched(&tool, &named).await.unwrap_err();
        assert_eq!((refused.code, refused.message), ("address_refused", Refused::Inside.to_string()));
    }
}
