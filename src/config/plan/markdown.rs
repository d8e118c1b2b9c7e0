//! A plan as a Markdown checklist.
//!
//! What is understood: the first heading is the goal. `- [ ] title` is a task, `- [x]` is done and left out. Beneath a task,
//! a plain item is something that must be true when it is done, text is its description, and a checklist is tasks that
//! come before it, as a box is ticked when all beneath it are. In a title, `(after: T1, T2)`, `(id: api)`, `(role: …)`,
//! `(agent: …)`, `(files: …)`, `(gates: …)`, `(may_change: …)`, `(locks: …)`, `(priority: 1)`, `(pattern: …)` and `(human)` say what the keys of a plan file say.
//!
//! Not a Markdown parser: what is none of this is left out and told. Invariant: whatever the text, no panic, and every
//! mistake has its line.

use std::collections::BTreeSet;

use super::{Imported, Plan, PlanTask, free_id};
use crate::config::problem::{Problem, Problems, nearest};
use crate::model::is_name;

/// Reads a checklist. `taken` are ids that no new task may be given.
pub(super) fn parse(text: &str, file: &str, taken: &BTreeSet<String>) -> Result<Imported, Problems> {
    let mut reader = Reader { file, ..Reader::default() };
    for (at, line) in text.lines().enumerate() {
        reader.line(at + 1, line);
    }
    reader.finish(taken)
}

/// What a line of a list has opened.
#[derive(Clone, Copy)]
enum Kind {
    Task(usize),
    Wish(usize, usize),
    /// A ticked box, or an item outside of every task: what is beneath belongs to no task.
    Other,
}

/// A task with what the end of the text decides.
#[derive(Default)]
struct Item {
    line: usize,
    task: PlanTask,
    /// Tasks beneath it, by their place.
    beneath: Vec<usize>,
}

