//! What is answered: a pure function of seed, model and question.

use std::time::Duration;

use super::markdown::MARKDOWN;

/// The models there are, in the order of the list.
pub(crate) const MODELS: [&str; 14] = [
    "scripted-fast",
    "scripted-slow",
    "scripted-markdown",
    "scripted-long",
    "scripted-error-401",
    "scripted-error-404",
    "scripted-error-429",
    "scripted-error-quota",
    "scripted-error-500",
    "scripted-error-context",
    "scripted-error-midstream",
    "scripted-error-silent",
    "scripted-error-empty",
    "scripted-error-html",
];

/// A failure on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 401: the key is wrong.
    Unauthorized,
    /// 404: there is no such model.
    NoModel,
    /// 429 with `Retry-After: 30`.
    RateLimited,
    /// 429 with the code `insufficient_quota`.
    Quota,
    /// 500.
    Internal,
    /// 400 with the code `context_length_exceeded`.
    Context,
    /// The connection is cut after so many tokens.
    Midstream(usize),
    /// Nothing more comes after so many tokens, and the connection stays open.
    Silent(usize),
    /// 200 with an empty body.
    Empty,
    /// 200 with a web page.
    Html,
}

impl Failure {
    fn parse(word: &str, after: usize) -> Option<Self> {
        Some(match word {
            "401" => Self::Unauthorized,
            "404" => Self::NoModel,
            "429" => Self::RateLimited,
            "quota" => Self::Quota,
            "500" => Self::Internal,
            "context" => Self::Context,
            "midstream" => Self::Midstream(after),
            "silent" => Self::Silent(after),
            "empty" => Self::Empty,
            "html" => Self::Html,
            _ => return None,
        })
    }
}

/// How one answer is played: the model's manner, changed by directives such as `[[tokens=40 rate=20]]` in the question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Directives {
    /// How many tokens there are; `None`: the whole of a fixed text.
    pub tokens: Option<usize>,
    /// Tokens a second; 0: as fast as the connection takes them.
    pub rate: f64,
    /// The wait before the first token.
    pub first: Duration,
    /// Every token is the time it was sent at, in microseconds since 1970, and a space.
    pub stamp: bool,
    /// A failure on purpose.
    pub fail: Option<Failure>,
    /// In how many steps it calls tools before it answers.
    pub steps: usize,
}

impl Directives {
    /// What `model` does with `question`; `None` when there is no such model.
    pub fn parse(model: &str, question: &str) -> Option<Self> {
        let (tokens, rate) = match model {
            "scripted-fast" => (Some(200), 200.0),
            "scripted-slow" => (Some(300), 12.0),
            "scripted-markdown" => (None, 100.0),
            "scripted-long" => (Some(12_000), 400.0),
            _ if MODELS.contains(&model) => (Some(50), 50.0),
            _ => return None,
        };
        let mut directives =
            Self { tokens, rate, first: Duration::ZERO, stamp: false, fail: None, steps: steps(question).len() };
        let mut fail = model.strip_prefix("scripted-error-");
        let mut after = 10;
        for word in directive_words(question) {
            match word.split_once('=') {
                Some(("tokens", value)) => directives.tokens = value.parse().ok().or(directives.tokens),
                Some(("rate", value)) => {
                    directives.rate = value.parse().ok().filter(|rate| *rate >= 0.0).unwrap_or(directives.rate);
                }
                Some(("first", value)) => {
                    directives.first = value.parse().map_or(directives.first, Duration::from_millis);
                }
                Some(("fail", value)) => fail = Some(value),
                Some(("after", value)) => after = value.parse().unwrap_or(after),
                None if word == "stamp" => directives.stamp = true,
                _ => {}
            }
        }
        directives.fail = fail.and_then(|word| Failure::parse(word, after));
        Some(directives)
    }
}

/// The calls of each step, from directives such as `[[call=wait {"seconds":1}]]`; those that stand together in one pair of
/// brackets, parted by `+`, are called at once.
pub(crate) fn steps(question: &str) -> Vec<Vec<(String, String)>> {
    let inside = question.split("[[call=").skip(1).filter_map(|rest| rest.split_once("]]"));
    inside
        .map(|(calls, _)| {
            let call = |text: &str| {
                let (name, args) = text.trim().split_once(' ').unwrap_or((text.trim(), "{}"));
                (name.to_owned(), args.trim().to_owned())
            };
            calls.split(" + ").map(call).collect()
        })
        .collect()
}

fn directive_words(question: &str) -> impl Iterator<Item = &str> {
    question
        .split("[[")
        .skip(1)
        .filter_map(|rest| rest.split_once("]]"))
        .flat_map(|(inside, _)| inside.split_ascii_whitespace())
}

/// The whole text that `model` answers to `question`. Empty for an unknown model.
pub fn answer(seed: u64, model: &str, question: &str) -> String {
    Directives::parse(model, question).map_or_else(String::new, |how| tokens(seed, model, question, &how).concat())
}

