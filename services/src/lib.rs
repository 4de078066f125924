//! Private servers for tests: PostgreSQL and Redis on free ports of 127.0.0.1, each with a folder, a password and settings
//! of its own, apart from whatever the machine runs already. They need no systemd, and they end with the value that
//! started them.
//!
//! On Linux they also listen on 127.0.1.1, 127.0.1.2 and 127.0.1.3. Whoever gives each server of Weir another of these
//! addresses can cut one of them off and leave the others alone.

mod place;
mod postgres;
mod program;
mod redis;

use std::path::PathBuf;

use anyhow::{Context, Result};

pub use self::place::free_port;
pub use self::postgres::{Postgres, Shutdown};
pub use self::program::find_program;
pub use self::redis::Redis;

/// Where nginx is, if it is installed. Debian keeps it where only root's `PATH` looks.
pub fn nginx() -> Option<PathBuf> {
    find_program("nginx").or_else(|| {
        ["/usr/sbin/nginx", "/usr/local/sbin/nginx"].into_iter().map(PathBuf::from).find(|path| path.is_file())
    })
}

/// Every server that the tests share.
pub struct Services {
    postgres: Postgres,
    redis: Redis,
    nginx: PathBuf,
}

impl Services {
    /// Starts them and waits until they answer.
    ///
    /// # Errors
    /// A server is not installed, or does not start; the error ends with what it wrote.
    pub fn start() -> Result<Self> {
        let nginx = nginx().context("nginx is not installed")?;
        Ok(Self { postgres: Postgres::start()?, redis: Redis::start()?, nginx })
    }

    /// The variables by which tests find the servers.
    ///
    /// `WEIR_TEST_DATABASE_URL` is a database that its role owns without being a superuser,
    /// `WEIR_TEST_DATABASE_ADMIN_URL` the same one for a superuser, who can make other databases for that role.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("WEIR_TEST_DATABASE_URL", self.postgres.url()),
            ("WEIR_TEST_DATABASE_ADMIN_URL", self.postgres.admin_url()),
            ("WEIR_TEST_PSQL", self.postgres.psql().display().to_string()),
            ("WEIR_TEST_REDIS_URL", self.redis.url()),
            ("WEIR_TEST_NGINX", self.nginx.display().to_string()),
        ]
    }
}
