//! The terminal that everything is measured in: it reads what comes as fast as it can, looks for a text, and draws
//! nothing.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use memchr::memmem;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Columns and rows.
pub const SIZE: (u16, u16) = (200, 50);

/// A terminal with a program in it.
pub struct Console {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    writer: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
}

#[derive(Default)]
struct Seen {
    bytes: u64,
    /// The end of what came before, as long as what is looked for less one.
    tail: Vec<u8>,
    wanted: Vec<u8>,
    found: Option<Instant>,
}

impl Console {
    /// Runs a program.
    pub fn open(argv: &[&str], dir: &Path, env: &[(String, String)]) -> Console {
        let pair = native_pty_system().openpty(pty_size(SIZE)).unwrap();
        let mut command = CommandBuilder::new(argv[0]);
        command.args(&argv[1..]);
        command.cwd(dir);
        command.env_clear();
        env.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new((Mutex::new(Seen::default()), Condvar::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                shared.0.lock().unwrap().take(&buffer[..count]);
                shared.1.notify_all();
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Console { seen, writer, master: pair.master, child }
    }

    /// Looks for this from now on.
    pub fn expect(&self, text: &str) {
        let mut seen = self.seen.0.lock().unwrap();
        seen.wanted = text.as_bytes().to_vec();
        seen.tail.clear();
        seen.found = None;
    }

    /// When what is looked for came.
    pub fn found(&self, patience: Duration) -> Option<Instant> {
        let seen = self.seen.0.lock().unwrap();
        let (seen, _) = self.seen.1.wait_timeout_while(seen, patience, |seen| seen.found.is_none()).unwrap();
        seen.found
    }

    /// Bytes that came so far.
    pub fn bytes(&self) -> u64 {
        self.seen.0.lock().unwrap().bytes
    }

    pub fn type_text(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub fn resize(&self, size: (u16, u16)) {
        self.master.resize(pty_size(size)).unwrap();
    }
}

impl Seen {
    fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.found.is_some() || self.wanted.is_empty() {
            return;
        }
        let keep = self.wanted.len() - 1;
        self.tail.extend_from_slice(&bytes[..bytes.len().min(keep)]);
        let is_there =
            memmem::find(&self.tail, &self.wanted).is_some() || memmem::find(bytes, &self.wanted).is_some();
        if is_there {
            self.found = Some(Instant::now());
        }
        if bytes.len() >= keep {
            self.tail = bytes[bytes.len() - keep..].to_vec();
        } else {
            let surplus = self.tail.len().saturating_sub(keep);
            self.tail.drain(..surplus);
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}
