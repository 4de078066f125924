//! The `OpenAPI` document: what the router knows, with the payloads of streams and sockets, in a form from which typed
//! clients come out well.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use weir_protocol::{ClientFrame, InboxChange, JobEvent, ServerFrame, StreamChunk};

use crate::http;

/// What the routes do not say of themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Weir",
        description = "A self-hosted, real-time chat and tools server for language models. An answer, once started, is never lost.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(
        StreamChunk, JobEvent, ClientFrame, ServerFrame, InboxChange,
    )),
    security(("session" = []), ("token" = [])),
    tags(
        (name = "runs", description = "One answer, one log. A reader that goes away never stops a run."),
        (name = "conversations", description = "Trees of messages."),
        (name = "messages", description = "What was said."),
        (name = "sessions", description = "One WebSocket for everything that is live; a session outlives its socket."),
        (name = "tools", description = "What can be called, under which permission, and the jobs that came of it."),
        (name = "models", description = "What can answer."),
        (name = "account", description = "Who asks, and what lets them in."),
        (name = "health", description = "For whoever runs the server."),
    )
)]
pub struct ApiDoc;

/// The document as JSON, the same for the same version.
///
/// # Panics
/// Never: the document consists of plain values.
pub fn document() -> String {
    let mut document = serde_json::to_value(http::api().into_openapi()).unwrap_or_default();
    forget_int64(&mut document);
    declare_refusals(&mut document);
    document["components"]["securitySchemes"] = credentials();
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        hoist_tagged_unions(schemas);
    }
    describe_events(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// What lets somebody in where people sign in; an open server asks for neither.
fn credentials() -> Value {
    json!({
        "session": {
            "type": "apiKey", "in": "cookie", "name": "weir_session",
            "description": "A browser's sign-in; behind TLS the cookie is `__Host-weir_session`. What changes something with it names an own page in `Origin`.",
        },
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "An API token: made in the settings or by `weir token create`, with scopes and, if wished, an end.",
        },
    })
}

/// Declares what every route can answer before its handler is reached: it stands in the layers, so no route says it of itself.
fn declare_refusals(document: &mut Value) {
    let problem = |description: &str, come_back: bool| {
        let mut response = json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
        if come_back {
            response["headers"] = json!({ "Retry-After": {
                "description": "Whole seconds until the same request can be answered",
                "schema": { "type": "integer", "minimum": 1 },
                "required": true,
            } });
        }
        response
    };
    let refusals = [
        ("401", problem("Nobody asks, or somebody whose credential is good no more", false)),
        ("403", problem("Not theirs to do, or another site's page asks", false)),
        ("429", problem("Too much at once", true)),
        ("503", problem("The server is restarting, has too much to do, or does not reach its database", true)),
        ("4XX", problem("The request cannot be carried out as it is", false)),
    ];
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
        for (status, response) in &refusals {
            // What a route says of itself is nearer to it.
            responses.entry(*status).or_insert_with(|| response.clone());
        }
    }
}

/// Numbers on the wire stay below 2^53. `format: int64` would make generated clients read them as big integers.
fn forget_int64(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("format").is_some_and(|format| format == "int64" || format == "uint64") {
                object.remove("format");
            }
            object.values_mut().for_each(forget_int64);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_int64),
        _ => {}
    }
}

/// Gives every variant of a union that is tagged by `type` a schema of its own with a constant tag, and the union a
/// discriminator with a mapping (`OpenAPI` 3.1, 4.8.25), so that generated clients get discriminated unions.
fn hoist_tagged_unions(schemas: &mut Map<String, Value>) {
    let unions: Vec<String> = schemas
        .iter()
        .filter(|(_, schema)| schema["oneOf"].as_array().is_some_and(|variants| variants.iter().all(is_tagged)))
        .map(|(name, _)| name.clone())
        .collect();
    for union in unions {
        let Some(variants) = schemas.get(&union).and_then(|schema| schema["oneOf"].as_array()).cloned() else {
            continue;
        };
        let mut mapping = Map::new();
        let mut references = Vec::new();
        for mut variant in variants {
            let Some(tag) = tag_of(&variant).map(str::to_owned) else { continue };
            let name = format!("{union}{}", pascal(&tag));
            variant["properties"]["type"] = json!({ "type": "string", "const": tag });
            let reference = format!("#/components/schemas/{name}");
            mapping.insert(tag, json!(reference));
            references.push(json!({ "$ref": reference }));
            schemas.insert(name, variant);
        }
        let schema = &mut schemas[&union];
        schema["oneOf"] = json!(references);
        schema["discriminator"] = json!({ "propertyName": "type", "mapping": mapping });
    }
}

