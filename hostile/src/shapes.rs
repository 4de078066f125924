//! Random text of a language: nested, repeated and mixed, with depth, length and fan-out as parameters.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// The pieces that texts of a language are made of.
pub(crate) struct Vocabulary {
    /// What opens and what closes.
    pub(crate) brackets: &'static [(&'static str, &'static str)],
    /// What stands alone.
    pub(crate) units: &'static [&'static str],
    /// What stands between two pieces.
    pub(crate) joints: &'static [&'static str],
}

/// Expressions of the calculator.
pub(crate) const EXPRESSION: Vocabulary = Vocabulary {
    brackets: &[
        ("(", ")"),
        ("sqrt(", ")"),
        ("(\\x.x ", ")"),
        ("abs ", ""),
        ("-", ""),
        ("", "!"),
        ("1/(", ")"),
        ("@debug ", ""),
    ],
    units: &[
        "1",
        "9",
        "0",
        "2",
        "1e9",
        "1e99999",
        "0x",
        "0xff",
        "pi",
        "i",
        "d6",
        "1000d1000",
        "km",
        "x",
        "today",
        "\"a\"",
        "\\y.y",
        "1.(3)",
        "½",
        "kg^2",
        "a = 2;",
        "%",
        "'",
        "to",
        "30 dp",
        "roll d20",
    ],
    joints: &["+", "^", "*", "**", "/", " ", " to ", " of ", " mod ", "<<", " permute ", ",", " -> ", "^-", " choose "],
};

/// CSV.
pub(crate) const CSV: Vocabulary = Vocabulary {
    brackets: &[("\"", "\""), ("\"\"", "\"\""), ("'", "'"), ("a,", "\n")],
    units: &["a", "1", "", "\"", "\r", "\n", "\u{feff}", "1e999", "-0", "名", "\0", "NULL", "=1+1"],
    joints: &[",", ";", "\n", "\r\n", "\t", ",,"],
};

/// JSON.
pub(crate) const JSON: Vocabulary = Vocabulary {
    brackets: &[("[", "]"), ("{\"a\":", "}"), ("[{\"a\":1},", "]"), ("{\"type\":\"ack\",\"seq\":", "}")],
    units: &[
        "1",
        "null",
        "\"a\"",
        "-1e308",
        "18446744073709551616",
        "\"\\ud800\"",
        "{}",
        "[]",
        "true",
        "\"\\u0000\"",
        "1e",
    ],
    joints: &[",", ",\"b\":", " ", ":", "\n"],
};

/// SQL of a SELECT.
pub(crate) const SQL: Vocabulary = Vocabulary {
    brackets: &[
        ("(", ")"),
        ("(SELECT ", ")"),
        ("SELECT ", " FROM t"),
        ("upper(", ")"),
        ("NOT ", ""),
        ("printf('%.*c', ", ", 'a')"),
    ],
    units: &[
        "1",
        "'a'",
        "NULL",
        "t.a",
        "randomblob(1000000000)",
        "zeroblob(1e9)",
        "count(*)",
        "x'00'",
        "1e999",
        "t",
        "?1",
    ],
    joints: &[",", "+", "||", " AND ", " UNION ALL SELECT ", " LIKE ", " IN ", ";", " JOIN ", " -- ", " GLOB "],
};

/// JavaScript.
pub(crate) const CODE: Vocabulary = Vocabulary {
    brackets: &[
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("(()=>", ")()"),
        ("new Array(1e8).fill(", ")"),
        ("`${", "}`"),
        ("for(;;){", "}"),
        ("/(", ")+$/.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaab')"),
    ],
    units: &[
        "1",
        "'a'",
        "a",
        "[...'aaaa']",
        "'x'.repeat(1e8)",
        "1n**99999n",
        "/(a+)+$/",
        "console.log('x'.repeat(1e6))",
        "await 1",
        "this",
        "JSON.parse('[')",
        "Symbol()",
    ],
    joints: &[",", "+", ";", "=>", "**", "?.", "\n", "=", "??", " in "],
};

