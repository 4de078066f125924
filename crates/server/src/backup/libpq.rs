//! The settings of `PostgreSQL`'s own programs. They are environment variables: a command line is visible to other users of the
//! machine.

use url::{Url, form_urlencoded};

/// The environment in which `PostgreSQL`'s programs reach the database of a URL, as the server does (libpq, section 34.15).
/// `scope` is whose rows row-level security shows.
pub(super) fn environment(url: &str, scope: &str) -> Vec<(&'static str, String)> {
    let Ok(url) = url.parse::<Url>() else { return Vec::new() };
    let mut found = Vec::new();
    let mut set = |key: &'static str, value: String| {
        found.retain(|(other, _)| *other != key);
        if !value.is_empty() {
            found.push((key, value));
        }
    };
    set("PGHOST", url.host_str().map(decoded).unwrap_or_default().trim_matches(['[', ']']).to_owned());
    set("PGPORT", url.port().map(|port| port.to_string()).unwrap_or_default());
    set("PGUSER", decoded(url.username()));
    set("PGPASSWORD", url.password().map(decoded).unwrap_or_default());
    set("PGDATABASE", decoded(url.path().trim_start_matches('/')));
    let mut options = vec![format!("-c weir.user_id={scope}")];
    for (key, value) in url.query_pairs() {
        let variable = match &*key {
            "sslmode" | "ssl-mode" => "PGSSLMODE",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            "host" | "hostaddr" => "PGHOST",
            "port" => "PGPORT",
            "dbname" => "PGDATABASE",
            "user" => "PGUSER",
            "password" => "PGPASSWORD",
            "options" => {
                options.push(value.into_owned());
                continue;
            }
            key => {
                if let Some(name) = key.strip_prefix("options[").and_then(|key| key.strip_suffix(']')) {
                    options.push(format!("-c {name}={value}"));
                }
                continue;
            }
        };
        set(variable, value.into_owned());
    }
    set("PGOPTIONS", options.join(" "));
    set("PGAPPNAME", "weir".to_owned());
    found
}

/// A part of a URL without its percent signs.
fn decoded(part: &str) -> String {
    // In a query, a plus sign is a space.
    let query = format!("={}", part.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(query.as_bytes()).next().map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn of(url: &str) -> BTreeMap<&'static str, String> {
        environment(url, "system").into_iter().collect()
    }

    #[test]
    fn bak_5_a_url_becomes_the_environment_of_postgresqls_programs() {
        let all = of("postgres://we%40ir:p%3Aa+s&s%25@[::1]:5433/my%20db?sslmode=require&options=-csearch_path%3Dmine");
        let expected = [
            ("PGAPPNAME", "weir"),
            ("PGDATABASE", "my db"),
            ("PGHOST", "::1"),
            ("PGOPTIONS", "-c weir.user_id=system -csearch_path=mine"),
            ("PGPASSWORD", "p:a+s&s%"),
            ("PGPORT", "5433"),
            ("PGSSLMODE", "require"),
            ("PGUSER", "we@ir"),
        ];
        assert_eq!(all, expected.map(|(key, value)| (key, value.to_owned())).into());
        let socket = of("postgresql://%2Frun%2Fpostgresql/weir?user=ada&options[work_mem]=4MB");
        assert_eq!((socket["PGHOST"].as_str(), socket["PGUSER"].as_str()), ("/run/postgresql", "ada"));
        assert_eq!(socket["PGOPTIONS"], "-c weir.user_id=system -c work_mem=4MB");
        assert_eq!(of("postgres:///weir?host=/tmp&password=x")["PGPASSWORD"], "x");
        assert!(!of("postgres:///weir").contains_key("PGHOST"), "what is not in the URL is left to the surroundings");
    }
}
