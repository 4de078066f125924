//! Every provider there is, and which model answers when a request names none.

use std::sync::Arc;

use futures_util::future::join_all;
use weir_protocol::{FieldError, Model};
use weir_providers::Provider;

use crate::StartError;

/// The providers, in the order in which they are preferred.
#[derive(Clone)]
pub struct Providers {
    all: Arc<[Arc<dyn Provider>]>,
    default: Option<Arc<str>>,
}

/// A model and who serves it.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) provider: Arc<dyn Provider>,
    /// The model's own name, without the provider's prefix.
    pub(crate) model: String,
}

impl Chosen {
    /// `provider/model`.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.provider.id(), self.model)
    }
}

impl Providers {
    /// `default` is a `provider/model`; without it the first model that is there answers.
    pub fn new(all: Vec<Arc<dyn Provider>>, default: Option<String>) -> Self {
        Self { all: all.into(), default: default.map(Into::into) }
    }

    /// Every model, the default marked.
    pub async fn models(&self) -> Vec<Model> {
        let lists = join_all(self.all.iter().map(|provider| provider.models())).await;
        let mut models: Vec<Model> = lists.into_iter().flatten().collect();
        let default = match &self.default {
            Some(id) => models.iter().position(|model| *model.id == **id),
            None => models.iter().position(|model| model.available),
        };
        if let Some(default) = default {
            models[default].default = true;
        }
        models
    }

    /// The model a request names, or the default.
    pub(crate) async fn choose(&self, model: Option<&str>) -> Result<Chosen, StartError> {
        if let Some(id) = model {
            return self.find(id).ok_or_else(|| {
                let fault = FieldError::new("model", "names no model of this server; GET /api/models lists them");
                StartError::Invalid(vec![fault])
            });
        }
        if let Some(id) = &self.default {
            let unknown = || StartError::NoModel(format!("The default model {id} is of no provider that is set up."));
            return self.find(id).ok_or_else(unknown);
        }
        let models = self.models().await;
        let chosen = models.iter().find(|model| model.default).and_then(|model| self.find(&model.id));
        chosen.ok_or_else(|| {
            let notes: Vec<_> = models.into_iter().filter_map(|model| model.note).collect();
            StartError::NoModel(if notes.is_empty() {
                "No model is set up. Run `weir model pull`, or set OPENAI_BASE_URL or OPENAI_API_KEY.".to_owned()
            } else {
                notes.join(" ")
            })
        })
    }

    /// The model with this id, if its provider is here; whether the provider knows the model is for it to say.
    pub(crate) fn find(&self, id: &str) -> Option<Chosen> {
        let (provider, model) = id.split_once('/').filter(|(_, model)| !model.is_empty())?;
        let provider = self.all.iter().find(|one| one.id() == provider)?;
        Some(Chosen { provider: provider.clone(), model: model.to_owned() })
    }
}
