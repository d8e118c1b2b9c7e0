//! Conflict markers in files, and how they are resolved.

use std::path::{Path, PathBuf};

/// The text with each conflict replaced, and how many there were. Without a replacement both sides are kept, ours first;
/// lines that both have are kept once.
pub(super) fn resolve(text: &str, with: Option<&str>) -> (String, usize) {
    let mut out = String::with_capacity(text.len());
    let mut count = 0;
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        if !line.starts_with("<<<<<<< ") {
            out.push_str(line);
            continue;
        }
        count += 1;
        let (ours, theirs) = sides(&mut lines);
        match with {
            Some(text) => out.push_str(text),
            None => {
                out.push_str(&ours.concat());
                out.extend(theirs.into_iter().filter(|line| !ours.contains(line)));
            }
        }
    }
    (out, count)
}

/// Files below the folder that hold conflict markers. Folders of tools and large files are passed over.
pub(super) fn find(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !hidden && depth < 8 {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() && entry.metadata().is_ok_and(|data| data.len() < 1024 * 1024) {
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                if resolve(&text, None).1 > 0 {
                    found.push(entry.path());
                }
            }
        }
    }
    found.sort();
    found
}

fn sides<'a>(lines: &mut impl Iterator<Item = &'a str>) -> (Vec<&'a str>, Vec<&'a str>) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut side = Side::Ours;
    for line in lines {
        match side {
            _ if line.starts_with(">>>>>>> ") => break,
            _ if line.starts_with("||||||| ") => side = Side::Base,
            _ if line.trim_end() == "=======" => side = Side::Theirs,
            Side::Ours => ours.push(line),
            Side::Theirs => theirs.push(line),
            Side::Base => {}
        }
    }
    (ours, theirs)
}

#[derive(Clone, Copy)]
enum Side {
    Ours,
    Base,
    Theirs,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "a\n<<<<<<< HEAD\nours\nboth\n||||||| base\nold\n=======\nboth\ntheirs\n>>>>>>> main\nz\n";

    #[test]
    fn both_sides_are_kept_unless_something_else_is_given() {
        assert_eq!(resolve(TEXT, None), ("a\nours\nboth\ntheirs\nz\n".to_owned(), 1));
        assert_eq!(resolve(TEXT, Some("new\n")), ("a\nnew\nz\n".to_owned(), 1));
        assert_eq!(resolve("a\n=======\nb", None), ("a\n=======\nb".to_owned(), 0));
    }
}
