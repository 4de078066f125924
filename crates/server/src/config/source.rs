//! Where values come from, and the collecting of what is wrong with them.

use std::{collections::BTreeMap, path::Path, str::FromStr as _, time::Duration};

use super::{ConfigFaults, Fault, mcp};
use crate::mcp::ConfiguredServer;

/// Every key that Weir reads.
const KEYS: [&str; 38] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "DATABASE_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_CONTINUES",
    "OPENAI_MODELS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "REDIS_URL",
    "WEIR_ACTIVITY_RETENTION",
    "WEIR_ADDR",
    "WEIR_APPROVAL_TIMEOUT",
    "WEIR_AUTH",
    "WEIR_DATA_DIR",
    "WEIR_DEV_ORIGIN",
    "WEIR_DURABILITY",
    "WEIR_HEARTBEAT",
    "WEIR_HOSTS",
    "WEIR_JOBS_PER_USER",
    "WEIR_LOCAL_MODEL",
    "WEIR_LOG",
    "WEIR_LOG_FORMAT",
    "WEIR_MODEL",
    "WEIR_OPENID_CLIENT_ID",
    "WEIR_OPENID_CLIENT_SECRET",
    "WEIR_OPENID_ISSUER",
    "WEIR_OPENID_NAME",
    "WEIR_OPENID_SIGN_UP",
    "WEIR_PUBLIC_URL",
    "WEIR_RATE_BURST",
    "WEIR_RATE_LIMIT",
    "WEIR_RUNS_PER_USER",
    "WEIR_RUN_RETENTION",
    "WEIR_SHUTDOWN_GRACE",
    "WEIR_SOCKETS_PER_USER",
    "WEIR_STORAGE_PER_USER",
    "WEIR_STREAMS_PER_USER",
    "WEIR_TRUSTED_PROXIES",
];

/// Values by key, and what was wrong with the file they came from.
#[derive(Debug, Default)]
pub struct Source {
    values: BTreeMap<String, String>,
    mcp_servers: Vec<ConfiguredServer>,
    faults: Vec<Fault>,
}

impl Source {
    /// The process's environment over a `weir.toml`, if that is there.
    pub fn of_process(file: &Path) -> Self {
        let mut source = Self::default();
        match std::fs::read_to_string(file) {
            Ok(text) => source.add_toml(file, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => source.fault(&file.display().to_string(), &format!("cannot be read: {error}")),
        }
        for key in KEYS {
            match std::env::var(key) {
                Ok(value) => drop(source.values.insert(key.to_owned(), value)),
                Err(std::env::VarError::NotPresent) => {}
                Err(std::env::VarError::NotUnicode(_)) => source.fault(key, "must be UTF-8"),
            }
        }
        source
    }

    /// Values that a test or a program gives.
    pub fn of<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let values = values.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        Self { values, ..Self::default() }
    }

    /// The keys of a TOML text that would stand in `file`.
    pub fn of_text(file: &Path, text: &str) -> Self {
        let mut source = Self::default();
        source.add_toml(file, text);
        source
    }

    /// Adds the keys of a TOML text.
    pub(super) fn add_toml(&mut self, file: &Path, text: &str) {
        let table = match toml::Table::from_str(text) {
            Ok(table) => table,
            Err(error) => return self.fault(&file.display().to_string(), error.to_string().trim()),
        };
        for (key, value) in table {
            if key == "mcp" {
                let (servers, faults) = mcp::read(value);
                self.mcp_servers.extend(servers);
                self.faults.extend(faults);
                continue;
            }
            if !KEYS.contains(&key.as_str()) {
                self.fault(&key, &format!("is not a key of Weir (in {})", file.display()));
                continue;
            }
            match plain(&value) {
                Some(value) => drop(self.values.insert(key, value)),
                None => self.fault(&key, "must be a text, a number, true, false, or a list of these"),
            }
        }
    }

    fn fault(&mut self, key: &str, message: &str) {
        self.faults.push(Fault { key: key.to_owned(), message: message.to_owned() });
    }
}

fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(word) => Some(word.to_string()),
        toml::Value::Array(list) => list.iter().map(plain).collect::<Option<Vec<_>>>().map(|list| list.join(",")),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// Reads values and gathers what is wrong with them.
pub(super) struct Reading {
    source: Source,
}

impl Reading {
    pub(super) fn new(source: Source) -> Self {
        Self { source }
    }

    /// The value of `key`; an empty one counts as unset, as is usual for environment variables.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.source.values.get(key).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// Words separated by commas.
    pub(super) fn list(&self, key: &str) -> Option<Vec<String>> {
        let list = self.text(key)?;
        Some(list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect())
    }

    pub(super) fn fault(&mut self, key: &str, message: &str) {
        self.source.fault(key, message);
    }

    pub(super) fn parsed<T, E>(
        &mut self,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = parse(&self.text(key)?);
        if parsed.is_err() {
            self.fault(key, &format!("must be {expected}"));
        }
        parsed.ok()
    }

    pub(super) fn one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let expected = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(" or ");
        self.parsed(key, &expected, |text| {
            words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, value)| *value).ok_or(())
        })
    }

    pub(super) fn duration(&mut self, key: &str, default: Duration, least: Duration) -> Duration {
        let expected = format!("a time such as 500ms, 15s, 2m or 24h, at least {least:?}");
        let duration = self.parsed(key, &expected, |text| {
            let signed: jiff::SignedDuration = text.parse().map_err(drop)?;
            Duration::try_from(signed).map_err(drop).and_then(|it| if it < least { Err(()) } else { Ok(it) })
        });
        duration.unwrap_or(default)
    }

    /// The servers of the `[[mcp]]` tables.
    pub(super) fn mcp_servers(&mut self) -> Vec<ConfiguredServer> {
        std::mem::take(&mut self.source.mcp_servers)
    }

    pub(super) fn finish(self) -> Result<(), ConfigFaults> {
        if self.source.faults.is_empty() { Ok(()) } else { Err(ConfigFaults(self.source.faults)) }
    }
}
