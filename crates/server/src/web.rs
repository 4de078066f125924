//! The web app inside the binary: exported pages and their files, with br and gzip versions beside them.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use rust_embed::{EmbeddedFile, RustEmbed};
use sha2::{Digest as _, Sha256};

#[derive(RustEmbed)]
#[folder = "$WEIR_WEB_DIST"]
struct Files;

/// A file of the web app.
pub(crate) struct WebFile {
    file: EmbeddedFile,
    /// Its `Content-Security-Policy`, if it is a page.
    pub(crate) policy: Option<&'static str>,
    /// Whether its name changes with its content.
    pub(crate) immutable: bool,
    /// Its path inside the app.
    pub(crate) path: String,
}

impl WebFile {
    /// The bytes, in one of the encodings of [`Encoding`] if the app was built with that version.
    pub(crate) fn bytes(&self, encoding: Encoding) -> Option<Cow<'static, [u8]>> {
        match encoding {
            Encoding::Identity => Some(self.file.data.clone()),
            Encoding::Brotli => Files::get(&format!("{}.br", self.path)).map(|file| file.data),
            Encoding::Gzip => Files::get(&format!("{}.gz", self.path)).map(|file| file.data),
        }
    }

    /// A strong validator for this version of the content in this encoding (RFC 9110, 8.8.3).
    pub(crate) fn etag(&self, encoding: Encoding) -> String {
        let digest = self.file.metadata.sha256_hash();
        format!("\"{}{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest[..12]), encoding.suffix())
    }

    pub(crate) fn mime(&self) -> &'static str {
        match self.path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=utf-8",
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("json" | "map") => "application/json",
            Some("webmanifest") => "application/manifest+json",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("ico") => "image/x-icon",
            Some("woff2") => "font/woff2",
            Some("txt") => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

/// How a file's bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

impl Encoding {
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Gzip => "-gz",
            Self::Brotli => "-br",
        }
    }
}

/// The file that a path of the URL leads to: the file of that name, or the page (`/chat` is `chat.html`).
pub(crate) fn find(path: &str) -> Option<WebFile> {
    let path = path.trim_start_matches('/');
    let packed = matches!(path.rsplit_once('.'), Some((_, "br" | "gz")));
    let name = match path {
        "" => "index.html".to_owned(),
        // The page before the folder of the same name.
        page if !page.contains('.') => format!("{}.html", page.trim_end_matches('/')),
        file => file.to_owned(),
    };
    (!packed).then(|| load(name)).flatten().or_else(|| load(path.to_owned()).filter(|_| !packed))
}

/// The page that says that there is no such page, if the app is inside this binary.
pub(crate) fn not_found() -> Option<WebFile> {
    load("404.html".to_owned())
}

/// Whether the app is inside this binary.
pub(crate) fn is_built() -> bool {
    Files::get("index.html").is_some()
}

fn load(path: String) -> Option<WebFile> {
    let file = Files::get(&path)?;
    let policy = POLICIES.get(path.as_str()).map(String::as_str);
    let immutable = path.starts_with("_next/static/");
    Some(WebFile { file, policy, immutable, path })
}

/// The policy of every page: what it may load is its own origin's, and of inline scripts just those that it was built with.
static POLICIES: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let pages = Files::iter().filter(|path| path.ends_with(".html"));
    pages.filter_map(|path| Some((path.to_string(), policy(&Files::get(&path)?.data)))).collect()
});

fn policy(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    let mut hashes: Vec<String> = inline_scripts(&page).map(hash).collect();
    hashes.sort();
    hashes.dedup();
    format!(
        "default-src 'none'; script-src 'self'{}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hashes.concat()
    )
}

/// The texts of a page's scripts that have no `src`. The pages are our own, written by one generator.
fn inline_scripts(page: &str) -> impl Iterator<Item = &str> {
    page.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (text, _) = rest.split_once("</script")?;
        (!attributes.contains(" src=") && !text.is_empty()).then_some(text)
    })
}

fn hash(script: &str) -> String {
    format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(script.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_just_the_inline_scripts() {
        let policy =
            policy(b"<script src=\"/a.js\" async=\"\"></script><script>self.x=1</script><script id=\"_R_\">y</script>");
        assert_eq!(policy.matches("sha256-").count(), 2);
        assert!(policy.contains(&hash("self.x=1")), "{policy}");
        assert!(!policy.contains("unsafe-eval"));
    }
}
