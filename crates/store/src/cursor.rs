//! Opaque cursors: the sort key of the last item that was given. They survive inserts and deletions.

use uuid::Uuid;
use weir_protocol::Timestamp;

use crate::StoreError;

/// A place in a list that is sorted by time and then by id, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) time: Timestamp,
    pub(crate) id: Uuid,
}

impl Cursor {
    /// Before everything: the start of a list.
    pub(crate) const START: Self = Self { time: Timestamp(i64::MAX), id: Uuid::max() };

    pub(crate) fn parse(text: Option<&str>) -> Result<Self, StoreError> {
        let Some(text) = text else { return Ok(Self::START) };
        let (time, id) = text.split_once('.').ok_or(StoreError::InvalidCursor)?;
        let time = u64::from_str_radix(time, 36).map_err(|_| StoreError::InvalidCursor)?;
        let time = Timestamp(i64::try_from(time).map_err(|_| StoreError::InvalidCursor)?);
        let id = Uuid::try_parse(id).map_err(|_| StoreError::InvalidCursor)?;
        Ok(Self { time, id })
    }

    pub(crate) fn text(self) -> String {
        format!("{}.{}", base_36(self.time.0.unsigned_abs()), self.id.simple())
    }
}

fn base_36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = Cursor { time: Timestamp(1_769_860_800_007), id: Uuid::from_u128(7) };
        assert_eq!(Cursor::parse(Some(&cursor.text())).unwrap(), cursor);
    }

    #[test]
    fn garbage_is_an_invalid_cursor() {
        for text in ["", ".", "x", "1.2", "zzzzzzzzzzzzzzzzzzzz.00000000000000000000000000000007", "🦀.🦀"] {
            assert!(matches!(Cursor::parse(Some(text)), Err(StoreError::InvalidCursor)), "{text}");
        }
    }
}
