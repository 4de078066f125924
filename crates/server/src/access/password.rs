//! Passwords: argon2id, and none that everybody tries.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};
use zxcvbn::{Score, zxcvbn};

/// OWASP, Password Storage Cheat Sheet: argon2id with 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Characters at the beginning and at the end of a password whose strength is estimated; a password is as strong as the stronger of both.
/// An estimate takes time that grows with the square of the length, and seconds for 100 characters that stand for letters.
const JUDGED_CHARACTERS: usize = 24;
/// Passwords that are worked on at once: each takes a core for some 30 ms, and the memory.
const PLACES: usize = 2;
/// How long one waits for a place.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a password was not worked on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Too many at once.
    #[error("too many passwords at once")]
    Busy,
    /// It is easily guessed; what would be better, in words.
    #[error("{0}")]
    Weak(String),
    /// A stored hash cannot be read, or the library failed.
    #[error("a password could not be hashed")]
    Failed,
}

/// The place where passwords are worked on.
#[derive(Debug)]
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)) }
    }
}

impl Passwords {
    /// The hash of a new password. `known` is what others know of its person: it makes a bad password.
    pub(crate) async fn make(&self, password: String, known: Vec<String>) -> Result<String, PasswordError> {
        self.work(move || {
            if let Some(advice) = weakness(&password, &known) {
                return Err(PasswordError::Weak(advice));
            }
            hash(&password)
        })
        .await
    }

    /// Whether it is the password. Without a hash it is not, and that takes as long.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, PasswordError> {
        self.work(move || {
            let Some(stored) = stored else { return hash(&password).map(|_| false) };
            let stored = PasswordHash::new(&stored).map_err(|_| PasswordError::Failed)?;
            Ok(argon2()?.verify_password(password.as_bytes(), &stored).is_ok())
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = self.place().await?;
        // Whoever leaves meanwhile keeps the place until the work is done.
        let worked = spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        worked.await.map_err(|_| PasswordError::Failed)?
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit, PasswordError> {
        let place = timeout(PATIENCE, self.places.clone().acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(PasswordError::Busy)
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, PasswordError> {
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(|_| PasswordError::Failed)?;
    Ok(hash.to_string())
}

/// Why a password is a bad one. Good is what takes more than 10^8 guesses.
fn weakness(password: &str, known: &[String]) -> Option<String> {
    let known: Vec<&str> = known.iter().map(String::as_str).chain(["weir"]).collect();
    let judged = zxcvbn(beginning(password), &known);
    if judged.score() >= Score::Three || zxcvbn(end(password), &known).score() >= Score::Three {
        return None;
    }
    let advice = judged.feedback().map(ToString::to_string).unwrap_or_default();
    Some(format!("is too easy to guess. {advice}").trim_end().to_owned())
}

/// The characters at the beginning of a password whose strength is estimated.
fn beginning(password: &str) -> &str {
    let end = password.char_indices().nth(JUDGED_CHARACTERS).map_or(password.len(), |(at, _)| at);
    &password[..end]
}

/// The characters at the end of a password whose strength is estimated.
fn end(password: &str) -> &str {
    let start = password.char_indices().rev().nth(JUDGED_CHARACTERS - 1).map_or(0, |(at, _)| at);
    &password[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn auth_3_common_and_guessable_passwords_are_refused_with_advice() {
        let passwords = Passwords::default();
        for password in ["passwordpassword", "qwertyuiop123", "adalovelace1815", "ada@example.org"] {
            let known = vec!["ada@example.org".to_owned(), "Ada Lovelace".to_owned(), "adalovelace".to_owned()];
            let made = passwords.make(password.to_owned(), known).await;
            assert!(matches!(&made, Err(PasswordError::Weak(advice)) if advice.len() > 25), "{password}: {made:?}");
        }
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_owasps_parameters_and_verifies_its_password_only() {
        let passwords = Passwords::default();
        let hash = passwords.make("seventeen quiet herons".to_owned(), vec![]).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("seventeen quiet herons".to_owned(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("seventeen quiet Herons".to_owned(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("seventeen quiet herons".to_owned(), None).await.unwrap());
    }

    #[test]
    fn a_long_password_is_as_strong_as_its_beginning_or_its_end() {
        let weak = "a".repeat(60);
        assert!(weakness(&weak, &[]).is_some());
        for strong in
            [format!("{weak}xQ%dzk9-Lw"), format!("xQ%dzk9-Lw{weak}"), format!("{weak}äöü seventeen quiet herons")]
        {
            assert_eq!(weakness(&strong, &[]), None, "{strong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_finds_no_place_is_asked_to_come_back() {
        let passwords = Passwords { places: Arc::new(Semaphore::new(0)) };
        assert!(matches!(passwords.verify(String::new(), None).await, Err(PasswordError::Busy)));
    }
}
