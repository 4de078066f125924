//! Any OpenAI-compatible server: streaming chat completions over HTTP.
//!
//! What a server sends is read leniently (`null`, missing and unknown fields, either shape of an error, characters cut in two)
//! and judged strictly: an answer without the model's reason to end is a failure, never a finished answer.

mod answer;
mod calls;
mod chunk;
mod client;
mod decode;
mod failure;
mod models;
mod options;
mod overlap;
mod request;
mod sse;
mod text;

use std::sync::Arc;

use async_trait::async_trait;
use weir_protocol::Model;

use answer::Answer;
use client::Server;
use models::ModelCache;
pub use options::{ApiKey, BaseUrl, InvalidOption, OpenAiOptions, RetryPolicy};

use crate::{ChatRequest, EventStream, Provider, ProviderError};

/// An OpenAI-compatible server.
#[derive(Debug)]
pub struct OpenAiProvider {
    server: Arc<Server>,
    models: ModelCache,
}

impl OpenAiProvider {
    /// A client of the server that `options` name. Connects to nothing yet.
    ///
    /// The process must have installed a rustls crypto provider.
    ///
    /// # Errors
    /// [`NotReady`](crate::ProviderErrorKind::NotReady) when the HTTP client cannot be set up, for instance because the
    /// machine's root certificates cannot be read.
    pub fn new(options: OpenAiOptions) -> Result<Self, ProviderError> {
        Ok(Self { server: Arc::new(Server::new(options)?), models: ModelCache::default() })
    }
}

#[async_trait]
impl Provider for OpenAiProvider {
    fn id(&self) -> &'static str {
        models::PROVIDER
    }

    async fn models(&self) -> Vec<Model> {
        let mut models = self.models.models(&self.server).await;
        for model in &mut models {
            // What is not known to fail is offered tools: most servers say nothing of what their models can do.
            let name = model.id.split_once('/').map_or("", |(_, name)| name);
            model.capabilities.tools = model.available && self.server.calls_tools(name);
        }
        models
    }

    fn calls_tools(&self, model: &str) -> bool {
        self.server.calls_tools(model)
    }

    fn continues(&self, _model: &str) -> bool {
        self.server.continues()
    }

    async fn stream(&self, request: ChatRequest) -> Result<EventStream, ProviderError> {
        Ok(Answer::open(Arc::clone(&self.server), request).await?.into_stream())
    }
}
