//! Makes room in the table of marks: numbers that nothing can show any more are free again.
//!
//! Not for: the table itself (`mark`). Invariant: every place that holds cells is asked, the screen that is not shown too.

use super::grid::Grid;
use super::mark::Used;
use super::writer::Writer;

/// Frees what is on neither screen, nor in the picture that is held, nor in the history.
pub(super) fn sweep(grid: &mut Grid, held: Option<&vt100::Screen>, writer: &mut Writer) {
    let mut used = writer.marks.unused();
    used.note(writer.ink());
    held.into_iter().for_each(|screen| note(screen, &mut used));
    note(grid.screen(), &mut used);
    // The alternate screen is empty whenever the main one is shown.
    if grid.screen().alternate_screen() {
        grid.process(b"\x1b[?47l");
        note(grid.screen(), &mut used);
        grid.process(b"\x1b[?47h");
    }
    grid.history().texts().for_each(|text| used.note(text));
    writer.marks.sweep(&used);
}

fn note(screen: &vt100::Screen, used: &mut Used) {
    let (rows, columns) = screen.size();
    for row in 0..rows.get() {
        (0..columns.get())
            .filter_map(|column| screen.cell(row, column))
            .for_each(|cell| used.note(cell.contents()));
    }
}
