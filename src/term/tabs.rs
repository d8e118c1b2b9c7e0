//! Tab stops that a program set itself.
//!
//! Not for: the usual ones, which vt100 has. Invariant: as long as no stop was changed there is nothing here.

/// Columns between the usual stops.
const USUAL: u16 = 8;
/// As wide as a screen can be.
const COLUMNS: u16 = 1000;

/// The stops.
#[derive(Debug, Clone, Default)]
pub(super) struct Tabs {
    /// Whether there is a stop, for each column; `None` if nobody changed any.
    stops: Option<Vec<bool>>,
}

impl Tabs {
    /// Whether vt100 knows them.
    pub(super) fn are_usual(&self) -> bool {
        self.stops.is_none()
    }

    pub(super) fn set(&mut self, column: u16, stop: bool) {
        let stops = self
            .stops
            .get_or_insert_with(|| (0..COLUMNS).map(|column: u16| column.is_multiple_of(USUAL)).collect());
        if let Some(slot) = stops.get_mut(usize::from(column)) {
            *slot = stop;
        }
    }

    pub(super) fn clear(&mut self) {
        self.stops = Some(vec![false; usize::from(COLUMNS)]);
    }

    pub(super) fn reset(&mut self) {
        self.stops = None;
    }

    /// The stop that many stops to the right, or the last column.
    pub(super) fn after(&self, column: u16, count: u16, columns: u16) -> u16 {
        let last = columns.saturating_sub(1);
        (column.saturating_add(1)..last)
            .filter(|at| self.is_stop(*at))
            .nth(usize::from(count.max(1)) - 1)
            .unwrap_or(last)
    }

    /// The stop that many stops to the left, or the first column.
    pub(super) fn before(&self, column: u16, count: u16) -> u16 {
        (0..column).rev().filter(|at| self.is_stop(*at)).nth(usize::from(count.max(1)) - 1).unwrap_or(0)
    }

    fn is_stop(&self, column: u16) -> bool {
        match &self.stops {
            Some(stops) => stops.get(usize::from(column)).copied().unwrap_or(false),
            None => column.is_multiple_of(USUAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_are_the_usual_ones_until_they_are_changed() {
        let mut tabs = Tabs::default();
        assert_eq!((tabs.after(0, 1, 80), tabs.after(8, 2, 80), tabs.after(79, 1, 80)), (8, 24, 79));
        assert_eq!((tabs.before(9, 1), tabs.before(8, 1), tabs.before(0, 3)), (8, 0, 0));
        tabs.set(8, false);
        tabs.set(10, true);
        assert_eq!((tabs.after(0, 1, 80), tabs.after(10, 1, 80)), (10, 16));
        tabs.clear();
        assert_eq!((tabs.after(0, 1, 80), tabs.before(50, 1)), (79, 0));
        tabs.reset();
        assert!(tabs.are_usual());
    }
}
