//! Tools and jobs: called by a person, over HTTP and over the WebSocket; called by a model, in an answer.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use weir_protocol::{Caller, Seq, Timestamp, ToolCallId};
use weir_runs::Invocation;
use weir_testkit::{BOB, soon};

use crate::{
    app::{Answered, Data as _, Events, TestApp, ending, joined, kinds, request},
    client::Client,
};

impl TestApp {
    /// Runs a tool; the id of its job.
    pub(crate) async fn invoke(&self, tool: &str, args: Value) -> String {
        let accepted: Value = self.post(&format!("/api/tools/{tool}"), json!({ "args": args })).await.json(202);
        accepted["jobId"].as_str().unwrap().to_owned()
    }

    /// Follows a job from its start.
    pub(crate) async fn job_events(&self, job: &str) -> Events {
        self.stream(request(Method::GET, &format!("/api/jobs/{job}/events"), &[], None)).await
    }

    pub(crate) async fn job(&self, job: &str) -> Value {
        self.get(&format!("/api/jobs/{job}")).await.json(200)
    }

    pub(crate) async fn permit(&self, tool: &str, body: Value) -> Answered {
        self.send(request(Method::PUT, &format!("/api/tools/{tool}/permission"), &[], Some(body))).await
    }

    pub(crate) async fn decide(&self, call: &str, body: Value) -> Answered {
        self.post(&format!("/api/tool-calls/{call}/approval"), body).await
    }

