//! A page of HTML as Markdown: what somebody would read of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use htmd::{
    Element, HtmlToMarkdown,
    element_handler::{HandlerResult, Handlers},
    options::{BulletListMarker, Options},
};
use serde_json::{Value, json};
use url::Url;

use super::{Failed, Trouble};

/// Parts of a page that say nothing by themselves, or are about other pages.
const DROPPED: [&str; 24] = [
    "script", "style", "noscript", "template", "nav", "footer", "aside", "iframe", "svg", "canvas", "object", "embed",
    "video", "audio", "button", "input", "select", "textarea", "datalist", "dialog", "map", "link", "meta", "base",
];
/// Parts that say by an attribute that they are such.
const JUDGED: [&str; 4] = ["div", "section", "ul", "header"];
/// The roles of such parts.
const DROPPED_ROLES: [&str; 7] = ["navigation", "banner", "contentinfo", "complementary", "search", "dialog", "menu"];
/// With less text than this, what calls itself the main part is not what is looked for.
const LEAST_MAIN_BYTES: usize = 200;
/// What the text of a page may grow by because links are written out.
const MOST_ADDED_BYTES: usize = 1024 * 1024;

/// What is noticed on the way.
#[derive(Debug, Default)]
struct Seen {
    title: Option<String>,
    /// The largest part that calls itself the main one.
    main: String,
    added: usize,
}

/// Reads a page that came from `url`: its title and its text.
pub(super) fn read(html: &str, url: &str) -> Result<Value, Failed> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let base = Url::parse(url).ok();
    let whole = reader(&seen, base).convert(html);
    let whole = whole.map_err(|error| Trouble::Unreadable.because(format!("The page cannot be read: {error}.")))?;
    let seen = lock(&seen);
    let text = if seen.main.len() >= LEAST_MAIN_BYTES { &seen.main } else { &whole };
    Ok(json!({ "title": seen.title, "text": tidy(text) }))
}

fn reader(seen: &Arc<Mutex<Seen>>, base: Option<Url>) -> HtmlToMarkdown {
    let (titles, mains, links, images) = (seen.clone(), seen.clone(), seen.clone(), seen.clone());
    let images_base = base.clone();
    let options = Options {
        bullet_list_marker: BulletListMarker::Dash,
        ul_bullet_spacing: 1,
        ol_number_spacing: 1,
        ..Options::default()
    };
    HtmlToMarkdown::builder()
        .options(options)
        .skip_tags(DROPPED.to_vec())
        .add_handler(vec!["title"], move |handlers: &dyn Handlers, element: Element| {
            let title = handlers.walk_children(element.node).content;
            let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
            // The first counts: pictures have titles as well.
            lock(&titles).title.get_or_insert(title);
            None
        })
        .add_handler(
            JUDGED.to_vec(),
            |handlers: &dyn Handlers, element: Element| {
                if is_dropped(&element) { None } else { handlers.fallback(element) }
            },
        )
        .add_handler(vec!["main", "article"], move |handlers: &dyn Handlers, element: Element| {
            let part = handlers.fallback(element)?;
            let mut seen = lock(&mains);
            if part.content.len() > seen.main.len() {
                seen.main.clone_from(&part.content);
            }
            Some(part)
        })
        .add_handler(vec!["a"], move |handlers: &dyn Handlers, element: Element| {
            // Links within the page lead nowhere from here.
            match attribute(&element, "href") {
                Some(href) if !href.starts_with('#') => absolute(handlers, element, "href", base.as_ref(), &links),
                _ => Some(handlers.walk_children(element.node)),
            }
        })
        .add_handler(vec!["img"], move |handlers: &dyn Handlers, element: Element| {
            // A picture without a word on it says nothing in a text.
            attribute(&element, "alt").filter(|alt| !alt.trim().is_empty())?;
            absolute(handlers, element, "src", images_base.as_ref(), &images)
        })
        .build()
}

/// The element with its address written out. One that is no link to a page keeps its words only.
fn absolute(
    handlers: &dyn Handlers,
    element: Element,
    name: &str,
    base: Option<&Url>,
    seen: &Mutex<Seen>,
) -> Option<HandlerResult> {
    let written = attribute(&element, name)?;
    let Some(url) = base
        .and_then(|base| base.join(&written).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https" | "mailto"))
    else {
        return Some(handlers.walk_children(element.node));
    };
    let mut attributes = element.attrs.to_vec();
    let added = url.as_str().len().saturating_sub(written.len());
    let mut noticed = lock(seen);
    if noticed.added + added <= MOST_ADDED_BYTES {
        noticed.added += added;
        for attribute in attributes.iter_mut().filter(|attribute| &*attribute.name.local == name) {
            attribute.value = url.as_str().into();
        }
    }
    drop(noticed);
    let mut rewritten = element;
    rewritten.attrs = &attributes;
    handlers.fallback(rewritten)
}

fn attribute(element: &Element, name: &str) -> Option<String> {
    element.attrs.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| attribute.value.to_string())
}

