//! Where a browser may be sent after a sign-in.
//!
//! The web app has the same function (`web/src/lib/next-page.ts`), and both are tested with the same table
//! (`web/tests/fixtures/next-page.json`).

use url::Url;

/// Where a browser goes when no page of this app is named.
pub(crate) const HOME: &str = "/chat";
/// The longest path that is followed, with its query and fragment, in bytes.
const MAX_BYTES: usize = 2000;
/// Where paths are resolved: only whether they stay there matters.
const BASE: &str = "http://weir.invalid";
/// First segments that are not pages to return to: other ways to sign in, and what programs ask for.
const NOT_PAGES: [&str; 10] = ["sign-in", "join", "setup", "api", "v1", "mcp", "healthz", "readyz", "metrics", "_next"];

/// A page of this app, as a client names it, after URL normalisation; none when the text could lead anywhere else.
pub(crate) fn next_page(next: &str) -> Option<String> {
    // URL parsers drop tabs and line breaks and take a backslash for a slash, each in their own way.
    let is_plain = |letter: char| !letter.is_control() && !letter.is_whitespace() && letter != '\\';
    if !next.starts_with('/') || !next.chars().all(is_plain) {
        return None;
    }
    let url = own(next)?;
    let path = url.path();
    let decoded = decoded(path)?;
    let first = decoded.split('/').nth(1).unwrap_or_default();
    let first = first.split('.').next().unwrap_or_default().to_ascii_lowercase();
    // A slash that is written as %2F is one for some proxies.
    if decoded.contains("//") || decoded.contains('\\') || NOT_PAGES.contains(&first.as_str()) {
        return None;
    }
    let page = url.as_str().strip_prefix(BASE)?;
    // What was normalised is read once more by the browser: it has to mean the same.
    let is_stable = page.len() <= MAX_BYTES && own(page).is_some_and(|again| again == url);
    is_stable.then(|| page.to_owned())
}

/// A reference that stays on this site.
fn own(reference: &str) -> Option<Url> {
    let base = Url::parse(BASE).ok()?;
    let url = base.join(reference).ok()?;
    let is_own = url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
    is_own.then_some(url)
}

/// A path with its escapes resolved, once; none when they are not UTF-8 or hide a control character.
fn decoded(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let (mut text, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        if byte == b'%' {
            text.push(u8::from_str_radix(digits?, 16).ok()?);
            at += 3;
        } else {
            text.push(byte);
            at += 1;
        }
    }
    String::from_utf8(text).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// One line of the table that the web app's test reads too.
    #[derive(Deserialize)]
    struct Vector {
        next: String,
        /// Repeats `next` so many times; for long ones.
        times: Option<usize>,
        page: Option<String>,
    }

    #[test]
    fn edge_18_only_pages_of_this_app_are_followed() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/tests/fixtures/next-page.json");
        let vectors: Vec<Vector> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert!(vectors.len() > 50);
        for Vector { next, times, page } in vectors {
            let next = next.repeat(times.unwrap_or(1));
            assert_eq!(next_page(&next), page, "{next:?}");
        }
    }

    proptest! {
        #[test]
        fn edge_18_no_text_leads_to_another_site(next in r"/?([/\\.:@?#%a]|%2[eEfF]|%5[cC]|%00|\t|\n| |//|/\./|/\.\./|evil\.example|[ -~]){0,12}") {
            if let Some(page) = next_page(&next) {
                for base in ["http://localhost:3000/sign-in", "https://weir.example/sign-in?next=a"] {
                    let base = Url::parse(base).unwrap();
                    let url = base.join(&page).unwrap();
                    prop_assert_eq!(url.origin(), base.origin(), "{:?} is {}", next, url);
                }
                prop_assert!(page.starts_with('/') && !page.starts_with("//") && page.is_ascii(), "{:?}: {}", next, page);
                prop_assert_eq!(next_page(&page), Some(page.clone()));
            }
        }
    }
}
