//! Two texts as a unified diff, for a person to read before something is written.
//!
//! Not for large files: it compares every line with every other.

/// Lines around a change that are shown.
const CONTEXT: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'t> {
    Both(&'t str),
    Old(&'t str),
    New(&'t str),
}

/// The diff's lines; nothing if the texts are the same.
pub fn unified(name: &str, old: &str, new: &str) -> Vec<String> {
    let lines = align(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let is_change = |line: &Line<'_>| !matches!(line, Line::Both(_));
    let changes: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| is_change(line)).map(|(at, _)| at).collect();
    if changes.is_empty() {
        return Vec::new();
    }
    let mut out = vec![format!("--- {name}"), format!("+++ {name}")];
    let mut rest = changes.as_slice();
    while let Some(first) = rest.first() {
        let joined =
            rest.windows(2).take_while(|pair| matches!(pair, [a, b] if b - a <= 2 * CONTEXT)).count();
        let (hunk, later) = rest.split_at(joined + 1);
        let from = first.saturating_sub(CONTEXT);
        let to = hunk.last().map_or(*first, |last| (last + CONTEXT + 1).min(lines.len()));
        out.extend(hunk_lines(&lines, from, to));
        rest = later;
    }
    out
}

fn hunk_lines(lines: &[Line<'_>], from: usize, to: usize) -> Vec<String> {
    let (before, hunk) = (lines.get(..from).unwrap_or_default(), lines.get(from..to).unwrap_or_default());
    let old = |lines: &[Line<'_>]| lines.iter().filter(|line| !matches!(line, Line::New(_))).count();
    let new = |lines: &[Line<'_>]| lines.iter().filter(|line| !matches!(line, Line::Old(_))).count();
    let place = |before: usize, count: usize| format!("{},{count}", before + usize::from(count > 0));
    let head = format!("@@ -{} +{} @@", place(old(before), old(hunk)), place(new(before), new(hunk)));
    let body = hunk.iter().map(|line| match line {
        Line::Both(text) => format!(" {text}"),
        Line::Old(text) => format!("-{text}"),
        Line::New(text) => format!("+{text}"),
    });
    std::iter::once(head).chain(body).collect()
}

/// Both texts side by side, by their longest common subsequence.
fn align<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<Line<'t>> {
    let width = new.len() + 1;
    // How many lines the rests from here on have in common.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    let at = |common: &[u32], a: usize, b: usize| common.get(a * width + b).copied().unwrap_or(0);
    for (a, old_line) in old.iter().enumerate().rev() {
        for (b, new_line) in new.iter().enumerate().rev() {
            let best = match old_line == new_line {
                true => at(&common, a + 1, b + 1) + 1,
                false => at(&common, a + 1, b).max(at(&common, a, b + 1)),
            };
            if let Some(cell) = common.get_mut(a * width + b) {
                *cell = best;
            }
        }
    }
    let (mut a, mut b, mut lines) = (0, 0, Vec::new());
    loop {
        match (old.get(a), new.get(b)) {
            (Some(left), Some(right)) if left == right => {
                lines.push(Line::Both(left));
                (a, b) = (a + 1, b + 1);
            }
            (Some(left), right) if right.is_none() || at(&common, a + 1, b) >= at(&common, a, b + 1) => {
                lines.push(Line::Old(left));
                a += 1;
            }
            (_, Some(right)) => {
                lines.push(Line::New(right));
                b += 1;
            }
            (_, None) => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_stands_between_its_neighbours() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let new = "a\nb\nc\nd\nE\nf\ng\nh\ni\n";
        let told = unified("x.toml", old, new).join("\n");
        assert_eq!(told, "--- x.toml\n+++ x.toml\n@@ -2,7 +2,8 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n+i");
        assert!(unified("x", old, old).is_empty());
    }

    #[test]
    fn changes_that_are_far_apart_are_hunks_of_their_own_and_a_new_file_is_all_new() {
        let old: String = (0..30).map(|line| format!("{line}\n")).collect();
        let new = old.replace("\n5\n", "\n").replace("\n25\n", "\n25\nmore\n");
        let told = unified("x", &old, &new);
        let heads: Vec<&String> = told.iter().filter(|line| line.starts_with("@@")).collect();
        assert_eq!(heads, ["@@ -3,7 +3,6 @@", "@@ -24,6 +23,7 @@"]);
        assert_eq!(unified("x", "", "a\n"), ["--- x", "+++ x", "@@ -0,0 +1,1 @@", "+a"]);
    }
}
