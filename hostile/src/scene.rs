//! The server of a play, its accounts, and the attacker's means.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use weir_faults::{Cluster, Database, Instance, Setup};

use crate::{
    accounts::{self, Account},
    findings::Findings,
    odd_model::OddModel,
    person::Person,
    plays::Model,
    socket::Socket,
    watch::{OTHER_ADDRESS, Watch},
};

/// Builds of the server that are not optimised may take so many times longer.
const SLACK: u32 = if cfg!(debug_assertions) { 4 } else { 1 };
/// The longest wait for an MCP server to be ready.
const MCP_STARTING: Duration = Duration::from_secs(20);

/// What a scene is made of.
pub(crate) struct Stage {
    pub(crate) database: Database,
    pub(crate) model: Model,
    /// Settings of the server beside the usual ones.
    pub(crate) settings: Vec<(&'static str, String)>,
    pub(crate) seed: u64,
    pub(crate) is_short: bool,
}

/// A play under way.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) database: Database,
    /// Whether this is the short part of the suite.
    pub(crate) is_short: bool,
    pub(crate) random: Rng,
    pub(crate) findings: Findings,
    /// A client without a credential, from the attacker's address.
    pub(crate) stranger: Person,
    pub(crate) administrator: Person,
    pub(crate) attacker: Person,
    /// Another user, whose data the attacker must not receive.
    pub(crate) victim: Person,
    /// The attacker's session and ids.
    pub(crate) attacker_account: Account,
    /// The victim's session and ids.
    pub(crate) victim_account: Account,
    /// A word that is in the victim's data only.
    pub(crate) secret: String,
    /// The model server of plays whose model is odd.
    _odd_model: Option<OddModel>,
}

impl Scene {
    /// Starts a server with three accounts.
    ///
    /// # Errors
    /// When something does not start.
    pub(crate) async fn open(binary: &Path, stage: Stage) -> Result<Self> {
        let Stage { database, model, settings: own_settings, seed, is_short } = stage;
        let mut random = Rng::with_seed(seed);
        let odd_model = match model {
            Model::Scripted => None,
            Model::Odd => Some(OddModel::start().await?),
        };
        let mut settings = vec![
            ("WEIR_AUTH", "required".to_owned()),
            // The mechanisms behind the rate limit are attacked, so the limit must not protect them.
            ("WEIR_RATE_LIMIT", "100000".to_owned()),
            ("WEIR_RATE_BURST", "1000000".to_owned()),
            ("WEIR_SHUTDOWN_GRACE", "2s".to_owned()),
        ];
        if let Some(model) = &odd_model {
            settings.push(("OPENAI_BASE_URL", model.base_url()));
            settings.push(("WEIR_MODEL", "openai/odd".to_owned()));
        }
        settings.extend(own_settings);
        let setup = Setup { database, settings, ..Setup::default() };
        let mut cluster = Cluster::start(binary, &setup).await?;
        let setup_secret = cluster.instances[0].setup_secret().await?;
        let base = cluster.instances[0].url();
        let findings = Findings::default();
        let secret = format!("kingfisher{:016x}", random.u64(..));
        let stranger = Person::stranger(&base, IpAddr::V4(Ipv4Addr::LOCALHOST), &findings)?;
        let other = Person::stranger(&base, OTHER_ADDRESS, &findings)?;
        let administrator = accounts::set_up(&other, &setup_secret).await?;
        let administrator = other.with_token(&administrator.token);
        let victim_account = accounts::invite(&other, &administrator, "grace").await?;
        let attacker_account = accounts::invite(&stranger, &administrator, "mallory").await?;
        let stranger = stranger.never_receives(&secret);
        let attacker = stranger.with_token(&attacker_account.token);
        let victim = other.with_token(&victim_account.token);
        victim.message(None, &format!("My secret is {secret}.")).await?;
        Ok(Self {
            cluster,
            database,
            is_short,
            random,
            findings,
            stranger,
            administrator,
            attacker,
            victim,
            attacker_account,
            victim_account,
            secret,
            _odd_model: odd_model,
        })
    }

    /// Starts to watch the server as it is now.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) fn watch(&self) -> Result<Watch> {
        let weir = &self.cluster.instances[0];
        Ok(Watch::start(weir.process_id()?, &weir.url(), self.victim.token()?, &self.findings))
    }

    /// Returns the server.
    pub(crate) fn weir(&mut self) -> &mut Instance {
        &mut self.cluster.instances[0]
    }

    /// Returns the id of the server's process.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) fn pid(&self) -> Result<i32> {
        Ok(self.cluster.instances[0].process_id()?.as_raw_pid())
    }

    /// Returns where the server listens.
    ///
    /// # Errors
    /// When its setting is no address.
    pub(crate) fn addr(&self) -> Result<SocketAddr> {
        self.cluster.instances[0].addr()
    }

    /// Adds a violation unless `holds`.
    pub(crate) fn check(&self, holds: bool, violation: impl FnOnce() -> String) {
        self.findings.check(holds, violation);
    }

    /// Picks a count: the first in the short part, the second in the whole suite.
    pub(crate) fn count(&self, short: usize, whole: usize) -> usize {
        if self.is_short { short } else { whole }
    }

    /// Opens the attacker's WebSocket.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn attacker_socket(&self) -> Result<Socket> {
        Socket::open_as(self.addr()?, self.attacker.token()?).await
    }

    /// Lets time pass while the attack lasts.
    pub(crate) async fn pass(&self, time: Duration) {
        sleep(time).await;
    }

    /// Adds an MCP server of this program, over standard input and output, and waits until Weir has asked it for its tools;
    /// returns what Weir says of it.
    ///
    /// # Errors
    /// When Weir does not accept it, or is not done with it in time.
    pub(crate) async fn add_mcp_server(&self, name: &str, kind: &str, seed: u64) -> Result<Value> {
        let program = std::env::current_exe()?.display().to_string();
        let args = json!(["--mcp", kind, "--seed", seed.to_string()]);
        let transport = json!({ "type": "stdio", "command": program, "args": args });
        let answer =
            self.administrator.post("/api/mcp-servers", &json!({ "name": name, "transport": transport })).await?;
        ensure!(answer.status == 201, "an MCP server was answered with {}: {}", answer.status, answer.text());
        let deadline = Instant::now() + MCP_STARTING;
        loop {
            let servers = self.administrator.get("/api/mcp-servers").await?.json();
            let server = servers["items"].as_array().and_then(|all| all.iter().find(|server| server["name"] == name));
            let server = server.context("the MCP server is not listed")?;
            if server["status"] != "connecting" {
                return Ok(server.clone());
            }
            ensure!(Instant::now() < deadline, "Weir is not done with an MCP server within {MCP_STARTING:?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Stops the server in order; adds a violation when it does not end in time.
    ///
    /// # Errors
    /// When it does not run.
    pub(crate) async fn stop_in_time(&mut self) -> Result<()> {
        // The grace that is set, the connections' two seconds, and the end of the process.
        let limit = lenient(Duration::from_secs(8));
        let weir = self.weir();
        weir.terminate()?;
        if tokio::time::timeout(limit, weir.ended()).await.is_err() {
            self.findings.add(format!("the server does not end within {limit:?} of SIGTERM"));
            self.weir().kill().await?;
        }
        Ok(())
    }
}

/// Returns a limit of time for this build of the server.
pub(crate) fn lenient(limit: Duration) -> Duration {
    limit * SLACK
}
