//! A terminal that a person would sit at: the program runs in a real PTY, its screen is read by the project's emulator.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use loopmon::term::{CellStyle, Colours, Emulator};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::PATIENCE;

/// A program in a terminal.
pub struct Tty {
    screen: Arc<Mutex<Emulator>>,
    /// Everything that it wrote.
    bytes: Arc<Mutex<Vec<u8>>>,
    writer: Box<dyn Write + Send>,
    _master: Box<dyn MasterPty + Send>,
    reader: std::thread::JoinHandle<()>,
    pub child: Box<dyn Child + Send + Sync>,
}

impl Tty {
    pub fn open(program: &str, args: &[&str], dir: &Path, env: &[(String, String)], size: (u16, u16)) -> Tty {
        let (cols, rows) = size;
        let pair =
            native_pty_system().openpty(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(args);
        command.cwd(dir);
        command.env_clear();
        env.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let screen = Arc::new(Mutex::new(Emulator::new(cols, rows, Colours::default())));
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut output = pair.master.try_clone_reader().unwrap();
        let (seen, kept) = (Arc::clone(&screen), Arc::clone(&bytes));
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                seen.lock().unwrap().feed(&buffer[..count]);
                kept.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        let writer = pair.master.take_writer().unwrap();
        Tty { screen, bytes, writer, _master: pair.master, reader, child }
    }

    /// What a person sees.
    pub fn text(&self) -> String {
        self.screen.lock().unwrap().text()
    }

    /// How the first character of that text looks, wherever it stands on the screen.
    pub fn style_of(&self, wanted: &str) -> Option<CellStyle> {
        let screen = self.screen.lock().unwrap();
        (0..screen.size().1).find_map(|row| {
            let cells: Vec<_> = screen.row(row).collect();
            let line: String = cells.iter().map(|cell| cell.text).collect();
            let at = line.find(wanted)?;
            let mut before = 0;
            let first = cells.iter().find(|cell| {
                let is_it = before == at;
                before += cell.text.len();
                is_it
            });
            first.map(|cell| cell.style)
        })
    }

    /// Bytes that it wrote so far.
    pub fn written(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    pub fn type_text(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Waits until the screen shows this.
    pub fn wait(&self, wanted: &str) -> String {
        self.wait_until(wanted, |screen| screen.contains(wanted))
    }

    /// Waits until the screen shows this no more.
    pub fn wait_gone(&self, unwanted: &str) -> String {
        self.wait_until(&format!("the end of {unwanted:?}"), |screen| !screen.contains(unwanted))
    }

    pub fn wait_until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.text();
            if holds(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "waited in vain for {what:?}; the screen is:\n{screen}");
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    /// Waits until the program has ended and all that it wrote has come; its exit code.
    pub fn ended(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The reader is through when nobody has the terminal any more.
            if let Some(status) = self.child.try_wait().unwrap().filter(|_| self.reader.is_finished()) {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "it does not end; the screen is:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(15));
        }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
