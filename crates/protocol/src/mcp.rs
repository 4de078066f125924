//! MCP servers: programs whose tools this server offers. Whoever runs Weir sets them, for all of its users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{FieldError, Timestamp};

/// The longest name of an MCP server, in characters.
const MAX_NAME_CHARS: usize = 32;
/// The longest command, argument, address, or value, in bytes.
const MAX_VALUE_BYTES: usize = 8 * 1024;
/// The most arguments, variables or headers.
const MAX_VALUES: usize = 100;

/// How an MCP server is reached. The values of variables and headers are secrets: they are taken, but never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum McpTransport {
    /// A program that this server starts and speaks to over its standard input and output.
    Stdio {
        /// The program: a path, or a name that is looked for in `PATH`.
        #[schema(min_length = 1)]
        command: String,
        /// Its arguments.
        #[serde(default)]
        #[schema(required = false)]
        args: Vec<String>,
        /// Its environment, beside `PATH`, `HOME` and `LANG`. In answers every value is null; sent as null, a value stays
        /// what it is.
        #[serde(default)]
        #[schema(required = false)]
        env: BTreeMap<String, Option<String>>,
    },
    /// Streamable HTTP.
    Http {
        /// Its address.
        #[schema(min_length = 1)]
        url: String,
        /// What is sent with each request, for instance `Authorization`. In answers every value is null; sent as null, a
        /// value stays what it is.
        #[serde(default)]
        #[schema(required = false)]
        headers: BTreeMap<String, Option<String>>,
        /// What Weir is called where people sign in for this server; absent: it registers itself there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        oauth: Option<McpOAuthClient>,
    },
}

/// A client that was registered with an authorization server by hand (OAuth 2.1), for servers that let nobody register by
/// themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpOAuthClient {
    /// What Weir is called there.
    #[schema(min_length = 1)]
    pub client_id: String,
    /// What it proves that with; public clients have none. In answers it is never there; left out, it stays what it is, as long
    /// as the client does; sent empty, it is forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub client_secret: Option<String>,
    /// What is asked for; empty: what the server names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub scopes: Vec<String>,
}

impl McpTransport {
    /// The client that was registered by hand, if one was.
    pub fn oauth(&self) -> Option<&McpOAuthClient> {
        match self {
            Self::Stdio { .. } => None,
            Self::Http { oauth, .. } => oauth.as_ref(),
        }
    }

    /// Whether its tools can come only through a sign-in that the server asks for: it is reached over HTTP, and no `Authorization` is
    /// set.
    pub fn may_sign_in(&self) -> bool {
        match self {
            Self::Stdio { .. } => false,
            Self::Http { headers, .. } => !headers.keys().any(|name| name.trim().eq_ignore_ascii_case("authorization")),
        }
    }

    /// Without the values that are nobody's business.
    pub fn without_secrets(mut self) -> Self {
        self.secrets_mut().values_mut().for_each(|value| *value = None);
        if let Self::Http { oauth: Some(client), .. } = &mut self {
            client.client_secret = None;
        }
        self
    }

    /// Takes the values that are left open from what was known before.
    pub fn with_secrets_of(mut self, before: &Self) -> Self {
        for (name, value) in self.secrets_mut() {
            if value.is_none() {
                *value = before.secrets().get(name).cloned().flatten();
            }
        }
        if let (Self::Http { oauth: Some(client), .. }, Some(before)) = (&mut self, before.oauth())
            && client.client_secret.is_none()
            && client.client_id == before.client_id
        {
            client.client_secret.clone_from(&before.client_secret);
        }
        self
    }

