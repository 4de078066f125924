//! Nested and repeated input for every parser behind the sandbox, through the real process: expressions, tables, pages and code.
//!
//! Whatever the input, the call ends in time, with a result or with an error of its job. `WEIR_HOSTILE_SECONDS` says how long
//! each generator runs; without it, a few cases run.

use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    sync::{Arc, Mutex, Once},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use axum::{Router, response::Html, routing::get};
use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;
use weir_protocol::{ToolCallId, UserId};
use weir_tools::{
    Call, Callable, Outside, Sandbox, ToolError,
    builtin::{self, Found, History, Surroundings},
};

/// Cases of a generator in the test command.
const CASES: usize = 12;
/// How long one case may take.
const TIME: Duration = Duration::from_secs(2);
/// How much longer its answer may take: this machine may have other work.
const GRACE: Duration = Duration::from_secs(20);
/// What may become of hostile input.
const CODES: [&str; 10] = [
    "code_failed",
    "invalid_expression",
    "invalid_sql",
    "invalid_table",
    "out_of_memory",
    "output_too_large",
    "sandbox_failed",
    "too_long",
    "unreadable_page",
    "unsupported_content_type",
];

struct NoHistory;

#[async_trait]
impl History for NoHistory {
    async fn search(&self, _: &Call, _: &str, _: u32) -> Result<Vec<Found>, ToolError> {
        Ok(Vec::new())
    }
}

fn tool(name: &str, outside: Outside) -> Arc<dyn Callable> {
    // Another binary, for longer runs against a release.
    let weir = env::var_os("WEIR_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_weir").into(), Into::into);
    let sandbox = Sandbox::new(weir, TIME);
    let tools = builtin::all(Surroundings { history: Arc::new(NoHistory), outside, sandbox });
    tools.into_iter().find(|tool| tool.spec().name == name).unwrap()
}

/// Runs cases until their number or the time is reached, and prints one line on what became of them.
async fn play<T: std::fmt::Debug>(
    name: &str,
    strategy: impl Strategy<Value = T>,
    allowed: &[&str],
    mut case: impl AsyncFnMut(T) -> Result<Value, ToolError>,
) {
    let seconds = env::var("WEIR_HOSTILE_SECONDS").ok().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let mut runner = TestRunner::default();
    let (start, mut slowest, mut outcomes) = (Instant::now(), Duration::ZERO, BTreeMap::<&str, usize>::new());
    let mut cases = 0;
    while seconds.map_or(cases < CASES, |seconds| start.elapsed() < seconds) {
        let input = strategy.new_tree(&mut runner).unwrap().current();
        let shown: String = format!("{input:?}").chars().take(400).collect();
        let begun = Instant::now();
        let outcome = case(input).await.map_or_else(|error| error.code, |_| "done");
        slowest = slowest.max(begun.elapsed());
        assert!(outcome == "done" || (CODES.contains(&outcome) && allowed.contains(&outcome)), "{outcome}: {shown}");
        assert!(begun.elapsed() < TIME + GRACE, "{:?}: {shown}", begun.elapsed());
        *outcomes.entry(outcome).or_default() += 1;
        cases += 1;
    }
    println!("{name}: {cases} cases in {:.0?}, slowest {slowest:.1?}, {outcomes:?}", start.elapsed());
}

async fn call(tool: &Arc<dyn Callable>, args: Value) -> Result<Value, ToolError> {
    let (call, mut reports) = Call::new(ToolCallId(Uuid::nil()), UserId(Uuid::nil()));
    let reading = tokio::spawn(async move { while reports.recv().await.is_some() {} });
    let output = tool.call(args, &call).await;
    reading.abort();
    output
}

/// `open` and `close` around `middle`, so many times.
fn nested(open: &str, middle: &str, close: &str, depth: usize) -> String {
    format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
}

/// At most so many bytes of a text.
fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// A number from small to `largest`, small ones as often as large ones.
fn size(largest: usize) -> impl Strategy<Value = usize> + Clone {
    let largest = f64::from(u32::try_from(largest).unwrap());
    (0.0..largest.ln()).prop_map(|exponent| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number below a u32")]
        let size = exponent.exp() as usize;
        size
    })
}

