//! Files that were replaced while somebody may have had them open: what is written to them later is not lost.
//!
//! Invariant: few files are kept open, and none for long after it was last written to.

use std::fs::File;
use std::io::{Read, Seek};
use std::time::{Duration, Instant};

/// How long somebody who writes may pause.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often they are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Of one name, files at once.
const KEPT: usize = 2;
/// What is read of one later on at most, bytes.
const LIMIT: u64 = 1 << 20;

/// Earlier files of one name, the one that was written to last at the end.
#[derive(Debug, Default)]
pub struct Earlier(Vec<Open>);

#[derive(Debug)]
struct Open {
    file: File,
    /// How much of it is known, bytes.
    known: u64,
    /// How long it was when it was last read.
    seen: u64,
    since: Instant,
}

impl Earlier {
    /// Keeps a file with the text that it had when it was replaced.
    pub fn keep(&mut self, replaced: Option<(File, String)>) {
        let open = |(file, text): (File, String)| {
            let known = text.len() as u64;
            Open { file, known, seen: known, since: Instant::now() }
        };
        self.0.extend(replaced.map(open));
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
    }

    /// Nobody is waited for any more.
    pub fn close(&mut self) {
        self.0.clear();
    }

    /// Whether there is something to read, by how long they are.
    pub fn has_more(&mut self) -> bool {
        self.0.retain(|open| open.since.elapsed() < PATIENCE);
        self.0.iter().any(|open| open.len().is_some_and(|len| len != open.seen))
    }

    /// The whole lines that were written to them since; each is given once.
    pub fn written_since(&mut self) -> String {
        let mut lines = String::new();
        for open in &mut self.0 {
            if let Some(more) = open.more() {
                lines.push_str(&more);
                open.since = Instant::now();
            }
        }
        self.0.sort_by_key(|open| open.since);
        lines
    }

    /// After how long they are to be looked at again.
    pub fn due(&self) -> Option<Duration> {
        (!self.0.is_empty()).then_some(LOOK)
    }
}

impl Open {
    fn len(&self) -> Option<u64> {
        self.file.metadata().ok().map(|metadata| metadata.len())
    }

    fn more(&mut self) -> Option<String> {
        // Before it is read: what is written meanwhile is seen later.
        self.seen = self.len()?;
        let mut bytes = Vec::new();
        self.file.seek(std::io::SeekFrom::Start(self.known)).ok()?;
        (&mut self.file).take(LIMIT).read_to_end(&mut bytes).ok()?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n')? + 1;
        bytes.truncate(end);
        self.known += end as u64;
        String::from_utf8(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn who_goes_on_writing_is_heard_line_by_line() {
        let (mut theirs, mut earlier) = (tempfile::NamedTempFile::new().unwrap(), Earlier::default());
        theirs.write_all(b"known\n").unwrap();
        let reading = File::open(theirs.path()).unwrap();
        std::fs::remove_file(theirs.path()).unwrap();
        earlier.keep(Some((reading, "known\n".to_owned())));
        assert_eq!(earlier.written_since(), "");
        assert!(!earlier.has_more());
        theirs.write_all(b"- one\n- tw").unwrap();
        assert!(earlier.has_more());
        assert_eq!(earlier.written_since(), "- one\n");
        assert!(!earlier.has_more(), "half a line is read again and again");
        // Who still writes is kept, whatever is replaced meanwhile.
        for _ in 0..KEPT - 1 {
            earlier.keep(Some((tempfile::tempfile().unwrap(), String::new())));
        }
        theirs.write_all(b"o\n").unwrap();
        assert_eq!(earlier.written_since(), "- two\n");
        earlier.keep(Some((tempfile::tempfile().unwrap(), String::new())));
        theirs.write_all(b"- three\n").unwrap();
        assert_eq!(earlier.written_since(), "- three\n");
        assert_eq!(earlier.due(), Some(LOOK));
        earlier.close();
        theirs.write_all(b"- four\n").unwrap();
        assert!(!earlier.has_more() && earlier.due().is_none());
    }
}