#[derive(Default)]
struct Reader<'a> {
    file: &'a str,
    goal: String,
    section: String,
    items: Vec<Item>,
    /// Ids of ticked boxes: who comes after one of them waits for nothing.
    done: BTreeSet<String>,
    open: Vec<(usize, Kind)>,
    fence: Option<&'static str>,
    blank: bool,
    left_out: usize,
    told: Vec<String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) {
        let line = line.replace('\t', "    ");
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if let Some(fence) = self.fence {
            self.fence = Some(fence).filter(|fence| !text.starts_with(fence));
            return self.text(indent.min(4), line.get(indent.min(4)..).unwrap_or_default().trim_end());
        }
        if text.is_empty() {
            self.blank = true;
            return;
        }
        if let Some(heading) = heading(text).filter(|_| indent < 4) {
            self.open.clear();
            let place = if self.goal.is_empty() { &mut self.goal } else { &mut self.section };
            *place = heading.to_owned();
        } else if let Some(item) = list_item(text) {
            self.item(number, indent, item);
        } else {
            self.fence = ["```", "~~~"].into_iter().find(|fence| text.starts_with(fence));
            self.text(indent, text);
        }
        self.blank = false;
    }

    fn item(&mut self, number: usize, indent: usize, item: &str) {
        while self.open.last().is_some_and(|(above, _)| *above >= indent) {
            self.open.pop();
        }
        let parent = self.open.last().map(|(_, kind)| *kind);
        let kind = match (checkbox(item), parent) {
            (Some((true, title)), _) => {
                let (task, _) = self.attributes(number, title);
                self.told.push(format!("{}:{number}: done already: {}", self.file, task.title));
                self.done.extend(Some(task.id).filter(|id| !id.is_empty()));
                Kind::Other
            }
            (Some((false, title)), parent) => self.task(number, title, parent),
            (None, Some(Kind::Task(at))) => {
                let wishes = self.items.get_mut(at).map(|item| &mut item.task.acceptance);
                let count = wishes.map_or(0, |wishes| {
                    wishes.push(item.to_owned());
                    wishes.len()
                });
                Kind::Wish(at, count.saturating_sub(1))
            }
            (None, Some(Kind::Wish(at, wish))) => {
                self.extend_wish(at, wish, &format!("\n- {item}"));
                Kind::Wish(at, wish)
            }
            (None, parent) => {
                self.left_out += usize::from(parent.is_none());
                Kind::Other
            }
        };
        self.open.push((indent, kind));
    }

    fn task(&mut self, number: usize, title: &str, parent: Option<Kind>) -> Kind {
        let (mut task, human) = self.attributes(number, title);
        task.human = human;
        if task.title.is_empty() {
            self.problem(number, "a task without a title", None);
        }
        if !self.section.is_empty() {
            task.description = format!("From the section “{}”.", self.section);
        }
        let at = self.items.len();
        if let Some(Kind::Task(above) | Kind::Wish(above, _)) = parent {
            self.items.get_mut(above).into_iter().for_each(|item| item.beneath.push(at));
        }
        self.items.push(Item { line: number, task, beneath: Vec::new() });
        Kind::Task(at)
    }

    /// A line that opens nothing.
    fn text(&mut self, indent: usize, text: &str) {
        // Beneath an item is what is set in, or follows it without a gap.
        if indent == 0 && self.blank {
            self.open.clear();
        }
        match self.open.last().map(|(_, kind)| *kind) {
            Some(Kind::Task(at)) => {
                let Some(item) = self.items.get_mut(at) else { return };
                let words = &mut item.task.description;
                if !words.is_empty() {
                    words.push_str(if self.blank { "\n\n" } else { "\n" });
                }
                words.push_str(text);
            }
            Some(Kind::Wish(at, wish)) => self.extend_wish(at, wish, &format!(" {text}")),
            Some(Kind::Other) => {}
            None => self.left_out += 1,
        }
        self.blank = false;
    }

    fn extend_wish(&mut self, at: usize, wish: usize, more: &str) {
        let wish = self.items.get_mut(at).and_then(|item| item.task.acceptance.get_mut(wish));
        wish.into_iter().for_each(|wish| wish.push_str(more));
    }

    /// A title without what stands in brackets for the keys of a plan file.
    fn attributes(&mut self, number: usize, text: &str) -> (PlanTask, bool) {
        let mut task = PlanTask::default();
        let (mut title, mut rest, mut human) = (String::new(), text, false);
        while let Some((before, inner, after)) = bracketed(rest) {
            title.push_str(before);
            match inner.split_once(':').map(|(key, value)| (key.trim(), value.trim())) {
                Some((key, value)) if set(&mut task, key, value) => {
                    if key == "id" && !is_name(value) {
                        let hint = Some("letters, digits, `-`, `_` and `.`, at most 40".to_owned());
                        self.problem(number, &format!("`{value}` is no id"), hint);
                    }
                }
                None if inner.trim() == "human" => human = true,
                _ => title.push_str(&format!("({inner})")),
            }
            rest = after;
        }
        title.push_str(rest);
        task.title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        (task, human)
    }

    fn problem(&mut self, line: usize, message: &str, hint: Option<String>) {
        let (file, message) = (self.file.to_owned(), message.to_owned());
        self.problems.push(Problem { file, line, column: 1, key: String::new(), message, hint });
    }

    fn finish(mut self, taken: &BTreeSet<String>) -> Result<Imported, Problems> {
        if self.items.is_empty() && self.problems.is_empty() {
            let hint = Some("a task is a line such as `- [ ] Say hello`".to_owned());
            self.problem(1, "there is no open task in this checklist", hint);
        }
        let mut ids: BTreeSet<String> = taken.clone();
        ids.extend(self.items.iter().map(|item| item.task.id.clone()));
        for item in self.items.iter_mut().filter(|item| item.task.id.is_empty()) {
            item.task.id = free_id(&ids);
            ids.insert(item.task.id.clone());
        }
        self.connect(&ids);
        if !self.problems.is_empty() {
            self.problems.sort_by_key(|problem| problem.line);
            return Err(Problems { list: self.problems });
        }
        if self.left_out > 0 {
            let lines =
                if self.left_out == 1 { "1 line is" } else { &format!("{} lines are", self.left_out) };
            self.told.push(format!("{}: {lines} no part of a task, and left out", self.file));
        }
        let lines = self.items.iter().map(|item| item.line).collect();
        let tasks = self.items.into_iter().map(|item| item.task).collect();
        Ok(Imported { plan: Plan { goal: self.goal, tasks }, told: self.told, lines })
    }

    /// Who waits for whom; names that nobody has are mistakes.
    fn connect(&mut self, ids: &BTreeSet<String>) {
        let names: Vec<String> = self.items.iter().map(|item| item.task.id.clone()).collect();
        let mut unknown = Vec::new();
        for item in &mut self.items {
            let named = std::mem::take(&mut item.task.depends_on);
            let beneath = item.beneath.iter().filter_map(|at| names.get(*at).cloned());
            for id in named.into_iter().filter(|id| !self.done.contains(id)).chain(beneath) {
                if !ids.contains(&id) {
                    unknown.push((item.line, id));
                } else if !item.task.depends_on.contains(&id) {
                    item.task.depends_on.push(id);
                }
            }
        }
        for (line, id) in unknown {
            let hint = nearest(&id, ids.iter().map(String::as_str));
            let hint = hint.or_else(|| Some(format!("there are: {}", names.join(", "))));
            self.problem(line, &format!("there is no task {id}"), hint);
        }
    }
}

