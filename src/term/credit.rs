//! What sequences that work on many cells may cost.
//!
//! A few bytes can ask for the whole screen, thousands of times in one piece of output, while the pane is locked. So each
//! byte earns some cells, up to some screens, and each such sequence pays for its cells or is left undone. Invariant: it
//! depends on the bytes alone, not on how they were cut.

use super::grid::Grid;

/// Cells that a byte of output earns.
const CELLS_A_BYTE: usize = 16;
/// Screens that can be saved up: no program has use for as many at once.
const SCREENS: usize = 16;

/// Cells that may still be worked on; a new terminal begins with all that can be saved up.
#[derive(Debug, Default)]
pub(super) struct Credit {
    /// Cells that were worked on and not earned yet.
    owed: usize,
    most: usize,
}

impl Credit {
    /// So many bytes have come.
    pub(super) fn earn(&mut self, bytes: usize, grid: &Grid) {
        let (rows, columns) = grid.size();
        self.most = SCREENS * usize::from(rows) * usize::from(columns);
        self.owed = self.owed.saturating_sub(bytes.saturating_mul(CELLS_A_BYTE));
    }

    /// Whether so many cells may be worked on; they are paid for then.
    pub(super) fn pay(&mut self, cells: usize) -> bool {
        let may = self.owed + cells <= self.most;
        if may {
            self.owed += cells;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::History;
    use super::*;

    #[test]
    fn what_was_not_earned_is_not_done() {
        let grid = Grid::new(10, 10, History::new(0, 10));
        let mut credit = Credit::default();
        credit.earn(1, &grid);
        let done = (0..1000).filter(|_| credit.pay(100)).count();
        assert_eq!(done, SCREENS);
        credit.earn(100 / CELLS_A_BYTE + 1, &grid);
        assert!(credit.pay(100) && !credit.pay(100));
    }
}
