//! What pages tell of themselves.

use serde_json::{Value, json};

use crate::app::TestApp;

#[tokio::test]
async fn met_10_what_a_page_tells_of_itself_is_counted() {
    let app = TestApp::new().await;
    let told = json!({
        "vitals": [{ "name": "LCP", "value": 1250.5, "page": "/chat" }, { "name": "CLS", "value": 0.02, "page": "/chat" }],
        "errors": [{ "name": "TypeError", "area": "page", "page": "/dashboard" }],
    });
    assert_eq!(app.post("/api/telemetry", told.clone()).await.status, 202);
    assert_eq!(app.post("/api/telemetry", json!({})).await.status, 202);
    let text = String::from_utf8(app.get("/metrics").await.body.to_vec()).unwrap();
    for series in [
        r#"weir_web_vital_seconds_count{name="LCP"}"#,
        "weir_web_layout_shift_thousandths_count",
        "weir_web_errors_total",
    ] {
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse::<f64>().ok());
        assert!(value.is_some_and(|value| value >= 1.0), "{series} is missing in\n{text}");
    }
}

#[tokio::test]
async fn met_10_no_sentence_and_no_flood_is_taken() {
    let app = TestApp::new().await;
    let vital = |value: Value| json!({ "name": "INP", "value": value, "page": "/chat" });
    let error = |name: &str| json!({ "name": name, "area": "page", "page": "/chat" });
    for (told, field) in [
        (json!({ "errors": [error("what somebody wrote")] }), "errors[0].name"),
        (json!({ "errors": [error("two\nlines")] }), "errors[0].name"),
        (json!({ "errors": [error(&"x".repeat(65))] }), "errors[0].name"),
        (json!({ "errors": vec![error("Error"); 33] }), "errors"),
        (json!({ "vitals": [vital(json!(-1))] }), "vitals[0].value"),
        (json!({ "vitals": [vital(json!(1e300))] }), "vitals[0].value"),
        (json!({ "vitals": [{ "name": "SECRET", "value": 1, "page": "/chat" }] }), "vitals[0].name"),
    ] {
        let refused = app.post("/api/telemetry", told.clone()).await;
        let problem: Value = refused.json(422);
        assert_eq!(problem["errors"][0]["path"], field, "{told}");
    }
}
