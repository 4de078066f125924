//! The only SQL of Weir: conversations, messages, runs, jobs, their logs, accounts and what users have set.
//!
//! Everything that a user owns is asked for together with the user; another user's thing does not exist.

mod accounts;
mod backoff;
mod backup;
mod bell;
mod buckets;
mod checkpoint;
mod clock;
mod conversations;
mod cursor;
mod db;
mod deletion;
mod error;
mod fair_queue;
mod idempotency;
mod inbox;
mod instances;
mod job_leases;
mod jobs;
mod leases;
mod log;
mod mcp;
mod mcp_grants;
mod messages;
mod metrics;
mod off_worker;
mod page;
mod permissions;
mod purge;
mod questions;
mod runs;
mod search;
mod storage;
mod store;
mod sweep;
mod tail;
mod write_health;

pub use accounts::{
    AttemptDelays, Credential, Grant, NewAccount, NewApiToken, NewInvite, NewOpenIdAccount, NewOpenIdAuthorization,
    NewSignIn, OPEN_ID_AUTHORIZATION_MS, PersonRecord, SIGN_IN_KEPT_MS, SecretHash, SignInAttempts, email_key,
};
pub use backoff::{Backoff, Stopped};
pub use backup::{BackupError, check_postgres_schema, check_sqlite, copy_sqlite, postgres_table};
pub use bell::{LONGEST_NOTICE, Notices};
pub use buckets::BucketCharge;
pub use checkpoint::Checkpoint;
pub use clock::{Clock, ManualClock, SystemClock};
pub use conversations::{ConversationFilter, UNTITLED};
pub use db::{Durability, PostgresUrl};
pub use error::StoreError;
pub use fair_queue::{FairQueue, Permit};
pub use idempotency::{Fingerprint, IdempotencyKey};
pub use inbox::InboxPage;
pub use instances::{Beat, InstanceId, UnfinishedRun};
pub use job_leases::{JobLease, UnfinishedJob};
pub use jobs::{JobChange, JobRecord, NewJob, StartedJob, Word};
pub use log::{LogId, NewEvent, RunAppend, RunEnd, StoredEvent};
pub use mcp::StoredMcpServer;
pub use mcp_grants::{MCP_JOURNEY_MS, McpGrantRecord, NewMcpJourney};
pub use messages::{NewMessage, Position};
pub use metrics::ToldSecond;
pub use off_worker::{
    MAX_VALUE_DEPTH, SMALL_JSON, is_deeper_than, is_large, is_larger_than, off_worker, poll_off_worker,
};
pub use permissions::ToolPermission;
pub use runs::{Lease, NewRun, Prompt, RunRecord, RunState, Started};
pub use search::FoundMessage;
pub use storage::StorageUse;
pub use store::Store;
pub use write_health::WriteHealth;
