//! Commands that a simulated agent really runs.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

/// A running command.
pub(super) struct Running {
    child: Child,
    output: Receiver<Vec<u8>>,
    kept: Vec<u8>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Exit code; -1 if a signal ended it.
    pub(super) code: i32,
    /// Both of its outputs, in order.
    pub(super) output: String,
}

impl Running {
    pub(super) fn start(line: &str, root: &Path) -> io::Result<Self> {
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("exec 2>&1\n{line}"))
            .current_dir(root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (sender, output) = mpsc::channel();
        if let Some(mut pipe) = child.stdout.take() {
            std::thread::spawn(move || {
                let mut buffer = [0; 8192];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    if sender.send(buffer.get(..count).unwrap_or_default().to_vec()).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { child, output, kept: Vec::new() })
    }

    /// How it ended, if it has.
    pub(super) fn poll(&mut self) -> io::Result<Option<Ended>> {
        while let Ok(bytes) = self.output.try_recv() {
            self.kept.extend(bytes);
        }
        let Some(status) = self.child.try_wait()? else { return Ok(None) };
        // What it printed last may still be in the pipe; a process that it left behind may hold the pipe open.
        while let Ok(bytes) = self.output.recv_timeout(std::time::Duration::from_millis(200)) {
            self.kept.extend(bytes);
        }
        let output = String::from_utf8_lossy(&self.kept).into_owned();
        Ok(Some(Ended { code: status.code().unwrap_or(-1), output }))
    }

    /// Ends it.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
