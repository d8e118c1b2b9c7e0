//! What a task asks, as a Markdown file: its title, its description, its acceptance criteria.
//!
//! Not for files. Invariant: a text whose end is missing is no spec, so one that is still being written is never taken.

use crate::model::{Field, PlanTask};

/// What begins the last line.
const END: &str = "<!-- end of the spec";
const CRITERIA: &str = "## Acceptance criteria";

/// What a spec file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    title: String,
    description: String,
    acceptance: Vec<String>,
}

/// What is wrong with a text, and in which line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line.
    pub line: usize,
    /// What.
    pub text: String,
}

/// A task's file.
pub fn render(task: &PlanTask) -> String {
    let mut text = format!("# {}\n\n", task.title);
    if !task.description.trim().is_empty() {
        text.push_str(&format!("{}\n\n", task.description.trim()));
    }
    text.push_str(&format!("{CRITERIA}\n\n"));
    for wish in &task.acceptance {
        text.push_str(&format!("- {}\n", wish.trim().replace('\n', "\n  ")));
    }
    text + "\n" + END + ": a save without this line is not taken -->\n"
}

impl Spec {
    /// What a task's file would say.
    pub fn of(task: &PlanTask) -> Option<Spec> {
        parse(&render(task)).ok()
    }

    /// The fields that differ from what is in force and that no text which is known already has so: what somebody changed.
    pub fn changed(&self, known: &[Spec], now: &Spec) -> Vec<Field> {
        let is_new = |has: &dyn Fn(&Spec) -> bool| !has(now) && !known.iter().any(has);
        let mut fields = Vec::new();
        if is_new(&|other| other.title == self.title) {
            fields.push(Field::Title(self.title.clone()));
        }
        if is_new(&|other| other.description == self.description) {
            fields.push(Field::Description(self.description.clone()));
        }
        if is_new(&|other| other.acceptance == self.acceptance) {
            fields.push(Field::Acceptance(self.acceptance.clone()));
        }
        fields
    }
}

/// What a file says.
pub fn parse(text: &str) -> Result<Spec, Problem> {
    let wrong = |line: usize, text: &str| Problem { line: line + 1, text: text.to_owned() };
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let filled = |line: &&str| !line.is_empty();
    let last = lines.iter().rposition(filled).unwrap_or(0);
    let end = format!("the last line has to begin with `{END}`: is it still being written?");
    if !lines.get(last).is_some_and(|line| line.starts_with(END)) {
        return Err(wrong(last, &end));
    }
    let first = lines.iter().position(filled).unwrap_or(0);
    let title = lines.get(first).and_then(|line| line.strip_prefix("# ")).map(str::trim);
    let Some(title) = title.filter(|title| !title.is_empty()) else {
        return Err(wrong(first, "a spec begins with its title: `# Title`"));
    };
    let body = lines.get(first + 1..last).unwrap_or_default();
    // The last one: a description may have a heading of that name too.
    let split = body.iter().rposition(|line| *line == CRITERIA).unwrap_or(body.len());
    let (description, list) = body.split_at(split);
    let acceptance = criteria(list.get(1..).unwrap_or_default()).map_err(|line| {
        wrong(first + split + 2 + line, "a criterion begins with `- `, a line that goes on with two spaces")
    })?;
    Ok(Spec { title: title.to_owned(), description: description.join("\n").trim().to_owned(), acceptance })
}

/// The items of a list; the error is the line that belongs to none, from 0.
fn criteria(lines: &[&str]) -> Result<Vec<String>, usize> {
    let mut items: Vec<String> = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let inside = text.len() < line.len() || line.is_empty();
        match (item(text), items.last_mut()) {
            (Some(text), _) if !inside => items.push(text.to_owned()),
            (_, Some(last)) if inside => {
                last.push('\n');
                last.push_str(line.strip_prefix("  ").unwrap_or(text));
            }
            (_, None) if line.is_empty() => {}
            _ => return Err(number),
        }
    }
    let items = items.into_iter().map(|item| item.trim().to_owned());
    Ok(items.filter(|item| !item.is_empty()).collect())
}

/// What stands behind the mark of a list's item: `- `, `* `, `+ `, `1. `, with a box or without.
fn item(line: &str) -> Option<&str> {
    let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = (digits.len() < line.len()).then(|| digits.strip_prefix(". ")).flatten();
    let text = line.strip_prefix(['-', '*', '+']).and_then(|rest| rest.strip_prefix(' ')).or(numbered)?;
    let boxed = ["[ ] ", "[x] ", "[X] "].iter().find_map(|mark| text.strip_prefix(mark));
    Some(boxed.unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> PlanTask {
        PlanTask {
            id: "T1".into(),
            title: "Count: # words".to_owned(),
            description: "Do it.\n\n## Acceptance criteria\n\nare below.\n- not one".to_owned(),
            acceptance: vec!["one\n\n  deeper\nmore".to_owned(), "- two".to_owned()],
            ..PlanTask::default()
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for task in [task(), PlanTask { title: "x".to_owned(), ..PlanTask::default() }] {
            let spec = parse(&render(&task)).unwrap();
            assert_eq!((spec.title, spec.description), (task.title, task.description));
            assert_eq!(spec.acceptance, task.acceptance);
        }
    }

    #[test]
    fn no_part_of_a_file_is_one() {
        let text = render(&task());
        let ends = text.find(END).unwrap() + END.len();
        for (at, _) in text.char_indices().filter(|(at, _)| *at < ends) {
            assert!(parse(&text[..at]).is_err(), "{:?}", &text[..at]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let end = "<!-- end of the spec -->\n";
        for (text, line, part) in [
            (String::new(), 1, "last line"),
            (format!("\n## no title\n{end}"), 2, "`# Title`"),
            (format!("# T\n\ntext\n{CRITERIA}\n- one\ntwo\n{end}"), 6, "a criterion begins"),
            (format!("# T\n{end}\nmore\n"), 4, "last line"),
        ] {
            let problem = parse(&text).unwrap_err();
            assert!(problem.line == line && problem.text.contains(part), "{text:?}: {problem:?}");
        }
    }

    #[test]
    fn any_mark_of_a_list_will_do() {
        let text = format!("# T\r\n{CRITERIA}\r\n* a\r\n1. b\n- [ ] c\n  d\n\n+ e\n{END} -->");
        assert_eq!(parse(&text).unwrap().acceptance, ["a", "b", "c\nd", "e"]);
    }

    #[test]
    fn only_what_somebody_changed_is_an_edit() {
        let known = parse(&render(&task())).unwrap();
        let now = Spec { title: "said elsewhere meanwhile".to_owned(), ..known.clone() };
        let theirs = Spec { acceptance: vec!["three".to_owned()], ..known.clone() };
        assert_eq!(
            theirs.changed(std::slice::from_ref(&known), &now),
            [Field::Acceptance(vec!["three".to_owned()])]
        );
        assert!(known.changed(std::slice::from_ref(&known), &now).is_empty());
        // Between two texts of loopmon's own, what either says is no edit.
        assert!(known.changed(&[now.clone(), known.clone()], &now).is_empty());
    }
}
