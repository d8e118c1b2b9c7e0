//! The files of one task: what others wrote is taken over, and what changed elsewhere is written.
//!
//! Invariant: a text that others wrote is replaced only once it was taken, or is known to say nothing new; what can't be
//! taken stays where it is and is told with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use super::feedback;
use super::folder::{Folder, Found, Replaced, SETTLE};
use super::known::Known;
use super::line::Line;
use super::replaced::Earlier;
use super::spec::{self, Spec};
use super::status;
use super::trouble::Trouble;
use crate::model::snapshot::TaskView;
use crate::model::{Command, Phase, PlanEdit, RunId, TaskEdit, TaskId};
use crate::server::places::Places;

const SPEC: &str = "spec.md";
const FEEDBACK: &str = "feedback.md";
const STATUS: &str = "status.toml";
const BRANCH: &str = "branch";

/// Lines of feedback that are taken in one visit.
const BATCH: usize = 100;
/// A task with so many findings open gets no further ones from its file.
const OPEN: usize = 500;
/// Lines that are told of one by one.
const TOLD: usize = 20;
/// What was written to replaced files and waits for its turn, bytes.
const LATE: usize = 1 << 20;

/// The files that others write.
pub const SHARED: [&str; 2] = [SPEC, FEEDBACK];

/// What is to be done after a visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// The folder was not there before.
    pub made: bool,
    /// After how long something is to be looked at again: it is still being written, or may be.
    pub again: Option<Duration>,
}

/// One task's files.
#[derive(Debug)]
pub struct Desk {
    known: Known,
    /// As `known` is on the disk.
    kept: Known,
    /// Whether this server has not looked into the feedback before.
    first: bool,
    /// What was written to feedback files after they were replaced and is in no file yet.
    late: String,
    /// What was refused, and in which phase of the task: in another one it is asked for again.
    refused: BTreeMap<String, (Phase, String)>,
    problems: Vec<String>,
    told: BTreeSet<String>,
    status: Option<String>,
    /// Feedback files that were replaced lately.
    earlier: Earlier,
    /// Whether its files can be used at all.
    pub trouble: Trouble,
}

/// Whether a file may be replaced.
enum Standing {
    /// There is none.
    Missing,
    /// All of this text is known.
    Known(String),
    /// Somebody's words are in it that were not taken.
    Theirs,
}

/// A visit under way.
struct Call<'a> {
    run: &'a RunId,
    places: &'a Places,
    folder: Folder,
    line: &'a Line,
    again: bool,
}

impl Call<'_> {
    fn tell_kept(&self, task: &TaskView, name: &str, kept: Option<String>) {
        if let Some(kept) = kept {
            let text = format!(
                "{}: what was saved as {name} while loopmon wrote it is in {kept} beside it, and not taken",
                task.id
            );
            self.line.tell(text, true);
        }
    }
}

impl Desk {
    /// The desk of a task, as an earlier server left it.
    pub fn new(places: &Places, run: &RunId, task: &TaskId) -> Desk {
        let known = Known::read(&places.trio_known(run, task));
        Desk {
            kept: known.clone(),
            known,
            first: true,
            late: String::new(),
            refused: BTreeMap::new(),
            problems: Vec::new(),
            told: BTreeSet::new(),
            status: None,
            earlier: Earlier::default(),
            trouble: Trouble::default(),
        }
    }

    /// Takes over what others wrote and writes what has changed.
    pub fn visit(&mut self, places: &Places, run: &RunId, task: &TaskView, line: &Line) -> io::Result<Visit> {
        let (folder, made) = Folder::open(&places.trio(run), task.id.as_str())?;
        let mut call = Call { run, places, folder, line, again: false };
        self.problems.clear();
        for name in SHARED {
            let kept = call.folder.recover(name, |text| self.known.is_own(name, text))?;
            call.tell_kept(task, name, kept);
        }
        let spec = self.take_spec(&mut call, task)?;
        let (feedback, rest) = self.take_feedback(&mut call, task)?;
        // What was just taken is in it.
        let task = line.task(&task.id).unwrap_or_else(|| task.clone());
        self.write_spec(&mut call, &task, spec)?;
        self.write_feedback(&mut call, &task, feedback, &rest)?;
        self.tell(line);
        self.write_status(&call, &task)?;
        self.keep(&call, &task.id)?;
        if is_over(&task) {
            self.earlier.close();
        }
        Ok(Visit { made, again: call.again.then_some(SETTLE) })
    }

    /// After how long it is to be asked whether somebody goes on writing.
    pub fn listens(&self) -> Option<Duration> {
        self.earlier.due()
    }

    /// Whether somebody went on writing to a file that was replaced.
    pub fn hears(&mut self) -> bool {
        self.earlier.has_more()
    }

