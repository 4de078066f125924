//! From messages to tokens: `ChatML`, put together from parts, so that no message can forge another.

use weir_protocol::Role;

use super::super::{frame::FrameTurn, options::EngineLimits, trim::left_out};

/// What every conversation begins with. Short, because a small model follows little and each token is read anew in each slot.
pub(super) const SYSTEM_PROMPT: &str = "You are a helpful assistant. Answer clearly and briefly.";

/// The two control tokens of `ChatML`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Markers<T> {
    /// `<|im_start|>`
    pub(super) start: T,
    /// `<|im_end|>`
    pub(super) end: T,
}

/// A prompt that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt<T> {
    /// All its tokens; never empty.
    pub(super) tokens: Vec<T>,
    /// How many of the last ones are the answer so far.
    pub(super) partial_tokens: usize,
}

/// Why there is no prompt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PromptError {
    /// The last message does not fit, also with nothing before it.
    #[error(
        "This message is too long for the local model: it takes {tokens} tokens, and {limit} fit (about {} words). \
         Shorten it, or choose another model.",
        limit * 3 / 4
    )]
    TooLong {
        /// What it would take, with the instructions.
        tokens: usize,
        /// What fits.
        limit: usize,
    },
}

/// Makes prompts. `tokens` turns text into tokens and never into control tokens.
pub(super) struct PromptMaker<T, F> {
    tokens: F,
    markers: Markers<T>,
    line_feed: Vec<T>,
}

impl<T: Copy, F: Fn(&str) -> Vec<T>> PromptMaker<T, F> {
    pub(super) fn new(tokens: F, markers: Markers<T>) -> Self {
        let line_feed = tokens("\n");
        Self { tokens, markers, line_feed }
    }

    /// The prompt of a conversation: the instructions, as much of the newest messages as fits, the opened answer, and what
    /// there is of it. The oldest messages are left out first; the instructions and the last message always stay.
    pub(super) fn prompt(&self, turns: &[FrameTurn], partial: Option<&str>) -> Result<Prompt<T>, PromptError> {
        let instructions = turns.iter().take_while(|turn| turn.role == Role::System).count();
        // A conversation that ends with instructions still has them as its last message.
        let (instructions, messages) = turns.split_at(instructions.min(turns.len().saturating_sub(1)));
        let mut system = SYSTEM_PROMPT.to_owned();
        for turn in instructions {
            system.push_str("\n\n");
            system.push_str(&turn.content);
        }
        let mut tokens = self.message("system", &system);
        let opening = self.opening("assistant\n");
        let messages: Vec<Vec<T>> = messages.iter().map(|turn| self.turn(turn)).collect();
        let sizes: Vec<usize> = messages.iter().map(Vec::len).collect();
        let fixed = tokens.len() + opening.len();
        let budget = EngineLimits::HISTORY_TOKENS.saturating_sub(fixed);
        let first = left_out(&sizes, budget, EngineLimits::TRIM_STEP_TOKENS);
        let needed = fixed + sizes[first..].iter().sum::<usize>();
        if needed > EngineLimits::PROMPT_TOKENS {
            return Err(PromptError::TooLong { tokens: needed, limit: EngineLimits::PROMPT_TOKENS });
        }
        tokens.extend(messages[first..].iter().flatten());
        let Some(partial) = partial else {
            tokens.extend(opening);
            return Ok(Prompt { tokens, partial_tokens: 0 });
        };
        let before = tokens.len() + opening.len();
        tokens.extend(self.opening(&format!("assistant\n{partial}")));
        let partial_tokens = tokens.len().saturating_sub(before);
        tokens.truncate(before + EngineLimits::ANSWER_TOKENS);
        Ok(Prompt { tokens, partial_tokens })
    }

    fn turn(&self, turn: &FrameTurn) -> Vec<T> {
        match turn.role {
            Role::User => self.message("user", &turn.content),
            Role::Assistant => self.message("assistant", &turn.content),
            Role::System => self.message("system", &turn.content),
            // The format has no such role.
            Role::Tool => self.message("user", &format!("The output of a tool:\n{}", turn.content)),
        }
    }

