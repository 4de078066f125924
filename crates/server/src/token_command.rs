//! `weir token`: keys for programs, made in the database itself, so that a machine can be set up without a browser.

use std::io;

use clap::{Subcommand, ValueEnum};
use weir_protocol::{AccessScope, ApiToken, ApiTokenId, CreateApiToken, Person, Timestamp, UserRole};
use weir_store::{Clock, NewApiToken, Store, StoreError, SystemClock};

use crate::{access::Secret, config::Config, data_dir::DataDir};

/// A day in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token; its secret is printed once
    Create {
        /// The address that its person signs in with
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// What it is good for
        #[arg(long, value_enum, value_delimiter = ',', default_values = ["read", "write"])]
        scope: Vec<Scope>,
        /// After how many days it ends, such as 90d; it has no end otherwise
        #[arg(long, value_name = "DAYS", value_parser = days)]
        expires: Option<u32>,
    },
    /// List a person's tokens
    List {
        /// The address that the person signs in with
        #[arg(long, value_name = "EMAIL")]
        user: String,
    },
    /// Take a token back; what is open in its name ends within a second
    Revoke {
        /// The address that its person signs in with
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// The token, as `weir token list` shows it
        id: ApiTokenId,
    },
}

/// What a token can be good for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Scope {
    /// To see and to follow
    Read,
    /// To ask, to change and to run tools
    Write,
    /// What an administrator may do
    Admin,
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("nobody signs in with {0}")]
    Nobody(String),
    #[error("{0}")]
    Invalid(String),
    #[error("there is no database at {0}: start Weir once, or set WEIR_DATA_DIR or DATABASE_URL to where it is")]
    NoDatabase(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Carries a command out; a server may run on the same database.
pub(crate) fn run(config: &Config, command: TokenCommand) -> Result<(), TokenError> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let store = open(config).await?;
        let done = carry_out(&store, &SystemClock::default(), command).await;
        store.close().await;
        done
    })
}

async fn open(config: &Config) -> Result<Store, TokenError> {
    if let Some(url) = &config.postgres {
        return Ok(Store::connect(url, config.durability).await?);
    }
    let path = DataDir::database_in(&config.data_dir);
    if !path.exists() {
        return Err(TokenError::NoDatabase(path.display().to_string()));
    }
    Ok(Store::open(&path, config.durability).await?)
}

async fn carry_out(store: &Store, clock: &dyn Clock, command: TokenCommand) -> Result<(), TokenError> {
    match command {
        TokenCommand::Create { user, name, scope, expires } => {
            let person = find(store, &user).await?;
            let mut scopes: Vec<AccessScope> = scope.into_iter().map(AccessScope::from).collect();
            scopes.sort_unstable();
            scopes.dedup();
            let wish = CreateApiToken { name, scopes, expires_in_days: expires };
            let secret = create(store, clock, &person, wish).await?;
            println!("{secret}");
        }
        TokenCommand::List { user } => {
            let person = find(store, &user).await?;
            for token in store.api_tokens(person.id).await? {
                println!("{}", line(&token));
            }
        }
        TokenCommand::Revoke { user, id } => {
            let person = find(store, &user).await?;
            store.revoke_api_token(person.id, id).await?;
            println!("{id} lets nobody in any more");
        }
    }
    Ok(())
}

async fn find(store: &Store, email: &str) -> Result<Person, TokenError> {
    let found = store.person_by_email(email).await?;
    Ok(found.ok_or_else(|| TokenError::Nobody(email.to_owned()))?.person)
}

async fn create(store: &Store, clock: &dyn Clock, person: &Person, wish: CreateApiToken) -> Result<String, TokenError> {
    let mut faults: Vec<_> =
        wish.faults().into_iter().map(|fault| format!("{} {}", fault.path, fault.message)).collect();
    if wish.scopes.contains(&AccessScope::Admin) && person.role != UserRole::Administrator {
        faults.push("scopes must not name admin: only administrators have that".to_owned());
    }
    if !faults.is_empty() {
        return Err(TokenError::Invalid(faults.join("; ")));
    }
    let (secret, now) = (Secret::token().map_err(io::Error::other)?, clock.now());
    let token = ApiToken {
        id: ApiTokenId(clock.id()),
        name: wish.name.trim().to_owned(),
        scopes: wish.scopes,
        created_at: now,
        last_used_at: None,
        expires_at: wish.expires_in_days.map(|days| Timestamp(now.0 + i64::from(days) * DAY_MS)),
    };
    store.add_api_token(&NewApiToken { user: person.id, secret: secret.hash, token }).await?;
    Ok(secret.text)
}

/// A token as one line: its id, name, scopes, last use and end.
fn line(token: &ApiToken) -> String {
    let scopes: Vec<_> = token.scopes.iter().map(|scope| format!("{scope:?}").to_lowercase()).collect();
    let used = token.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
    let end = token.expires_at.map_or_else(|| "no end".to_owned(), |at| format!("ends {at}"));
    format!("{}  {}  {}  {used}  {end}", token.id, token.name, scopes.join(","))
}

/// `90` or `90d`.
fn days(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix('d').unwrap_or(text);
    number.parse().map_err(|_| "must be a number of days, such as 90d".to_owned())
}

impl From<Scope> for AccessScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Write => Self::Write,
            Scope::Admin => Self::Admin,
        }
    }
}