    fn take_spec(&mut self, call: &mut Call<'_>, task: &TaskView) -> io::Result<Standing> {
        let text = match call.folder.read(SPEC)? {
            Found::Nothing => return Ok(Standing::Missing),
            Found::Text(text, _) if self.known.spec.contains(&text) => return Ok(Standing::Known(text)),
            Found::Text(_, false) => {
                call.again = true;
                return Ok(Standing::Theirs);
            }
            Found::Text(text, true) => text,
            Found::Unusable(why) => return Ok(self.object(call, task, SPEC, None, &why)),
        };
        let theirs = match spec::parse(&text) {
            Ok(theirs) => theirs,
            Err(problem) => return Ok(self.object(call, task, SPEC, Some(problem.line), &problem.text)),
        };
        let known: Vec<Spec> = self.known.spec.iter().filter_map(|text| spec::parse(text).ok()).collect();
        let fields = Spec::of(&task.spec()).map(|now| theirs.changed(&known, &now)).unwrap_or_default();
        if !fields.is_empty() {
            let edit = TaskEdit { task: task.id.clone(), fields };
            let names = edit.names();
            let asked = self.ask(call, task, &text, Command::Edit(Box::new(PlanEdit::of_task(edit))));
            if let Err(why) = asked {
                return Ok(self.object(call, task, SPEC, None, &format!("its change was not taken: {why}")));
            }
            call.line.tell(format!("{}: its {SPEC} was edited: {names}", task.id), false);
        }
        self.known.spec = vec![text.clone()];
        Ok(Standing::Known(text))
    }

    /// What stands in the feedback file becomes findings; what could not, in its own words.
    fn take_feedback(&mut self, call: &mut Call<'_>, task: &TaskView) -> io::Result<(Standing, String)> {
        let nothing = String::new;
        let (text, rested) = match call.folder.read(FEEDBACK)? {
            Found::Nothing => return Ok((Standing::Missing, nothing())),
            Found::Text(text, rested) => (text, rested),
            Found::Unusable(why) => return Ok((self.object(call, task, FEEDBACK, None, &why), nothing())),
        };
        if !rested && !self.known.feedback.contains(&text) {
            call.again = true;
            return Ok((Standing::Theirs, nothing()));
        }
        // Somebody who had the file open before it was replaced goes on writing to the one that it was.
        if self.late.len() < LATE {
            self.late.push_str(&self.earlier.written_since());
        }
        let whole = format!("{}{text}", self.late);
        let added = feedback::added(&self.known.feedback, &self.known.taken, &whole);
        if added == feedback::Added::default() {
            self.first = false;
            return Ok((Standing::Known(text), nothing()));
        }
        let surplus = added.problems.len().saturating_sub(TOLD);
        for (number, problem) in (1..).zip(added.problems.iter().take(TOLD)) {
            let more = if number == TOLD { and_more(surplus) } else { nothing() };
            self.object(call, task, FEEDBACK, Some(problem.line), &format!("{}{more}", problem.text));
        }
        let rest = self.take_entries(call, task, added.entries)?;
        self.first = false;
        Ok((if added.unfinished { Standing::Theirs } else { Standing::Known(text) }, rest))
    }

    /// As many as can be; the others, as they stand in the file.
    fn take_entries(
        &mut self,
        call: &mut Call<'_>,
        task: &TaskView,
        entries: Vec<feedback::Entry>,
    ) -> io::Result<String> {
        let (mut rest, mut count) = (String::new(), 0);
        // What holds for the first that is not taken holds for those after it.
        let mut stopped = None;
        let mut left = 0_usize;
        for entry in entries {
            let taken =
                if stopped.is_some() { Err(None) } else { self.take_entry(call, task, &entry, count) };
            match taken {
                Ok(is_new) => {
                    count += usize::from(is_new);
                    self.known.taken.push_str(&entry.raw);
                }
                Err(why) => {
                    rest.push_str(&entry.raw);
                    left += 1;
                    stopped = stopped.or(Some((entry.at, why)));
                }
            }
        }
        // A server that ends before this knows them by the findings.
        self.keep(call, &task.id)?;
        match stopped {
            Some((at, Some(why))) => {
                let why = format!("not taken: {why}{}", and_more(left - 1));
                self.object(call, task, FEEDBACK, Some(at), &why);
            }
            Some((_, None)) => call.again = true,
            None => {}
        }
        if count > 0 {
            let lines = crate::model::counted(count, "finding");
            call.line.tell(format!("{}: {lines} from its {FEEDBACK}", task.id), false);
        }
        Ok(rest)
    }

    /// Asks for one, after so many others; whether it is a new finding. The error is why not, if it is not only too early.
    fn take_entry(
        &mut self,
        call: &Call<'_>,
        task: &TaskView,
        entry: &feedback::Entry,
        count: usize,
    ) -> Result<bool, Option<String>> {
        // Taken by a server that ended before it could note that.
        if self.first && is_finding(task, entry) {
            return Ok(false);
        }
        let open = task.findings.iter().filter(|finding| finding.is_open()).count();
        if open + count >= OPEN {
            return Err(Some(format!("{OPEN} findings are open, and no more are taken until some are not")));
        }
        if count >= BATCH {
            return Err(None);
        }
        let (file, text) = (entry.file.clone(), entry.text.clone());
        let comment = Command::Comment { task: task.id.clone(), file, line: entry.line, text };
        self.ask(call, task, &entry.raw, comment).map(|()| true).map_err(Some)
    }

