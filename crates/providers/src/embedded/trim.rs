//! Which of the oldest messages are left out.

/// How many of the oldest entries to leave out, so that what stays is at most `budget`. The last entry always stays.
///
/// Sizes are dropped in whole multiples of `step`, counted from the first entry on: the cut stays where it is while the list
/// grows by less than a step, and the engine finds the same prefix again. A cut after every message would have it read the
/// whole history anew each time.
pub(super) fn left_out(sizes: &[usize], budget: usize, step: usize) -> usize {
    let total: usize = sizes.iter().sum();
    let over = total.saturating_sub(budget);
    let drop_at_least = over.div_ceil(step) * step;
    let mut dropped = 0;
    for (index, size) in sizes.iter().enumerate() {
        if dropped >= drop_at_least || index + 1 == sizes.len() {
            return index;
        }
        dropped += size;
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_left_out_while_all_fits() {
        assert_eq!(left_out(&[100, 200, 300], 600, 512), 0);
        assert_eq!(left_out(&[], 600, 512), 0);
        assert_eq!(left_out(&[9_999], 600, 512), 0, "the last stays, whatever its size");
    }

    proptest! {
        #[test]
        fn what_stays_fits_unless_it_is_the_last(sizes in proptest::collection::vec(1_usize..400, 1..60)) {
            let first = left_out(&sizes, 1500, 512);
            let stays: usize = sizes[first..].iter().sum();
            prop_assert!(stays <= 1500 || first + 1 == sizes.len());
            prop_assert!(stays >= 1500 - 512 - 400 || first == 0, "not much more than needed is dropped");
        }

        #[test]
        fn the_cut_moves_seldom(sizes in proptest::collection::vec(50_usize..150, 60..120)) {
            let cuts: Vec<usize> = (1..=sizes.len()).map(|count| left_out(&sizes[..count], 1500, 512)).collect();
            let moves = cuts.windows(2).filter(|pair| pair[0] != pair[1]).count();
            let total: usize = sizes.iter().sum();
            prop_assert!(cuts.is_sorted());
            prop_assert!(moves <= total / 512 + 1);
        }
    }
}
