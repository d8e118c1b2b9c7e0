//! The terminal in raw mode, and back.

use std::io::{self, IsTerminal, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};

/// Alternate screen, bracketed paste, focus reports, and keys that can be told apart (kitty's protocol, where it is
/// spoken); the server asks for the mouse as configured.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[>1u\x1b[2J";
/// Everything that a screen of ours may have set, unset: mouse, focus, paste, keys, the keypad, synchronized update, cursor,
/// attributes.
const LEAVE: &[u8] =
    b"\x1b[<u\x1b>\x1b[?2026l\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[m\x1b[?25h\x1b[0 q\x1b[?1049l";

/// Whether the terminal has to be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal, taken until this is dropped.
#[derive(Debug)]
pub struct RawTerminal(());

impl RawTerminal {
    /// Takes it.
    pub fn enter() -> io::Result<RawTerminal> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        take()?;
        Ok(RawTerminal(()))
    }

    /// Gives it back for a while.
    pub fn leave(&self) {
        give_back();
    }

    /// Takes it again.
    pub fn enter_again(&self) -> io::Result<()> {
        take()
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    crossterm::terminal::enable_raw_mode()?;
    TAKEN.store(true, Ordering::Release);
    let mut out = io::stdout().lock();
    out.write_all(ENTER)?;
    out.flush()
}

fn give_back() {
    if TAKEN.swap(false, Ordering::AcqRel) {
        let mut out = io::stdout().lock();
        // A terminal that is gone takes nothing back; there is nobody to tell.
        let _gone = out.write_all(LEAVE).and_then(|()| out.flush());
        let _gone = crossterm::terminal::disable_raw_mode();
    }
}

/// Whether nobody is at the other end any more.
pub fn has_hung_up() -> bool {
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    state().is_none_or(|state| state.intersects(gone))
}

/// Whether something was typed that is not read yet.
pub(super) fn has_input() -> bool {
    state().is_some_and(|state| state.contains(PollFlags::IN))
}

/// How standard input stands, now.
fn state() -> Option<PollFlags> {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).ok()?;
    fds.first().map(PollFd::revents)
}
