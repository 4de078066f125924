//! Schemas that multiply, and a generator that holds the count of steps against the validator.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use jsonschema::Keyword;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, json};

use super::*;

/// `$defs` d0 … dN, each `anyOf` of the next one twice: 2^N evaluations of a value that fits none of them.
fn doubling(levels: usize) -> Value {
    chain(levels, |next| json!({ "anyOf": [{ "$ref": next }, { "$ref": next }] }))
}

/// `$defs` d0 … dN, each made of a reference to the next one; the last is a string.
fn chain(levels: usize, link: impl Fn(&str) -> Value) -> Value {
    let mut definitions: Map<String, Value> =
        (0..levels).map(|level| (format!("d{level}"), link(&format!("#/$defs/d{}", level + 1)))).collect();
    definitions.insert(format!("d{levels}"), json!({ "type": "string" }));
    json!({ "type": "object", "properties": { "x": { "$ref": "#/$defs/d0" } }, "$defs": definitions })
}

fn refusal(schema: Value) -> String {
    let start = Instant::now();
    let error = ArgumentSchema::compile(schema).expect_err("it is refused");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}: {error}", start.elapsed());
    error.to_string()
}

#[test]
fn sch_1_a_schema_whose_branches_multiply_is_refused() {
    for levels in [20, 28, 200, 600] {
        let refused = refusal(doubling(levels));
        assert!(refused.contains("more than 10000 ways"), "{levels}: {refused}");
    }
    let tenfold = |next: &str| json!({ "allOf": vec![json!({ "$ref": next }); 10] });
    assert!(refusal(chain(5, tenfold)).contains("more than 10000 ways"));
    // At members and items as well: each level of the value is evaluated three times by each evaluation of the level above.
    let member = |next: &str| {
        let next = json!({ "$ref": next });
        json!({ "properties": { "a": next }, "patternProperties": { "a": next }, "additionalProperties": next, "propertyNames": next })
    };
    assert!(refusal(chain(12, member)).contains("more than 10000 ways"));
    let item = |next: &str| json!({ "items": { "$ref": next }, "contains": { "$ref": next }, "unevaluatedItems": { "$ref": next } });
    assert!(refusal(chain(12, item)).contains("more than 10000 ways"));
    // `unevaluatedProperties` evaluates the branches once more.
    let unevaluated = |next: &str| json!({ "allOf": [{ "$ref": next }], "unevaluatedProperties": false });
    assert!(refusal(chain(30, unevaluated)).contains("more than 10000 ways"));
    let nested = (0..30)
        .fold(json!({ "type": "string" }), |inner, _| json!({ "allOf": [inner], "unevaluatedProperties": false }));
    assert!(refusal(nested).contains("more than 10000 ways"));
    for keyword in ["not", "if", "then"] {
        let schema = chain(20, |next| json!({ keyword: { "$ref": next }, "else": { "$ref": next } }));
        assert!(refusal(schema).contains("more than 10000 ways"), "{keyword}");
    }
    let dependent = |next: &str| json!({ "dependentSchemas": { "a": { "$ref": next }, "b": { "$ref": next } } });
    assert!(refusal(chain(20, dependent)).contains("more than 10000 ways"));
    let dynamic = |next: &str| json!({ "anyOf": [{ "$dynamicRef": next }, { "$dynamicRef": next }] });
    assert!(refusal(chain(20, dynamic)).contains("more than 10000 ways"));
}

