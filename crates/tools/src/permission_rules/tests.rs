use serde_json::json;

use super::*;

fn rule(argument: &str, matches: Match, value: &str) -> ArgumentRule {
    let (argument, value) = (argument.to_owned(), value.to_owned());
    ArgumentRule { argument, matches, value, permission: Permission::Allow }
}

fn denial(matches: Match, value: &str) -> ArgumentRule {
    ArgumentRule { permission: Permission::Deny, ..rule("a", matches, value) }
}

/// Whether a rule decides on an argument.
fn fits(rule: &ArgumentRule, argument: &Value) -> bool {
    let args = json!({ (&rule.argument): argument });
    PermissionRules::new(Permission::Ask, vec![rule.clone()]).decide(&args) == rule.permission
}

#[test]
fn a_host_is_the_whole_host_and_nothing_that_looks_like_it() {
    let rule = rule("url", Match::Host, "example.com");
    assert!(fits(&rule, &json!("https://EXAMPLE.com:8443/a?b")));
    for other in [
        "https://example.com.evil.org/",
        "https://evil.org/#example.com",
        "https://example.com\\@evil.org/",
        "https://example.com\t@evil.org/",
        "example.com",
        "",
        "http:///",
    ] {
        assert!(!fits(&rule, &json!(other)), "{other}");
    }
    assert!(!fits(&rule, &json!({ "url": "https://example.com" })));
    assert!(fits(&rule, &json!("https://user:password@example.com/")), "the host is what counts");
}

#[test]
fn tool_13_no_spelling_of_a_host_evades_a_rule_that_denies_it() {
    let deny = |value: &str| ArgumentRule { permission: Permission::Deny, ..rule("url", Match::Host, value) };
    for (denied, spellings) in [
        (
            "metadata.internal",
            &[
                "http://metadata.internal/",
                "http://metadata.internal./",
                "HTTP://METADATA.internal:80/",
                "http:metadata.internal",
                "\u{2003}http://metadata.internal/",
                "http://user:pass@metadata%2einternal/",
                "https:\\\\metadata.internal\\x",
                "metadata.internal/latest",
                "metadata.internal.:80",
                "//metadata.internal",
                "custom://Metadata.Internal./",
            ][..],
        ),
        (
            "169.254.169.254",
            &[
                "http://2852039166/",
                "http://0xa9.0376.169.254./",
                "http://[::ffff:a9fe:a9fe]/",
                "http://[64:ff9b::169.254.169.254]/",
                "169.254.169.254/latest",
            ],
        ),
        ("[::1]", &["http://[0:0::1]:8080/"]),
    ] {
        for written in [denied.to_owned(), denied.to_uppercase(), format!("{denied}.")] {
            if written.ends_with("].") {
                continue;
            }
            for spelling in spellings {
                assert!(fits(&deny(&written), &json!(spelling)), "{spelling} passes a rule against {written}");
            }
        }
        for other in
            ["http://example.com/", "http://metadata.internal.example.com/", "a question", "", "http://8.8.8.8/"]
        {
            assert!(!fits(&deny(denied), &json!(other)), "{other}");
        }
    }
    let allow = rule("url", Match::Host, "metadata.internal.");
    assert!(fits(&allow, &json!("http://METADATA.internal/")));
    assert!(!fits(&allow, &json!("metadata.internal/latest")), "what a tool makes of it is not certain");
}

#[test]
fn tool_14_no_spelling_of_a_url_evades_a_rule_that_denies_it() {
    for denied in ["https://example.com/secret/x", "HTTPS://Example.com.:443/secret/./x#part", "example.com/secret/x"] {
        for matches in [Match::Equals, Match::Prefix] {
            for spelling in [
                "https://example.com/secret/x",
                "https://example.com/secret/%78",
                "https://example.com/%73ecret/x#y",
                "https://example.com/secret/x?",
                "https://example.com/secret/x?z=1",
                "https://example.com:443/secret/x",
                "HTTPS://EXAMPLE.COM./secret/x",
                "https://example.com/./secret/a/../x",
                "https://example.com/a/%2e%2e/secret/x",
                "https://example.com/a/..%2fsecret/x",
                "https://example.com/a/..%252fsecret/x",
                "https://example.com//secret//x/",
                "https://example.com/secret;v=1/x",
                "https:\\\\example.com\\secret\\x",
                "https://user:pass@example.com/secret/x",
                " \u{a0}https://example.com/secret/x\n",
                "https://exa\tmple.com/secret/x",
                "https:example.com/secret/x",
                "http://example.com/secret/x",
            ] {
                let deny = denial(matches, denied);
                assert!(fits(&deny, &json!(spelling)), "{spelling:?} passes {deny:?}");
                assert!(fits(&deny, &json!([spelling])), "[{spelling:?}] passes {deny:?}");
                assert!(fits(&deny, &json!({ "href": ["x", spelling] })), "{{{spelling:?}}} passes {deny:?}");
            }
            for other in
                ["https://example.com/", "https://example.com:8443/secret/x", "https://example.org/secret/x", "a"]
            {
                assert!(!fits(&denial(matches, denied), &json!(other)), "{other}");
            }
        }
    }
    assert!(fits(&denial(Match::Equals, "https://example.com/secret"), &json!("example.com/secret")));
    assert!(fits(&denial(Match::Prefix, "http://"), &json!(" HTTP:example.com")));
    let query = denial(Match::Equals, "https://example.com/?a=1&b=x");
    assert!(fits(&query, &json!("https://example.com?b=%78&c=2&a=1")));
    assert!(!fits(&query, &json!("https://example.com/?a=1")));
    assert!(fits(&denial(Match::Prefix, "https://example.com/?q=sec"), &json!("https://example.com/?z&q=%73ecret")));
}

