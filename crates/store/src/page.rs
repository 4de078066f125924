//! Pages end by count and by bytes: no page takes much memory, however large its items are.

use crate::{
    StoreError,
    db::{Connection, Query, Row},
    off_worker::{SMALL_JSON, off_worker},
};

/// Bytes of content after which a page ends. A page has at least one item, so an item that is larger fills a page alone.
pub(crate) const PAGE_BYTES: i64 = 1024 * 1024;

/// How much of a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fitting {
    /// Rows that fit, for `LIMIT`.
    pub(crate) rows: i64,
    /// Whether more rows follow.
    pub(crate) more: bool,
    /// Bytes of the rows that fit.
    pub(crate) bytes: i64,
}

impl Fitting {
    /// Decodes the rows that fit; many bytes are decoded on a blocking thread.
    pub(crate) async fn decoded<T: Send + 'static>(
        self,
        rows: Vec<Row>,
        decode: fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let all = move || rows.iter().map(decode).collect();
        if usize::try_from(self.bytes).is_ok_and(|bytes| bytes <= SMALL_JSON) { all() } else { off_worker(all).await }
    }
}

/// How many of the next rows fit in a page of at most `limit` rows and `bytes` bytes. `sizes` gives the size of each row in
/// its first column, up to `limit + 1` rows; the rows themselves are read in the same snapshot.
pub(crate) async fn fitting(
    connection: &mut Connection,
    sizes: Query<'_>,
    limit: u32,
    bytes: i64,
) -> Result<Fitting, StoreError> {
    let rows = sizes.fetch_all(connection).await?;
    Ok(count(rows.iter().map(|row| row.get(0)), limit, bytes))
}

fn count(sizes: impl ExactSizeIterator<Item = i64>, limit: u32, bytes: i64) -> Fitting {
    let all = sizes.len();
    let (mut rows, mut total) = (0, 0_i64);
    for size in sizes.take(limit as usize) {
        let with_this = total.saturating_add(size);
        if rows > 0 && with_this > bytes {
            break;
        }
        (rows, total) = (rows + 1, with_this);
    }
    Fitting { rows: i64::try_from(rows).unwrap_or(i64::MAX), more: rows < all, bytes: total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_by_count_or_by_bytes_and_has_an_item() {
        let count = |sizes: &[i64], limit| count(sizes.iter().copied(), limit, 10);
        assert_eq!(count(&[], 3), Fitting { rows: 0, more: false, bytes: 0 });
        assert_eq!(count(&[1, 1, 1], 3), Fitting { rows: 3, more: false, bytes: 3 });
        assert_eq!(count(&[1, 1, 1, 1], 3), Fitting { rows: 3, more: true, bytes: 3 });
        assert_eq!(count(&[4, 6, 1], 3), Fitting { rows: 2, more: true, bytes: 10 });
        assert_eq!(count(&[50, 0, 1], 3), Fitting { rows: 1, more: true, bytes: 50 });
        assert_eq!(count(&[50], 3), Fitting { rows: 1, more: false, bytes: 50 });
        assert_eq!(count(&[i64::MAX, i64::MAX], 3), Fitting { rows: 1, more: true, bytes: i64::MAX });
    }
}
