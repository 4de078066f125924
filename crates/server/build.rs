//! Tells where the exported web app is. A build without it works too: the server then says how to get one.

use std::{env, fs, path::PathBuf};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = root.join("../../web/dist");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let folder = if dist.is_dir() { dist } else { out.join("no-web-app") };
    // An empty folder stands for an app that was not built.
    let _ = fs::create_dir_all(&folder);
    println!("cargo:rustc-env=WEIR_WEB_DIST={}", folder.display());
    println!("cargo:rerun-if-changed=../../web/dist");
    println!("cargo:rerun-if-changed=build.rs");
}
