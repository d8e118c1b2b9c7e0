//! The player on a terminal: time, keys, signals, frames.
//!
//! Invariant: the terminal comes back as it was, however this ends; while nothing moves, nothing is drawn.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind};
use rustix::process::Signal;

use super::draw::{self, Look};
use super::player::{Next, Player};
use super::source::Source;
use crate::cli::args::ReplayArgs;
use crate::cli::project;
use crate::cli::{Failure, Outcome};
use crate::client::{self, RawTerminal, has_hung_up};
use crate::server::canvas::Canvas;
use crate::server::settings;
use crate::theme::ColourDepth;

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(16);
/// How long nothing is looked at but the terminal: signals are seen after that.
const REST: Duration = Duration::from_millis(250);
/// How long a search, or a long way, goes on between two looks at the terminal.
const SLICE: Duration = Duration::from_millis(12);
/// Plays until the person leaves.
pub fn play(dir: &Path, sources: &[Source], args: &ReplayArgs) -> Outcome {
    let mut player = Player::new(dir, sources, args.speed, args.idle_limit)?;
    let look = look(dir);
    let ended = ending_signals()?;
    let raw = RawTerminal::enter()?;
    let mut canvas = canvas()?;
    let mut clock = Instant::now();
    let (mut dirty, mut shown) = (true, u64::MAX);
    loop {
        let second = player.loaded.film.now() as u64;
        if dirty || second != shown {
            frame(&mut canvas, &mut player, &look)?;
            (dirty, shown) = (false, second);
        }
        if let Some(number) = signalled(&ended) {
            return Ok(u8::try_from(128 + number).unwrap_or(1));
        }
        // Asked first: crossterm's own poll never comes back from a terminal that was closed.
        if has_hung_up() {
            return Ok(u8::try_from(128 + Signal::HUP.as_raw()).unwrap_or(1));
        }
        if event::poll(rest(&player))? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => match player.press(key) {
                    Next::Go => {}
                    Next::Quit => return Ok(0),
                    Next::Suspend => canvas = suspend(&raw)?,
                },
                Event::Resize(..) => canvas = self::canvas()?,
                _ => {}
            }
            dirty = true;
            // What a key took is no time of the recording.
            clock = Instant::now();
        }
        let passed = clock.elapsed();
        clock += passed;
        dirty |= player.pass(passed.as_secs_f64());
        dirty |= player.work_on(SLICE);
    }
}

/// How long to wait for a key.
fn rest(player: &Player<'_>) -> Duration {
    if player.is_busy() {
        return Duration::ZERO;
    }
    let wait = player.wait().map_or(REST, |seconds| Duration::from_secs_f64(seconds.clamp(0.0, 1.0)));
    wait.clamp(FRAME, REST)
}

/// Of this terminal, about which nothing is known yet.
fn canvas() -> io::Result<Canvas> {
    let (cols, rows) = crossterm::terminal::size()?;
    Ok(Canvas::new(cols, rows, false))
}

fn frame(canvas: &mut Canvas, player: &mut Player<'_>, look: &Look) -> Result<(), Failure> {
    let bytes = canvas.draw(|frame| draw::draw(player, look, frame)).map_err(Failure::new)?;
    let mut out = io::stdout();
    out.write_all(&bytes)?;
    Ok(out.flush()?)
}

/// Gives the terminal back, stops, and takes it again when continued.
fn suspend(raw: &RawTerminal) -> Result<Canvas, Failure> {
    raw.leave();
    rustix::process::kill_process(rustix::process::getpid(), Signal::STOP).map_err(io::Error::from)?;
    raw.enter_again()?;
    Ok(canvas()?)
}

/// Where a signal that ends this program leaves its number.
fn ending_signals() -> io::Result<Arc<AtomicUsize>> {
    let ended = Arc::new(AtomicUsize::new(0));
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let number = signal.as_raw();
        signal_hook::flag::register_usize(number, Arc::clone(&ended), usize::try_from(number).unwrap_or(1))?;
    }
    Ok(ended)
}

fn signalled(ended: &AtomicUsize) -> Option<i32> {
    i32::try_from(ended.load(Ordering::Relaxed)).ok().filter(|number| *number > 0)
}

/// The theme of the project, or the person's own, in the colours that this terminal has.
fn look(dir: &Path) -> Look {
    let of_project = project::open(dir).ok().and_then(|project| settings::of_project(&project.places).ok());
    let theme =
        of_project.or_else(|| settings::of_user().ok()).map(|checked| checked.theme).unwrap_or_default();
    let value = |name: &str| std::env::var(name).ok();
    let (no_color, colorterm, term) = (value("NO_COLOR"), value("COLORTERM"), value("TERM"));
    let depth = ColourDepth::detect(no_color.as_deref(), colorterm.as_deref(), term.as_deref());
    let underlines = client::shows().underlines && depth != ColourDepth::None;
    Look { theme: theme.at(depth), depth, underlines }
}
