//! Work that takes the processor for long is done on blocking threads: an async worker that is busy polls nothing else.

use std::panic::resume_unwind;

use serde::Serialize;
use serde_json::Value;
use tokio::{runtime::Handle, task::spawn_blocking};
use tracing::{Instrument as _, Span};

/// JSON up to this size is handled on the async worker, in bytes: a quarter of a millisecond.
pub const SMALL_JSON: usize = 32 * 1024;

/// Does some work on a blocking thread and returns its result.
///
/// # Panics
/// When the work does.
pub async fn off_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let span = Span::current();
    match spawn_blocking(move || span.in_scope(work)).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Polls a future on a blocking thread, for async work that handles large values between its waits. Dropping the returned future does
/// not end the work.
///
/// # Panics
/// When the work does.
pub async fn poll_off_worker<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (runtime, work) = (Handle::current(), work.in_current_span());
    off_worker(move || runtime.block_on(work)).await
}

/// Whether the JSON of a value has more than [`SMALL_JSON`] bytes, roughly. Texts are not read, so the check takes microseconds
/// for texts of any size.
pub fn is_large(value: &Value) -> bool {
    fn room_after(value: &Value, room: usize) -> Option<usize> {
        let room = room.checked_sub(4)?;
        match value {
            Value::String(text) => room.checked_sub(text.len()),
            Value::Array(items) => items.iter().try_fold(room, |room, item| room_after(item, room)),
            Value::Object(fields) => fields.iter().try_fold(room, |room, (name, value)| {
                room.checked_sub(name.len()).and_then(|room| room_after(value, room))
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(room),
        }
    }
    room_after(value, SMALL_JSON).is_none()
}

/// Whether the JSON of a value has more than so many bytes; no more of it is written than that. A text is read to its end all the same.
pub fn is_larger_than(value: &impl Serialize, bytes: usize) -> bool {
    struct Room(usize);
    impl std::io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(bytes), value).is_err()
}

/// Levels that a value may be nested in another one that is stored: parsers take 128, and what holds it adds some.
pub const MAX_VALUE_DEPTH: usize = 100;

/// Whether a value is nested deeper than so many levels. A text or a number has none, an empty list one.
pub fn is_deeper_than(value: &Value, levels: usize) -> bool {
    let is_too_deep = |value: &Value| levels == 0 || is_deeper_than(value, levels - 1);
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(is_too_deep),
        Value::Object(fields) => levels == 0 || fields.values().any(is_too_deep),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_counts_lists_and_objects() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([{ "a": 0 }, value]));
        assert!(!is_deeper_than(&json!("x"), 0));
        assert!(is_deeper_than(&json!([]), 0) && !is_deeper_than(&json!({}), 1));
        for levels in 2..50 {
            assert!(!is_deeper_than(&nested(levels), levels + 1));
            assert!(is_deeper_than(&nested(levels), levels));
        }
    }

    #[test]
    fn a_value_is_large_by_its_texts_or_by_its_number_of_values() {
        for small in [json!({}), json!("x".repeat(SMALL_JSON - 4)), json!({ "items": vec![0; SMALL_JSON / 8] })] {
            assert!(!is_large(&small));
        }
        let names: serde_json::Map<_, _> = [("x".repeat(SMALL_JSON), json!(null))].into_iter().collect();
        for large in [json!(["x".repeat(SMALL_JSON)]), json!({ "items": vec![0; SMALL_JSON] }), Value::Object(names)] {
            assert!(is_large(&large));
        }
    }
}
