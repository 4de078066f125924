//! A page that is reloaded twenty times, and twins that ask the same with the same key at the same time.

use anyhow::{Result, ensure};
use async_trait::async_trait;

use crate::{
    client::{self, Manner},
    play::Fault,
    scene::{Load, Scene},
};

pub(crate) struct Reload;

#[async_trait]
impl Fault for Reload {
    fn name(&self) -> &'static str {
        "reload"
    }

    async fn strike(&self, scene: &mut Scene) -> Result<()> {
        for answer in scene.answers() {
            // From the first event each time, as a page that knows nothing.
            for _ in 0..20 {
                scene.send_reader(&answer, Manner::Steady, None);
                scene.events(2).await?;
            }
            let (again, response) = client::start(&scene.http, &scene.doors, &answer.prompt, &answer.key).await?;
            ensure!(again.run == answer.run, "the same key gave another run");
            scene.send_reader(&again, Manner::Steady, Some(response));
        }
        scene.ask(Load { questions: 1, ..self.load() }).await
    }
}
