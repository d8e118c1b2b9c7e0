//! Asking a terminal what it can do, for `doctor`.
//!
//! Not for a session's screen, which gets along without answers. Invariants: the terminal is in raw mode only while it is
//! asked, and no longer than [`LIMIT`]; what answers nothing leaves everything unknown.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long a terminal may take to answer; far ones take a while.
const LIMIT: Duration = Duration::from_millis(1500);
/// Bytes of answers that are read.
const MOST: usize = 4096;

/// Its name, kitty's keyboard, changes shown as one, OSC 52 by its terminfo name (`Ms`), and last what every terminal
/// answers: when that has come, no other answer will.
const QUESTIONS: &[u8] = b"\x1b[>0q\x1b[?u\x1b[?2026$p\x1bP+q4d73\x1b\\\x1b[c";

/// What a terminal says of itself; `None` where it said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Whether it answered anything.
    pub answers: bool,
    /// Its name and version.
    pub name: Option<String>,
    /// It tells keys apart by kitty's protocol.
    pub keyboard: bool,
    /// It shows a change as one (`?2026`).
    pub synchronized: bool,
    /// Programs may write its clipboard (OSC 52).
    pub clipboard: bool,
}

/// Asks the terminal of this process.
///
/// # Errors
/// If it can't be put into raw mode or written to.
pub fn probe() -> io::Result<Abilities> {
    crossterm::terminal::enable_raw_mode()?;
    let answers = ask();
    crossterm::terminal::disable_raw_mode()?;
    Ok(parse(&answers?))
}

fn ask() -> io::Result<Vec<u8>> {
    let mut out = io::stdout().lock();
    out.write_all(QUESTIONS)?;
    out.flush()?;
    let (stdin, deadline) = (io::stdin(), Instant::now() + LIMIT);
    let mut answers = Vec::new();
    while !is_whole(&answers) && answers.len() < MOST {
        let left = timespec(deadline.saturating_duration_since(Instant::now()));
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        if poll(&mut fds, Some(&left))? == 0 {
            break;
        }
        let mut buffer = [0; 512];
        match rustix::io::read(&stdin, &mut buffer)? {
            0 => break,
            count => answers.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    Ok(answers)
}

fn timespec(span: Duration) -> Timespec {
    let tv_sec = i64::try_from(span.as_secs()).unwrap_or(0);
    Timespec { tv_sec, tv_nsec: i64::from(span.subsec_nanos()) }
}

/// Whether the last question was answered.
fn is_whole(answers: &[u8]) -> bool {
    sequences(answers).iter().any(|sequence| is_attributes(sequence))
}

/// `CSI ? … c`
fn is_attributes(sequence: &str) -> bool {
    sequence.starts_with("[?") && sequence.ends_with('c')
}

fn parse(answers: &[u8]) -> Abilities {
    let mut found = Abilities::default();
    for sequence in sequences(answers) {
        found.answers = true;
        if let Some(name) = sequence.strip_prefix("P>|") {
            found.name = Some(name.chars().filter(|c| !c.is_control()).take(80).collect());
        } else if sequence.starts_with("[?") && sequence.ends_with('u') {
            found.keyboard = true;
        } else if let Some(state) = sequence.strip_prefix("[?2026;").and_then(|rest| rest.strip_suffix("$y"))
        {
            // 1 and 2 are on and off; 0 is not known, 4 is off for good.
            found.synchronized = matches!(state, "1" | "2" | "3");
        } else if sequence.to_ascii_lowercase().starts_with("p1+r4d73") {
            found.clipboard = true;
        } else if is_attributes(&sequence) {
            let list = sequence.trim_start_matches("[?").trim_end_matches('c');
            found.clipboard |= list.split(';').any(|attribute| attribute == "52");
        }
    }
    found
}

/// The whole sequences, each without its ESC and its end of string; everything else is what a person typed.
fn sequences(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut rest = text.as_ref();
    while let Some((_, after)) = rest.split_once('\x1b') {
        let end = match after.chars().next() {
            Some('[') => after
                .char_indices()
                .skip(1)
                .find(|(_, c)| ('\x40'..='\x7e').contains(c))
                .map(|(at, c)| at + c.len_utf8()),
            Some('P') => after.find("\x1b\\"),
            _ => Some(0),
        };
        let Some((sequence, next)) = end.and_then(|end| after.split_at_checked(end)) else { break };
        if !sequence.is_empty() {
            found.push(sequence.to_owned());
        }
        rest = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_can_everything() {
        let answers = b"x\x1bP>|kitty(0.41)\x1b\\\x1b[?1u\x1b[?2026;2$y\x1bP1+r4D73=5C45\x1b\\\x1b[?62;c";
        let found = parse(answers);
        let name = Some("kitty(0.41)".to_owned());
        assert_eq!(
            found,
            Abilities { answers: true, name, keyboard: true, synchronized: true, clipboard: true }
        );
        for cut in 0..answers.len() {
            assert!(!is_whole(&answers[..cut]), "{cut}");
        }
        assert!(is_whole(answers));
    }

    #[test]
    fn one_that_knows_little_and_one_that_knows_nothing() {
        let found = parse(b"\x1b[?2026;0$y\x1bP0+r4d73\x1b\\\x1b[?1;2c");
        assert_eq!(found, Abilities { answers: true, ..Abilities::default() });
        assert!(parse(b"\x1b[?62;22;52c").clipboard);
        assert_eq!(parse(b"typed \x1bOA"), Abilities { answers: false, ..Abilities::default() });
        assert_eq!(parse(b""), Abilities::default());
    }
}
