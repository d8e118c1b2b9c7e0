//! What a task changes: `git diff` with its files listed first, line numbers, and colours by role.
//!
//! Invariant: any text is read; what is no diff is shown as it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::widgets::Widget;

use crate::model::event::Change;
use crate::theme::Role;
use crate::ui::look::Look;
use crate::ui::widgets::row::Row;

/// A diff, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    lines: Vec<Line>,
    files: Vec<File>,
}

/// A file of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct File {
    path: String,
    at: usize,
    added: usize,
    removed: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    kind: Kind,
    number: Option<u32>,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Hunk,
    Added,
    Removed,
    Same,
    Note,
}

impl Diff {
    /// Reads what git wrote.
    pub fn parse(text: &str) -> Diff {
        let mut diff = Diff::default();
        let mut numbers: Option<(u32, u32)> = None;
        for line in text.lines() {
            diff.take(line, &mut numbers);
        }
        diff
    }

    /// `numbers` are the next line's numbers in the old and the new file, while within a hunk.
    fn take(&mut self, line: &str, numbers: &mut Option<(u32, u32)>) {
        let (kind, number, text) = match (line.chars().next(), numbers.as_mut()) {
            _ if line.starts_with("diff --git ") => {
                *numbers = None;
                return self.open_file(line);
            }
            _ if line.starts_with("@@") => {
                *numbers = hunk_start(line);
                (Kind::Hunk, None, line)
            }
            (Some('+'), Some((_, new))) => {
                *new = new.saturating_add(1);
                self.count(|file| file.added += 1);
                (Kind::Added, Some(*new - 1), line.get(1..).unwrap_or(""))
            }
            (Some('-'), Some((old, _))) => {
                *old = old.saturating_add(1);
                self.count(|file| file.removed += 1);
                (Kind::Removed, Some(*old - 1), line.get(1..).unwrap_or(""))
            }
            (Some('\\'), Some(_)) => (Kind::Note, None, line),
            (_, Some((old, new))) => {
                *old = old.saturating_add(1);
                *new = new.saturating_add(1);
                (Kind::Same, Some(*new - 1), line.get(1..).unwrap_or(""))
            }
            // The names stand in the file's own heading already.
            _ if line.starts_with("--- ") || line.starts_with("+++ ") || line.starts_with("index ") => return,
            _ => (Kind::Note, None, line),
        };
        self.lines.push(Line { kind, number, text: text.replace('\t', "    ") });
    }

    fn open_file(&mut self, line: &str) {
        let path = line.rsplit_once(" b/").map_or(line, |(_, path)| path).to_owned();
        self.files.push(File { path: path.clone(), at: self.lines.len(), ..File::default() });
        self.lines.push(Line { kind: Kind::File, number: None, text: path });
    }

    fn count(&mut self, count: impl Fn(&mut File)) {
        if let Some(file) = self.files.last_mut() {
            count(file);
        }
    }

    /// The rows of the list of files that stands before the lines.
    fn summary(&self) -> usize {
        if self.files.is_empty() { 0 } else { self.files.len() + 1 }
    }

    /// All rows.
    pub fn height(&self) -> usize {
        self.summary() + self.lines.len()
    }

    /// How much it is.
    pub fn change(&self) -> Change {
        let sum = |of: fn(&File) -> usize| self.files.iter().map(of).sum::<usize>();
        let whole = |number| u32::try_from(number).unwrap_or(u32::MAX);
        Change {
            files: whole(self.files.len()),
            added: whole(sum(|file| file.added)),
            removed: whole(sum(|file| file.removed)),
        }
    }

    /// The row where the next file begins, or the one before, seen from row `from`.
    pub fn part(&self, from: usize, forward: bool) -> usize {
        let mut starts = self.files.iter().map(|file| file.at + self.summary());
        if forward {
            starts.find(|at| *at > from).unwrap_or(from)
        } else {
            starts.rfind(|at| *at < from).unwrap_or(0)
        }
    }

    /// The file and the line that stand in a row, or next below it; a file alone in the list of files.
    pub fn place(&self, at: usize) -> Option<(&str, u32)> {
        let from = at.checked_sub(self.summary());
        let Some(from) = from else { return self.files.get(at).map(|file| (file.path.as_str(), 0)) };
        let file = self.files.iter().rfind(|file| file.at <= from)?;
        let rest = self.lines.iter().skip(from).enumerate();
        let mut own =
            rest.take_while(|(nth, line)| *nth == 0 || line.kind != Kind::File).map(|(_, line)| line);
        let line = own.find_map(|line| line.number.filter(|_| line.kind != Kind::Removed));
        Some((&file.path, line.unwrap_or(0)))
    }

