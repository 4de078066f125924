//! What the embedded model is given to work with.

use std::{num::NonZeroU32, path::PathBuf, thread, time::Duration};

use crate::model_file::ModelSource;

/// The options of an [`EmbeddedProvider`](super::EmbeddedProvider).
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// The model's file; looked at again on each use, so that a pull during run time is seen.
    pub model: ModelSource,
    /// The binary that is started with the one argument `engine` and then calls [`run_engine`](super::run_engine).
    pub engine_binary: PathBuf,
    /// How many threads compute. One core is best left to the server: the engine's threads wait for each other actively, and
    /// beside other work two are slower than one.
    pub threads: NonZeroU32,
    /// How long the engine's process stays when nobody asks.
    pub idle: Duration,
    /// How long the engine may report nothing while answers are pending. Then it hangs, and its process is killed.
    pub silence: Duration,
    /// Where the sampling of every answer starts; unset: somewhere else each time. Even a fixed one gives the same words only
    /// with the same number of threads and nothing else running.
    pub seed: Option<u32>,
}

impl EmbeddedOptions {
    /// How long the engine stays by default when nobody asks.
    pub const IDLE: Duration = Duration::from_mins(5);

    /// How long the engine may report nothing by default: far more than a slow processor needs for a long prompt.
    pub const SILENCE: Duration = Duration::from_mins(10);

    /// `model`, run by `engine_binary` (usually [`std::env::current_exe`]), with all cores but one.
    pub fn new(model: ModelSource, engine_binary: PathBuf) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = u32::try_from(cores.saturating_sub(1)).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        Self { model, engine_binary, threads, idle: Self::IDLE, silence: Self::SILENCE, seed: None }
    }
}

/// The engine's measures, in tokens unless they say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineLimits;

impl EngineLimits {
    /// How many answers are written at the same time.
    pub const SLOTS: usize = 4;
    /// How many more may wait for a slot; beyond them a question is refused.
    pub const WAITING: usize = 16;
    /// What one slot holds: prompt and answer.
    pub const SLOT_TOKENS: usize = 2048;
    /// The longest answer.
    pub const ANSWER_TOKENS: usize = 256;
    /// The longest prompt: what the answer leaves of the slot.
    pub const PROMPT_TOKENS: usize = Self::SLOT_TOKENS - Self::ANSWER_TOKENS;
    /// A longer history is trimmed from its oldest message on.
    pub const HISTORY_TOKENS: usize = 1500;
    /// History is dropped in steps of this size, so that the next questions find the same prefix again.
    pub const TRIM_STEP_TOKENS: usize = 512;
}