/// A stream of server-sent events, as model servers send them.
pub(crate) const SSE: Vocabulary = Vocabulary {
    brackets: &[
        ("data: {\"choices\":[", "]}\n\n"),
        ("data: {\"choices\":[{\"delta\":{\"content\":\"", "\"}}]}\n\n"),
        ("[", "]"),
        ("{\"a\":", "}"),
        (
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"",
            "\"}}]}}]}\n\n",
        ),
    ],
    units: &[
        "data:",
        "data: [DONE]\n\n",
        ": a\n",
        "\r",
        "\n",
        "\n\n",
        "event: error\n",
        "id: \0\n",
        "retry: 1e9\n",
        "\u{feff}",
        "null",
        "\"finish_reason\":\"stop\"",
        "1e999",
        "\\ud800",
    ],
    joints: &["", "\n", "\r\n", "\n\n", ",", "data: "],
};

/// Markdown and HTML, as people and pages write them.
pub(crate) const MARKUP: Vocabulary = Vocabulary {
    brackets: &[
        ("[", "](a)"),
        ("<div>", "</div>"),
        ("<table><tr><td>", "</td></tr></table>"),
        ("> ", ""),
        ("* ", "\n"),
        ("**", "**"),
        ("`", "`"),
        ("<!--", "-->"),
        ("<svg><style>", "</style></svg>"),
    ],
    units: &["a", "![", "](", "&#x41;", "&amp", "<", "<!", "\\", "_", "~", "|", "\u{202e}", "<script>", "</"],
    joints: &["", " ", "\n", "\n\n", "\t", "|"],
};

/// Values of headers, cursors and query parameters.
pub(crate) const WORD: Vocabulary = Vocabulary {
    brackets: &[("\"", "\""), ("(", ")"), ("%", ""), ("Bearer ", ""), ("a=", ";"), ("eyJ", "")],
    units: &[
        "a",
        "0",
        "-1",
        "%00",
        "%ff",
        "..",
        "/",
        "AAAA",
        "=",
        "😀",
        "\u{202e}",
        "18446744073709551616",
        "null",
        "*",
    ],
    joints: &["", ",", ";", "&", "=", " ", "."],
};

/// Generates a text of at most `max` bytes.
pub(crate) fn shape(random: &mut Rng, of: &Vocabulary, max: usize) -> String {
    let mut text = String::new();
    grow(random, of, &mut text, max, 4);
    // Half of a text is another kind of bad text.
    if random.u8(0..8) == 0 {
        let cut = random.usize(0..=text.len());
        text.truncate(text.floor_char_boundary(cut));
    }
    text.truncate(text.floor_char_boundary(max));
    text
}

/// Appends one nest, one repetition, or a mixture of several.
fn grow(random: &mut Rng, of: &Vocabulary, text: &mut String, max: usize, fan_out: usize) {
    if text.len() >= max {
        return;
    }
    match random.u8(0..4) {
        0 => nest(random, of, text, max, fan_out),
        1 => repeat(random, of, text, max),
        2 if fan_out > 0 => {
            for _ in 0..random.usize(1..=fan_out) {
                grow(random, of, text, max, fan_out - 1);
                text.push_str(one(random, of.joints));
            }
        }
        _ => text.push_str(one(random, of.units)),
    }
}

/// Appends brackets of a random depth around something.
fn nest(random: &mut Rng, of: &Vocabulary, text: &mut String, max: usize, fan_out: usize) {
    let (open, close) = of.brackets[random.usize(0..of.brackets.len())];
    let most = (max - text.len()) / (open.len() + close.len()).max(1);
    let depth = magnitude(random, most);
    text.push_str(&open.repeat(depth));
    grow(random, of, text, max, fan_out.saturating_sub(1));
    // Some are never closed.
    if random.u8(0..6) > 0 {
        text.push_str(&close.repeat(depth));
    }
}