/// The answer, token by token.
pub(crate) fn tokens(seed: u64, model: &str, question: &str, how: &Directives) -> Vec<String> {
    if model == "scripted-markdown" {
        let mut all: Vec<String> = split_text(MARKDOWN).map(str::to_owned).collect();
        all.truncate(how.tokens.unwrap_or(usize::MAX));
        return all;
    }
    let mut random = SplitMix(hash(seed, &[model, question]));
    let mut words_left = 0_u64;
    let mut sentences_left = random.below(3) + 3;
    (0..how.tokens.unwrap_or(200))
        .map(|index| {
            let starts = words_left == 0;
            if starts {
                words_left = random.below(9) + 5;
            }
            words_left -= 1;
            let word = WORDS[usize::try_from(random.below(WORDS.len() as u64)).unwrap_or(0)];
            let mut token = String::with_capacity(word.len() + 3);
            if index > 0 {
                if starts && sentences_left == 0 {
                    sentences_left = random.below(3) + 3;
                    token.push_str("\n\n");
                } else {
                    token.push(' ');
                }
            }
            let mut letters = word.chars();
            match letters.next() {
                Some(first) if starts => {
                    token.extend(first.to_uppercase());
                    token.push_str(letters.as_str());
                }
                _ => token.push_str(word),
            }
            if words_left == 0 {
                token.push('.');
                sentences_left = sentences_left.saturating_sub(1);
            }
            token
        })
        .collect()
}

/// What is left of `tokens` after `partial`; `None` when the partial is not how this answer begins.
pub(crate) fn rest(tokens: Vec<String>, partial: &str) -> Option<Vec<String>> {
    let mut before = partial;
    let mut left = Vec::new();
    for token in tokens {
        if before.is_empty() {
            left.push(token);
        } else if let Some(shorter) = before.strip_prefix(token.as_str()) {
            before = shorter;
        } else {
            left.push(token.strip_prefix(before)?.to_owned());
            before = "";
        }
    }
    before.is_empty().then_some(left)
}

/// Pieces like a tokeniser's: white space leads the word that follows it, and long words come in parts.
fn split_text(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        if text.is_empty() {
            return None;
        }
        let word_at = text.find(|c: char| !c.is_whitespace()).unwrap_or(text.len());
        let word = &text[word_at..];
        let word_len = word
            .char_indices()
            .find(|(index, c)| c.is_whitespace() || *index >= 6 || (*index > 0 && !c.is_alphanumeric()))
            .map_or(word.len(), |(index, _)| index);
        let (piece, left) = text.split_at(word_at + word_len);
        text = left;
        Some(piece)
    })
}

/// FNV-1a: the same on every machine and in every release.
fn hash(seed: u64, texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    seed.to_le_bytes()
        .into_iter()
        .chain(bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `SplitMix64`, for the same reason.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// Short and long words, some of several bytes a character, so that every cut is met.
const WORDS: [&str; 48] = [
    "the",
    "river",
    "runs",
    "past",
    "a",
    "quiet",
    "weir",
    "and",
    "water",
    "falls",
    "over",
    "stone",
    "light",
    "moves",
    "with",
    "it",
    "slowly",
    "under",
    "old",
    "bridges",
    "where",
    "someone",
    "once",
    "counted",
    "every",
    "drop",
    "in",
    "order",
    "none",
    "is",
    "lost",
    "naïve",
    "façade",
    "über",
    "café",
    "水",
    "流れ",
    "река",
    "🌊",
    "👩‍💻",
    "measurement",
    "of",
    "flow",
    "needs",
    "patience",
    "unquestionably",
    "so",
    "on",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer_and_another_has_another() {
        let text = answer(1, "scripted-fast", "Hello");
        assert_eq!(text, answer(1, "scripted-fast", "Hello"));
        assert_ne!(text, answer(1, "scripted-fast", "Hello!"));
        assert_ne!(text, answer(2, "scripted-fast", "Hello"));
        assert!(!text.is_ascii() && text.len() > 500);
    }

    #[test]
    fn every_partial_is_continued_to_the_same_whole() {
        for model in ["scripted-fast", "scripted-markdown"] {
            let how = Directives::parse(model, "Hello").unwrap();
            let tokens = tokens(1, model, "Hello", &how);
            let whole = tokens.concat();
            for cut in (0..=whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
                let left = rest(tokens.clone(), &whole[..cut]).unwrap();
                assert_eq!(left.concat(), whole[cut..]);
            }
            assert_eq!(rest(tokens, "something else"), None);
        }
    }

    #[test]
    fn calls_come_step_by_step() {
        let pair = |name: &str, args: &str| (name.to_owned(), args.to_owned());
        let told = steps(r#"[[call=wait {"seconds":1} + now]] then [[call=add {"a":1}]] [[tokens=3]]"#);
        assert_eq!(told[0], [pair("wait", r#"{"seconds":1}"#), pair("now", "{}")]);
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn directives_change_the_manner_of_the_model() {
        let how = Directives::parse("scripted-slow", "Say [[tokens=40 rate=20]] and [[first=250 fail=silent after=3]]");
        let expected = Directives {
            tokens: Some(40),
            rate: 20.0,
            first: Duration::from_millis(250),
            stamp: false,
            fail: Some(Failure::Silent(3)),
            steps: 0,
        };
        assert_eq!(how, Some(expected));
        assert_eq!(Directives::parse("gpt-4o", "Hello"), None);
        assert_eq!(Directives::parse("scripted-error-429", "").and_then(|how| how.fail), Some(Failure::RateLimited));
    }
}