#[test]
fn sch_1_a_schema_without_an_end_or_of_too_many_parts_is_refused() {
    assert!(refusal(json!({ "$ref": "#" })).contains("refers to itself"));
    assert!(
        refusal(json!({ "anyOf": [{ "type": "string" }, { "not": { "$ref": "#" } }] })).contains("refers to itself")
    );
    assert!(refusal(chain(2_000, |next| json!({ "$ref": next }))).contains("levels deep"));
    assert!(refusal(chain(1_000, |next| json!({ "properties": { "a": { "$ref": next } } }))).contains("levels deep"));
    let wide: Map<_, _> = (0..5_000).map(|number| (number.to_string(), json!({}))).collect();
    assert!(refusal(json!({ "properties": wide })).contains("more than 4096 subschemas"));
    let patterns: Map<_, _> = (0..65).map(|number| (format!("a{number}"), json!({}))).collect();
    assert!(refusal(json!({ "patternProperties": patterns })).contains("more than 64 patterns"));
    assert!(refusal(json!({ "description": "x".repeat(70_000) })).contains("larger than 64 KiB"));
    for pattern in ["(((a{1,99}){1,99}){1,99}){1,99}", "^(?!a)b", r"(a)\1", "("] {
        assert!(refusal(json!({ "pattern": pattern })).contains("cannot be used"), "{pattern}");
        assert!(refusal(json!({ "patternProperties": { pattern: {} } })).contains("cannot be used"), "{pattern}");
    }
    for elsewhere in ["https://example.org/schema", "file:///etc/passwd", "other.json#/a", "#/nowhere", "#nowhere"] {
        assert!(refusal(json!({ "$ref": elsewhere })).contains("not a part of it"), "{elsewhere}");
    }
    assert!(refusal(json!({ "type": "nothing" })).contains("cannot be used"));
}

/// What servers really send.
#[test]
fn sch_1_ordinary_schemas_are_offered() {
    let recursive = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "tree": { "$ref": "#/definitions/node" } },
        "definitions": { "node": {
            "type": "object",
            "properties": { "name": { "type": "string" }, "children": { "type": "array", "items": { "$ref": "#/definitions/node" } } },
            "required": ["name"],
        } },
    });
    let json = json!({ "type": "object", "properties": { "value": { "$ref": "#/$defs/json" } }, "$defs": { "json": { "anyOf": [
        { "type": ["string", "number", "boolean", "null"] },
        { "type": "array", "items": { "$ref": "#/$defs/json" } },
        { "type": "object", "additionalProperties": { "$ref": "#/$defs/json" } },
    ] } } });
    let named = json!({
        "$id": "https://example.org/tool.json",
        "properties": { "a": { "$ref": "#there" }, "b": { "$ref": "tool.json#/$defs/List%5Bint%5D" }, "c": { "$ref": "inner" } },
        "$defs": {
            "List[int]": { "type": "array" },
            "x": { "$anchor": "there", "type": "string" },
            "y": { "$id": "inner", "type": "integer" },
        },
    });
    let metaschema = json!({ "properties": { "schema": { "$ref": "https://json-schema.org/draft/2020-12/schema" } } });
    for schema in [recursive.clone(), json.clone(), named, metaschema, doubling(10)] {
        ArgumentSchema::compile(schema.clone()).unwrap_or_else(|error| panic!("{error}: {schema}"));
    }
    let recursive = ArgumentSchema::compile(recursive).unwrap();
    assert_eq!(recursive.judge(&json!({ "tree": { "name": "a", "children": [{ "name": "b" }] } })), Verdict::Fits);
    let wrong = json!({ "tree": { "name": "a", "children": [{ "name": 1 }] } });
    assert_eq!(recursive.judge(&wrong), Verdict::Unfit);
    assert_eq!(recursive.faults(&wrong, "args")[0].path, "args.tree.children[0].name");
    assert_eq!(ArgumentSchema::compile(json).unwrap().judge(&json!({ "value": [1, { "a": ["b"] }] })), Verdict::Fits);
}

