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
        // Lines of the hunk that are still to come: what looks like a header among them is none.
        let (mut gone, mut come) = (0, 0);
        // A lone carriage return ends no line of git's.
        for line in diff.split('\n') {
            if gone == 0 && come == 0 {
                if line.starts_with("diff --git ") {
                    files.push((String::new(), Counts::default()));
                } else if let Some((path, _)) = files.last_mut()
                    && let Some(name) = line.strip_prefix("--- ").or_else(|| line.strip_prefix("+++ "))
                {
                    path_of(name).into_iter().for_each(|name| *path = name);
                } else if let Some(header) = line.strip_prefix("@@ ") {
                    (gone, come) = sizes(header);
                }
                continue;
            }
            let Some((_, counts)) = files.last_mut() else { continue };
            if let Some(text) = line.strip_prefix('+') {
                counts.add(text, 1);
                (counts.came, come) = (true, come.saturating_sub(1));
            } else if let Some(text) = line.strip_prefix('-') {
                counts.add(text, -1);
                (counts.taken, gone) = (true, gone.saturating_sub(1));
            } else if !line.starts_with('\\') {
                (gone, come) = (gone.saturating_sub(1), come.saturating_sub(1));
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

/// `-1,2 +3 @@`: how many lines of each side follow.
fn sizes(header: &str) -> (u64, u64) {
    let size = |sign: char| {
        let range = header.split(' ').find_map(|word| word.strip_prefix(sign))?;
        range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
    };
    (size('-').unwrap_or(0), size('+').unwrap_or(0))
}

/// The path of a header, which git quotes as C does where it holds what would end it; none for `/dev/null`.
fn path_of(name: &str) -> Option<String> {
    let name = name.trim_end_matches('\t');
    let name = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => unquoted(quoted),
        None => name.to_owned(),
    };
    name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")).map(str::to_owned)
}

fn unquoted(quoted: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = quoted.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b'a') => bytes.push(7),
            Some(b'b') => bytes.push(8),
            Some(b'v') => bytes.push(11),
            Some(b'f') => bytes.push(12),
            Some(first @ b'0'..=b'7') => {
                // git writes three digits, and others may follow that are the name's.
                let mut code = u32::from(first - b'0');
                for _ in 0..2 {
                    let digit = rest.next_if(|byte| (b'0'..=b'7').contains(byte));
                    code = code * 8 + digit.map_or(0, |digit| u32::from(digit - b'0'));
                }
                bytes.push(u8::try_from(code).unwrap_or(b'?'));
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
