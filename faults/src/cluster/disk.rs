//! A disk of its own for a data directory: an ext4 image, mounted through a loop device.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::namespace::run;

/// How often a copy is tried until the disk held still meanwhile.
const COPIES: usize = 20;

/// A mounted image; unmounted when it is dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    image: PathBuf,
    mounted_at: PathBuf,
}

impl Disk {
    /// Makes an empty disk in `folder` and mounts it.
    ///
    /// # Errors
    /// When this user may not, or a tool is missing.
    pub(crate) fn make(folder: &Path, mount_at: &Path, mib: u64) -> Result<Self> {
        let image = folder.join("disk.ext4");
        fs::File::create(&image)?.set_len(mib * 1024 * 1024)?;
        run(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(&image))?;
        fs::create_dir_all(mount_at)?;
        let disk = Self { image, mounted_at: mount_at.to_owned() };
        disk.mount()?;
        Ok(disk)
    }

    /// Cuts the power: from now on the disk holds what had reached it, and nothing of what the kernel had only in memory.
    /// The servers on it have to be frozen when this begins, and dead when it goes on with [`Disk::restore_power`].
    ///
    /// # Errors
    /// When the disk never holds still.
    pub(crate) fn cut_power(&self) -> Result<PowerCut> {
        for _ in 0..COPIES {
            // The kernel may still be writing. Two equal copies in a row are a moment of the disk, not a mixture of moments.
            let (first, second) = (fs::read(&self.image)?, fs::read(&self.image)?);
            if first == second {
                return Ok(PowerCut { content: first });
            }
        }
        bail!("the disk never holds still")
    }

    /// Mounts what the disk held when the power was cut.
    ///
    /// # Errors
    /// When somebody still uses the disk.
    pub(crate) fn restore_power(&self, cut: PowerCut) -> Result<()> {
        run(Command::new("umount").arg(&self.mounted_at))?;
        fs::write(&self.image, cut.content)?;
        self.mount()
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.mounted_at
    }

    fn mount(&self) -> Result<()> {
        // The journal is written when somebody asks for it, and otherwise late: what survives was flushed on purpose.
        run(Command::new("mount").args(["-o", "loop,commit=300"]).arg(&self.image).arg(&self.mounted_at))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The servers may have been killed a moment ago, and hold it open for another.
        let _ = run(Command::new("umount").arg("--lazy").arg(&self.mounted_at));
    }
}

/// The bytes that had reached a disk.
pub(crate) struct PowerCut {
    content: Vec<u8>,
}
