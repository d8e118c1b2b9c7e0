//! The past of a terminal: its recording, read beside everything else.
//!
//! What it shows depends on the program: screens of one that draws its whole screen (`screens`), lines that are older than
//! the history in memory of any other (`lines`). Not for playing a recording as it ran (`loopmon replay` does).

mod lines;
mod screens;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::ended::Showing;
use super::shared::Shared;
use crate::model::{RunId, SessionId};
use crate::record;
use crate::ui::Recorded;

/// Reads what a session showed before what its pane has. `progress` hears of hundredths; `None` when it was told to stop.
pub fn read(
    shared: &Shared,
    session: &SessionId,
    stop: &AtomicBool,
    progress: impl FnMut(u8),
) -> Result<Option<Recorded>, String> {
    let unknown = || "the session is not known".to_owned();
    let (run, _) = session.as_str().rsplit_once("-e").ok_or_else(unknown)?;
    let run = RunId::from(run);
    let recording = shared.places.recording(&run, session);
    let pane = crate::ui::Panes::pane(&shared.panes, session).ok_or_else(unknown)?;
    let is_full_screen = || pane.lock().unwrap_or_else(PoisonError::into_inner).modes().alternate_screen;
    let found = if is_full_screen() {
        screens::develop(&recording, stop, progress).map(|reel| reel.map(Arc::new).map(Recorded::Screens))
    } else {
        let mut showing = Showing::of(shared, &shared.places.session(&run, session)).ok_or_else(unknown)?;
        let emulator = lines::unroll(&recording, &mut showing, shared.project().colours(), stop, progress);
        emulator.map(|found| found.map(|found| Recorded::Lines(Arc::new(Mutex::new(found)))))
    };
    found.map_err(|error| error.to_string())
}

/// How much of a recording has been read.
struct Meter<P> {
    whole: u64,
    done: u64,
    told: u8,
    progress: P,
}

impl<P: FnMut(u8)> Meter<P> {
    fn new(recording: &Path, progress: P) -> Self {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let whole = (size(recording) + size(&record::rotated(recording))).max(1);
        Self { whole, done: 0, told: 0, progress }
    }

    /// An event with these data was read; in its file it took some more: controls are written out there.
    fn read(&mut self, data: &str) {
        let escaped = data.bytes().filter(|byte| *byte < 0x20).count() * 4;
        self.done += (data.len() + escaped + 20) as u64;
        let percent = u8::try_from((self.done * 100 / self.whole).min(99)).unwrap_or(99);
        if percent > self.told {
            self.told = percent;
            (self.progress)(percent);
        }
    }
}