#[test]
fn sch_2_a_check_that_takes_long_is_not_made_here() {
    let deep = |levels: usize, wrap: fn(Value) -> Value| (0..levels).fold(json!("x"), |inner, _| wrap(inner));
    let costly = |schema: Value, value: Value| {
        let schema = ArgumentSchema::compile(schema).unwrap();
        let start = Instant::now();
        assert_eq!(schema.judge(&value), Verdict::TooCostly, "{:.200}", schema.json().to_string());
        assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    };
    // A cycle through members multiplies with each level of the value.
    let twice = json!({ "properties": { "a": { "$ref": "#" } }, "additionalProperties": false, "patternProperties": { "a": { "$ref": "#" } } });
    costly(twice, deep(40, |inner| json!({ "a": inner })));
    costly(
        json!({ "properties": { "x": { "items": { "$ref": "#/properties/x" } } } }),
        json!({ "x": deep(100, |inner| json!([inner])) }),
    );
    // Each of many items is evaluated in many ways.
    let items =
        json!({ "properties": { "x": { "items": doubling(8)["properties"]["x"] } }, "$defs": doubling(8)["$defs"] });
    costly(items, json!({ "x": vec![1; 1_000] }));
    costly(json!({ "properties": { "x": { "uniqueItems": true } } }), json!({ "x": (0..100_000).collect::<Vec<_>>() }));
    costly(json!({ "properties": { "x": { "uniqueItems": true } } }), json!({ "x": vec!["x".repeat(100_000); 2] }));
    costly(json!({ "properties": { "x": { "contains": { "const": 1 } } } }), json!({ "x": vec![2; 100_000] }));
    costly(
        json!({ "properties": { "x": { "items": { "enum": (0..10_000).collect::<Vec<_>>() } } } }),
        json!({ "x": vec![1; 3] }),
    );
    costly(json!({ "properties": { "x": { "pattern": "(a|ab|b)*c" } } }), json!({ "x": "ab".repeat(50_000) }));
    costly(json!({ "patternProperties": { "(a|b)*c": {} } }), json!({ "a".repeat(100_000): 1 }));
    costly(json!({ "properties": { "x": { "format": "regex" } } }), json!({ "x": "a{1,9}" }));
    costly(json!({ "properties": { "x": { "items": { "multipleOf": 1e-300 } } } }), json!({ "x": vec![1e300; 1_000] }));
    let members: Map<_, _> = (0..300).map(|number| (number.to_string(), json!(1))).collect();
    costly(
        json!({ "allOf": vec![json!({ "properties": { "a": {} } }); 100], "unevaluatedProperties": true }),
        Value::Object(members),
    );
}

#[test]
fn sch_2_what_is_told_of_a_value_is_bounded() {
    let schema =
        ArgumentSchema::compile(json!({ "type": "object", "additionalProperties": { "type": "string" } })).unwrap();
    let many: Map<_, _> = (0..1_000).map(|number| (number.to_string(), json!(vec!["x"; 1000]))).collect();
    let faults = schema.faults(&Value::Object(many), "args");
    assert_eq!(faults.len(), MOST_FAULTS);
    assert!(faults.iter().all(|fault| fault.message.chars().count() <= MOST_MESSAGE_CHARS + 1));
    assert_eq!(schema.judge(&json!([])), Verdict::Unfit);
    assert_eq!(schema.faults(&json!([]), "args")[0].message, "must be a JSON object");
}

/// Counts how often it is looked at, and says what the schema wants it to say.
struct Counting(Arc<AtomicU64>, bool);

impl<'i> Keyword<'i> for Counting {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) { Ok(()) } else { Err(ValidationError::custom("no")) }
    }

    fn is_valid(&self, _: &'i Value) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        self.1
    }
}

const DEFINITIONS: usize = 5;

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => any::<bool>().prop_map(|says| json!({ "counted": says })),
        3 => (0..DEFINITIONS).prop_map(|other| json!({ "$ref": format!("#/$defs/{other}") })),
        1 => (0..DEFINITIONS).prop_map(|other| json!({ "$dynamicRef": format!("#a{other}") })),
    ];
    let subschema = leaf.prop_recursive(5, 40, 4, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            list().prop_map(|list| json!({ "anyOf": list })),
            list().prop_map(|list| json!({ "allOf": list })),
            list().prop_map(|list| json!({ "oneOf": list })),
            inner.clone().prop_map(|one| json!({ "not": one })),
            list().prop_map(|list| json!({ "if": list[0], "then": list.last(), "else": list[list.len() / 2] })),
            list().prop_map(|list| json!({ "properties": { "a": list[0], "b": list.last() } })),
            list().prop_map(|list| json!({ "patternProperties": { "a": list[0], "^[ab]$": list.last() } })),
            list().prop_map(|list| json!({ "properties": { "a": list[0] }, "patternProperties": { "b": list.last() }, "additionalProperties": list[0] })),
            inner.clone().prop_map(|one| json!({ "additionalProperties": one })),
            inner.clone().prop_map(|one| json!({ "propertyNames": one })),
            list().prop_map(|list| json!({ "dependentSchemas": { "a": list[0], "b": list.last() } })),
            list().prop_map(|list| json!({ "prefixItems": list, "items": list[0], "contains": list.last() })),
            list().prop_map(|list| json!({ "allOf": list, "unevaluatedProperties": list[0] })),
            list().prop_map(|list| json!({ "anyOf": list, "unevaluatedItems": list[0] })),
            list().prop_map(|list| json!({ "oneOf": list, "unevaluatedProperties": { "counted": false } })),
        ]
    });
    prop::collection::vec(subschema, DEFINITIONS).prop_map(|definitions| {
        let named = definitions.into_iter().enumerate().map(|(number, mut schema)| {
            if let Some(keywords) = schema.as_object_mut() {
                keywords.insert("$dynamicAnchor".to_owned(), json!(format!("a{number}")));
            }
            (number.to_string(), schema)
        });
        json!({ "$ref": "#/$defs/0", "$defs": named.collect::<Map<_, _>>() })
    })
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(1)), Just(json!("a")), Just(Value::Null)];
    let value = leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[abc]", value, 0..4).prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// A schema is refused by name, or a check takes no more steps than were counted before it, however the check turns out.
