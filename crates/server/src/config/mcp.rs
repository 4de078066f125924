//! The `[[mcp]]` tables of `weir.toml`: the MCP servers whose tools are offered.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use weir_protocol::{McpOAuthClient, McpTransport, mcp_name_fault};

use super::Fault;
use crate::mcp::ConfiguredServer;

/// One table: `name`, and `command` with `args` and `env`, or `url` with `headers` and `oauth`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    oauth: Option<OAuthTable>,
    enabled: Option<bool>,
}

/// A client that was registered by hand where people sign in for the server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OAuthTable {
    client_id: String,
    client_secret: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
}

/// The servers that the tables name, and everything that is wrong with the others.
pub(super) fn read(value: toml::Value) -> (Vec<ConfiguredServer>, Vec<Fault>) {
    let toml::Value::Array(tables) = value else {
        return (Vec::new(), vec![fault("mcp", "must be tables, each begun with [[mcp]]")]);
    };
    let (mut servers, mut faults, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (place, table) in tables.into_iter().enumerate() {
        let key = format!("mcp[{place}]");
        match table.try_into::<Table>() {
            Err(error) => faults.push(fault(&key, error.message())),
            Ok(table) => match server(&key, table) {
                Err(wrong) => faults.extend(wrong),
                Ok(server) if !names.insert(server.name.clone()) => {
                    faults.push(fault(&format!("{key}.name"), "is another server's name"));
                }
                Ok(server) => servers.push(server),
            },
        }
    }
    (servers, faults)
}

fn server(key: &str, table: Table) -> Result<ConfiguredServer, Vec<Fault>> {
    let set = |values: BTreeMap<String, String>| values.into_iter().map(|(name, value)| (name, Some(value))).collect();
    let transport = match (table.command, table.url) {
        (Some(command), None) if table.headers.is_empty() && table.oauth.is_none() => {
            McpTransport::Stdio { command, args: table.args, env: set(table.env) }
        }
        (None, Some(url)) if table.args.is_empty() && table.env.is_empty() => {
            let oauth = table.oauth.map(|client| McpOAuthClient {
                client_id: client.client_id,
                client_secret: client.client_secret,
                scopes: client.scopes,
            });
            McpTransport::Http { url, headers: set(table.headers), oauth }
        }
        _ => {
            return Err(vec![fault(
                key,
                "must have either command (with args and env) or url (with headers and oauth)",
            )]);
        }
    };
    // Here the fields are written as everything else in the file.
    let written = |path: &str| path.replace(".clientId", ".client_id").replace(".clientSecret", ".client_secret");
    let wrong = weir_tools::mcp::faults(&transport, key).into_iter();
    let mut faults: Vec<_> = wrong.map(|wrong| fault(&written(&wrong.path), &wrong.message)).collect();
    if let Some(message) = mcp_name_fault(&table.name) {
        faults.push(fault(&format!("{key}.name"), message));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(ConfiguredServer { name: table.name, transport, enabled: table.enabled.unwrap_or(true) })
}

fn fault(key: &str, message: &str) -> Fault {
    Fault { key: key.to_owned(), message: message.to_owned() }
}
