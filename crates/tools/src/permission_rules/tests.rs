use std::net::Ipv6Addr;

use proptest::prelude::*;
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
    assert!(!fits(&rule, &json!("https://user:password@example.com/")), "some readers end the host at the colon");
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

/// Spellings of a host that a reader may take for it: alone, in URLs, in prose and encoded.
fn spellings_of_host(host: &str, other: &str) -> Vec<String> {
    let bare = host.trim_matches(['[', ']']);
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
    let mut found = vec![bare.to_owned(), encode(bare), encode(&encode(bare))];
    for form in [
        "§",
        "§:80",
        "§/x",
        "//§",
        "\\\\§\\share",
        "http://§",
        "http:\\\\§",
        "https:§",
        "ftp://§",
        "javascript://§/%0a",
        "file://§/x",
        "http://u:p@§/",
        "http://¤\\@§",
        "http://¤#@§/",
        "http://¤/\\@§",
        "http://§\\@¤",
        "http://¤?@§",
        "<http://§>",
        "\"http://§\"",
        "(http://§)",
        "[x](http://§)",
        "see §.",
        "see http://§/ now",
        "git@§:repo",
        "mailto:x@§",
        "view-source:http://§",
        "http://¤,http://§",
        "http://¤/?u=http://§",
        "http://¤/\r\nHost: §",
        "http://§\0.¤",
        "\u{feff}http://§",
        "\u{3000}http://§/",
        "ht\ntp://§",
        "http://§;x",
        "http://§&x",
        "http://§|x",
        "http:@§",
        "http://@@§",
        "/\\§",
        "[\"http://§\"]",
        "{\"a\":\"§\"}",
    ] {
        for written in [host, &host.to_uppercase()] {
            found.push(form.replace('§', written).replace('¤', other));
        }
        found.push(encode(&form.replace('§', host).replace('¤', other)));
    }
    if !host.starts_with('[') {
        let full_width = |letter: char| match letter {
            '!'..='~' => char::from_u32(u32::from(letter) + 0xfee0).unwrap(),
            letter => letter,
        };
        found.push(format!("http://{}", host.chars().map(full_width).collect::<String>()));
        found.push(format!("http://{host}./"));
        found.push(format!("http://{}", host.split_at(1).0.to_owned() + "\u{200b}" + host.split_at(1).1));
    }
    found
}

/// Places for a text in an argument.
fn places(text: &str) -> Vec<Value> {
    vec![json!(text), json!([text]), json!({ "a": [text] }), json!({ (text): 1 }), json!([{ "a": { (text): null } }])]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn tool_20_a_rule_that_denies_a_host_covers_every_reading(
        name in "[a-z]{2,9}(-[a-z]{1,3})?\\.(com|example|org)",
        v4 in any::<[u8; 4]>(),
        v6 in any::<[u16; 3]>(),
        kind in 0..3_usize,
    ) {
        let other = "good.test";
        let address = Ipv6Addr::new(0x2001, 0xdb8, v6[0], 0, 0, v6[1], 0, v6[2]);
        let host = [name, v4.map(|byte| byte.to_string()).join("."), format!("[{address}]")][kind].clone();
        let deny = denial(Match::Host, &host);
        for (index, spelling) in spellings_of_host(&host, other).iter().enumerate() {
            for argument in places(spelling).into_iter().skip(index % 4).step_by(4) {
                prop_assert!(fits(&deny, &argument), "{} passes a rule against {}", argument, host);
            }
        }
        let allow = rule("a", Match::Host, &host);
        let wanted = CanonicalHost::parse(&host).unwrap();
        for spelling in spellings_of_host(other, &host).into_iter().chain(spellings_of_host(&host, other)) {
            for argument in places(&spelling) {
                let is_url = Url::parse(&spelling).is_ok_and(|url| is_web(&url) && CanonicalHost::of(&url).as_ref() == Some(&wanted));
                let may_cover = is_url && argument.is_string() && !spelling.contains(['@', '\\', ' ', '\n', ',', ';']);
                prop_assert!(may_cover || !fits(&allow, &argument), "{} is allowed for {}", argument, host);
            }
        }
    }

    #[test]
    fn tool_20_a_rule_that_denies_a_path_covers_every_reading(segments in prop::collection::vec("[a-z]{1,6}", 1..4), junk in "[a-z]{1,4}") {
        let path = format!("/{}", segments.join("/"));
        let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        let forms = [
            path.clone(), format!("{path}/"), format!("{path}/."), format!("{path}/{junk}/.."), path.replace('/', "//"),
            path.replace('/', "/./"), path.replace('/', "\\"), format!("/{junk}/..{path}"), format!("../..{path}"),
            format!("file://{path}"), format!("file:{path}"), format!("FILE://localhost{path}"), encode(&path), encode(&encode(&path)),
            format!("/{junk}/..%2f{}", &path[1..]), format!("\"{path}\""), format!("'{path}'"), format!("<{path}>"), format!(" {path}\n"),
            format!("{path}\0"), format!("{path}\0.txt"), format!("/{junk}\n{path}"), format!("/{junk}:{path}"), path.to_uppercase(),
            format!("[\"{path}\"]"), format!("{{\"{path}\":1}}"), path.replace('/', "\u{ff0f}"), format!("\u{feff}{path}"),
            format!("view-source:file://{path}"), format!("cat {path}; ls"), format!("cat {path};ls"), format!("See {path}."),
            format!("[{path}]!"), format!("\u{201c}{path}\u{201d}\u{2026}"), format!("{path}: no"), format!("cat {path}&"),
        ];
        for form in &forms {
            for value in [path.clone(), format!("{path}/")] {
                for argument in places(form) {
                    for matches in [Match::Equals, Match::Prefix] {
                        let deny = denial(matches, &value);
                        prop_assert!(fits(&deny, &argument), "{} passes {:?}", argument, deny);
                    }
                }
            }
            let below = format!("{form}/{junk}");
            if form.starts_with('/') && !form.contains(['\0', '\n', ':']) {
                prop_assert!(fits(&denial(Match::Prefix, &format!("{path}/")), &json!(below)), "{}", below);
            }
        }
        let (sibling, allow) = (format!("{path}x"), rule("a", Match::Prefix, &path));
        let deny = denial(Match::Prefix, &format!("{path}/"));
        prop_assert!(!fits(&deny, &json!(sibling)));
        let below = json!(format!("{path}/{junk}"));
        prop_assert!(!fits(&allow, &json!(sibling)) && fits(&allow, &below));
        for rest in ["/../x", "/%2e%2e/x", "/%252e%252e/x", "/..\\x", "/a:/etc", "/a\n/etc", "/a /etc", "/.\0./x", "/a;/etc", "\u{200b}"] {
            prop_assert!(!fits(&allow, &json!(format!("{path}{rest}"))), "{}{}", path, rest);
        }
    }
}

