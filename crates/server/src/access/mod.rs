//! Who is let in: what a server asks of people, their passwords and secrets, and what is open in whose name.

mod guesses;
mod password;
mod secret;
mod watch;

use std::sync::Arc;

use weir_protocol::AuthMode;

use crate::config::PublicUrl;

pub(crate) use guesses::{Guesses, TooManyGuesses};
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
    passwords: Passwords,
    watches: Watches,
}

impl Access {
    /// Of a server that people reach at `public_url`.
    pub fn new(mode: AuthMode, public_url: Option<PublicUrl>) -> Self {
        Self(Arc::new(Inner { mode, public_url, passwords: Passwords::default(), watches: Watches::default() }))
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
