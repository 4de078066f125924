//! Any OpenAI-compatible server.

mod options;

use async_trait::async_trait;
use weir_protocol::Model;

pub use options::{ApiKey, BaseUrl, InvalidOption, OpenAiOptions, RetryPolicy};

use crate::{ChatRequest, EventStream, Provider, ProviderError, ProviderErrorKind};

/// An OpenAI-compatible server.
pub struct OpenAiProvider {
    options: OpenAiOptions,
}

impl OpenAiProvider {
    /// A client of the server that `options` name. Connects to nothing yet.
    ///
    /// The process must have installed a rustls crypto provider.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up (no TLS provider, unreadable root certificates).
    pub fn new(options: OpenAiOptions) -> Result<Self, ProviderError> {
        Ok(Self { options })
    }
}

#[async_trait]
impl Provider for OpenAiProvider {
    fn id(&self) -> &'static str {
        "openai"
    }

    async fn models(&self) -> Vec<Model> {
        Vec::new()
    }

    fn continues(&self, _model: &str) -> bool {
        self.options.continues.unwrap_or(!self.options.base_url.is_openai())
    }

    async fn stream(&self, _request: ChatRequest) -> Result<EventStream, ProviderError> {
        Err(ProviderError::new(ProviderErrorKind::NotReady, "Under construction."))
    }
}