/// The words of a heading.
fn heading(text: &str) -> Option<&str> {
    let words = text.trim_start_matches('#');
    let level = text.len() - words.len();
    let is_heading = (1..=6).contains(&level) && words.starts_with(' ');
    is_heading.then(|| words.trim().trim_end_matches('#').trim())
}

/// What an item of a list holds.
fn list_item(text: &str) -> Option<&str> {
    let digits = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let bare = text.strip_prefix(['-', '*', '+']);
    let numbered = (digits.len() < text.len()).then(|| digits.strip_prefix(['.', ')'])).flatten();
    bare.or(numbered)?.strip_prefix(' ').map(str::trim_start)
}

/// Whether a box is ticked, and what stands behind it.
fn checkbox(item: &str) -> Option<(bool, &str)> {
    let (mark, rest) = item.strip_prefix('[')?.split_once(']')?;
    let ticked = match mark {
        " " | "" => false,
        "x" | "X" => true,
        _ => return None,
    };
    // `[x](link)` is a link.
    (rest.is_empty() || rest.starts_with(' ')).then(|| (ticked, rest.trim()))
}

/// What is before, in and behind the first brackets.
fn bracketed(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('(')?;
    let (inner, after) = rest.split_once(')')?;
    Some((before, inner, after))
}

/// Sets a key; whether there is one of that name.
fn set(task: &mut PlanTask, key: &str, value: &str) -> bool {
    let list =
        || value.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect();
    match key {
        "id" => task.id = value.to_owned(),
        "after" | "depends_on" => task.depends_on = list(),
        "role" => task.role = value.to_owned(),
        "agent" => task.agent = value.to_owned(),
        "files" => task.files = list(),
        "gates" => task.gates = list(),
        "may_change" => task.may_change = list(),
        "locks" => task.locks = list(),
        "pattern" => task.pattern = value.to_owned(),
        "priority" if value.parse::<i32>().is_ok() => task.priority = value.parse().unwrap_or_default(),
        _ => return false,
    }
    true
}

