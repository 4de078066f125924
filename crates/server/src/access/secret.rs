//! Secrets that programs and browsers carry.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use weir_store::SecretHash;

/// The operating system gives no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub(crate) struct NoRandomNumbers;

/// 256 random bits. It is told once; what is stored is its digest.
pub(crate) struct Secret {
    /// A prefix by which scanners for leaked secrets know it, and the bits as base64url (RFC 4648, 5).
    pub(crate) text: String,
    /// What it is found by.
    pub(crate) hash: SecretHash,
}

impl Secret {
    /// What stands after `Bearer`.
    pub(crate) fn token() -> Result<Self, NoRandomNumbers> {
        Self::new("weir_")
    }

    /// What a cookie or a link carries.
    pub(crate) fn plain() -> Result<Self, NoRandomNumbers> {
        Self::new("")
    }

    fn new(prefix: &str) -> Result<Self, NoRandomNumbers> {
        let mut bytes = [0; 32];
        rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).map_err(|_| NoRandomNumbers)?;
        let text = format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes));
        let hash = digest(&text);
        Ok(Self { text, hash })
    }
}

/// What a secret is found by.
pub(crate) fn digest(text: &str) -> SecretHash {
    Sha256::digest(text.as_bytes()).into()
}
