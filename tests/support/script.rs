//! Programs for tests to run.
//!
//! Tests of one binary are threads of one process. A program that one thread starts has, until its `exec`, every file
//! that the others hold open for writing, and Linux runs no file that anybody could still write (`ETXTBSY`): so another
//! process does the writing.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes an executable file.
pub fn write_script(path: &Path, text: &str) {
    let mut writer = Command::new("sh")
        .args(["-c", r#"cat > "$1" && chmod 755 "$1""#, "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success(), "{} was not written", path.display());
}

/// Copies an executable file.
pub fn copy_program(from: &Path, to: &Path) {
    assert!(
        Command::new("cp").arg(from).arg(to).status().unwrap().success(),
        "{} was not copied",
        from.display()
    );
}
