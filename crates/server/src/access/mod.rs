//! Who is let in: what a server asks of people, their passwords and secrets, and what is open in whose name.

mod guesses;
mod open_id;
mod password;
mod secret;
mod watch;

use std::sync::Arc;

use weir_protocol::AuthMode;

use crate::config::PublicUrl;

pub(crate) use guesses::{Guesses, TooManyGuesses, count_link_attempt, network_digest};
pub use open_id::OpenIdSettings;
pub(crate) use open_id::{Known, OpenId, OpenIdCallback, PendingSignIn};
pub(crate) use password::{PasswordError, Passwords};
pub(crate) use secret::{NoRandomNumbers, Secret, digest};
pub(crate) use watch::Watch;
pub use watch::Watches;

/// How this server lets people in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    mode: AuthMode,
    public_url: Option<PublicUrl>,
    dev_origins: Vec<PublicUrl>,
    open_id: Option<OpenId>,
    passwords: Passwords,
    watches: Watches,
}

impl Access {
    /// Of a server that people reach at `public_url`.
    pub fn new(mode: AuthMode, public_url: Option<PublicUrl>) -> Self {
        Self(Arc::new(Inner {
            mode,
            public_url,
            dev_origins: Vec::new(),
            open_id: None,
            passwords: Passwords::default(),
            watches: Watches::default(),
        }))
    }

    /// Of a server that people get into through a provider as well.
    ///
    /// # Errors
    /// When a client of the provider cannot be set up; a sentence.
    pub fn with_open_id(public_url: PublicUrl, settings: OpenIdSettings) -> Result<Self, String> {
        let open_id = OpenId::new(settings, &public_url).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Inner {
            mode: AuthMode::Required,
            public_url: Some(public_url),
            dev_origins: Vec::new(),
            open_id: Some(open_id),
            passwords: Passwords::default(),
            watches: Watches::default(),
        })))
    }

    /// Accepts the pages of these development servers as well. Call it before the value is cloned.
    #[must_use]
    pub fn with_dev_origins(mut self, origins: Vec<PublicUrl>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.dev_origins = origins;
        }
        self
    }

    /// The development servers whose pages may use this server.
    pub(crate) fn dev_origins(&self) -> &[PublicUrl] {
        &self.0.dev_origins
    }

    /// The provider that lets people in, if there is one.
    pub(crate) fn open_id(&self) -> Option<&OpenId> {
        self.0.open_id.as_ref()
    }

    /// Whether people sign in.
    pub fn mode(&self) -> AuthMode {
        self.0.mode
    }

    /// Where people reach this server, if that was said.
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.0.public_url.as_ref()
    }

    /// Whether people come over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url().is_some_and(PublicUrl::is_secure)
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// What is open in whose name. Whoever runs the server keeps an eye on it: [`Watches::keep`].
    pub fn watches(&self) -> &Watches {
        &self.0.watches
    }
}
