//! A diff that fits a prompt: whole files as far as they fit, and the names of those that were left out.
//!
//! Invariant: nothing is left out silently.

/// Bytes of a diff that a prompt holds at most.
pub const DIFF_LIMIT: usize = 200_000;

/// The diff as far as `limit` bytes hold it, and a note on what was cut, if anything was.
pub(super) fn fit(diff: &str, limit: usize) -> (String, Option<String>) {
    if diff.len() <= limit {
        return (diff.to_owned(), None);
    }
    let mut kept = String::new();
    let mut left_out = Vec::new();
    for file in files(diff) {
        if kept.len() + file.len() <= limit {
            kept.push_str(file);
        } else {
            left_out.push(name_and_size(file));
        }
    }
    if kept.is_empty() {
        kept = cut(diff, limit).to_owned();
    }
    let note = format!(
        "The diff has {} bytes, and {} of them are shown. Not or not wholly shown, so read them in the worktree:\n{}",
        diff.len(),
        kept.len(),
        left_out.join("\n"),
    );
    (kept, Some(note))
}

fn files(diff: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = diff.match_indices("\ndiff --git ").map(|(at, _)| at + 1).collect();
    starts.insert(0, 0);
    let ends = starts.iter().skip(1).copied().chain([diff.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| diff.get(*start..end)).collect()
}

fn name_and_size(file: &str) -> String {
    let head = file.lines().next().unwrap_or_default();
    let name = head.rsplit_once(" b/").map_or(head, |(_, name)| name);
    format!("- {name} ({} lines of diff)", file.lines().count())
}

fn cut(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    head.rfind('\n').and_then(|at| head.get(..=at)).unwrap_or(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, lines: usize) -> String {
        format!("diff --git a/{name} b/{name}\n{}", "+added\n".repeat(lines))
    }

    #[test]
    fn whole_files_are_left_out_and_named() {
        let diff = file("a.rs", 10) + &file("big.lock", 1000) + &file("z.rs", 10);
        let (kept, note) = fit(&diff, 400);
        assert!(kept.contains("b/a.rs") && kept.contains("b/z.rs") && !kept.contains("big.lock"));
        assert!(note.unwrap().contains("- big.lock (1001 lines of diff)"));
    }

    #[test]
    fn one_file_that_is_too_big_is_cut_at_a_line() {
        let (kept, note) = fit(&file("ä.rs", 1000), 99);
        assert!(kept.len() <= 99 && kept.ends_with("+added\n"), "{kept:?}");
        assert!(note.unwrap().contains("ä.rs"));
    }

    #[test]
    fn what_fits_is_untouched() {
        assert_eq!(fit("diff\n", 5), ("diff\n".to_owned(), None));
    }
}
