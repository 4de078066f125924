//! The server is lost, and what is left is a backup that was made while answers were being written.

use anyhow::{Result, ensure};
use async_trait::async_trait;
use fastrand::Rng;

use crate::{
    cluster::Setup,
    play::Fault,
    scene::{Load, Scene},
};

pub(crate) struct Backup;

#[async_trait]
impl Fault for Backup {
    fn name(&self) -> &'static str {
        "backup"
    }

    fn seeds(&self) -> (u64, u64) {
        (1, 20)
    }

    fn setup(&self, random: &mut Rng) -> Setup {
        let durability = if random.bool() { "disk" } else { "process" };
        Setup { settings: vec![("WEIR_DURABILITY", durability.to_owned())], ..Setup::default() }
    }

    fn load(&self) -> Load {
        Load { tokens: 400, rate: 100, ..Load::default() }
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for number in 0..scene.random.usize(1..3) {
            scene.a_moment().await?;
            // Whatever was shown by now was committed before the backup begins.
            let places = scene.places();
            let backup = scene.weir().data_dir().with_file_name(format!("backup-{number}"));
            let path = backup.display().to_string();
            let made = scene.weir().run_command(&["backup", &path]).await?;
            ensure!(made.status.success(), "no backup: {}", String::from_utf8_lossy(&made.stderr));
            scene.a_moment().await?;
            scene.weir().kill().await?;
            let folder = backup.with_file_name(format!("restored-{number}"));
            scene.weir().set("WEIR_DATA_DIR", &folder.display().to_string());
            let restored = scene.weir().run_command(&["restore", &path]).await?;
            ensure!(restored.status.success(), "no restore: {}", String::from_utf8_lossy(&restored.stderr));
            scene.weir().start().await?;
            scene.go_back_to(&places).await;
        }
        Ok(())
    }
}