/// Appends one piece many times.
fn repeat(random: &mut Rng, of: &Vocabulary, text: &mut String, max: usize) {
    let piece = format!("{}{}", one(random, of.units), one(random, of.joints));
    let count = magnitude(random, (max - text.len()) / piece.len().max(1));
    text.push_str(&piece.repeat(count));
}

/// A number up to `most`: often `most` itself, else each order of magnitude is as likely as the others.
pub(crate) fn magnitude(random: &mut Rng, most: usize) -> usize {
    if random.u8(0..5) == 0 {
        return most;
    }
    let bits = usize::BITS - most.leading_zeros();
    let limit = 1_usize << random.u32(0..=bits);
    random.usize(0..=limit.min(most))
}

fn one(random: &mut Rng, from: &'static [&'static str]) -> &'static str {
    random.choice(from).copied().unwrap_or_default()
}

/// Generates a JSON Schema: chains of references, combinations, patterns and nested properties.
pub(crate) fn schema(random: &mut Rng) -> Value {
    let count = 1 + magnitude(random, 60);
    let mut defs = Map::new();
    for number in 0..count {
        defs.insert(format!("d{number}"), subschema(random, count, 3));
    }
    json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/d0" }, "y": subschema(random, count, 3) }, "$defs": defs })
}

/// Patterns that are slow, large, or none.
const PATTERNS: [&str; 5] = ["^(a+)+$", "(a{50}){50}", "(?=a)b", "[", "(a|a)*b"];

fn subschema(random: &mut Rng, count: usize, depth: usize) -> Value {
    let reference = |random: &mut Rng| json!({ "$ref": format!("#/$defs/d{}", random.usize(0..count)) });
    if depth == 0 {
        return reference(random);
    }
    let several = |random: &mut Rng| -> Vec<Value> {
        (0..=magnitude(random, 5)).map(|_| subschema(random, count, depth - 1)).collect()
    };
    match random.u8(0..10) {
        0 => json!({ "anyOf": several(random) }),
        1 => json!({ "allOf": several(random) }),
        2 => json!({ "oneOf": several(random) }),
        3 => json!({ "type": "object", "additionalProperties": subschema(random, count, depth - 1) }),
        4 => json!({ "type": "array", "items": subschema(random, count, depth - 1), "uniqueItems": true }),
        5 => json!({ "properties": { "n": subschema(random, count, depth - 1), "x": reference(random) } }),
        6 => json!({ "type": "string", "pattern": one(random, &PATTERNS) }),
        7 => json!({ "not": subschema(random, count, depth - 1) }),
        8 => json!({ "enum": [1, "a", null] }),
        _ => reference(random),
    }
}

/// Generates a JSON value of a random depth and width.
pub(crate) fn value(random: &mut Rng, depth: usize) -> Value {
    let width = magnitude(random, 8);
    match random.u8(0..6) {
        0 if depth > 0 => (0..width).map(|_| value(random, depth - 1)).collect(),
        1 | 2 if depth > 0 => {
            let names = ["n", "x", "a", "type", "y"];
            let fields = (0..width).map(|_| (names[random.usize(0..5)].to_owned(), value(random, depth - 1)));
            Value::Object(fields.collect())
        }
        3 => json!("a".repeat(magnitude(random, 2_000))),
        4 => json!(random.i64(..)),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_keep_to_their_size_and_to_their_seed() {
        for seed in 0..300 {
            for of in [&EXPRESSION, &CSV, &JSON, &SQL, &CODE, &SSE, &MARKUP, &WORD] {
                let make = || shape(&mut Rng::with_seed(seed), of, 4000);
                assert!(make().len() <= 4000);
                assert_eq!(make(), make());
            }
        }
    }

    #[test]
    fn some_shapes_are_deep_and_some_are_long() {
        let shapes: Vec<_> = (0..300).map(|seed| shape(&mut Rng::with_seed(seed), &EXPRESSION, 4000)).collect();
        assert!(shapes.iter().any(|text| text.matches('(').count() > 1000));
        assert!(shapes.iter().filter(|text| text.len() > 3000).count() > 10);
    }
}
