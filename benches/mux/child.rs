//! The program in every pane: it does what the bench says over a socket.
//!
//! One command a line, one line of answer each. Its terminal is in raw mode, so that bytes are what they are.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{OptionalActions, tcgetattr, tcgetwinsize, tcsetattr};

/// How long a terminal may take to read what was written before the question that it answers.
const SETTLE: Duration = Duration::from_secs(20);

/// A key's echo waits to be written: who pours lets it go first, as no lock would by itself.
static ECHOES: AtomicBool = AtomicBool::new(false);

/// Does what `socket` says, as the pane of that name, until it is hung up.
pub fn run(socket: &str, name: &str) {
    let mut raw = tcgetattr(std::io::stdin()).unwrap();
    raw.make_raw();
    tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).unwrap();
    let mut stream = UnixStream::connect(socket).unwrap();
    writeln!(stream, "{name}").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let below = Arc::new(AtomicBool::new(false));
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let Ok(line) = line else { break };
        let words: Vec<&str> = line.split(' ').collect();
        let answer = obey(&words, &stop, &below);
        if writeln!(stream, "{answer}").is_err() {
            break;
        }
    }
    // Threads that still write, or wait for keys, end with it.
    std::process::exit(0);
}

fn obey(words: &[&str], stop: &Arc<AtomicBool>, below: &Arc<AtomicBool>) -> String {
    match words {
        ["flood", path, times, end] => flood(path, times.parse().unwrap(), end),
        ["pour", path] => {
            let bytes = std::fs::read(path).unwrap();
            begin(stop, move |stop| pour(&bytes, &stop));
        }
        ["spin", hertz] => {
            let pause = Duration::from_secs(1) / hertz.parse().unwrap();
            begin(stop, move |stop| spin(pause, &stop));
        }
        ["show", text] => {
            let mut out = std::io::stdout().lock();
            write!(out, "\x1b[2J\x1b[5;5H{text}").and_then(|()| out.flush()).unwrap();
        }
        ["echo"] => {
            let below = Arc::clone(below);
            begin(stop, move |_| echo(&below));
        }
        ["below"] => below.store(true, Ordering::Relaxed),
        ["stop"] => stop.store(true, Ordering::Relaxed),
        ["settle"] => return settle().to_owned(),
        ["size"] => {
            let size = tcgetwinsize(std::io::stdout()).unwrap();
            return format!("{}x{}", size.ws_col, size.ws_row);
        }
        _ => return format!("unknown: {words:?}"),
    }
    "ok".to_owned()
}

fn begin(stop: &Arc<AtomicBool>, work: impl FnOnce(Arc<AtomicBool>) + Send + 'static) {
    stop.store(false, Ordering::Relaxed);
    let stop = Arc::clone(stop);
    std::thread::spawn(move || work(stop));
}

/// Writes a file so many times, then a character that is nowhere else.
fn flood(path: &str, times: usize, end: &str) {
    let bytes = std::fs::read(path).unwrap();
    let mut out = std::io::stdout().lock();
    for _ in 0..times {
        out.write_all(&bytes).unwrap();
    }
    write!(out, "\x1b[m\r\n{end}\r\n").unwrap();
    out.flush().unwrap();
}

/// Pieces end where a sequence begins: what else is written comes between two of them.
fn pour(bytes: &[u8], stop: &AtomicBool) {
    let mut rest = bytes;
    while !stop.load(Ordering::Relaxed) {
        while ECHOES.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let most = rest.len().min(16 * 1024);
        let end = rest[1..most].iter().rposition(|byte| *byte == b'\x1b').map_or(most, |at| at + 1);
        let (piece, later) = rest.split_at(end);
        if std::io::stdout().lock().write_all(piece).is_err() {
            return;
        }
        rest = if later.is_empty() { bytes } else { later };
    }
}

/// What an agent's spinner writes.
fn spin(pause: Duration, stop: &AtomicBool) {
    for (number, glyph) in "✢✳✶✻✽".chars().cycle().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let mut out = std::io::stdout().lock();
        let _gone = write!(out, "\r\x1b[2K\x1b[38;5;174m{glyph}\x1b[m Thinking… ({}s)", number / 10);
        let _gone = out.flush();
        drop(out);
        std::thread::sleep(pause);
    }
}

/// Each key is shown in the same place: where its line begins, or in the last row.
fn echo(below: &AtomicBool) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = std::io::stdin().read(&mut buffer) {
        let is_below = below.load(Ordering::Relaxed);
        let (before, after) = if is_below { ("\x1b7\x1b[999;1H", "\x1b8") } else { ("\r", "") };
        let text = [before.as_bytes(), &buffer[..count], after.as_bytes()].concat();
        ECHOES.store(true, Ordering::Release);
        let mut out = std::io::stdout().lock();
        let _gone = out.write_all(&text).and_then(|()| out.flush());
        ECHOES.store(false, Ordering::Release);
    }
}

/// Waits until the terminal has taken in everything: it is asked where the cursor is. `mute` if it does not answer.
fn settle() -> &'static str {
    let mut out = std::io::stdout().lock();
    out.write_all(b"\x1b[6n").unwrap();
    out.flush().unwrap();
    let (begin, stdin) = (Instant::now(), std::io::stdin());
    let mut buffer = [0; 256];
    while begin.elapsed() < SETTLE {
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        if poll(&mut fds, Some(&second)).is_ok_and(|ready| ready > 0) {
            let count = rustix::io::read(&stdin, &mut buffer).unwrap();
            if buffer[..count].contains(&b'R') {
                return "ok";
            }
        }
    }
    "mute"
}