#[test]
fn tool_20_an_address_is_denied_however_it_is_written() {
    for (denied, spellings) in [
        ("::1", &["::1", "[::1]", "[::1]:80", "0:0::1", "::1%lo", "http://[::1%25lo]/", "tcp://[::1]:1"][..]),
        ("2001:db8::1", &["2001:db8::1", "2001:DB8:0::1", "2001:db8::1:80", "ping6 2001:db8::1."]),
        ("fe80::1", &["fe80::1%eth0", "[fe80::1%25eth0]:22"]),
        (
            "127.0.0.1",
            &[
                "::ffff:127.0.0.1",
                "[::ffff:127.0.0.1]",
                "::ffff:7f00:1",
                "::127.0.0.1",
                "http://[::ffff:127.0.0.1%25lo]",
                "2002:7f00:1::",
                "64:ff9b:1::7f00:1",
                "::ffff:0:127.0.0.1",
                "64:ff9b::127.0.0.1",
                "2130706433",
                "0x7f.1",
                "127\u{3002}0.0.1",
            ],
        ),
    ] {
        for spelling in spellings {
            assert!(fits(&denial(Match::Host, denied), &json!(spelling)), "{spelling} passes a rule against {denied}");
        }
    }
    for other in ["2001:db8::1", "::2", "10:20:30", "::"] {
        assert!(!fits(&denial(Match::Host, "::1"), &json!(other)), "{other}");
    }
    assert!(fits(&denial(Match::Host, "127.0.0.1"), &json!(2_130_706_433_u32)));
}

#[test]
fn tool_20_a_rule_that_denies_covers_a_url_within_a_text() {
    let deny = denial(Match::Prefix, "https://evil.com/admin");
    for spelling in [
        "<https://evil.com/admin>",
        "see https://evil.com/admin/x.",
        "[x](https://evil.com/admin)",
        "https://good.com/?u=https://evil.com/admin",
        "view-source:https://evil.com/admin",
        "http://good.com\\@evil.com/admin",
        "https://good.com/#@evil.com/admin",
        "https%3A%2F%2Fevil.com%2Fadmin",
        "https://evil.com/a%00dmin",
        "https://evil.com/admi%EF%BD%8E",
        "https://evil.com/ADMIN",
        "https://evil.com/.%00./admin",
        "https://evil.com/%E2%80%8Badmin",
        "wss://evil.com/admin",
        "[https://evil.com/admin]",
        "See \u{201c}https://evil.com/admin\u{201d}!",
        "curl https://evil.com/admin&",
    ] {
        assert!(fits(&deny, &json!(spelling)), "{spelling}");
    }
    for other in ["https://evil.com/", "https://good.com/admin", "admin", "https://evil.com:8443/admin"] {
        assert!(!fits(&deny, &json!(other)), "{other}");
    }
    let query = denial(Match::Equals, "https://evil.com/a?x=1");
    for spelling in ["?X=1", "?x=1;y=2", "?y;x=1", "?x=+1", "?x=1%20", "?x[]=1", "?x=01", "??x=1"] {
        assert!(fits(&query, &json!(format!("https://evil.com/a{spelling}"))), "{spelling}");
    }
    assert!(!fits(&denial(Match::Equals, "1"), &json!("a.b?x=1")), "a part is no number");
}