    /// An answer whose model has called `calculate` and has to ask for it; the stream, and the call.
    async fn asking(&self) -> (Events, String) {
        self.script.set_calls_tools(true);
        self.permit("calculate", json!({ "permission": "ask" })).await.json::<Value>(200);
        let mut events = self.ask("What is 6 times 7?").await;
        let answer = self.script.answers().await;
        answer.say("Let me see. ");
        answer.call("calculate", r#"{"expression":"6*7"}"#);
        answer.finish();
        loop {
            let event = events.event().await;
            if event.kind == "tool-status" && event.value()["approval"] == "pending" {
                return (events, event.value()["id"].as_str().unwrap().to_owned());
            }
        }
    }
}

fn statuses(events: &[weir_testkit::Event]) -> Vec<String> {
    let calls = events.iter().filter(|event| event.kind == "tool-status");
    calls.map(|event| event.value()["status"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn tool_1_every_tool_says_what_it_takes_and_whether_it_may_run() {
    let app = TestApp::new().await;
    let list: Value = app.get("/api/tools").await.json(200);
    let tools = list["items"].as_array().unwrap();
    let calculate = tools.iter().find(|tool| tool["name"] == "calculate").unwrap();
    assert_eq!(calculate["inputSchema"]["required"], json!(["expression"]));
    assert_eq!((&calculate["source"], &calculate["permission"]), (&json!("builtin"), &json!("allow")));
    assert_eq!(calculate["annotations"]["readOnlyHint"], true);
}

#[tokio::test]
async fn tool_2_a_job_is_accepted_runs_and_gives_its_output() {
    let app = TestApp::new().await;
    let job = app.invoke("calculate", json!({ "expression": "2^64" })).await;
    let events = app.job_events(&job).await.rest().await;
    assert_eq!(kinds(&events), ["tool_update", "tool_update", "complete"]);
    assert_eq!(events[0].value()["status"], "queued");
    assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), [1, 2, 3]);
    let job = app.job(&job).await;
    assert_eq!((&job["status"], &job["output"]["result"]), (&json!("done"), &json!("18446744073709551616")));
    assert_eq!((&job["caller"], &job["args"]["expression"]), (&json!("person"), &json!("2^64")));
    assert!(job["startedAt"].is_string() && job["endedAt"].is_string());
}

#[tokio::test]
async fn tool_3_arguments_that_do_not_fit_are_named_one_by_one() {
    let app = TestApp::new().await;
    let refused = app.post("/api/tools/calculate", json!({ "args": { "expression": 7, "digits": 2 } })).await;
    assert_eq!(refused.faults("invalid_request"), ["args.digits", "args.expression"]);
    let refused = app.post("/api/tools/wait", json!({ "args": {} })).await;
    assert_eq!(refused.faults("invalid_request"), ["args.seconds"]);
    let refused = app.post("/api/tools/wait", json!({ "args": [1] })).await;
    assert_eq!(refused.faults("invalid_request"), ["args"]);
    app.post("/api/tools/nothing", json!({ "args": {} })).await.problem(404, "not_found");
    let page: Value = app.get("/api/jobs").await.json(200);
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn tool_4_a_key_or_an_id_runs_a_tool_once() {
    let app = TestApp::new().await;
    let (path, key) = ("/api/tools/calculate", [("idempotency-key", "k")]);
    let body = json!({ "args": { "expression": "1+1" } });
    let first: Value = app.post_with(path, &key, body.clone()).await.json(202);
    let again: Value = app.post_with(path, &key, body).await.json(202);
    assert_eq!(first, again);
    let other = json!({ "args": { "expression": "1+2" } });
    app.post_with(path, &key, other).await.problem(409, "idempotency_key_reused");
    let page: Value = app.get("/api/jobs").await.json(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn tool_5_a_job_that_is_cancelled_ends_as_an_error_that_says_so() {
    let app = TestApp::new().await;
    let job = app.invoke("wait", json!({ "seconds": 600 })).await;
    let mut events = app.job_events(&job).await;
    while events.event().await.value()["status"] != "running" {}
    for _ in 0..2 {
        assert_eq!(app.delete(&format!("/api/jobs/{job}")).await.status, 202);
    }
    let rest = events.rest().await;
    let last = rest.last().unwrap();
    assert_eq!((last.kind.as_str(), &last.value()["code"]), ("error", &json!("cancelled")));
    let stored = app.job(&job).await;
    assert_eq!((&stored["status"], &stored["error"]["code"]), (&json!("error"), &json!("cancelled")));
    assert_eq!(app.delete(&format!("/api/jobs/{job}")).await.status, 202);
    app.delete(&format!("/api/jobs/{}", Uuid::now_v7())).await.problem(404, "not_found");
}

#[tokio::test]
async fn tool_6_a_job_is_followed_from_any_event() {
    let app = TestApp::new().await;
    let job = app.invoke("calculate", json!({ "expression": "1" })).await;
    let whole = app.job_events(&job).await.rest().await;
    let rest =
        app.stream(request(Method::GET, &format!("/api/jobs/{job}/events?after=1"), &[], None)).await.rest().await;
    assert_eq!(rest, whole[1..]);
    app.get(&format!("/api/jobs/{job}/events?after=9")).await.problem(422, "invalid_offset");
}

#[tokio::test]
async fn tool_7_a_tool_that_is_denied_is_refused() {
    let app = TestApp::new().await;
    app.permit("calculate", json!({ "permission": "deny" })).await.json::<Value>(200);
    app.post("/api/tools/calculate", json!({ "args": { "expression": "1" } })).await.problem(403, "tool_denied");
    app.permit("nothing", json!({ "permission": "deny" })).await.problem(404, "not_found");
    let refused = app.permit("calculate", json!({ "permission": "perhaps" })).await;
    assert_eq!(refused.faults("invalid_request"), ["permission"]);
}

#[tokio::test]
async fn ws_23_a_tool_is_called_over_the_socket_and_its_job_is_followed() {
    let app = TestApp::new().await;
    let (mut client, _) = Client::of(&app).await;
    let id = Uuid::now_v7();
    let call = json!({ "type": "invoke_tool", "id": id, "name": "calculate", "args": { "expression": "2+3" } });
    client.say(call.clone()).await;
    let frames = client.frames(3).await;
    let told: Vec<_> = frames.iter().map(|frame| (&frame["type"], &frame["n"], &frame["seq"])).collect();
    let numbers = [json!(1), json!(2), json!(3)];
    let kinds = [json!("tool_update"), json!("tool_update"), json!("complete")];
    assert_eq!(told, [0, 1, 2].map(|i| (&kinds[i], &numbers[i], &numbers[i])));
    assert_eq!(frames[2]["output"]["result"], "5");
    // Again: the same job, told from its start.
    client.say(call).await;
    assert_eq!(client.frames(3).await[2]["n"], 3);
    assert_eq!(app.get("/api/jobs").await.json::<Value>(200)["items"].as_array().unwrap().len(), 1);
    client.say(json!({ "type": "invoke_tool", "id": id, "name": "calculate", "args": { "expression": "9" } })).await;
    let refused = client.frame().await;
    assert_eq!((&refused["code"], &refused["id"]), (&json!("id_taken"), &json!(id)));
}

#[tokio::test]
async fn job_7_the_id_of_another_users_job_is_taken_and_the_job_ends_undisturbed() {
    let app = TestApp::new().await;
    let id = ToolCallId(Uuid::now_v7());
    let args = json!({ "seconds": 0.5 });
    let call = Invocation {
        id,
        user: BOB,
        name: "wait".to_owned(),
        args: args.clone(),
        caller: Caller::Person,
        run: None,
        key: None,
    };
    app.app.runs.jobs().invoke(call).await.unwrap();
    let (mut client, _) = Client::of(&app).await;
    for args in [args, json!({ "seconds": 600 })] {
        client.say(json!({ "type": "invoke_tool", "id": id, "name": "wait", "args": args })).await;
        assert_eq!(client.frame().await["code"], "id_taken");
        client.say(json!({ "type": "cancel_tool", "id": id })).await;
        assert_eq!(client.frame().await["code"], "not_found");
        client.subscribe(&format!("job:{id}"), 0).await;
        assert_eq!(client.frame().await["code"], "not_found");
    }
    assert_eq!(app.app.runs.jobs().under_way(), 1, "Bob's job");
    let mut log = app.app.log.job_reader(id, Seq::START);
    while soon("the end of Bob's job", log.next()).await.unwrap().is_some() {}
    let job = app.app.store.job(BOB, id).await.unwrap().job;
    assert_eq!(job.output, Some(json!({ "waited": 0.5 })), "{job:?}");
}

#[tokio::test]
async fn ws_24_a_tool_is_cancelled_over_the_socket() {
    let app = TestApp::new().await;
    let (mut client, _) = Client::of(&app).await;
    let id = Uuid::now_v7();
    client.say(json!({ "type": "invoke_tool", "id": id, "name": "wait", "args": { "seconds": 600 } })).await;
    while client.frame().await["status"] != "running" {}
    client.say(json!({ "type": "cancel_tool", "id": id })).await;
    loop {
        let frame = client.frame().await;
        if frame["type"] == "error" {
            assert_eq!((&frame["id"], &frame["code"]), (&json!(id), &json!("cancelled")));
            break;
        }
    }
    client.say(json!({ "type": "cancel_tool", "id": Uuid::now_v7() })).await;
    assert_eq!(client.frame().await["code"], "not_found");
}

#[tokio::test]
async fn agent_1_a_model_calls_a_tool_and_answers_with_what_it_gave() {
    let app = TestApp::new().await;
    app.script.set_calls_tools(true);
    let mut events = app.ask("What is 6 times 7?").await;
    let answer = app.script.answers().await;
    assert!(answer.request.tools.iter().any(|tool| tool.name == "calculate"));
    answer.say("Let me see. ");
    answer.call("calculate", r#"{"expression":"6*7"}"#);
    answer.finish();
    let answer = app.script.answers().await;
    let [.., called, given] = &answer.request.turns[..] else { panic!("no step: {:?}", answer.request) };
    assert_eq!((called.content.as_str(), called.calls[0].name.as_str()), ("Let me see. ", "calculate"));
    assert_eq!((given.content.as_str(), given.answers), (r#"{"result":"42"}"#, Some(called.calls[0].id)));
    answer.say("It is 42.");
    answer.finish();
    let log = events.rest().await;
    let (message, done) = ending(&log);
    assert_eq!(statuses(&log), ["queued", "running", "done"]);
    assert_eq!(
        (message["content"].as_str().unwrap(), joined(&log).as_str()),
        ("Let me see. It is 42.", "Let me see. It is 42.")
    );
    let call = &message["toolCalls"][0];
    assert_eq!((&call["offset"], &call["output"]["result"]), (&json!(12), &json!("42")));
    assert_eq!(done["finishReason"], "stop");
    assert_eq!(app.messages(events.conversation()).await[1].tool_calls.as_ref().unwrap().len(), 1);
    assert_eq!(app.job(call["id"].as_str().unwrap()).await["caller"], "model");
}

#[tokio::test]
async fn agent_2_several_tools_run_at_once() {
    let app = TestApp::new().await;
    app.script.set_calls_tools(true);
    let mut events = app.ask("Both, please").await;
    let answer = app.script.answers().await;
    answer.call("calculate", r#"{"expression":"1"}"#);
    answer.call("calculate", r#"{"expression":"2"}"#);
    answer.finish();
    let answer = app.script.answers().await;
    let outputs: Vec<_> = answer.request.turns.iter().filter(|turn| turn.answers.is_some()).collect();
    assert_eq!([&outputs[0].content, &outputs[1].content], [r#"{"result":"1"}"#, r#"{"result":"2"}"#]);
    answer.finish();
    assert_eq!(ending(&events.rest().await).1["finishReason"], "stop");
}

#[tokio::test]
async fn agent_3_what_a_model_calls_wrongly_is_told_back_to_it() {
    let app = TestApp::new().await;
    app.script.set_calls_tools(true);
    let mut events = app.ask("Go wrong").await;
    let answer = app.script.answers().await;
    answer.call("calculate", "{\"expression\": ");
    answer.call("nothing", "{}");
    answer.call("wait", r#"{"seconds":"long"}"#);
    answer.finish();
    let answer = app.script.answers().await;
    let outputs: Vec<_> =
        answer.request.turns.iter().filter(|turn| turn.answers.is_some()).map(|turn| &turn.content).collect();
    assert!(outputs[0].contains("invalid_arguments") && outputs[0].contains("JSON"), "{outputs:?}");
    assert!(outputs[1].contains("unknown_tool") && outputs[1].contains("calculate"), "{outputs:?}");
    assert!(outputs[2].contains("invalid_arguments") && outputs[2].contains("args.seconds"), "{outputs:?}");
    assert!(!answer.request.tools.is_empty());
    answer.call("calculate", "still no JSON");
    answer.finish();
    let answer = app.script.answers().await;
    assert!(answer.request.tools.is_empty(), "who goes on like that is offered no tools any more");
    answer.say("Then without.");
    answer.finish();
    assert_eq!(ending(&events.rest().await).0["content"], "Then without.");
}

#[tokio::test]
async fn agent_4_tools_that_the_request_leaves_out_are_not_offered_and_do_not_run() {
    let app = TestApp::new().await;
    app.script.set_calls_tools(true);
    let mut events = app.start(json!({ "prompt": "Hello", "tools": [] })).await;
    let answer = app.script.answers().await;
    assert_eq!(answer.request.tools, []);
    answer.call("calculate", r#"{"expression":"1"}"#);
    answer.finish();
    let answer = app.script.answers().await;
    assert!(answer.request.turns.last().unwrap().content.contains("unknown_tool"));
    answer.finish();
    events.rest().await;
    assert_eq!(app.get("/api/jobs").await.json::<Value>(200)["items"], json!([]));
}

#[tokio::test]
async fn agent_21_arguments_of_a_call_that_does_not_run_are_shortened() {
    let app = TestApp::new().await;
    app.script.set_calls_tools(true);
    let mut events = app.ask("Do not stop").await;
    let padding = "x".repeat(100_000);
    let too_many = format!("{{\"expression\":\"1\",\"list\":[{}0]}}", "0,".repeat(60_000));
    let refused = [format!("{{\"expression\":1,\"padding\":\"{padding}\"}}"), padding.clone(), too_many];
    for args in &refused {
        let answer = app.script.answers().await;
        answer.call("calculate", args);
        answer.finish();
    }
    let answer = app.script.answers().await;
    let bytes: usize =
        answer.request.turns.iter().flat_map(|turn| &turn.calls).map(|call| call.args.to_string().len()).sum();
    assert!(bytes < 60_000, "the model reads {bytes} bytes of arguments");
    answer.finish();
    let log = events.rest().await;
    let calls = ending(&log).0["toolCalls"].as_array().unwrap().clone();
    assert_eq!(calls.len(), refused.len());
    for call in calls {
        assert_eq!((&call["status"], &call["error"]["code"]), (&json!("error"), &json!("invalid_arguments")));
        assert!(call["args"].as_str().unwrap().contains("The call did not run."), "{call}");
    }
}

#[tokio::test]
async fn run_19_deeply_nested_arguments_leave_the_conversation_readable() {
    let app = TestApp::new().await;
    app.script.set_calls_tools(true);
    let mut events = app.ask("Go deep").await;
    let nested = |levels: usize| format!("{{\"n\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    for levels in [99, 125] {
        let answer = app.script.answers().await;
        answer.call("nope", &nested(levels));
        answer.finish();
    }
    app.script.answers().await.finish();
    let (message, _) = ending(&events.rest().await);
    let codes: Vec<_> = message["toolCalls"].as_array().unwrap().iter().map(|call| &call["error"]["code"]).collect();
    assert_eq!(codes, ["unknown_tool", "invalid_arguments"]);
    let path = format!("/api/messages?conversationId={}", message["conversationId"].as_str().unwrap());
    let read: Value = app.get(&path).await.json(200);
    let answer = read["items"].as_array().unwrap().iter().find(|item| item["id"] == message["id"]).unwrap();
    assert_eq!(answer["toolCalls"], message["toolCalls"]);
    let args: Value = serde_json::from_str(&nested(101)).unwrap();
    app.post("/api/tools/calculate", json!({ "args": args })).await.problem(422, "invalid_request");
}

#[tokio::test]
async fn agent_20_a_model_that_calls_tools_without_end_is_stopped() {
    let app = TestApp::new().await;
    app.script.set_calls_tools(true);
    let mut events = app.ask("Do not stop").await;
    let mut steps = 0;
    let ended = loop {
        let answer = app.script.answers().await;
        let is_last = answer.request.tools.is_empty();
        answer.call("current_time", "{}");
        answer.finish();
        steps += 1;
        if is_last {
            break events.rest().await;
        }
    };
    assert_eq!(steps, 21, "20 steps may call tools");
    assert_eq!(ending(&ended).1["finishReason"], "error");
    assert!(ended.iter().any(|event| event.kind == "error" && event.data.contains("too_many_steps")));
}

#[tokio::test]
async fn appr_1_a_call_waits_for_a_word_and_runs_when_it_is_granted() {
    let app = TestApp::new().await;
    let (mut events, call) = app.asking().await;
    let waiting: Value = app.get("/api/approvals").await.json(200);
    assert_eq!((&waiting["items"][0]["id"], &waiting["items"][0]["name"]), (&json!(call), &json!("calculate")));
    assert_eq!(waiting["items"][0]["runId"], json!(events.run()));
    for _ in 0..2 {
        app.decide(&call, json!({ "decision": "grant" })).await.json::<Value>(200);
    }
    app.decide(&call, json!({ "decision": "deny" })).await.problem(409, "already_decided");
    let answer = app.script.answers().await;
    assert!(answer.request.turns.last().unwrap().content.contains("42"));
    answer.finish();
    let log = events.rest().await;
    assert_eq!(ending(&log).0["toolCalls"][0]["approval"], "granted");
    let job = app.job(&call).await;
    assert_eq!((&job["decision"]["by"], &job["decision"]["approval"]), (&json!("person"), &json!("granted")));
    assert_eq!(app.get("/api/approvals").await.json::<Value>(200)["items"], json!([]));
}

#[tokio::test]
async fn appr_2_a_denial_is_told_to_the_model_with_the_persons_words() {
    let app = TestApp::new().await;
    let (mut events, call) = app.asking().await;
    app.decide(&call, json!({ "decision": "deny", "message": "Use your head." })).await.json::<Value>(200);
    let answer = app.script.answers().await;
    assert!(answer.request.turns.last().unwrap().content.contains("Use your head."));
    answer.say("42, I think.");
    answer.finish();
    let (message, _) = ending(&events.rest().await);
    let told = &message["toolCalls"][0];
    assert_eq!((&told["status"], &told["approval"]), (&json!("error"), &json!("denied")));
    assert_eq!(told["error"]["code"], "denied");
}

#[tokio::test]
async fn appr_3_a_word_that_is_remembered_holds_for_the_next_call() {
    let app = TestApp::new().await;
    let (mut events, call) = app.asking().await;
    app.decide(&call, json!({ "decision": "grant", "remember": true })).await.json::<Value>(200);
    let answer = app.script.answers().await;
    answer.call("calculate", r#"{"expression":"43"}"#);
    answer.finish();
    app.script.answers().await.finish();
    events.rest().await;
    let list: Value = app.get("/api/tools").await.json(200);
    let calculate = list["items"].as_array().unwrap().iter().find(|tool| tool["name"] == "calculate").unwrap();
    assert_eq!(calculate["permission"], "allow");
}

#[tokio::test]
async fn appr_4_stopping_the_answer_ends_the_call_that_waits() {
    let app = TestApp::new().await;
    let (mut events, call) = app.asking().await;
    assert_eq!(app.delete(&format!("/api/realtime/{}", events.run())).await.status, 202);
    let (message, done) = ending(&events.rest().await);
    assert_eq!(
        (&message["toolCalls"][0]["error"]["code"], &done["finishReason"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    app.job_events(&call).await.rest().await;
    assert_eq!(app.job(&call).await["error"]["code"], "cancelled");
    app.decide(&call, json!({ "decision": "grant" })).await.problem(409, "already_decided");
    assert_eq!(app.get("/api/approvals").await.json::<Value>(200)["items"], json!([]));
}

#[tokio::test]
async fn appr_5_another_users_call_does_not_exist() {
    let app = TestApp::new().await;
    let (_events, call) = app.asking().await;
    let call: ToolCallId = call.parse().unwrap();
    let bob = weir_testkit::BOB;
    let decided =
        app.app.runs.jobs().decide(bob, call, serde_json::from_value(json!({ "decision": "grant" })).unwrap());
    assert!(matches!(decided.await, Err(weir_store::StoreError::NotFound(_))));
    assert!(matches!(app.app.store.job(bob, call).await, Err(weir_store::StoreError::NotFound(_))));
    assert!(app.app.store.pending_approvals(bob).await.unwrap().is_empty());
    assert!(app.app.store.request_job_cancel(bob, call, Timestamp(0)).await.is_err());
}
