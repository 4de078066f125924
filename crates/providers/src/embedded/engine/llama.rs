//! The only caller of llama.cpp.
//!
//! It aborts the process on a batch that is too large and on the sampling of a row that has no logits. Neither can be asked of
//! this module: [`Session::step`] takes at most [`BATCH`] tokens, and a [`Row`] comes only out of a step.

use std::{num::NonZeroU32, path::Path};

use llama_cpp_2::{
    context::{LlamaContext, params::LlamaContextParams},
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::{LlamaModel, params::LlamaModelParams},
    sampling::LlamaSampler,
    token::LlamaToken,
};

use super::{super::options::EngineLimits, prompt::Markers};

/// A token of the model's vocabulary.
pub(super) type Token = LlamaToken;

/// The most tokens of one step.
pub(super) const BATCH: usize = 128 + EngineLimits::SLOTS;

/// A loaded model.
pub(super) struct Llama {
    backend: LlamaBackend,
    model: LlamaModel,
    threads: i32,
    markers: Markers<Token>,
}

impl Llama {
    /// Loads a GGUF file that speaks `ChatML`.
    ///
    /// # Errors
    /// A sentence for a person.
    pub(super) fn load(path: &Path, threads: u32) -> Result<Self, String> {
        let shown = path.display();
        if !path.is_file() {
            return Err(format!("The model's file {shown} is not there."));
        }
        let backend = LlamaBackend::init().map_err(|error| format!("llama.cpp could not be started: {error}."))?;
        let model = LlamaModel::load_from_file(&backend, path, &LlamaModelParams::default()).map_err(|_| {
            format!(
                "{shown} cannot be loaded: it is damaged, not a GGUF file, or of a kind that this engine does not know. \
                 Run `weir model pull` again, or set WEIR_LOCAL_MODEL to another file."
            )
        })?;
        let control = |text: &str| match model.vocab().tokenize(text.as_bytes(), false, true)[..] {
            [token] if model.vocab().is_control(token) => Some(token),
            _ => None,
        };
        let (Some(start), Some(end)) = (control("<|im_start|>"), control("<|im_end|>")) else {
            return Err(format!(
                "{shown} does not speak ChatML, the only chat format of the embedded engine (SmolLM2, Qwen and many others do). \
                 Choose another file, or serve this one with llama-server and set OPENAI_BASE_URL to it."
            ));
        };
        let threads = i32::try_from(threads).unwrap_or(i32::MAX);
        Ok(Self { backend, model, threads, markers: Markers { start, end } })
    }

    pub(super) fn markers(&self) -> Markers<Token> {
        self.markers
    }

    /// The tokens of plain text. What looks like a control token in it stays text.
    pub(super) fn tokens(&self, text: &str) -> Vec<Token> {
        self.model.vocab().tokenize(text.as_bytes(), false, false)
    }

    /// The bytes of a token; none for control tokens.
    pub(super) fn bytes(&self, token: Token) -> Vec<u8> {
        self.model.vocab().token_to_piece(token, false, None)
    }

    /// Whether the token ends an answer: the vocabulary says so, or it would open another message.
    pub(super) fn ends(&self, token: Token) -> bool {
        token == self.markers.start || token == self.markers.end || self.model.vocab().is_eog(token)
    }

    /// Chooses the tokens of one answer.
    pub(super) fn sampler(&self, seed: u32) -> Sampler {
        Sampler(LlamaSampler::chain(
            [
                LlamaSampler::penalties(self.model.n_vocab(), 64, 1.1, 0.0, 0.0),
                LlamaSampler::top_k(40),
                LlamaSampler::top_p(0.9, 1),
                LlamaSampler::temp(0.5),
                LlamaSampler::dist(seed),
            ],
            true,
        ))
    }

    /// Memory for all slots. There is one session a process.
    ///
    /// # Errors
    /// A sentence, when there is not enough memory.
    pub(super) fn session(&self) -> Result<Session<'_>, String> {
        let slots = u32::try_from(EngineLimits::SLOTS).unwrap_or(u32::MAX);
        let slot = u32::try_from(EngineLimits::SLOT_TOKENS).unwrap_or(u32::MAX);
        let batch = u32::try_from(BATCH).unwrap_or(u32::MAX);
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(slots * slot))
            .with_n_seq_max(slots)
            .with_n_batch(batch)
            .with_n_ubatch(batch)
            .with_n_threads(self.threads)
            .with_n_threads_batch(self.threads)
            .with_no_perf(true);
        let context = self
            .model
            .new_context(&self.backend, params)
            .map_err(|_| "There is not enough memory for the local model.".to_owned())?;
        Ok(Session { context, batch: LlamaBatch::new(BATCH, 1) })
    }
}

/// The sampling of one answer.
pub(super) struct Sampler(LlamaSampler);

impl Sampler {
    /// Counts tokens that are there already, so that their repetition is penalised too.
    pub(super) fn remember(&mut self, tokens: &[Token]) {
        self.0.accept_many(tokens);
    }
}

/// A token that a slot reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feed {
    /// The slot, below [`EngineLimits::SLOTS`].
    pub(super) slot: usize,
    /// Its place in the slot.
    pub(super) position: usize,
    /// The token.
    pub(super) token: Token,
    /// The next token of this slot is to be chosen after it.
    pub(super) choose: bool,
}

/// A slot whose next token can be chosen, until the next step.
#[derive(Debug)]
pub(super) struct Row {
    /// The slot.
    pub(super) slot: usize,
    index: i32,
}

/// The slots' memory.
pub(super) struct Session<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'m>,
}

impl Session<'_> {
    /// Reads tokens and gives the rows to choose from.
    ///
    /// # Errors
    /// A sentence; the session cannot be used any more then.
    pub(super) fn step(&mut self, feeds: &[Feed]) -> Result<Vec<Row>, String> {
        self.batch.clear();
        let mut rows = Vec::new();
        for (index, feed) in (0_i32..).zip(feeds) {
            if feed.position >= EngineLimits::SLOT_TOKENS || feed.slot >= EngineLimits::SLOTS {
                return Err(format!("position {} of slot {} does not exist", feed.position, feed.slot));
            }
            let position = i32::try_from(feed.position).map_err(|error| error.to_string())?;
            let slot = i32::try_from(feed.slot).map_err(|error| error.to_string())?;
            self.batch.add(feed.token, position, &[slot], feed.choose).map_err(|error| error.to_string())?;
            if feed.choose {
                rows.push(Row { slot: feed.slot, index });
            }
        }
        self.context.decode(&mut self.batch).map_err(|error| error.to_string())?;
        Ok(rows)
    }

    /// Chooses the next token of a row.
    pub(super) fn choose(&mut self, row: &Row, sampler: &mut Sampler) -> Token {
        sampler.0.sample(&self.context, row.index)
    }

    /// Forgets what a slot holds from `position` on.
    ///
    /// # Errors
    /// A sentence, when the model cannot forget a part.
    pub(super) fn forget(&mut self, slot: usize, position: usize) -> Result<(), String> {
        let slot = i32::try_from(slot).map_err(|error| error.to_string())?;
        let position = u32::try_from(position).map_err(|error| error.to_string())?;
        self.context.kv_cache_seq_rm(slot, Some(position), None).map_err(|error| error.to_string())
    }
}
