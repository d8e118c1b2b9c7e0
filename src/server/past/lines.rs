//! Lines that are older than a pane's history, from its recording.
//!
//! Not for full-screen programs (`screens`). Invariants: what is kept is bounded, however long the recording is; reading
//! ends soon after nobody wants it any more.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Meter;
use crate::record::{self, Piece, RecordError};
use crate::server::effects::FIRST_SIZE;
use crate::server::ended::Showing;
use crate::term::{Colours, Emulator};

/// Bytes of lines that are kept; of more the oldest are left out, and `loopmon replay` has them.
const BYTES: usize = 64 << 20;

/// A terminal with all lines of the recording in its history. `progress` hears of hundredths; `None` when it was told to
/// stop.
pub fn unroll(
    recording: &Path,
    showing: &mut Showing,
    colours: Colours,
    stop: &AtomicBool,
    progress: impl FnMut(u8),
) -> Result<Option<Emulator>, RecordError> {
    let (cols, rows) = FIRST_SIZE;
    let mut emulator = Emulator::with_history(cols, rows, colours, BYTES);
    let mut meter = Meter::new(recording, progress);
    for piece in record::replay(recording, 0, u64::MAX)? {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match piece {
            Piece::Size { cols, rows } => emulator.resize(cols, rows),
            Piece::Output { data, .. } => {
                meter.read(&data);
                showing.show(data.as_bytes(), |bytes| emulator.feed(bytes));
                // Nobody is there who would hear them.
                drop((emulator.take_replies(), emulator.take_events()));
            }
        }
    }
    Ok(Some(emulator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(lines: usize) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.cast");
        let line = |number: usize| serde_json::to_string(&(1.0, "o", format!("line {number}\r\n"))).unwrap();
        let all: Vec<String> = (0..lines).map(line).collect();
        let header = "{\"version\": 2, \"width\": 80, \"height\": 24}";
        std::fs::write(&path, format!("{header}\n{}\n", all.join("\n"))).unwrap();
        (dir, path)
    }

    #[test]
    fn every_line_of_the_recording_is_there() {
        let (_dir, path) = recorded(200_000);
        let (mut told, stop) = (Vec::new(), AtomicBool::new(false));
        let found =
            unroll(&path, &mut Showing::terminal(), Colours::default(), &stop, |percent| told.push(percent));
        let mut emulator = found.unwrap().unwrap();
        let first: String = emulator.history_row(0).map(|cell| cell.text.to_owned()).collect();
        assert_eq!((first.trim_end(), emulator.history_len()), ("line 0", 200_000 - 23));
        assert!(emulator.text().ends_with("line 199999"));
        assert!(told.is_sorted() && told.len() > 80, "{told:?}");
    }

    #[test]
    fn who_is_told_to_stop_stops() {
        let (_dir, path) = recorded(10);
        let stop = AtomicBool::new(true);
        assert!(
            unroll(&path, &mut Showing::terminal(), Colours::default(), &stop, |_| {}).unwrap().is_none()
        );
    }
}
