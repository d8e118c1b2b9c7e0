//! `loopmon replay`: a recording played in the terminal, with the run's events beside it.
//!
//! It plays the recordings of sessions and what asciinema made. Invariant: no byte of a recording reaches the person's
//! terminal; what does are the cells of an emulator that took it.

mod draw;
mod film;
mod player;
mod source;
mod stage;

use std::io::IsTerminal;
use std::path::Path;

use super::args::ReplayArgs;
use super::out::{complain, say, say_words};
use super::{Failure, Outcome, shown};
use crate::model::StepKind;
use crate::model::time::human_span;
use crate::server::{clock, describe};
use film::Film;
use source::Source;

/// Plays, prints or lists.
pub fn replay(dir: &Path, args: &ReplayArgs) -> Outcome {
    if args.list {
        return list(dir, args.what.as_deref());
    }
    let sources = source::named(dir, args.what.as_deref())?;
    if args.print || args.at.is_some() {
        return print(dir, &sources, args.at);
    }
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "standard input and output must be a terminal; `--print [--at SECONDS]` prints a screen as text",
        ));
    }
    stage::play(dir, &sources, args)
}

/// The screen at a moment, or the last one, as text.
fn print(dir: &Path, sources: &[Source], at: Option<f64>) -> Outcome {
    for source in sources {
        let tape = source.load(dir)?;
        if let Some(words) = player::broken(&tape.broken) {
            complain(&format!("{}: {words}", shown(&source.path.display().to_string())));
        }
        let mut film = Film::new(tape);
        film.seek(at.unwrap_or(f64::MAX));
        if sources.len() > 1 {
            say!("── {}", shown(&source.title));
        }
        say!("{}", film.screen().text());
    }
    Ok(0)
}

/// The recorded sessions, one a line.
fn list(dir: &Path, what: Option<&str>) -> Outcome {
    let sources = source::recorded(dir, what)?;
    if sources.is_empty() {
        return Err(Failure::new("there is no recording yet"));
    }
    let mut rows = vec![["SESSION", "TASK", "STEP", "AGENT", "BEGAN", "LENGTH"].map(str::to_owned)];
    for session in sources.iter().filter_map(|source| source.session.as_ref()) {
        let view = &session.view;
        let step = match (view.step, view.setup) {
            (Some(StepKind::Review), _) => format!("review {}", view.slot + 1),
            (Some(step), _) => step.name().to_owned(),
            (None, true) => "setup".to_owned(),
            (None, false) => "gate".to_owned(),
        };
        rows.push([
            view.id.to_string(),
            view.task.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            step,
            view.name.clone(),
            describe::time_of_day(view.started),
            human_span(view.ended.unwrap_or_else(clock::now).since(view.started)),
        ]);
    }
    let widths: [usize; 6] = std::array::from_fn(|at| {
        rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    });
    for row in &rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        say_words!("{}\n", shown(cells.join("  ").trim_end()));
    }
    Ok(0)
}
