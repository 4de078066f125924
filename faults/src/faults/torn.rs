//! The end of the database's log is torn: a commit that was never acknowledged is there in part.
//!
//! After a crash in mid-write, SQLite's write-ahead log ends with a part of a frame, or with bytes that were never meant.
//! Nothing of it was shown to anybody, so nothing may be missing.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use anyhow::Result;
use async_trait::async_trait;
use fastrand::Rng;

use crate::{cluster::Setup, oracle::Tolerance, play::Fault, scene::Scene};

/// Bytes of a write-ahead log's own header (sqlite.org/fileformat2.html, 4.1).
const HEADER: u64 = 32;
/// Bytes of a frame's header; the page follows.
const FRAME_HEADER: u64 = 24;

pub(crate) struct Torn;

#[async_trait]
impl Fault for Torn {
    fn name(&self) -> &'static str {
        "torn"
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 20)
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        scene.a_moment().await?;
        scene.weir().kill().await?;
        let path = wal(scene);
        let size = path.metadata()?.len();
        if scene.random.bool() && size > HEADER {
            // A frame that looks like one, with the salt of this log, cut at some byte.
            let mut frame = vec![0; 512];
            let mut file = OpenOptions::new().read(true).append(true).open(&path)?;
            file.seek(SeekFrom::Start(HEADER))?;
            file.read_exact(&mut frame)?;
            let cut = scene.random.usize(1..frame.len());
            file.write_all(&frame[..cut])?;
        } else {
            let mut garbage = vec![0; scene.random.usize(1..20_000)];
            scene.random.fill(&mut garbage);
            OpenOptions::new().append(true).create(true).open(&path)?.write_all(&garbage)?;
        }
        scene.weir().start().await
    }
}

/// The disk breaks its word: bytes of acknowledged commits, at the end of the write-ahead log, are flipped or gone.
///
/// Nothing can bring them back. But nobody may be shown a log with a hole in it: what is left is whole in itself, and a
/// reader who saw more is told so (422 `invalid_offset`, or an answer that ends as `interrupted`).
pub(crate) struct Flipped;

#[async_trait]
impl Fault for Flipped {
    fn name(&self) -> &'static str {
        "flipped"
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 20)
    }

    fn setup(&self, _: &mut Rng) -> Setup {
        Setup { settings: vec![("OPENAI_CONTINUES", "false".to_owned())], ..Setup::default() }
    }

    fn tolerance(&self, _: &Setup) -> Tolerance {
        Tolerance { partial: true, broken_disk: true, ..Tolerance::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        // The beginning of the play stays: the questions were accepted long before the bytes that break.
        scene.events(40).await?;
        scene.a_moment().await?;
        scene.weir().kill().await?;
        let path = wal(scene);
        let size = path.metadata()?.len();
        let frame = FRAME_HEADER + page_size(&path)?;
        let frames = size.saturating_sub(HEADER) / frame;
        // Among the last frames, at most a quarter of all.
        let first = HEADER + frame * (frames - scene.random.u64(1..=(frames / 4).clamp(1, 20)).min(frames));
        let at = first + scene.random.u64(0..frame);
        let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
        if scene.random.bool() {
            file.set_len(at)?;
        } else {
            let mut byte = [0];
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut byte)?;
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&[byte[0] ^ (1 << scene.random.u8(0..8))])?;
        }
        scene.weir().start().await
    }
}

fn wal(scene: &mut Scene) -> PathBuf {
    scene.weir().data_dir().join("weir.db-wal")
}

/// The page size that the log's header names.
fn page_size(path: &PathBuf) -> Result<u64> {
    let mut header = [0; 12];
    File::open(path)?.read_exact(&mut header)?;
    let size: [u8; 4] = header[8..12].try_into()?;
    Ok(u64::from(u32::from_be_bytes(size)))
}
