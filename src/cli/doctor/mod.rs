//! `loopmon doctor`: what could go wrong here, each finding with its remedy.
//!
//! Invariant: it looks and changes nothing; exit code 1 only if something is bad.

mod finding;
mod leftovers;
mod machine;
mod project;
mod team;
mod terminal;

use std::path::Path;

use serde_json::{Value, json};

use super::args::JsonArgs;
use super::out::say;
use super::{Outcome, shown};
use finding::{Finding, Level};

/// Prints what was found.
pub fn doctor(dir: &Path, args: &JsonArgs) -> Outcome {
    let mut findings = machine::git(dir);
    let project = project::Known::open(dir);
    findings.extend(project.customs());
    findings.extend(project.settings());
    if let Some(config) = project.config() {
        findings.extend(team::findings(config));
    }
    findings.extend(terminal::findings());
    findings.extend(machine::sandbox());
    findings.extend(machine::folders());
    findings.extend(project.room());
    findings.extend(leftovers::findings(&project));
    let code = u8::from(findings.iter().any(|finding| finding.level == Level::Bad));
    if args.json {
        let list: Vec<Value> = findings.iter().map(Finding::as_json).collect();
        say!("{}", serde_json::to_string_pretty(&json!({ "ok": code == 0, "findings": list }))?);
        return Ok(code);
    }
    let mut area = "";
    for finding in &findings {
        if finding.area != area {
            area = finding.area;
            say!("{area}");
        }
        say!("{}", shown(&finding.lines()));
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    say!("{} ok, {} to look at, {} bad", count(Level::Ok), count(Level::Warn), count(Level::Bad));
    Ok(code)
}