    fn row(&self, at: usize, columns: usize, look: Look<'_>) -> Option<Row> {
        if at < self.summary() {
            return Some(self.summary_row(at, look));
        }
        let line = self.lines.get(at - self.summary())?;
        let number = line.number.map_or_else(|| "     ".to_owned(), |number| format!("{number:>5}"));
        let (sign, role) = match line.kind {
            Kind::File => {
                let style = look.style(Role::Accent).add_modifier(Modifier::BOLD);
                let name = Row::of(&format!(" {} ", line.text), style);
                let rule = look.glyphs.rule.repeat(columns.saturating_sub(name.left_width()));
                return Some(name.left(&rule, look.style(Role::Border)));
            }
            Kind::Hunk => return Some(Row::of(&format!("      {}", line.text), look.style(Role::DiffHunk))),
            Kind::Note => return Some(Row::of(&format!("      {}", line.text), look.style(Role::Dim))),
            Kind::Added => ("+", Role::DiffAdd),
            Kind::Removed => ("-", Role::DiffRemove),
            Kind::Same => (" ", Role::Text),
        };
        let row = Row::of(&format!("{number} "), look.style(Role::Dim));
        Some(row.left(&format!("{sign} {}", line.text), look.style(role)))
    }

    fn summary_row(&self, at: usize, look: Look<'_>) -> Row {
        let Some(file) = self.files.get(at) else { return Row::new() };
        Row::of(&format!("  {:<44} ", file.path), look.style(Role::Text))
            .left(&format!("+{} ", file.added), look.style(Role::DiffAdd))
            .left(&format!("-{}", file.removed), look.style(Role::DiffRemove))
    }
}

/// Line numbers from `@@ -12,7 +14,9 @@`.
fn hunk_start(line: &str) -> Option<(u32, u32)> {
    let mut words = line.split_whitespace().skip(1);
    let start = |word: Option<&str>, sign| {
        word.and_then(|word| word.strip_prefix(sign)?.split(',').next()?.parse().ok())
    };
    Some((start(words.next(), '-')?, start(words.next(), '+')?))
}

/// A diff, from some row on.
pub struct DiffView<'a> {
    /// What to draw.
    pub diff: &'a Diff,
    /// Rows that are scrolled away.
    pub skip: usize,
    /// How to draw.
    pub look: Look<'a>,
}

impl Widget for DiffView<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        for (at, y) in (self.skip..).zip(area.y..area.bottom()) {
            let Some(row) = self.diff.row(at, usize::from(area.width), self.look) else { break };
            row.draw(Rect { y, height: 1, ..area }, buf, self.look.glyphs.ellipsis);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "diff --git a/src/a.rs b/src/a.rs\nindex 1..2 100644\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -10,3 +10,4 @@ fn a\n one\n-two\n+TWO\n+three\n four\ndiff --git a/b.md b/b.md\nnew file mode 100644\n--- /dev/null\n+++ b/b.md\n@@ -0,0 +1 @@\n+hello\n";

    #[test]
    fn files_are_counted_and_lines_keep_their_numbers() {
        let diff = Diff::parse(TEXT);
        let counts: Vec<_> = diff.files.iter().map(|f| (f.path.as_str(), f.added, f.removed)).collect();
        assert_eq!(counts, [("src/a.rs", 2, 1), ("b.md", 1, 0)]);
        let numbers: Vec<_> = diff.lines.iter().filter_map(|l| l.number.map(|n| (l.kind, n))).collect();
        let expected = [
            (Kind::Same, 10),
            (Kind::Removed, 11),
            (Kind::Added, 11),
            (Kind::Added, 12),
            (Kind::Same, 13),
            (Kind::Added, 1),
        ];
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_row_has_a_place_in_a_file() {
        let diff = Diff::parse(TEXT);
        let places: Vec<(&str, u32)> = (0..diff.height()).filter_map(|at| diff.place(at)).collect();
        let (a, b) = ("src/a.rs", "b.md");
        let lines =
            [(a, 10), (a, 10), (a, 10), (a, 11), (a, 11), (a, 12), (a, 13), (b, 1), (b, 1), (b, 1), (b, 1)];
        assert_eq!(places[..2], [(a, 0), (b, 0)]);
        assert_eq!(places[places.len() - lines.len()..], lines);
    }

    #[test]
    fn the_next_file_is_one_step_away() {
        let diff = Diff::parse(TEXT);
        let first = diff.part(0, true);
        let second = diff.part(first, true);
        assert_eq!((first, second), (3, 10));
        assert_eq!(diff.part(second, true), second);
        assert_eq!(diff.part(second, false), first);
        assert_eq!(diff.part(first, false), 0);
    }

    #[test]
    fn what_is_no_diff_is_shown_as_it_is() {
        let diff = Diff::parse("fatal: bad revision\n@@ nonsense\n+x");
        assert_eq!(diff.height(), 3);
        assert!(diff.files.is_empty());
    }
}
