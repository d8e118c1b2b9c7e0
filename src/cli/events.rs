//! `loopmon events`: the log, in words or as it is.

use std::path::Path;

use super::args::EventsArgs;
use super::out::say;
use super::project::{self, Project};
use super::{Failure, Outcome};
use crate::model::{Record, TaskId};
use crate::protocol::client::{Ask, Message};
use crate::server::describe;
use crate::store::Store;

/// Prints it; with `--follow` as long as the server runs.
pub fn events(dir: &Path, args: &EventsArgs) -> Outcome {
    let Project { places, .. } = project::open(dir)?;
    let records = match Store::open_reader(&places.log())? {
        Some(store) => match store.runs()?.pop() {
            Some(run) => store.events(&run.id, 0)?,
            None => Vec::new(),
        },
        None => Vec::new(),
    };
    if records.is_empty() {
        return Err(Failure::new("there is no run yet"));
    }
    if args.decisions {
        return decisions(&records);
    }
    let mut printer = Printer { json: args.json, seen: Vec::new() };
    printer.all(records)?;
    if args.follow {
        let Some(mut link) = project::running(&places) else { return Ok(0) };
        let mut next = link.ask(Ask::Follow { after: printer.last() })?;
        loop {
            match next {
                Message::Event { record, .. } => printer.all(vec![record])?,
                Message::Refused(reason) => return Err(Failure::new(reason)),
                _ => {}
            }
            next = match link.receive() {
                Ok(message) => message,
                Err(_) => return Ok(0),
            };
        }
    }
    Ok(0)
}

/// The log, decided anew by this version.
fn decisions(records: &[Record]) -> Outcome {
    let mut decided = describe::decisions(records).into_iter().peekable();
    describe::walk(records, |record, task, text| {
        while let Some((_, line)) = decided.next_if(|(seq, _)| *seq < record.seq) {
            say!("{}", super::shown(&line));
        }
        say!("{}", event_line(record, task.as_ref(), &text));
    });
    decided.for_each(|(_, line)| say!("{}", super::shown(&line)));
    Ok(0)
}

struct Printer {
    json: bool,
    seen: Vec<Record>,
}

impl Printer {
    fn last(&self) -> u64 {
        self.seen.last().map_or(0, |record| record.seq)
    }

    fn all(&mut self, records: Vec<Record>) -> Result<(), Failure> {
        let from = self.last();
        if self.json {
            for record in &records {
                say!("{}", serde_json::to_string(record)?);
            }
            self.seen = records.last().cloned().into_iter().collect();
            return Ok(());
        }
        // A run that follows begins its own log.
        if records.first().is_some_and(|record| record.seq <= from) {
            self.seen.clear();
        }
        self.seen.extend(records);
        describe::walk(&self.seen, |record, task, text| {
            if record.seq > from || from == 0 {
                say!("{}", event_line(record, task.as_ref(), &text));
            }
        });
        Ok(())
    }
}

/// One event as a line.
pub fn event_line(record: &Record, task: Option<&TaskId>, text: &str) -> String {
    let task = task.map_or("", |task| task.as_str());
    super::shown(&format!("{}  {task:<8} {text}", describe::time_of_day(record.at)))
}
