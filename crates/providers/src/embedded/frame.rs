//! What the server and the engine's process say to each other: one JSON object a line, over the engine's stdin and stdout.

use serde::{Deserialize, Serialize};
use weir_protocol::Role;

/// From the server to the engine. The first one is `Load`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Command {
    /// Loads the model. Answered by `Ready` or `Failed`.
    Load {
        /// The GGUF file.
        model: std::path::PathBuf,
        /// How many threads compute.
        threads: u32,
    },
    /// Asks for an answer. Answered by `Accepted` or `Refused` at once, then `Text` and one `Ended`.
    Ask(Ask),
    /// Ends an answer before its next token. An unknown id is no error: the answer may just have ended.
    Cancel {
        /// The answer.
        id: u64,
    },
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask {
    /// Names the answer; never used twice in one process.
    pub id: u64,
    /// Asks of the same conversation share a prefix.
    pub conversation: String,
    /// The messages, oldest first.
    pub turns: Vec<FrameTurn>,
    /// The answer so far, to go on from.
    pub partial: Option<String>,
    /// Where the sampling starts.
    pub seed: u32,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FrameTurn {
    /// Who speaks.
    pub role: Role,
    /// The text.
    pub content: String,
}

/// From the engine to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Report {
    /// The model is loaded.
    Ready,
    /// The model cannot be loaded; the process ends.
    Failed {
        /// A sentence for a person.
        message: String,
    },
    /// The question fits and waits for its turn.
    Accepted {
        /// The answer.
        id: u64,
        /// Tokens of the prompt, after trimming.
        input_tokens: u32,
    },
    /// The question does not fit.
    Refused {
        /// The answer.
        id: u64,
        /// A sentence for a person.
        message: String,
    },
    /// The next piece: whole characters, never empty.
    Text {
        /// The answer.
        id: u64,
        /// The piece.
        text: String,
    },
    /// The answer is over.
    Ended {
        /// The answer.
        id: u64,
        /// Why.
        reason: EndReason,
        /// How many tokens of the prompt were still known from an earlier question.
        reused_tokens: u32,
        /// Tokens written.
        output_tokens: u32,
    },
}

/// Why an answer is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndReason {
    /// The model ended it.
    Stop,
    /// The limit of tokens was reached.
    Length,
    /// A `Cancel` came.
    Cancelled,
}

/// The longest line that is read, in bytes. A prompt that fits the model is far shorter, also with every byte escaped.
pub(crate) const LONGEST_LINE: usize = 4 << 20;

/// One frame as a line, with its line feed. JSON escapes line feeds inside texts, so that there is no other.
pub(crate) fn encode<T: Serialize>(frame: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(frame)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_role() -> impl Strategy<Value = Role> {
        prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::Tool), Just(Role::System)]
    }

    fn any_command() -> impl Strategy<Value = Command> {
        let turn = (any_role(), any::<String>()).prop_map(|(role, content)| FrameTurn { role, content });
        let turns = proptest::collection::vec(turn, 0..6);
        let ask = (any::<u64>(), any::<String>(), turns, any::<Option<String>>(), any::<u32>()).prop_map(
            |(id, conversation, turns, partial, seed)| Command::Ask(Ask { id, conversation, turns, partial, seed }),
        );
        let load = (any::<String>(), any::<u32>()).prop_map(|(m, threads)| Command::Load { model: m.into(), threads });
        prop_oneof![load, ask, any::<u64>().prop_map(|id| Command::Cancel { id })]
    }

    fn any_report() -> impl Strategy<Value = Report> {
        let reason = prop_oneof![Just(EndReason::Stop), Just(EndReason::Length), Just(EndReason::Cancelled)];
        prop_oneof![
            Just(Report::Ready),
            any::<String>().prop_map(|message| Report::Failed { message }),
            (any::<u64>(), any::<u32>()).prop_map(|(id, input_tokens)| Report::Accepted { id, input_tokens }),
            (any::<u64>(), any::<String>()).prop_map(|(id, message)| Report::Refused { id, message }),
            (any::<u64>(), any::<String>()).prop_map(|(id, text)| Report::Text { id, text }),
            (any::<u64>(), reason, any::<u32>(), any::<u32>()).prop_map(
                |(id, reason, reused_tokens, output_tokens)| {
                    Report::Ended { id, reason, reused_tokens, output_tokens }
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn every_command_is_one_line_and_comes_back(command in any_command()) {
            let line = encode(&command).unwrap();
            prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            prop_assert_eq!(serde_json::from_slice::<Command>(&line).unwrap(), command);
        }

        #[test]
        fn every_report_is_one_line_and_comes_back(report in any_report()) {
            let line = encode(&report).unwrap();
            prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            prop_assert_eq!(serde_json::from_slice::<Report>(&line).unwrap(), report);
        }
    }
}