#[test]
fn tool_20_a_path_with_spaces_or_a_drive_is_denied_within_a_text() {
    assert!(fits(&denial(Match::Equals, "/srv/my secret"), &json!("cat \"/srv/my secret\"")));
    assert!(fits(&denial(Match::Equals, "C:\\secret\\a.txt"), &json!("file:///C:/secret/a.txt")));
}

#[test]
fn tool_21_another_argument_with_a_url_of_another_server_stops_a_rule_that_allows() {
    for other in
        ["https://a.b/", "https:/a.b", "https:a.b", "https%3A%2F%2Fa.b", "https%253A%252F%252Fa.b", "//a.b", "\\\\a.b"]
    {
        assert!(has_other_url(other, &CanonicalHost::Name("good.com".to_owned())), "{other}");
    }
    for same in ["https://good.com/x", "https:good.com", "plain text: http is a protocol", "a/b"] {
        assert!(!has_other_url(same, &CanonicalHost::Name("good.com".to_owned())), "{same}");
    }
}

#[test]
fn tool_21_a_rule_that_allows_a_server_covers_it_only() {
    let host = rule("url", Match::Host, "good.com");
    for url in [
        "https://good.com",
        "http://good.com:8080/x",
        "ws://GOOD.com/",
        "wss://good.com.?x",
        "https://good.com/?u=http://a.b",
    ] {
        assert!(fits(&host, &json!(url)), "{url}");
    }
    for url in [
        "file://good.com/etc/passwd",
        "javascript://good.com/%0aalert(1)",
        "ftp://good.com/",
        "data://good.com/,x",
        "gopher://good.com/",
        "blob:https://good.com/x",
        "view-source:https://good.com",
        "https://evil.com:80@good.com",
        "https://evil.com%5c@good.com",
        "https://evil.com\u{ff3c}@good.com",
        "https://good\u{3002}com/",
        "https://good.com..",
        "https:///good.com/",
        "https:good.com",
        "https:/good.com",
        "https://go\u{ad}od.com/",
        "https://good.com/ https://evil.com",
        "https://good%2ecom",
        "https://@good.com/",
    ] {
        assert!(!fits(&host, &json!(url)), "{url}");
    }
    let address = rule("url", Match::Host, "127.0.0.1");
    assert!(fits(&address, &json!("http://127.0.0.1:9/")) && fits(&address, &json!("http://[::ffff:127.0.0.1]/")));
    for url in ["http://2130706433/", "http://127.1/", "http://0177.0.0.1/"] {
        assert!(!fits(&address, &json!(url)), "{url}");
    }
    let below = rule("url", Match::Prefix, "https://good.com/docs/");
    for url in ["https://good.com/docs/%c0%ae%c0%ae/x", "https://good.com/docs/%00"] {
        assert!(!fits(&below, &json!(url)), "{url}");
    }
}

#[test]
fn tool_21_another_server_in_the_arguments_is_not_allowed_with_it() {
    let proxy = rule("proxy", Match::Host, "proxy.com");
    for allow in [rule("url", Match::Host, "good.com"), rule("url", Match::Prefix, "https://good.com/")] {
        let decide = |rules: &[&ArgumentRule], args: &Value| {
            PermissionRules::new(Permission::Ask, rules.iter().map(|rule| (*rule).clone()).collect()).decide(args)
        };
        for other in [
            json!("http://evil.com:80"),
            json!(["//evil.com"]),
            json!({ "http://evil.com": 1 }),
            json!("see \\\\evil.com"),
        ] {
            let args = json!({ "url": "https://good.com/", "proxy": other });
            assert_eq!(decide(&[&allow, &proxy], &args), Permission::Ask, "{args}");
        }
        for other in [json!("http://proxy.com:80"), json!("https://good.com/b"), json!(3), json!("a text")] {
            let args = json!({ "url": "https://good.com/", "proxy": other });
            assert_eq!(decide(&[&allow, &proxy], &args), Permission::Allow, "{args}");
        }
        let args = json!({ "url": "https://good.com/", "http://evil.com": true });
        assert_eq!(decide(&[&allow], &args), Permission::Ask, "{args}");
    }
}

#[test]
fn tool_20_the_parts_of_a_text_grow_with_its_length() {
    for part in ["://", "a://", "@", "=", ":/", ";", "%25", "::1 ", "[", "\"", "a.b/", "\\", "\u{200b}", "=/", "<"] {
        let sizes = [1_000, 4_000].map(|length| crate::reading::size_of_readings(&part.repeat(length)));
        assert!(sizes[1] <= sizes[0] * 5, "{part}: {sizes:?}");
        let text = json!(part.repeat(4_000));
        for matches in [Match::Host, Match::Prefix, Match::Equals] {
            assert!(!fits(&denial(matches, "evil.example"), &text), "{part}");
        }
    }
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
