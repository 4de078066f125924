//! The process in its surroundings: the umask that it inherits, and a proxy in front of it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::{fs::Mode, process::umask};

use crate::process::{Weir, World};

fn modes(folder: &Path) -> Vec<(String, u32)> {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let mut modes = vec![(".".to_owned(), mode(folder))];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        modes.push((path.file_name().unwrap().to_string_lossy().into_owned(), mode(&path)));
    }
    modes.sort();
    modes
}

#[tokio::test]
async fn edge_19_the_data_directory_is_private_under_every_umask() {
    let world = World::new(&[]).await;
    let private =
        [(".", 0o700), ("weir.db", 0o600), ("weir.db-shm", 0o600), ("weir.db-wal", 0o600), ("weir.lock", 0o600)];
    let private: Vec<_> = private.map(|(name, mode)| (name.to_owned(), mode)).into();
    for mask in [0o022, 0o000] {
        umask(Mode::from_raw_mode(mask));
        let weir = world.start().await;
        assert_eq!(modes(&world.data_dir()), private, "umask {mask:o}");
        weir.kill().await;
        // As an older version or an operator left it.
        fs::set_permissions(world.data_dir(), Permissions::from_mode(0o755)).unwrap();
        for name in ["weir.db", "weir.db-wal", "weir.db-shm", "weir.lock"] {
            fs::set_permissions(world.data_dir().join(name), Permissions::from_mode(0o644)).unwrap();
        }
        let weir = world.start().await;
        assert_eq!(modes(&world.data_dir()), private, "umask {mask:o}, corrected");
        weir.kill().await;
    }
}

/// What a change is answered that a page of `origin` asks for, through a proxy that says `proto`.
async fn through_proxy(weir: &Weir, proto: Option<&str>, origin: &str) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{}/api/conversations", weir.url)).json(&serde_json::json!({}));
    let request = request.header("host", "weir.example").header("origin", origin);
    let request = proto.into_iter().fold(request, |request, proto| request.header("x-forwarded-proto", proto));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn edge_16_a_trusted_proxy_names_the_scheme_and_nobody_else_does() {
    let mut world = World::new(&[("WEIR_HOSTS", "weir.example")]).await;
    let (plain, over_tls) = ("http://weir.example", "https://weir.example");
    let weir = world.start().await;
    assert_eq!(through_proxy(&weir, Some("https"), over_tls).await, 403, "the proxy is not trusted");
    assert_eq!(through_proxy(&weir, Some("https"), plain).await, 201);
    weir.kill().await;
    world.set("WEIR_TRUSTED_PROXIES", "127.0.0.0/8");
    let weir = world.start().await;
    assert_eq!(through_proxy(&weir, Some("https"), over_tls).await, 201);
    assert_eq!(through_proxy(&weir, Some("https"), plain).await, 403);
    assert_eq!(through_proxy(&weir, Some("http"), over_tls).await, 403);
    assert_eq!(through_proxy(&weir, None, plain).await, 201);
    weir.kill().await;
    world.set("WEIR_TRUSTED_PROXIES", "");
    world.set("WEIR_PUBLIC_URL", over_tls);
    let weir = world.start().await;
    assert_eq!(through_proxy(&weir, None, over_tls).await, 201);
    assert_eq!(through_proxy(&weir, None, plain).await, 403);
    weir.kill().await;
}