#[test]
fn tool_14_no_spelling_of_a_value_evades_a_rule_that_denies_it() {
    for (denied, spellings) in [
        ("1", &[json!(1), json!(1.0), json!("1"), json!(" 1.0 "), json!("1e0"), json!([1]), json!(["01"])][..]),
        ("-0", &[json!(0), json!(-0.0), json!("0.0")]),
        ("true", &[json!(true), json!("true\n"), json!([true])]),
        ("secret", &[json!("secret"), json!(" secret\t"), json!(["secret"]), json!({ "name": "secret" })]),
        (r#"["a"]"#, &[json!(["a"]), json!("a"), json!([" a "])]),
        (r#"{"a": 1, "b": ["x", 2]}"#, &[json!({ "b": ["x ", 2.0], "a": 1 }), json!({ "b": ["x", "2"], "a": "1" })]),
        (
            "/etc/passwd",
            &[json!("/etc//passwd"), json!("/etc/./passwd"), json!("/tmp/../etc/passwd"), json!("/../etc/passwd")],
        ),
    ] {
        for spelling in spellings {
            assert!(fits(&denial(Match::Equals, denied), spelling), "{spelling} passes a rule against {denied}");
        }
        for other in [json!("2"), json!(17), json!(["c", "b"]), json!({}), json!(""), json!(null), json!("x/y")] {
            assert!(!fits(&denial(Match::Equals, denied), &other), "{other} is not {denied}");
        }
    }
    let etc = denial(Match::Prefix, "/etc/");
    for path in ["/etc/passwd", "//etc/passwd", "/tmp/../etc/passwd", " /etc/passwd"] {
        assert!(fits(&etc, &json!(path)), "{path}");
    }
    for path in ["/home/etc/", "/etcetera", ""] {
        assert!(!fits(&etc, &json!(path)), "{path}");
    }
    for nothing in [".", "./", " "] {
        assert!(!fits(&denial(Match::Prefix, nothing), &json!("a")), "{nothing:?}");
    }
}

#[test]
fn tool_15_a_url_prefix_that_allows_ends_at_a_boundary() {
    let covers = |value: &str, url: &str| fits(&rule("url", Match::Prefix, value), &json!(url));
    for (value, url) in [
        ("https://good.example.com", "https://good.example.com"),
        ("https://good.example.com", "https://good.example.com/a?b#c"),
        ("https://good.example.com/docs", "https://good.example.com/docs"),
        ("https://good.example.com/docs", "https://good.example.com/docs/a"),
        ("https://good.example.com/docs", "https://good.example.com/docs?a"),
        ("https://good.example.com/docs/", "https://good.example.com/docs/%C3%A9"),
        ("https://good.example.com/?a=1", "https://good.example.com/?a=1&b=2"),
        ("https://good.example.com:8443/", "https://good.example.com:8443/a"),
    ] {
        assert!(covers(value, url), "{value} does not cover {url}");
    }
    for (value, url) in [
        ("https://good.example.com", "https://good.example.com.evil.com/"),
        ("https://good.example.com", "https://good.example.com@evil.com/"),
        ("https://good.example.com", "https://good.example.com:8443/"),
        ("https://good.example.com", "http://good.example.com/"),
        ("https://good.example.com", "https://good.example.com\\@evil.com/"),
        ("https://good.example.com", "https://good.example.com/a/../b"),
        ("https://good.example.com", "https://me@good.example.com/"),
        ("https://good.example.com", " https://good.example.com/"),
        ("https://good.example.com", "good.example.com"),
        ("https://good.example.com/docs", "https://good.example.com/docs2"),
        ("https://good.example.com/docs/", "https://good.example.com/docs"),
        ("https://good.example.com/docs/", "https://good.example.com/docs/../admin"),
        ("https://good.example.com/docs/", "https://good.example.com/docs/..%2fadmin"),
        ("https://good.example.com/docs/", "https://good.example.com/docs/%252e%252e%5cadmin"),
        ("https://good.example.com/docs/", "https://good.example.com/docs/..;/admin"),
        ("https://good.example.com/?a=1", "https://good.example.com/?a=12"),
        ("https://good.example.com@evil.com", "https://good.example.com@evil.com/"),
        ("https://", "https://evil.com/"),
        ("custom://good", "custom://good.evil/"),
    ] {
        assert!(!covers(value, url), "{value} covers {url}");
    }
    assert!(covers("/home/ada/", "/home/ada/notes") && !covers("/home/ada/", "/home/ada/../bob"), "a path");
    assert!(!fits(&rule("url", Match::Prefix, "https://good.example.com"), &json!(["https://good.example.com"])));
}

#[test]
fn tool_15_a_rule_that_allows_covers_nothing_but_its_value() {
    let covers = |value: &str, argument: Value| fits(&rule("a", Match::Equals, value), &argument);
    assert!(covers("3", json!(3)) && covers("3", json!("3")) && covers("a", json!("a")));
    assert!(covers(r#"{"a":1,"b":2}"#, json!({ "b": 2, "a": 1 })));
    for (value, argument) in [
        ("3", json!(3.0)),
        ("3", json!([3])),
        ("a", json!(" a")),
        ("a", json!(["a"])),
        ("http://intern.example/", json!("HTTP://intern.example/")),
        ("http://intern.example/", json!("http://x@intern.example/./")),
    ] {
        assert!(!covers(value, argument.clone()), "{value} covers {argument}");
    }
}

#[test]
fn tool_16_a_host_rule_takes_a_bare_host_only() {
    let fault = |value: &str| rule_fault(&rule("url", Match::Host, value));
    for host in
        ["example.com", "EXAMPLE.com.", "localhost", "bücher.example", "192.0.2.1", "::1", "[::1]", "a_b.example"]
    {
        assert_eq!(fault(host), None, "{host}");
    }
    for other in [
        "example.com:80",
        "http://example.com",
        "*.example.com",
        ".example.com",
        " example.com",
        "example.com ",
        "example.com/path",
        "me@example.com",
        "a..example",
        "[::1]:80",
        "*",
        ".",
        "?",
    ] {
        assert!(fault(other).is_some(), "{other:?}");
        // Such rules may have been stored before.
        let rules = vec![rule("url", Match::Host, other), denial(Match::Host, other)];
        let decided = PermissionRules::new(Permission::Ask, rules).decide(&json!({ "url": "https://example.com/" }));
        assert_eq!(decided, Permission::Ask, "{other:?}");
    }
    let stored = denial(Match::Host, "http://Example.com:80/path");
    assert!(fits(&stored, &json!("https://example.com/")), "a stored rule denies the host that it names");
    for prefix in ["https://", "https://good .com", "https://me@good.com", "https://good.com/#x"] {
        assert!(rule_fault(&rule("url", Match::Prefix, prefix)).is_some(), "{prefix}");
        assert!(rule_fault(&denial(Match::Prefix, prefix)).is_none(), "{prefix}");
    }
    assert_eq!(rule_fault(&rule("url", Match::Prefix, "https://good.com/a")), None);
    assert_eq!(rule_fault(&rule("note", Match::Prefix, "http is: a://b")), None);
}

#[test]
fn the_first_rule_that_fits_counts() {
    let deny = ArgumentRule { permission: Permission::Deny, ..rule("path", Match::Prefix, "/etc") };
    let rules = vec![deny, rule("path", Match::Prefix, "/"), rule("depth", Match::Equals, "3")];
    let rules = PermissionRules::new(Permission::Ask, rules);
    assert_eq!(rules.decide(&json!({ "path": "/etc/passwd" })), Permission::Deny);
    assert_eq!(rules.decide(&json!({ "path": "/home" })), Permission::Allow);
    assert_eq!(rules.decide(&json!({ "depth": 3 })), Permission::Allow);
    assert_eq!(rules.decide(&json!({ "depth": 4 })), Permission::Ask);
    assert_eq!(rules.decide(&json!({})), Permission::Ask);
    assert_eq!(rules.decide(&json!("text")), Permission::Ask);
}
