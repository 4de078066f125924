//! What a caller of the store can act on.

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing, or it is another user's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The cursor was not made by this list.
    #[error("the cursor is not one of this list")]
    InvalidCursor,
    /// `parentId` names no message of the conversation that may stand there.
    #[error("{0}")]
    InvalidParent(&'static str),
    /// `editOf` names no user message of the conversation.
    #[error("names no user message of this conversation")]
    InvalidEdit,
    /// The idempotency key was used with another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// The id is another user's, or stands for another call.
    #[error("the id is taken by another call")]
    IdTaken,
    /// There is one of this name already.
    #[error("the name is taken")]
    NameTaken,
    /// Somebody else signs in with this address.
    #[error("the address is taken")]
    EmailTaken,
    /// Nobody could let others in any more.
    #[error("the last administrator stays one")]
    LastAdministrator,
    /// The call waits for nobody's word, or another word was given before.
    #[error("the call waits for no word any more")]
    Decided,
    /// As many searches of this user run as may.
    #[error("too many searches of this user are running")]
    TooManySearches,
    /// A search took longer than its deadline.
    #[error("the search took too long")]
    SearchTooSlow,
    /// As many runs of this user are under way as may be.
    #[error("{limit} runs of this user are under way, the maximum")]
    TooManyRuns {
        /// The maximum.
        limit: u32,
    },
    /// The user's storage is full.
    #[error("{used} of {limit} bytes are stored")]
    StorageFull {
        /// Bytes that are stored.
        used: u64,
        /// The user's quota in bytes.
        limit: u64,
    },
    /// The user has as many of something as may be.
    #[error("there are {limit} {items}, the maximum")]
    LimitReached {
        /// What there is too much of, in the plural.
        items: &'static str,
        /// The maximum.
        limit: u32,
    },
    /// An administrator has disabled the user.
    #[error("the user is disabled")]
    Disabled,
    /// The database did not answer or refused.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The database could not be brought to this version's schema.
    #[error("the database could not be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value is not what this version writes.
    #[error("a stored {0} cannot be read")]
    Corrupt(&'static str),
}