    /// Every field that is wrong, below `path`.
    pub fn faults(&self, path: &str) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut check = |field: &str, fits: bool, message: &str| {
            if !fits {
                faults.push(FieldError::new(format!("{path}.{field}"), message));
            }
        };
        let texts = match self {
            Self::Stdio { command, args, env } => {
                check("command", !command.is_empty() && is_sane(command), "must be 1 to 8,192 bytes");
                for (place, text) in args.iter().enumerate() {
                    check(&format!("args[{place}]"), is_sane(text), TOO_LONG);
                }
                for name in env.keys() {
                    let is_name = !name.is_empty() && !name.contains('=') && is_sane(name);
                    check(&format!("env.{name}"), is_name, "is no name of a variable");
                }
                args.len().max(env.len())
            }
            Self::Http { url, headers, oauth } => {
                check("url", !url.is_empty() && is_sane(url), "must be 1 to 8,192 bytes");
                let mut scopes = 0;
                if let Some(client) = oauth {
                    let id = client.client_id.as_str();
                    check("oauth.clientId", !id.trim().is_empty() && is_sane(id), "must be 1 to 8,192 bytes");
                    let secret = client.client_secret.as_deref().unwrap_or_default();
                    check("oauth.clientSecret", is_sane(secret), TOO_LONG);
                    for (place, scope) in client.scopes.iter().enumerate() {
                        check(&format!("oauth.scopes[{place}]"), is_scope(scope), "must be one word");
                    }
                    scopes = client.scopes.len();
                }
                headers.len().max(scopes)
            }
        };
        let field = self.secrets_field();
        for (name, value) in self.secrets() {
            check(&format!("{field}.{name}"), is_sane(value.as_deref().unwrap_or_default()), TOO_LONG);
        }
        if texts > MAX_VALUES {
            faults.push(FieldError::new(path, "must have at most 100 values"));
        }
        faults
    }

    /// The values that are left open, below `path`.
    pub fn open_values(&self, path: &str) -> Vec<FieldError> {
        let field = self.secrets_field();
        let open = self.secrets().iter().filter(|(_, value)| value.is_none());
        open.map(|(name, _)| FieldError::new(format!("{path}.{field}.{name}"), "is required")).collect()
    }

    const fn secrets_field(&self) -> &'static str {
        match self {
            Self::Stdio { .. } => "env",
            Self::Http { .. } => "headers",
        }
    }

    fn secrets(&self) -> &BTreeMap<String, Option<String>> {
        match self {
            Self::Stdio { env, .. } => env,
            Self::Http { headers, .. } => headers,
        }
    }

    fn secrets_mut(&mut self) -> &mut BTreeMap<String, Option<String>> {
        match self {
            Self::Stdio { env, .. } => env,
            Self::Http { headers, .. } => headers,
        }
    }
}

/// Where an MCP server was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum McpServerSource {
    /// In `weir.toml`: only there it can be changed.
    Config,
    /// In the app.
    App,
}

/// How an MCP server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum McpServerStatus {
    /// It is being started, or asked what it can do.
    Connecting,
    /// Its tools can be called.
    Ready,
    /// It did not start, or went away; it is tried again.
    Failed,
    /// It wants somebody to sign in first, or to sign in again: an administrator connects it.
    #[serde(rename = "needs_sign_in")]
    NeedsSignIn,
    /// It is switched off.
    Off,
}

/// An MCP server, as this instance of Weir sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpServer {
    /// Its name, with which the names of its tools begin: 1 to 32 of `a–z 0–9 -`.
    pub name: String,
    /// Where it was set.
    pub source: McpServerSource,
    /// How it is reached.
    pub transport: McpTransport,
    /// Whether it is to run.
    pub enabled: bool,
    /// How it is.
    pub status: McpServerStatus,
    /// The tools that it offers, by the names under which they are called here.
    pub tools: Vec<String>,
    /// What it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub title: Option<String>,
    /// The version of the Model Context Protocol that is spoken with it, for instance `2025-11-25`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub protocol_version: Option<String>,
    /// Why it is not ready, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retry_at: Option<Timestamp>,
    /// The sign-in that is kept for it; absent: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sign_in: Option<McpSignIn>,
}

/// A sign-in at an MCP server that somebody has given Weir (OAuth). Its tokens are never told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct McpSignIn {
    /// Since when.
    pub since: Timestamp,
    /// Where somebody signed in: the authorization server's issuer identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub issuer: Option<String>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// What a tool has asked for that was not granted: whoever connects the server again is asked for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub missing: Vec<String>,
}

/// Where somebody signs in for an MCP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpSignInStarted {
    /// The page of the authorization server that the browser is to go to. It is good for ten minutes, once, in this browser.
    pub url: String,
}

/// Every MCP server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct McpServerList {
    /// The servers, by name.
    pub items: Vec<McpServer>,
}