fn sch_3(schema: &Value, value: &Value) -> Result<(), TestCaseError> {
    let counted = Arc::new(AtomicU64::new(0));
    let graph = Graph::of(schema).and_then(|graph| graph.check().map(|()| graph));
    let graph = match graph {
        Ok(graph) => graph,
        Err(error) => {
            let known = ["more than", "refers to"].iter().any(|known| error.contains(known));
            prop_assert!(known, "{}", error);
            return Ok(());
        }
    };
    let evaluations = counted.clone();
    let options = options(1 << 20).with_keyword("counted", move |_, says: &Value, _| {
        Ok(Box::new(Counting(evaluations.clone(), says == true)) as Box<dyn for<'i> Keyword<'i>>)
    });
    let validator = options.build(schema).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let Some(steps) = graph.steps(value, INLINE_STEPS) else { return Ok(()) };
    let verdict =
        ArgumentSchema::compile(schema.clone()).map(|schema| (schema.judge(value), schema.faults(value, "args")));
    let Some(is_valid) = guarded(|| validator.is_valid(value)) else {
        // A schema that makes the validator panic fits nothing.
        prop_assert!(verdict.is_ok_and(|(verdict, faults)| verdict == Verdict::Unfit && faults.len() == 1));
        return Ok(());
    };
    let checked = counted.swap(0, Ordering::Relaxed);
    prop_assert!(checked <= steps, "{} evaluations, {} steps counted", checked, steps);
    let Some(faults) = guarded(|| validator.iter_errors(value).count()) else { return Ok(()) };
    prop_assert_eq!(is_valid, faults == 0);
    let listed = counted.load(Ordering::Relaxed);
    prop_assert!(listed <= 10 * steps, "{} evaluations for the faults, {} steps counted", listed, steps);
    Ok(())
}

fn on_a_large_stack(test: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, test).unwrap();
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn sch_3_no_check_takes_more_steps_than_were_counted() {
    on_a_large_stack(|| {
        let mut runner =
            TestRunner::new(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() });
        let play = |(schema, value): (Value, Value)| sch_3(&schema, &value);
        runner.run(&(schemas(), values()), play).unwrap_or_else(|error| panic!("{error}"));
        let Some(seconds) = env::var("WEIR_HOSTILE_SECONDS").ok().and_then(|text| text.parse().ok()) else { return };
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(seconds) {
            let mut runner = TestRunner::new(ProptestConfig {
                cases: 2_000,
                failure_persistence: None,
                ..ProptestConfig::default()
            });
            runner.run(&(schemas(), values()), play).unwrap_or_else(|error| panic!("{error}"));
        }
    });
}