/// Describes the events of each stream as they are on the wire, where a route names the union that they carry: the tag is the
/// event's kind, what belongs to it stands as JSON in a string (`OpenAPI` 3.2, 4.14.4.2; JSON Schema validation, 8).
fn describe_events(document: &mut Value) {
    let schemas = document["components"]["schemas"].take();
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        let responses = operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut);
        let bodies = responses.filter_map(|response| response.pointer_mut("/content/text~1event-stream/schema"));
        for body in bodies {
            let union = body["$ref"].as_str().and_then(|it| it.rsplit('/').next()).unwrap_or_default();
            let kinds = schemas[union]["discriminator"]["mapping"].as_object().into_iter().flatten();
            let events = kinds.map(|(kind, variant)| {
                let data = format!("{}/properties/data/$ref", variant.as_str().unwrap_or_default());
                let data = data.strip_prefix("#/components/schemas").and_then(|it| schemas.pointer(it));
                json!({
                    "type": "object",
                    "properties": {
                        "id": { "type": "string", "description": "Its number in the log: from 1, without gaps", "pattern": "^[1-9][0-9]*$" },
                        "event": { "type": "string", "const": kind },
                        "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": { "$ref": data } },
                    },
                    "required": ["id", "event", "data"],
                })
            });
            *body = json!({ "oneOf": events.collect::<Vec<_>>() });
        }
    }
    document["components"]["schemas"] = schemas;
}

fn is_tagged(variant: &Value) -> bool {
    tag_of(variant).is_some()
}

fn tag_of(variant: &Value) -> Option<&str> {
    match variant["properties"]["type"]["enum"].as_array()?.as_slice() {
        [Value::String(tag)] => Some(tag),
        _ => None,
    }
}

fn pascal(tag: &str) -> String {
    tag.split(['_', '-'])
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn unions_of_the_contract_are_discriminated() {
        let document: Value = serde_json::from_str(&super::document()).unwrap();
        let schemas = &document["components"]["schemas"];
        for (union, variants) in
            [("StreamChunk", 5), ("ClientFrame", 7), ("ServerFrame", 10), ("InboxChange", 8), ("JobEvent", 4)]
        {
            let mapping = schemas[union]["discriminator"]["mapping"].as_object().expect(union);
            assert_eq!(mapping.len(), variants, "{union}");
        }
        assert_eq!(schemas["StreamChunkToolStatus"]["properties"]["type"]["const"], "tool-status");
    }

    #[test]
    fn the_events_of_a_stream_are_described_as_they_are_on_the_wire() {
        let document: Value = serde_json::from_str(&super::document()).unwrap();
        let streams =
            [("/api/realtime", "post", 5), ("/api/realtime/{runId}", "get", 5), ("/api/jobs/{jobId}/events", "get", 4)];
        for (path, method, kinds) in streams {
            let body = &document["paths"][path][method]["responses"]["200"]["content"]["text/event-stream"]["schema"];
            let events = body["oneOf"].as_array().expect(path);
            assert_eq!(events.len(), kinds, "{path}");
            for event in events {
                let data = event["properties"]["data"]["contentSchema"]["$ref"].as_str().expect(path);
                assert!(document.pointer(data.trim_start_matches('#')).is_some(), "{path}: {data}");
            }
        }
    }

    #[test]
    fn what_a_route_asks_for_is_described() {
        let document: Value = serde_json::from_str(&super::document()).unwrap();
        let schemes = document["components"]["securitySchemes"].as_object().unwrap();
        let usual = document["security"].as_array().unwrap().iter().flat_map(|it| it.as_object().unwrap().keys());
        assert!(usual.eq(schemes.keys()), "{}", document["security"]);
    }

    #[test]
    fn every_route_declares_what_the_layers_answer() {
        let document: Value = serde_json::from_str(&super::document()).unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                for status in ["401", "403", "429", "503", "4XX"] {
                    let response = &operation["responses"][status];
                    let content = response["content"].as_object();
                    assert!(
                        content.is_some_and(|it| it.contains_key("application/problem+json")),
                        "{method} {path} {status}"
                    );
                }
            }
        }
    }
}