fn expressions() -> impl Strategy<Value = String> {
    let atoms = || {
        select(vec![
            "1",
            "2.5",
            "0xff",
            "1e9",
            "3 kg",
            "pi",
            "i",
            "100d100",
            "7!",
            "(1/3)",
            "x",
            "1 ft 2 in",
            "'a'",
            "@2020-02-29",
            "10^50",
            "half",
            "1000000000000000000000",
        ])
    };
    let around = select(vec![
        ("(", ")"),
        ("sqrt(", ")"),
        ("sin ", ""),
        ("-", ""),
        ("+", ""),
        ("/", ""),
        ("\\x.", ""),
        ("x:", ""),
        ("x => ", ""),
        ("x = ", ""),
        ("light ", ""),
        ("a of ", ""),
        ("(1+", ")"),
        ("(2^", ")"),
        ("1/(1+", ")"),
        ("(x: x)(", ")"),
        ("", "!"),
        ("", "%"),
        ("", " to m"),
        ("", "²"),
    ]);
    let between = select(vec![
        "^", "**", "+", "-", "*", "/", " ", " mod ", " to ", " as ", " of ", " per ", " choose ", " nPr ", "<<", ">>",
        "&", "|", " xor ", "==", ";", ":", "=>", "=", ",", "d",
    ]);
    let wrapped =
        (around, atoms(), size(4000)).prop_map(|((open, close), atom, depth)| nested(open, atom, close, depth));
    let chained = (atoms(), between.clone(), atoms(), size(2000))
        .prop_map(|(first, operator, next, length)| format!("{first}{}", format!("{operator}{next}").repeat(length)));
    let mixed = vec((wrapped.clone(), between), 1..6)
        .prop_map(|parts| parts.into_iter().map(|(part, operator)| cut(part, 600) + operator).collect());
    prop_oneof![wrapped, chained, mixed].prop_map(|text: String| cut(text, 4000))
}

fn tables() -> impl Strategy<Value = (String, Value)> {
    let csv = (
        size(9000),
        size(9000),
        size(50),
        select(vec![",", ";", "\t", "|"]),
        select(vec!["1", "", "\"a\"\"b\"", "é", "\""]),
    )
        .prop_map(|(columns, rows, cells, delimiter, cell)| {
            let row = format!("{}\n", vec![cell; cells].join(delimiter));
            json!(cut(format!("{}\n{}", delimiter.repeat(columns), row.repeat(rows)), 2_000_000))
        });
    let objects = (size(3000), size(60)).prop_map(|(rows, fan_out)| {
        let row = |row| (0..fan_out).map(|field| (format!("k{}", row * field), json!(field))).collect();
        Value::Array((0..rows).map(row).map(Value::Object).collect())
    });
    let deep = (size(200_000), select(vec![("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]"), ("[[1],", "]")]))
        .prop_map(|(depth, (open, close))| json!(cut(nested(open, "1", close, depth), 2_000_000)));
    let long = (size(300_000), select(vec!["{}", "[]", "{\"\":0}", "[\"a\"]", "\"x\"", "1e999"]))
        .prop_map(|(length, row)| json!(cut(format!("[{}{row}]", format!("{row},").repeat(length)), 2_000_000)));
    let several = size(300).prop_map(|tables| {
        Value::Object((0..tables).map(|table| (format!("t{table}"), json!("a,b\n1,2\n"))).collect())
    });
    (queries(), prop_oneof![csv, objects, deep, long, several])
}

fn queries() -> impl Strategy<Value = String> {
    let numbers = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)";
    let sources = select(vec![
        "SELECT * FROM t".to_owned(),
        "SELECT count(*) FROM t AS a, t AS b, t AS c, t AS d".to_owned(),
        format!("{numbers} SELECT json_group_array(n) FROM c"),
        format!("{numbers} SELECT group_concat(n, printf('%.*c', 100000, ',')) FROM c"),
        format!("{numbers} SELECT DISTINCT n || zeroblob(100000) FROM c ORDER BY 1"),
        "SELECT printf('%.*c', 3000000, 'a') GLOB '*a*a*a*a*a*a*a*a*b'".to_owned(),
        "SELECT key FROM json_tree((SELECT json_group_array(json_array(1, 2, 3)) FROM t))".to_owned(),
    ]);
    let deep = (
        size(6000),
        select(vec![("(", "1", ")"), ("(SELECT ", "1", ")"), ("-", "1", ""), ("abs(", "1", ")"), ("NOT ", "1", "")]),
    )
        .prop_map(|(depth, (open, middle, close))| format!("SELECT {}", nested(open, middle, close, depth)));
    let long = (size(4000), select(vec![" UNION ALL SELECT 1", "+1", "||'a'", ", 1", " AND 1", " JOIN t"]))
        .prop_map(|(length, part)| format!("SELECT 1{}", part.repeat(length)));
    prop_oneof![sources, deep, long].prop_map(|sql: String| cut(sql, 20_000))
}

fn pages() -> impl Strategy<Value = String> {
    let tags = || {
        select(vec![
            "div",
            "p",
            "b",
            "i",
            "a",
            "table",
            "tr",
            "td",
            "ul",
            "li",
            "ol",
            "blockquote",
            "svg",
            "math",
            "template",
            "select",
            "option",
            "form",
            "button",
            "font",
            "nobr",
            "pre",
            "main",
            "article",
            "h1",
            "frameset",
            "noscript",
            "span",
        ])
    };
    let deep = (tags(), size(400_000), any::<bool>()).prop_map(|(tag, depth, closed)| {
        let close = if closed { format!("</{tag}>") } else { String::new() };
        nested(&format!("<{tag}>"), "x", &close, depth)
    });
    // Formatting elements that are never closed are rebuilt in each paragraph.
    let rebuilt = (vec(tags(), 1..8), size(20_000)).prop_map(|(tags, length)| {
        tags.iter().fold(String::new(), |html, tag| format!("{html}<{tag}>")).repeat(length)
    });
    let attributes = size(100_000).prop_map(|length| {
        format!("<a {}>x</a>", (0..length).fold(String::new(), |list, number| list + &format!("a{number}=1 ")))
    });
    let repeated = (
        size(300_000),
        select(vec![
            "&amp;",
            "&#x1f30a;",
            "<!--",
            "<![CDATA[",
            "</b>",
            "<a href=//x>y</a>",
            "<img alt=x src=/a>",
            "\0",
            "<td>1",
            "<br>",
            "<li>x",
            "<title>t",
            "<pre>\n",
            "*_`[",
            "<base href=http://x/>",
            "<plaintext>",
        ]),
    )
        .prop_map(|(length, part)| part.repeat(length));
    prop_oneof![deep, rebuilt, attributes, repeated].prop_map(|html: String| cut(html, 2_000_000))
}