    fn write_spec(&mut self, call: &mut Call<'_>, task: &TaskView, standing: Standing) -> io::Result<()> {
        let wanted = spec::render(&task.spec());
        let there = match standing {
            Standing::Theirs => return Ok(()),
            Standing::Missing => None,
            // As somebody wrote it, if it says the same.
            Standing::Known(text) if spec::parse(&text).ok() == Spec::of(&task.spec()) => return Ok(()),
            Standing::Known(text) => Some(text),
        };
        self.known.spec.push(wanted.clone());
        self.known.exchange(SPEC, &wanted, there.as_deref());
        self.keep(call, &task.id)?;
        match call.folder.replace(SPEC, there.as_deref(), &wanted)? {
            Replaced::Not(kept) => {
                call.again = true;
                call.tell_kept(task, SPEC, kept);
            }
            Replaced::Done(_) => self.known.spec = vec![wanted],
        }
        Ok(())
    }

    fn write_feedback(
        &mut self,
        call: &mut Call<'_>,
        task: &TaskView,
        standing: Standing,
        rest: &str,
    ) -> io::Result<()> {
        let ours = feedback::render(task, "");
        let wanted = feedback::render(task, rest);
        let there = match standing {
            Standing::Theirs => return Ok(()),
            Standing::Missing => None,
            Standing::Known(text) if text == wanted => {
                self.late.clear();
                return Ok(());
            }
            Standing::Known(text) => Some(text),
        };
        let is_there = there.is_some();
        self.known.feedback.push(ours.clone());
        self.known.exchange(FEEDBACK, &wanted, there.as_deref());
        self.keep(call, &task.id)?;
        match call.folder.replace(FEEDBACK, there.as_deref(), &wanted)? {
            Replaced::Not(kept) => {
                call.again = true;
                call.tell_kept(task, FEEDBACK, kept);
            }
            Replaced::Done(earlier) => {
                self.known.feedback = vec![ours];
                self.known.taken.clear();
                if is_there {
                    self.late.clear();
                }
                self.earlier.keep(earlier);
            }
        }
        Ok(())
    }

    fn write_status(&mut self, call: &Call<'_>, task: &TaskView) -> io::Result<()> {
        let text = status::render(call.run, task, &self.problems).map_err(io::Error::other)?;
        if self.status.is_none() {
            call.folder.write(BRANCH, &format!("{}\n", status::branch(call.run, task)))?;
        }
        if self.status.as_ref() != Some(&text) {
            call.folder.write(STATUS, &text)?;
            self.status = Some(text);
        }
        Ok(())
    }

    fn keep(&mut self, call: &Call<'_>, task: &TaskId) -> io::Result<()> {
        if self.kept != self.known {
            self.known.write(&call.places.trio_known(call.run, task))?;
            self.kept = self.known.clone();
        }
        Ok(())
    }

    /// Asks, unless the same was refused in this phase already.
    fn ask(&mut self, call: &Call<'_>, task: &TaskView, text: &str, command: Command) -> Result<(), String> {
        if let Some((_, why)) = self.refused.get(text).filter(|(phase, _)| *phase == task.phase) {
            return Err(why.clone());
        }
        // Those of an earlier phase are asked for again anyway.
        self.refused.retain(|_, (phase, _)| *phase == task.phase);
        call.line.ask(command).inspect_err(|why| {
            self.refused.insert(text.to_owned(), (task.phase, why.clone()));
        })
    }

    /// Notes what can't be taken.
    fn object(
        &mut self,
        call: &Call<'_>,
        task: &TaskView,
        file: &str,
        line: Option<usize>,
        why: &str,
    ) -> Standing {
        let path = call.places.latest_trio().join(task.id.as_str()).join(file);
        let path = path.strip_prefix(&call.places.root).unwrap_or(&path).display().to_string();
        let place = line.map_or(path.clone(), |line| format!("{path}:{line}"));
        self.problems.push(format!("{place}: {why}"));
        Standing::Theirs
    }

    /// Each problem is told once as long as it is there.
    fn tell(&mut self, line: &Line) {
        for problem in self.problems.iter().filter(|problem| !self.told.contains(*problem)) {
            line.tell(problem.clone(), true);
        }
        self.told = self.problems.iter().cloned().collect();
    }
}

/// A task takes part no more: nobody is to believe how it stood. What people wrote stays.
pub fn leave(parent: &Path, task: &TaskId) {
    let left = Folder::open(parent, task.as_str())
        .and_then(|(folder, _)| [STATUS, BRANCH].iter().try_for_each(|name| folder.drop_file(name)));
    if let Err(error) = left {
        tracing::warn!(%task, %error, "its status can't be taken away");
    }
}

/// Whether nothing can be put right in it any more.
pub fn is_over(task: &TaskView) -> bool {
    matches!(task.phase, Phase::Done | Phase::Cancelled)
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" (and so for {count} more)") }
}

fn is_finding(task: &TaskView, entry: &feedback::Entry) -> bool {
    task.findings.iter().any(|finding| {
        let same_place = finding.file == entry.file && finding.line == entry.line;
        same_place && finding.description == entry.text && finding.is_open()
    })
}
