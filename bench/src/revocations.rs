//! How long what is open in somebody's name at one instance outlives its revocation at another.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use reqwest::{Client, Method, Response, header};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};

use crate::{
    connections::{self, Kind},
    machine::{self, quantile},
    process::{self, Running, Shared},
    reader,
};

/// Nothing may live longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often.
#[derive(Args)]
pub(crate) struct RevocationsArgs {
    /// Tokens that are revoked, one after another.
    #[arg(long, default_value_t = 20)]
    tokens: u32,
}

/// Revokes tokens at one instance, and looks when the WebSocket and the stream end that each has open at the other.
pub(crate) async fn run(args: &RevocationsArgs) -> Result<()> {
    let database = env::var("WEIR_TEST_DATABASE_URL")
        .context("WEIR_TEST_DATABASE_URL names no PostgreSQL; `cargo xtask services` starts one")?;
    println!("{} tokens; {}", args.tokens, machine::description());
    let (binary, dir) = (process::weir_binary()?, tempfile::tempdir()?);
    let upstream = process::start_upstream().await?;
    let shared = Shared { database, redis: None, people_sign_in: true };
    let start = || process::start_shared_weir(&binary, dir.path(), upstream.addr, &shared);
    // Each start makes the link of the one before worthless.
    let (here, mut there) = (start().await?, start().await?);
    let (secret, administrator) = (there.setup_secret().await?, reader::client()?);
    let account = json!({
        "secret": secret, "email": "ada@example.org", "name": "Ada", "password": "seventeen quiet herons",
    });
    let made = ask(&administrator, &there, Method::POST, "/api/auth/setup", "", Some(account)).await?;
    let cookie = made.headers()[header::SET_COOKIE].to_str()?.split(';').next().unwrap_or_default().to_owned();
    let token = async |number: u32| {
        let new = json!({ "name": format!("token {number}"), "scopes": ["read", "write"] });
        let made = ask(&administrator, &here, Method::POST, "/api/me/tokens", &cookie, Some(new)).await?;
        let made: Value = made.json().await?;
        let text = |pointer| made.pointer(pointer).and_then(Value::as_str).context("an odd token");
        anyhow::Ok((
            format!("/api/me/tokens/{}", text("/item/id")?),
            format!("authorization: Bearer {}\r\n", text("/secret")?),
        ))
    };
    let (run, answering) = connections::start_run(there.addr, &token(0).await?.1).await?;
    let events = format!("/api/realtime/{run}");
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for number in 1..=args.tokens {
        let (path, credential) = token(number).await?;
        let stream = connections::open(Kind::Events, there.addr, &events, &credential).await?;
        let socket = connections::open(Kind::WebSocket, there.addr, "/api/ws", &credential).await?;
        let revoked = Instant::now();
        let revoking = ask(&administrator, &here, Method::DELETE, &path, &cookie, None);
        let ends = async { tokio::try_join!(ended(socket, revoked), ended(stream, revoked)) };
        let (_, (socket, stream)) = tokio::try_join!(revoking, ends)?;
        sockets.push(socket);
        streams.push(stream);
    }
    drop(answering);
    for (name, lives) in [("WebSocket", sockets), ("SSE", streams)] {
        let millis = |share| quantile(&lives, share).unwrap_or_default().as_secs_f64() * 1e3;
        println!("{name:<10} ends after p50 {:6.1} ms  worst {:6.1} ms", millis(0.5), millis(1.0));
    }
    here.stop().await?;
    there.stop().await
}

async fn ask(
    client: &Client,
    weir: &Running,
    method: Method,
    path: &str,
    cookie: &str,
    body: Option<Value>,
) -> Result<Response> {
    let base = format!("http://{}", weir.addr);
    let mut request = client.request(method, format!("{base}{path}")).header(header::ORIGIN, base);
    if !cookie.is_empty() {
        request = request.header(header::COOKIE, cookie);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    Ok(request.send().await?.error_for_status()?)
}

/// How long after `revoked` the server ended it: with the last chunk of a stream, a socket's close frame, or by hanging up.
async fn ended(mut connection: TcpStream, revoked: Instant) -> Result<Duration> {
    /// A close frame with the code 4401 (RFC 6455, 5.5.1).
    const CODE: [u8; 2] = 4401_u16.to_be_bytes();
    let mut bytes = Vec::new();
    let reading = async {
        while connection.read_buf(&mut bytes).await? > 0 {
            let closed = bytes.windows(4).any(|frame| frame[0] == 0x88 && frame[2..] == CODE);
            if closed || bytes.ends_with(b"0\r\n\r\n") {
                break;
            }
        }
        anyhow::Ok(revoked.elapsed())
    };
    timeout(PATIENCE, reading).await.context("it does not end")?
}