    fn message(&self, role: &str, content: &str) -> Vec<T> {
        let mut tokens = self.opening(&format!("{role}\n{content}"));
        tokens.push(self.markers.end);
        tokens.extend(&self.line_feed);
        tokens
    }

    fn opening(&self, text: &str) -> Vec<T> {
        let mut tokens = vec![self.markers.start];
        tokens.extend((self.tokens)(text));
        tokens
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Stands for a tokeniser: a character is a token; the markers lie outside of all characters.
    const MARKERS: Markers<u32> = Markers { start: 0x0011_0000, end: 0x0011_0001 };

    fn maker() -> PromptMaker<u32, impl Fn(&str) -> Vec<u32>> {
        PromptMaker::new(|text: &str| text.chars().map(u32::from).collect(), MARKERS)
    }

    fn turn(role: Role, content: &str) -> FrameTurn {
        FrameTurn { role, content: content.to_owned() }
    }

    fn readable(prompt: &Prompt<u32>) -> String {
        let piece = |token: &u32| match *token {
            token if token == MARKERS.start => "[START]".to_owned(),
            token if token == MARKERS.end => "[END]".to_owned(),
            token => char::from_u32(token).unwrap().to_string(),
        };
        prompt.tokens.iter().map(piece).collect()
    }

    #[test]
    fn a_prompt_is_made_of_parts() {
        let turns = [
            turn(Role::System, "Be kind."),
            turn(Role::User, "Hi"),
            turn(Role::Assistant, "Yes?"),
            turn(Role::User, " 2+2 "),
        ];
        let prompt = maker().prompt(&turns, None).unwrap();
        let expected = format!(
            "[START]system\n{SYSTEM_PROMPT}\n\nBe kind.[END]\n[START]user\nHi[END]\n[START]assistant\nYes?[END]\n[START]user\n 2+2 [END]\n[START]assistant\n"
        );
        assert_eq!(readable(&prompt), expected);
    }

    #[test]
    fn a_partial_answer_stays_open() {
        let turns = [turn(Role::User, "Hi")];
        let whole = maker().prompt(&turns, None).unwrap();
        let prompt = maker().prompt(&turns, Some("Hel")).unwrap();
        assert_eq!(readable(&prompt), readable(&whole) + "Hel");
        assert_eq!(prompt.partial_tokens, 3);
    }

    proptest! {
        #[test]
        fn no_message_can_forge_another(content in "(<\\|im_end\\|>|<\\|im_start\\|>|system|\n|[a-z]){0,40}") {
            let turns = [turn(Role::User, &content), turn(Role::Assistant, &content), turn(Role::User, &content)];
            let prompt = maker().prompt(&turns, Some(&content)).unwrap();
            prop_assert_eq!(prompt.tokens.iter().filter(|token| **token == MARKERS.start).count(), 5);
            prop_assert_eq!(prompt.tokens.iter().filter(|token| **token == MARKERS.end).count(), 4);
        }

        #[test]
        fn every_prompt_leaves_room_for_its_answer(
            lengths in proptest::collection::vec(0_usize..900, 1..30),
            partial in proptest::option::of(0_usize..400),
        ) {
            let turns: Vec<FrameTurn> = lengths.iter().map(|length| turn(Role::User, &"x".repeat(*length))).collect();
            let partial = partial.map(|length| "y".repeat(length));
            let prompt = maker().prompt(&turns, partial.as_deref()).unwrap();
            let left = EngineLimits::ANSWER_TOKENS.saturating_sub(prompt.partial_tokens);
            prop_assert!(prompt.tokens.len() + left <= EngineLimits::SLOT_TOKENS);
            let text = readable(&prompt);
            prop_assert!(text.starts_with("[START]system\nYou are"), "the instructions stay");
            let last = format!("[START]user\n{}[END]\n[START]assistant\n", turns.last().unwrap().content);
            prop_assert!(text.contains(&last), "the last message stays");
        }
    }

    #[test]
    fn a_message_that_cannot_fit_is_refused_in_plain_words() {
        let error = maker().prompt(&[turn(Role::User, &"x".repeat(3000))], None).unwrap_err();
        assert!(matches!(error, PromptError::TooLong { limit: 1792, .. }));
        assert!(error.to_string().contains("too long for the local model"));
    }
}
