//! The plays, one subject a file.

mod calculator;
mod contexts;
mod deletion;
mod deny_rules;
mod file_modes;
mod foreign_origin;
mod frames;
mod job_ownership;
mod job_queue;
mod large_writes;
mod mcp_output;
mod mcp_ownership;
mod mcp_sessions;
mod odd_answers;
mod readers;
mod redirects;
mod requests;
mod run_race;
mod sandbox_bombs;
mod sandbox_walls;
mod schemas;
mod search;
mod slow_bodies;
mod stop;
mod storage;
mod unread_pages;

use anyhow::Result;
use async_trait::async_trait;
use weir_faults::Database;

use crate::scene::Scene;

/// All of them, in the order of the table.
pub(crate) const ALL: &[&dyn Play] = &[
    &calculator::Calculator,
    &schemas::Schemas,
    &slow_bodies::SlowBodies,
    &search::Search,
    &sandbox_bombs::SandboxBombs,
    &unread_pages::UnreadPages,
    &job_queue::JobQueue,
    &large_writes::LargeWrites,
    &mcp_sessions::McpSessions,
    &readers::Readers,
    &run_race::RunRace,
    &storage::Storage,
    &foreign_origin::ForeignOrigin,
    &redirects::Redirects,
    &mcp_ownership::McpOwnership,
    &job_ownership::JobOwnership,
    &file_modes::FileModes,
    &deletion::Deletion,
    &deny_rules::DenyRules,
    &sandbox_walls::SandboxWalls,
    &frames::Frames,
    &requests::Requests,
    &odd_answers::OddAnswers,
    &stop::Stop,
    &contexts::Contexts,
    &mcp_output::McpOutput,
];

/// The model server of a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// The scripted upstream, which answers and calls tools as the prompt says.
    Scripted,
    /// The one whose answers are odd.
    Odd,
}

/// A kind of attack.
#[async_trait]
pub(crate) trait Play: Sync {
    /// Returns its name on the command line.
    fn name(&self) -> &'static str;

    /// Returns the model server that it needs.
    fn model(&self) -> Model {
        Model::Scripted
    }

    /// Returns settings of the server beside the usual ones.
    fn settings(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Returns the most memory that the server and its children may take, in MiB.
    fn memory_mib(&self) -> u64 {
        400
    }

    /// Returns the databases on which the short part of the suite plays it.
    fn short_databases(&self) -> &'static [Database] {
        &[Database::Sqlite]
    }

    /// Returns why it cannot be played on this machine, if it cannot.
    fn missing(&self) -> Option<String> {
        None
    }

    /// Attacks, while the watcher watches.
    async fn attack(&self, scene: &mut Scene) -> Result<()>;

    /// Checks what remains to be checked without the watcher; it may restart the server.
    async fn aftermath(&self, _scene: &mut Scene) -> Result<()> {
        Ok(())
    }
}
