//! Tests that stand among the code: a diff that takes some away, or has more of them skipped, is seen by its lines.

/// What a line that declares a test holds, in the languages whose tests stand among the code or in many places.
const TESTS: [&str; 12] = [
    "#[test]",
    "#[tokio::test]",
    "#[rstest]",
    "def test_",
    "func Test",
    "@Test",
    "[Fact]",
    "[Theory]",
    "test(",
    "it(",
    "describe(",
    "TEST(",
];
/// What a line that skips one holds.
const SKIPS: [&str; 20] = [
    "#[ignore",
    "@skip",
    "@pytest.mark.skip",
    "@pytest.mark.xfail",
    "pytest.skip(",
    "unittest.skip",
    "@Disabled",
    "@Ignore",
    ".skip(",
    ".only(",
    ".todo(",
    "xit(",
    "xdescribe(",
    "t.Skip(",
    "t.SkipNow(",
    "GTEST_SKIP",
    "Skip =",
    "fdescribe(",
    "fit(",
    "self.skipTest(",
];

/// What a diff does to the lines of each file.
pub(super) struct Lines(Vec<(String, Counts)>);

impl Lines {
    pub fn of(diff: &str) -> Lines {
        let mut files: Vec<(String, Counts)> = Vec::new();
        for line in diff.lines() {
            if line.starts_with("diff --git ") {
                files.push((String::new(), Counts::default()));
            }
            let Some((path, counts)) = files.last_mut() else { continue };
            if let Some(name) = line.strip_prefix("--- a/").or_else(|| line.strip_prefix("+++ b/")) {
                *path = name.trim_end_matches('\t').to_owned();
            } else if let Some(text) = line.strip_prefix('+') {
                counts.add(text, 1);
                counts.came = true;
            } else if let Some(text) = line.strip_prefix('-') {
                counts.add(text, -1);
                counts.taken = true;
            }
        }
        Lines(files)
    }

    /// Paths of files that are left with fewer tests, or with more of them skipped.
    pub fn weakened(self) -> impl Iterator<Item = String> {
        let weaker = self.0.into_iter().filter(|(path, counts)| !path.is_empty() && counts.are_weaker());
        weaker.map(|(path, _)| path)
    }

    /// Whether lines came to a file, none went, and none of the new ones skips a test. What is no text is not known.
    pub fn only_added(&self, path: &str) -> bool {
        let file = self.0.iter().find(|(known, _)| known == path);
        file.is_some_and(|(_, counts)| counts.came && !counts.taken && !counts.are_weaker())
    }
}

#[derive(Default)]
struct Counts {
    tests: i64,
    skips: i64,
    taken: bool,
    came: bool,
}

impl Counts {
    fn add(&mut self, line: &str, by: i64) {
        let line = line.trim_start();
        // Words of a comment or a text declare nothing.
        if !line.starts_with("//") && !line.starts_with('*') {
            self.tests += if TESTS.iter().any(|mark| declares(line, mark)) { by } else { 0 };
            self.skips += if SKIPS.iter().any(|mark| line.contains(mark)) { by } else { 0 };
        }
    }

    fn are_weaker(&self) -> bool {
        self.tests < 0 || self.skips > 0
    }
}

/// A mark that is a call stands where a line begins: `it(` is also the end of `submit(`.
fn declares(line: &str, mark: &str) -> bool {
    if mark.ends_with('(') { line.starts_with(mark) } else { line.contains(mark) }
}