/// Prints what a step, a compilation and a list of faults cost; `docs/decisions/schemas.md` has the numbers.
#[test]
#[ignore = "a measurement"]
fn measure_what_steps_cost() {
    let measure = |name: &str, schema: Value, value: Value| {
        let start = Instant::now();
        let schema = ArgumentSchema::compile(schema).unwrap();
        let compiled = start.elapsed();
        let steps = schema.0.graph.steps(&value, u64::MAX >> 1);
        let start = Instant::now();
        let counted = schema.0.graph.steps(&value, INLINE_STEPS);
        let count = start.elapsed();
        let start = Instant::now();
        let _ = schema.0.validator.is_valid(&value);
        let check = start.elapsed();
        let start = Instant::now();
        let faults = if counted.is_some() { schema.faults(&value, "args").len() } else { 0 };
        let listed = start.elapsed();
        #[expect(clippy::cast_precision_loss, reason = "a measurement")]
        let each = steps.map(|steps| check.as_nanos() as f64 / steps as f64);
        println!(
            "{name}: compile {compiled:?}, count {counted:?} of {steps:?} in {count:?}, check {check:?} = {each:.1?} ns/step, {faults} faults in {listed:?}"
        );
    };
    for levels in [4, 8, 10, 11] {
        measure(&format!("doubling {levels}"), doubling(levels), json!({ "x": 1 }));
    }
    measure("chain of references", chain(500, |next| json!({ "$ref": next })), json!({ "x": 1 }));
    measure(
        "items",
        json!({ "properties": { "x": { "items": { "type": "string", "minLength": 1 } } } }),
        json!({ "x": vec!["a"; 3_000] }),
    );
    measure(
        "unique integers",
        json!({ "properties": { "x": { "uniqueItems": true } } }),
        json!({ "x": (0..600).collect::<Vec<_>>() }),
    );
    measure(
        "unique strings",
        json!({ "properties": { "x": { "uniqueItems": true } } }),
        json!({ "x": (0..300).map(|n| format!("{n:060}")).collect::<Vec<_>>() }),
    );
    measure(
        "unique few objects",
        json!({ "properties": { "x": { "uniqueItems": true } } }),
        json!({ "x": (0..14).map(|n| json!({ "a": vec![1; 50], "b": n })).collect::<Vec<_>>() }),
    );
    measure(
        "pattern",
        json!({ "properties": { "x": { "pattern": "^(a|ab|b)*c$" } } }),
        json!({ "x": "ab".repeat(1_000) }),
    );
    measure(
        "wide pattern",
        json!({ "properties": { "x": { "pattern": "^([ab]{1,40}x?){1,40}c$" } } }),
        json!({ "x": "ab".repeat(1_000) }),
    );
    let random: String =
        (0_u32..20_000).map(|n| if n.wrapping_mul(2_654_435_761) >> 16 & 4 == 0 { 'a' } else { 'b' }).collect();
    for (states, length) in [
        (10, 1_500),
        (30, 3_000),
        (60, 3_000),
        (150, 3_000),
        (300, 3_000),
        (400, 3_000),
        (1_000, 3_000),
        (2_000, 3_000),
    ] {
        let schema = json!({ "properties": { "x": { "pattern": format!("(a|b)*a(a|b){{{states}}}c") } } });
        measure(&format!("pattern of {states}"), schema, json!({ "x": random[..length] }));
    }
    measure(
        "unicode pattern",
        json!({ "properties": { "x": { "pattern": "(\\p{L}{1,20}\\p{N}?)*z" } } }),
        json!({ "x": "äb".repeat(800) }),
    );
    measure(
        "multipleOf",
        json!({ "properties": { "x": { "items": { "multipleOf": 1.234e-300 } } } }),
        json!({ "x": vec![1.77e300; 150] }),
    );
    measure(
        "enum",
        json!({ "properties": { "x": { "enum": (0..5_000).map(|n| json!([n])).collect::<Vec<_>>() } } }),
        json!({ "x": [1, 2] }),
    );
    measure(
        "unevaluated",
        json!({ "allOf": vec![json!({ "properties": { "a": {} } }); 20], "unevaluatedProperties": true }),
        json!({ "a": 1, "b": 2, "c": 3, "d": 4 }),
    );
    measure(
        "wide",
        json!({ "properties": (0..3_000).map(|n| (format!("p{n}"), json!({}))).collect::<Map<_, _>>() }),
        json!({ "x": 1 }),
    );
    let patterns: Map<_, _> =
        (0..64).map(|number| (format!("^([ab]{{1,30}}x?){{1,{}}}c$", number % 20 + 10), json!({}))).collect();
    measure("64 patterns", json!({ "patternProperties": patterns }), json!({ "abab": 1 }));
}