/// Whether a text has a line with a box.
pub(super) fn looks_like(text: &str) -> bool {
    text.lines().any(|line| list_item(line.trim()).is_some_and(|item| checkbox(item).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Imported {
        parse(text, "todo.md", &BTreeSet::new()).unwrap()
    }

    fn ids(task: &PlanTask) -> Vec<&str> {
        task.depends_on.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_checklist_is_a_plan() {
        let text = "\
# Ship the garden

Some words to begin with.

- [ ] Water the plants (id: water) (role: backend) (human)
  Every plant has a day.

  Only POSIX sh.
  - a plant due today is watered
  - an empty garden
    is no error
    - not even a warning
- [x] Buy seeds (id: seeds)
* [ ] Tell what is due (after: water, seeds) (see the notes)
  ```sh
  - [ ] no task: code
  ```

## Docs
1. [ ] Write the manual
   - [ ] First chapter (agent: codex) (gates: slow) (may_change: tests/**, docs/*)
   - [ ] Second chapter (after: T4)
";
        let read = read(text);
        let [water, due, manual, first, second] = &read.plan.tasks[..] else { panic!("{read:?}") };
        assert_eq!(read.plan.goal, "Ship the garden");
        assert_eq!(
            (water.id.as_str(), water.title.as_str(), water.human),
            ("water", "Water the plants", true)
        );
        assert_eq!(water.description, "Every plant has a day.\n\nOnly POSIX sh.");
        let wishes = ["a plant due today is watered", "an empty garden is no error\n- not even a warning"];
        assert_eq!(water.acceptance, wishes);
        assert_eq!((ids(due), due.title.as_str()), (vec!["water"], "Tell what is due (see the notes)"));
        assert!(due.description.contains("- [ ] no task: code"), "{}", due.description);
        assert_eq!(manual.description, "From the section “Docs”.");
        assert_eq!(
            ids(manual),
            [first.id.as_str(), second.id.as_str()],
            "a box is ticked after those beneath"
        );
        assert_eq!((first.id.as_str(), first.agent.as_str(), ids(second)), ("T3", "codex", vec!["T4"]));
        assert_eq!((first.gates.len(), first.may_change.len()), (1, 2));
        assert_eq!(read.lines, [5, 14, 20, 21, 22]);
        assert_eq!(
            read.told,
            ["todo.md:13: done already: Buy seeds", "todo.md: 1 line is no part of a task, and left out"]
        );
    }

    #[test]
    fn ids_that_are_taken_are_given_to_nobody_and_may_be_waited_for() {
        let taken = ["T1", "T3"].map(str::to_owned).into();
        let read = parse("- [ ] a (after: T3)\n- [ ] b (id: T2)\n- [ ] c", "f", &taken).unwrap();
        let all: Vec<&str> = read.plan.tasks.iter().map(|task| task.id.as_str()).collect();
        assert_eq!((all, ids(&read.plan.tasks[0])), (vec!["T4", "T2", "T5"], vec!["T3"]));
    }

    #[test]
    fn mistakes_have_their_line_and_a_hint() {
        let told = |text| parse(text, "f.md", &BTreeSet::new()).unwrap_err().to_string();
        assert_eq!(
            told("# x\n- [ ] a (id: api)\n\n- [ ] b (after: apj)\n- [ ]\n- [ ] c (id: a b)"),
            "f.md:4:1: there is no task apj (did you mean `api`?)\nf.md:5:1: a task without a title\n\
             f.md:6:1: `a b` is no id (letters, digits, `-`, `_` and `.`, at most 40)"
        );
        assert!(told("# only\n- words\n- [x] done").starts_with("f.md:1:1: there is no open task"));
    }

    #[test]
    fn what_only_looks_like_a_box_is_none() {
        for text in ["- [x](http://a)", "-[ ] a", "[ ] a", "- [y] a", "- a", "text"] {
            assert!(!looks_like(text), "{text}");
        }
        for text in ["- [ ] a", "  * [X] a", "12) [ ] a", "x\n+ [] a"] {
            assert!(looks_like(text), "{text}");
        }
    }
}
