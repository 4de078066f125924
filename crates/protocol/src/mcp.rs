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
    },
}

impl McpTransport {
    /// Without the values that are nobody's business.
    pub fn without_secrets(mut self) -> Self {
        self.secrets_mut().values_mut().for_each(|value| *value = None);
        self
    }

    /// Takes the values that are left open from what was known before.
    pub fn with_secrets_of(mut self, before: &Self) -> Self {
        for (name, value) in self.secrets_mut() {
            if value.is_none() {
                *value = before.secrets().get(name).cloned().flatten();
            }
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
            Self::Http { url, headers } => {
                check("url", !url.is_empty() && is_sane(url), "must be 1 to 8,192 bytes");
                headers.len()
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
    fn secrets_are_kept_and_not_told() {
        let known = stdio(&[("KEY", Some("secret")), ("OLD", Some("gone"))]);
        assert_eq!(known.clone().without_secrets(), stdio(&[("KEY", None), ("OLD", None)]));
        let changed = stdio(&[("KEY", None), ("NEW", Some("new")), ("OPEN", None)]).with_secrets_of(&known);
        assert_eq!(changed, stdio(&[("KEY", Some("secret")), ("NEW", Some("new")), ("OPEN", None)]));
        assert_eq!(changed.open_values("transport")[0].path, "transport.env.OPEN");
    }
}