/// A line of what an MCP server said beside the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpLogLine {
    /// When.
    pub at: Timestamp,
    /// What: a line of its standard error, a log message that it sent, or what became of it.
    pub text: String,
}

/// The last lines of what an MCP server said, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct McpServerLog {
    /// At most 200 lines.
    pub lines: Vec<McpLogLine>,
}

/// Adds an MCP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreateMcpServer {
    /// Its name: 1 to 32 of `a–z 0–9 -`.
    #[schema(min_length = 1, max_length = 32, pattern = "^[a-z0-9][a-z0-9-]*$")]
    pub name: String,
    /// How it is reached.
    pub transport: McpTransport,
    /// Whether it is to run; absent: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub enabled: Option<bool>,
}

impl CreateMcpServer {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults: Vec<_> =
            name_fault(&self.name).map(|fault| FieldError::new("name", fault)).into_iter().collect();
        faults.extend(self.transport.faults("transport"));
        faults.extend(self.transport.open_values("transport"));
        faults
    }
}

/// Changes an MCP server that was set in the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateMcpServer {
    /// How it is reached from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub transport: Option<McpTransport>,
    /// Whether it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub enabled: Option<bool>,
}

impl UpdateMcpServer {
    /// Every field that is wrong.
    pub fn faults(&self) -> Vec<FieldError> {
        self.transport.as_ref().map(|transport| transport.faults("transport")).unwrap_or_default()
    }
}

/// What is wrong with a text that is not sane.
const TOO_LONG: &str = "must be at most 8,192 bytes, none of them zero";

fn is_sane(text: &str) -> bool {
    text.len() <= MAX_VALUE_BYTES && !text.contains('\0')
}

/// Whether a text is one scope (RFC 6749, 3.3).
fn is_scope(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 200
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
}

/// Why this is no name of an MCP server; none when it is one. It contains no underscore, so that the names of its tools,
/// `server__tool`, are no other server's.
pub fn name_fault(name: &str) -> Option<&'static str> {
    let mut letters = name.bytes();
    let first = letters.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let rest = letters.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    (!first || !rest || name.len() > MAX_NAME_CHARS)
        .then_some("must be 1 to 32 of a-z, 0-9 and -, and begin with a letter or a digit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdio(env: &[(&str, Option<&str>)]) -> McpTransport {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        McpTransport::Stdio { command: "npx".to_owned(), args: vec!["server".to_owned()], env }
    }

    #[test]
    fn names_are_short_and_have_no_underscore() {
        for name in ["a", "time", "file-system-2", &"x".repeat(32)] {
            assert_eq!(name_fault(name), None, "{name}");
        }
        for name in ["", "-a", "a_b", "Time", "a b", "ä", &"x".repeat(33)] {
            assert!(name_fault(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_clients_secret_stays_with_the_client_and_is_not_told() {
        let http = |id: &str, secret: Option<&str>| McpTransport::Http {
            url: "https://example.org/mcp".to_owned(),
            headers: BTreeMap::new(),
            oauth: Some(McpOAuthClient {
                client_id: id.to_owned(),
                client_secret: secret.map(str::to_owned),
                scopes: vec!["read".to_owned()],
            }),
        };
        let known = http("weir", Some("secret"));
        assert_eq!(known.clone().without_secrets(), http("weir", None));
        assert_eq!(http("weir", None).with_secrets_of(&known), known);
        assert_eq!(http("weir", Some("")).with_secrets_of(&known), http("weir", Some("")));
        assert_eq!(http("other", None).with_secrets_of(&known), http("other", None));
        assert_eq!(known.faults("t"), []);
        assert_eq!(http(" ", None).faults("t")[0].path, "t.oauth.clientId");
    }

    #[test]
    fn secrets_are_kept_and_not_told() {
        let known = stdio(&[("KEY", Some("secret")), ("OLD", Some("gone"))]);
        assert_eq!(known.clone().without_secrets(), stdio(&[("KEY", None), ("OLD", None)]));
        let changed = stdio(&[("KEY", None), ("NEW", Some("new")), ("OPEN", None)]).with_secrets_of(&known);
        assert_eq!(changed, stdio(&[("KEY", Some("secret")), ("NEW", Some("new")), ("OPEN", None)]));
        assert_eq!(changed.open_values("transport")[0].path, "transport.env.OPEN");
    }
}
