//! Calls of tools, gathered from the fragments in which a server streams them.

use serde::Deserialize;
use serde_json::Value;

use crate::ProviderEvent;

/// Upper bounds for one answer: the number of calls, the bytes of all their arguments together, and the characters of a
/// tool's name. Fragments beyond a bound are dropped. The arguments are then invalid JSON, which the run reports to the model.
const MAX_CALLS: usize = 128;
const MAX_ARGUMENT_BYTES: usize = 1024 * 1024;
const MAX_NAME_CHARS: usize = 256;

/// A fragment of a call, as the wire names it. Everything may be missing or `null`.
#[derive(Debug, Deserialize)]
pub(super) struct Fragment {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<Function>,
}

#[derive(Debug, Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    /// A text; some servers give the object itself.
    #[serde(default)]
    arguments: Option<Value>,
}

/// A call on its way.
#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: Option<String>,
    name: String,
    args: String,
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// Bytes of arguments gathered so far, over all calls.
    argument_bytes: usize,
}

impl Calls {
    /// Takes the next fragments.
    pub(super) fn push(&mut self, fragments: impl IntoIterator<Item = Fragment>) {
        for fragment in fragments {
            self.take(fragment);
        }
    }

    fn take(&mut self, Fragment { index, id, function }: Fragment) {
        let id = id.filter(|id| !id.is_empty());
        let name = function.as_ref().and_then(|function| function.name.as_deref()).filter(|name| !name.is_empty());
        // A number names a call. Without one an id that is new begins a call, and so does a name that stands alone.
        let known = self.calls.iter().rposition(|call| match (index, &id) {
            (Some(index), Some(id)) => call.index == Some(index) && call.id.as_ref().is_none_or(|known| known == id),
            (Some(index), None) => call.index == Some(index),
            (None, Some(id)) => call.id.as_ref() == Some(id),
            (None, None) => name.is_none(),
        });
        let place = match known {
            Some(place) => place,
            None if self.calls.len() == MAX_CALLS => return,
            None => {
                self.calls.push(Call { index, id: None, name: String::new(), args: String::new() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[place];
        call.id = id.or_else(|| call.id.take());
        if let Some(name) = name
            && call.name.is_empty()
        {
            call.name = name.chars().take(MAX_NAME_CHARS).collect();
        }
        let args = match function.and_then(|function| function.arguments) {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => return,
            Some(other) => other.to_string(),
        };
        if self.argument_bytes + args.len() <= MAX_ARGUMENT_BYTES {
            self.argument_bytes += args.len();
            call.args.push_str(&args);
        }
    }

    /// The calls, whole.
    pub(super) fn finish(&mut self) -> impl Iterator<Item = ProviderEvent> {
        let calls = std::mem::take(self).calls.into_iter();
        calls.map(|Call { name, args, .. }| ProviderEvent::Call { name, args })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(fragments: &[&str]) -> Vec<(String, String)> {
        let mut calls = Calls::default();
        for fragment in fragments {
            calls.push([serde_json::from_str::<Fragment>(fragment).unwrap()]);
        }
        let call = |event| match event {
            ProviderEvent::Call { name, args } => (name, args),
            other => panic!("{other:?}"),
        };
        calls.finish().map(call).collect()
    }

    fn pairs(calls: &[(&str, &str)]) -> Vec<(String, String)> {
        calls.iter().map(|(name, args)| ((*name).to_owned(), (*args).to_owned())).collect()
    }

    #[test]
    fn fragments_of_several_calls_are_put_together() {
        let calls = gathered(&[
            r#"{"index":0,"id":"a","type":"function","function":{"name":"one","arguments":""}}"#,
            r#"{"index":0,"function":{"arguments":"{\"x\""}}"#,
            r#"{"index":1,"id":"b","function":{"name":"two","arguments":"{}"}}"#,
            r#"{"index":0,"id":null,"function":{"name":null,"arguments":":1}"}}"#,
        ]);
        assert_eq!(calls, pairs(&[("one", r#"{"x":1}"#), ("two", "{}")]));
    }

    #[test]
    fn the_ways_of_other_servers_are_understood() {
        // Whole calls that all claim to be the first; no numbers at all; arguments as an object; a name in each fragment.
        let same_number = [
            r#"{"index":0,"id":"a","function":{"name":"one","arguments":"{}"}}"#,
            r#"{"index":0,"id":"b","function":{"name":"two","arguments":"{}"}}"#,
        ];
        assert_eq!(gathered(&same_number), pairs(&[("one", "{}"), ("two", "{}")]));
        let no_number = [r#"{"function":{"name":"one","arguments":{"x":1}}}"#, r#"{"function":{"name":"two"}}"#];
        assert_eq!(gathered(&no_number), pairs(&[("one", r#"{"x":1}"#), ("two", "")]));
        let names = [
            r#"{"index":0,"id":"a","function":{"name":"one","arguments":"{"}}"#,
            r#"{"index":0,"id":"a","function":{"name":"one","arguments":"}"}}"#,
        ];
        assert_eq!(gathered(&names), pairs(&[("one", "{}")]));
        assert_eq!(gathered(&[r#"{"index":null,"id":null,"function":null}"#]), pairs(&[("", "")]));
    }

    #[test]
    fn what_is_gathered_is_bounded() {
        let many: Vec<_> =
            (0..MAX_CALLS + 5).map(|n| format!(r#"{{"index":{n},"function":{{"name":"f"}}}}"#)).collect();
        assert_eq!(gathered(&many.iter().map(String::as_str).collect::<Vec<_>>()).len(), MAX_CALLS);
        let long = format!(r#"{{"index":0,"function":{{"name":"f","arguments":"{}"}}}}"#, "x".repeat(600_000));
        assert_eq!(gathered(&[&long, &long])[0].1.len(), 600_000);
        let other = long.replace("\"index\":0", "\"index\":1");
        let lengths: Vec<_> = gathered(&[&long, &other]).iter().map(|(_, args)| args.len()).collect();
        assert_eq!(lengths, [600_000, 0], "the bound holds for all calls of an answer together");
        let name = format!(r#"{{"index":0,"function":{{"name":"{}"}}}}"#, "f".repeat(100_000));
        assert_eq!(gathered(&[&name])[0].0.len(), MAX_NAME_CHARS);
    }
}
