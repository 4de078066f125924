//! Whose instance is dead: told from beats that stand still, without any clock.

use std::collections::{HashMap, HashSet};

use weir_store::{Beat, InstanceId};

/// How often a beat may be seen unmoved before its instance is thought dead. With [`crate::keep::BEAT`] between two looks
/// that is about two seconds; what counts is the looks that worked, so a database that stands still kills nobody.
pub(crate) const PATIENCE: u32 = 4;

/// As often a heartbeat that moves may be seen unmoved: looks and heartbeats do not fall together.
const LIVELY: u32 = 2;

/// What one instance has seen of the others.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: HashMap<InstanceId, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    beat: Beat,
    unmoved: u32,
}

impl Watch {
    /// Takes in what the store says of all instances now; gives those that are dead.
    pub(crate) fn look(&mut self, myself: InstanceId, beats: &HashMap<InstanceId, Beat>) -> Vec<InstanceId> {
        self.seen.retain(|id, _| beats.contains_key(id));
        let mut dead = Vec::new();
        for (&id, &beat) in beats.iter().filter(|(id, _)| **id != myself) {
            let seen = self.seen.entry(id).or_insert(Seen { beat, unmoved: 0 });
            if seen.beat == beat {
                seen.unmoved += 1;
            } else {
                *seen = Seen { beat, unmoved: 1 };
            }
            if seen.unmoved > PATIENCE {
                dead.push(id);
            }
        }
        dead
    }

    /// The other instances that may be dead: their heartbeat stands still.
    pub(crate) fn silent(&self) -> HashSet<InstanceId> {
        self.seen.iter().filter(|(_, seen)| seen.unmoved > LIVELY).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ME: InstanceId = InstanceId(Uuid::from_u128(1));
    const OTHER: InstanceId = InstanceId(Uuid::from_u128(2));

    fn looks(watch: &mut Watch, beats: impl IntoIterator<Item = Beat>) -> Vec<bool> {
        let look = |beat| !watch.look(ME, &HashMap::from([(ME, 1), (OTHER, beat)])).is_empty();
        beats.into_iter().map(look).collect()
    }

    #[test]
    fn a_beat_that_stands_still_is_dead_after_a_while_and_not_before() {
        assert_eq!(looks(&mut Watch::default(), [7, 7, 7, 7, 7]), [false, false, false, false, true]);
    }

    #[test]
    fn a_beat_that_moves_from_time_to_time_is_alive() {
        let beats = [1, 1, 1, 1, 2, 2, 2, 2, 3];
        assert!(looks(&mut Watch::default(), beats).iter().all(|dead| !dead));
    }

    #[test]
    fn an_instance_does_not_bury_itself() {
        let mut watch = Watch::default();
        assert!((0..20).all(|_| watch.look(ME, &HashMap::from([(ME, 1)])).is_empty()));
    }

    #[test]
    fn one_that_comes_back_begins_anew() {
        let mut watch = Watch::default();
        looks(&mut watch, [1, 1, 1, 1]);
        watch.look(ME, &HashMap::from([(ME, 1)]));
        assert_eq!(looks(&mut watch, [1, 1, 1, 1, 1]), [false, false, false, false, true]);
    }
}