fn is_dropped(element: &Element) -> bool {
    attribute(element, "role").is_some_and(|role| DROPPED_ROLES.contains(&role.trim()))
        || attribute(element, "hidden").is_some()
        || attribute(element, "aria-hidden").is_some_and(|hidden| hidden == "true")
}

/// Without white space at the ends of lines, and with one empty line at most.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().lines() {
        // Two spaces at the end are a line break.
        let end = if line.ends_with("  ") && !line.trim().is_empty() { "  " } else { "" };
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            tidied.push_str(line);
            tidied.push_str(end);
            tidied.push('\n');
        }
    }
    tidied.truncate(tidied.trim_end().len());
    tidied
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        read(html, "https://example.com/a/b").unwrap()["text"].as_str().unwrap().to_owned()
    }

    #[test]
    fn a_page_becomes_what_one_would_read_of_it() {
        let html = "<!doctype html><html><head><title> A &amp; B\n page </title><style>p{}</style></head><body>
            <header role=banner>Logo</header><nav><a href=/x>Menu</a></nav><script>alert(1)</script>
            <h1>Tides</h1><p>High <b>water</b> at <a href='c?d=1#e'>noon</a>.<p>Ünïcödé 🌊<ul><li>one<li>two</ul>
            <pre><code>let a = 1;\n  b</code></pre><table><tr><th>k<th>v<tr><td>1<td>2</table>
            <img src=t.png alt='A tide'><img src=dot.gif><div hidden>no</div><div aria-hidden=true>nor this</div>
            <a href='javascript:alert(1)'>press</a> <a href='#top'>up</a><footer>imprint</footer>";
        let page = read(html, "https://example.com/a/b").unwrap();
        assert_eq!(page["title"], "A & B page");
        let text = page["text"].as_str().unwrap();
        for wanted in [
            "# Tides",
            "High **water** at [noon](https://example.com/a/c?d=1#e).",
            "Ünïcödé 🌊",
            "- one\n- two",
            "```\nlet a = 1;\n  b\n```",
            "![A tide](https://example.com/a/t.png)",
            "press up",
        ] {
            assert!(text.contains(wanted), "{wanted}\n---\n{text}");
        }
        assert!(text.contains("| 1 | 2 |") || text.contains("| 1   | 2"), "{text}");
        for dropped in ["Logo", "Menu", "alert", "no\n", "nor this", "imprint", "dot.gif", "p{}"] {
            assert!(!text.contains(dropped), "{dropped}\n---\n{text}");
        }
    }

    #[test]
    fn the_main_part_alone_is_read_where_there_is_one() {
        let story = "<p>Once upon a time there was a weir in a river.</p>".repeat(10);
        let html = format!(
            "<body><div>Cookies!</div><main><header><h1>Weirs</h1></header>{story}</main><div>More stories</div>"
        );
        let read = text(&html);
        assert!(read.starts_with("# Weirs\n\nOnce upon"), "{read}");
        assert!(!read.contains("Cookies") && !read.contains("More stories"));
        assert_eq!(text("<body>All there is<main></main>"), "All there is");
    }

    #[test]
    fn odd_pages_are_read_too() {
        assert_eq!(read("", "https://example.com/").unwrap(), json!({ "title": null, "text": "" }));
        assert_eq!(text("just words"), "just words");
        assert_eq!(text("<p>a<p>&lt;script&gt; &#0; &nonsense;"), "a\n\n\\<script> \u{fffd} &nonsense;");
        assert!(text(&"<div><blockquote><ul><li>".repeat(20)).len() < 10_000);
    }

    #[test]
    fn links_cannot_blow_a_page_up() {
        let base = format!("https://example.com/{}/", "x".repeat(1900));
        let page = read(&"<a href=y>z</a>".repeat(20_000), &base).unwrap();
        assert!(page["text"].as_str().unwrap().len() < 2 * MOST_ADDED_BYTES);
    }
}
