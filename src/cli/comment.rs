//! `loopmon comment` and `dismiss`: a person's part of the list of findings.

use std::io::Read;
use std::path::Path;

use super::args::{CommentArgs, DismissArgs};
use super::{Failure, Outcome, act};
use crate::model::Command;

/// Says what is wrong at a place.
pub fn comment(dir: &Path, args: CommentArgs) -> Outcome {
    let mut text = args.text;
    if text == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text)?;
    }
    let project = act::requested(dir)?;
    let (file, line) = place(&args.place).map_err(Failure::usage)?;
    let root = project.places.root.to_string_lossy().into_owned();
    let file = file.strip_prefix(&format!("{root}/")).unwrap_or(file).trim_start_matches("./").to_owned();
    act::send(dir, Command::Comment { task: args.task.into(), file, line, text }, args.json)
}

/// Takes a finding from the list, with the reason.
pub fn dismiss(dir: &Path, args: DismissArgs) -> Outcome {
    act::send(dir, Command::Dismiss(args.task.into(), args.number, args.reason), args.json)
}

/// `src/a.rs:7`, `src/a.rs`, or `.` for all of the work.
fn place(text: &str) -> Result<(&str, u32), String> {
    match text.rsplit_once(':') {
        _ if text == "." => Ok(("", 0)),
        Some((file, line)) if !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit()) => {
            let number = line.parse().ok().filter(|number: &u32| *number > 0);
            let number = number.ok_or_else(|| format!("`{line}` is no line: they are counted from 1"))?;
            Ok((file, number))
        }
        _ => Ok((text, 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_line_a_file_or_everything() {
        assert_eq!(place("src/a.rs:7"), Ok(("src/a.rs", 7)));
        assert_eq!(place("a:b"), Ok(("a:b", 0)));
        assert_eq!(place("."), Ok(("", 0)));
        assert!(place("a.rs:0").is_err() && place("a.rs:99999999999").is_err());
    }
}