fn scripts() -> impl Strategy<Value = String> {
    let around = select(vec![
        ("[", "1", "]"),
        ("(", "1", ")"),
        ("{", "1", "}"),
        ("({a:", "1", "})"),
        ("(() => ", "1", ")()"),
        ("!", "1", ""),
        ("-", "1", ""),
        ("`${", "1", "}`"),
        ("if(1)", "1", ""),
        ("new ", "x", ""),
        ("a?b:", "1", ""),
        ("async()=>", "1", ""),
        ("/(", "a", ")/"),
        ("function f(){", "1", "}"),
        ("1**", "2", ""),
        ("typeof ", "1", ""),
    ]);
    let deep = (around, size(60_000)).prop_map(|((open, middle, close), depth)| nested(open, middle, close, depth));
    let long = (
        select(vec!["+1", ",1", ";let a=1", "||0", ".b", "?.[0]", "()", "/*", "\\u0061", "case 1:", "`"]),
        size(60_000),
    )
        .prop_map(|(part, length)| format!("a = 1{}", part.repeat(length)));
    let large = (
        size(100_000_000),
        select(vec![
            "'x'.repeat(N)",
            "new Array(N).fill('x').join('y')",
            "Array.from({ length: N }, (_, i) => ({ i }))",
            "2n ** BigInt(N)",
            "let a = []; for (let i = 0; i < N; i++) a = [a]; a",
            "JSON.stringify(new Array(N))",
            "let s = 'x'; while (s.length < N) s += s; s.split('')",
            "/(a+)+b/.test('a'.repeat(N % 100))",
            "let o = {}; for (let i = 0; i < N; i++) o['k' + i] = i; o",
            "const f = n => n && f(n - 1); f(N)",
            "new Uint8Array(N)",
            "for (let i = 0; i < N; i++) console.log(i)",
            "String.fromCharCode(...new Array(N % 70000).fill(65))",
            "[...Array(N % 1000)].reduce(a => [a, a], 1)",
            "structuredClone",
            "let p = new Proxy({}, { get: (t, k, r) => r[k] }); p.a",
            "Promise.all(Array.from({ length: N % 100000 }, async () => 1))",
            "'a'.padEnd(N).replace(/a*/g, 'b$&')",
            "eval('('.repeat(N % 100000))",
            "new Function('return ' + '['.repeat(N % 100000))()",
        ]),
    )
        .prop_map(|(size, code)| code.replace('N', &size.to_string()));
    prop_oneof![deep, long, large].prop_map(|code: String| cut(code, 200_000))
}

#[tokio::test]
async fn iso_7_any_expression_ends() {
    let tool = tool("calculate", Outside::default());
    // The check of depth and the stack are enough for every expression: no process dies.
    let allowed = ["invalid_expression", "output_too_large", "too_long"];
    play("expressions", expressions(), &allowed, async |expression| {
        call(&tool, json!({ "expression": expression })).await
    })
    .await;
}

#[tokio::test]
async fn iso_7_any_table_ends() {
    let tool = tool("query_table", Outside::default());
    let allowed = ["invalid_sql", "invalid_table", "out_of_memory", "too_long"];
    play("tables", tables(), &allowed, async |(sql, table)| call(&tool, json!({ "sql": sql, "table": table })).await)
        .await;
}

#[tokio::test]
async fn iso_7_any_page_ends() {
    static CRYPTO: Once = Once::new();
    CRYPTO.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let page = Arc::new(Mutex::new(String::new()));
    let served = page.clone();
    let routes = Router::new().route("/", get(async move || Html(served.lock().unwrap().clone())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let tool = tool("fetch_page", Outside::with_exceptions(&[addr]));
    let allowed = ["out_of_memory", "sandbox_failed", "too_long", "unreadable_page", "unsupported_content_type"];
    play("pages", pages(), &allowed, async |html| {
        *page.lock().unwrap() = html;
        call(&tool, json!({ "url": format!("http://{addr}/") })).await
    })
    .await;
}

#[tokio::test]
async fn iso_7_any_code_ends() {
    let tool = tool("run_code", Outside::default());
    let allowed = ["code_failed", "out_of_memory", "output_too_large", "too_long"];
    play("code", scripts(), &allowed, async |code| call(&tool, json!({ "code": code })).await).await;
}
