//! Events on the wire: whatever they say, they come back as they went, on one line.

use proptest::prelude::*;
use weir_protocol::{
    ChatMessage, ConversationId, Done, Failure, FinishReason, MessageId, MessageStatus, Role, RunId, Seq, StreamChunk,
    Timestamp, Token, Usage,
};

fn id() -> impl Strategy<Value = uuid::Uuid> {
    any::<u128>().prop_map(uuid::Uuid::from_u128)
}

fn message() -> impl Strategy<Value = ChatMessage> {
    let role = prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::System), Just(Role::Tool)];
    let status = prop_oneof![Just(MessageStatus::Complete), Just(MessageStatus::Streaming), Just(MessageStatus::Error)];
    let ids = (id(), id(), prop::option::of(id()), prop::option::of(id()));
    let rest = (prop::option::of(any::<u32>()), prop::option::of(any::<String>()), 0_i64..4_102_444_800_000);
    (ids, role, status, any::<String>(), rest).prop_map(|(ids, role, status, content, (seq, model, time))| {
        ChatMessage {
            id: MessageId(ids.0),
            conversation_id: ConversationId(ids.1),
            parent_id: ids.2.map(MessageId),
            role,
            content,
            created_at: Timestamp(time),
            status,
            run_id: ids.3.map(RunId),
            seq: seq.map(|seq| Seq(seq.into())),
            model,
            tool_calls: None,
            usage: seq.map(|count| Usage { input_tokens: count.into(), output_tokens: 1 }),
            error: None,
        }
    })
}

fn chunk() -> impl Strategy<Value = StreamChunk> {
    let done = (id(), prop::option::of(any::<u32>())).prop_map(|(id, attempts)| Done {
        id: MessageId(id),
        finish_reason: FinishReason::Interrupted,
        usage: None,
        attempts,
    });
    prop_oneof![
        (id(), any::<String>()).prop_map(|(id, text)| StreamChunk::Token(Token { id: MessageId(id), text })),
        message().prop_map(StreamChunk::Message),
        (any::<String>(), any::<String>()).prop_map(|(code, message)| StreamChunk::Error(Failure { code, message })),
        done.prop_map(StreamChunk::Done),
    ]
}

proptest! {
    #[test]
    fn log_2_an_event_comes_back_as_it_went_and_is_one_line(chunk in chunk()) {
        let data = chunk.data().unwrap();
        prop_assert!(!data.contains(['\n', '\r']), "a line break would end the data of a server-sent event");
        let parsed = StreamChunk::parse(chunk.kind(), &data).unwrap();
        prop_assert_eq!(&parsed, &chunk);
        prop_assert_eq!(parsed.data().unwrap(), data);
    }

    #[test]
    fn rest_8_a_time_comes_back_as_it_went(millis in 0_i64..4_102_444_800_000) {
        let text = serde_json::to_string(&Timestamp(millis)).unwrap();
        prop_assert_eq!(text.len(), "\"2026-01-31T12:00:00.007Z\"".len());
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), Timestamp(millis));
    }
}

#[test]
fn an_unknown_kind_of_event_is_no_event() {
    assert!(StreamChunk::parse("tokens", "{}").is_err());
    assert!(StreamChunk::parse("token", "{}").is_err());
}
