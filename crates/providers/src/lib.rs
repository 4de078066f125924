//! Where answers come from. An upstream's stream becomes [`ProviderEvent`]s; nothing here knows of stores or HTTP routes.

#[cfg(feature = "embedded-model")]
pub mod embedded;
pub mod model_file;
pub mod openai;

mod error;
mod pacer;
mod provider;

pub use error::{ProviderError, ProviderErrorKind};
pub use pacer::Pacer;
pub use provider::{
    Admission, ChatRequest, ContextPlace, EventStream, FinishedWith, Offer, Provider, ProviderEvent, Turn, TurnCall,
};
