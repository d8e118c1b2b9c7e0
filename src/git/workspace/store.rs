//! A workspace's own store, and what of its members' local settings holds in it.
//!
//! Work on a member's files is done by this store's git, so whatever the member's own git would leave out, convert or
//! encrypt must be left out, converted or encrypted here. Not for settings of the person or the machine: git reads those by
//! itself. Invariant: a setting that members disagree on is refused, never dropped.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::super::worktree::{ensure_content, io};
use super::super::{Git, GitError, OpenError};
use super::Member;

/// What a line that defines a macro begins with.
const MACRO: &[u8] = b"[attr]";
/// A longer file of attributes is none.
const TOP_LIMIT: usize = 1 << 20;
/// Settings that say how files become objects and the other way round.
const CARRIED: [&str; 4] = ["core.autocrlf", "core.eol", "core.ignorecase", "core.precomposeunicode"];
/// Sections of programs that do.
const DRIVERS: [&str; 2] = ["filter.", "merge."];
/// Our own.
const SETTINGS: [(&str, &str); 3] =
    [("gc.auto", "0"), ("maintenance.auto", "false"), ("uploadpack.allowAnySHA1InWant", "true")];

/// The files that decide which files of a worktree count, and how.
const RULES: [&str; 2] = ["info/exclude", "info/attributes"];

/// Makes the store, or brings it up to date with the members: the server does, before a run and never during one.
/// Whatever an agent wrote there since is gone then.
pub(super) fn furnish(git: &Git, home: &Path, members: &[Member]) -> Result<(), OpenError> {
    Ok(Plan::of(members)?.carry_out(git, home)?)
}

/// Those files as they are.
pub(super) fn rules(home: &Path) -> Vec<Option<Vec<u8>>> {
    RULES.iter().map(|name| std::fs::read(home.join(name)).ok()).collect()
}

/// All that the store has of its members.
#[derive(Default)]
struct Plan {
    format: String,
    alternates: Vec<Vec<u8>>,
    shallow: Vec<u8>,
    exclude: Vec<u8>,
    attributes: Vec<u8>,
    settings: BTreeMap<String, String>,
}

impl Plan {
    fn of(members: &[Member]) -> Result<Plan, OpenError> {
        let mut plan = Plan { exclude: b"/*\n".to_vec(), ..Plan::default() };
        plan.format = members.first().map_or_else(|| "sha1".to_owned(), |member| member.format.clone());
        let mut shallow: Vec<Vec<u8>> = Vec::new();
        for member in members {
            let common = member.repository.common_dir();
            plan.alternates.push([common.join("objects").as_os_str().as_bytes(), b"\n"].concat());
            // Not only as a folder: what takes its place must be seen.
            plan.exclude.extend(format!("!/{}\n", member.name).into_bytes());
            shallow.extend(lines_of(&common.join("shallow")));
        }
        shallow.sort();
        shallow.dedup();
        plan.shallow = shallow.concat();
        let mut macros: BTreeMap<String, (String, Vec<u8>)> = BTreeMap::new();
        for member in members {
            let info = member.repository.common_dir().join("info");
            for file in
                [Some(info.join("exclude")), named_file(member, "core.excludesFile")?].into_iter().flatten()
            {
                plan.exclude.extend(
                    lines_of(&file).iter().filter_map(|rule| ignored_below(&member.name, rule)).flatten(),
                );
            }
            let named = named_file(member, "core.attributesFile")?;
            for file in [named, Some(info.join("attributes"))].into_iter().flatten() {
                for rule in lines_of(&file) {
                    note_macro(member, &rule, &mut macros)?;
                    plan.attributes.extend(attributes_below(&member.name, &rule).into_iter().flatten());
                }
            }
            // A folder's own file can have no macros, the top's can.
            let top = member.repository.read_file("HEAD", Path::new(".gitattributes"), TOP_LIMIT)?;
            for rule in lines_in(&top.unwrap_or_default()) {
                note_macro(member, &rule, &mut macros)?;
            }
        }
        let macros: Vec<u8> = macros.into_values().flat_map(|(_, line)| line).collect();
        plan.attributes = [macros, std::mem::take(&mut plan.attributes)].concat();
        plan.settings = settings(members)?;
        Ok(plan)
    }

    fn carry_out(&self, git: &Git, home: &Path) -> Result<(), GitError> {
        std::fs::create_dir_all(home).map_err(io("create", home))?;
        let format = format!("--object-format={}", self.format);
        // Doing it again changes nothing, and mends what was broken off.
        let init = ["--bare", "--quiet", "--template=", "-b", "none", &format];
        git.call(home, "init").args(init).arg(home).run()?;
        for folder in ["info", "objects/info"] {
            let folder = home.join(folder);
            std::fs::create_dir_all(&folder).map_err(io("create", &folder))?;
        }
        let alternates = home.join("objects/info/alternates");
        // A run that began with more of them still needs what those lend.
        let earlier = lines_of(&alternates).into_iter().filter(|line| !self.alternates.contains(line));
        let earlier = earlier.filter(|line| {
            let path = line.strip_suffix(b"\n").unwrap_or(line);
            Path::new(OsStr::from_bytes(path)).is_dir()
        });
        let all: Vec<u8> = self.alternates.iter().cloned().chain(earlier).flatten().collect();
        ensure_content(&alternates, &all)?;
        ensure_content(&home.join("info/exclude"), &self.exclude)?;
        ensure_content(&home.join("info/attributes"), &self.attributes)?;
        let shallow = home.join("shallow");
        match self.shallow.is_empty() {
            true => drop(std::fs::remove_file(&shallow)),
            false => ensure_content(&shallow, &self.shallow)?,
        }
        self.write_settings(git, home)
    }

    /// Writes the settings from nothing: whatever else somebody put there is gone.
    fn write_settings(&self, git: &Git, home: &Path) -> Result<(), GitError> {
        let draft = home.join("config.loopmon-draft");
        let own = match self.format.as_str() {
            "sha1" => "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n".to_owned(),
            format => format!(
                "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n\tbare = true\n\
                 [extensions]\n\tobjectformat = {format}\n"
            ),
        };
        std::fs::write(&draft, own).map_err(io("write", &draft))?;
        let ours = SETTINGS.map(|(key, value)| (key.to_owned(), value.to_owned()));
        for (key, value) in ours.iter().map(|(key, value)| (key, value)).chain(&self.settings) {
            let call = git.call(home, "config").args(["--file", "config.loopmon-draft"]);
            call.args(["--replace-all", key, value]).run()?;
        }
        let content = std::fs::read(&draft).map_err(io("read", &draft))?;
        ensure_content(&home.join("config"), &content)?;
        std::fs::remove_file(&draft).map_err(io("remove", &draft))?;
        match std::fs::remove_file(home.join("config.worktree")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(GitError::Io { action: "remove", path: home.join("config.worktree"), source: error })
            }
            _ => Ok(()),
        }
    }
}

fn is_carried(key: &str) -> bool {
    let is_driver = key.matches('.').count() > 1 && DRIVERS.iter().any(|section| key.starts_with(section));
    is_driver || CARRIED.contains(&key)
}

/// The members' own settings that hold in the store: all of those that decide what becomes of a file, and who commits if
/// they agree on it.
fn settings(members: &[Member]) -> Result<BTreeMap<String, String>, OpenError> {
    let mut carried: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut people = Vec::new();
    for member in members {
        let own = member.own_settings()?;
        for (key, value) in own.iter().filter(|(key, _)| is_carried(key)) {
            let first = carried.entry(key.clone()).or_insert_with(|| (member.name.clone(), value.clone()));
            if first.1 != *value {
                return Err(disagreement(member, key, &first.0));
            }
        }
        let person = |key: &str| own.get(key).cloned();
        people.extend(person("user.name").zip(person("user.email")));
    }
    for key in CARRIED {
        // Where only some have it, the others go by the machine's.
        let Some((first, _)) = carried.get(key) else { continue };
        for member in members {
            if !member.own_settings()?.contains_key(key) {
                return Err(disagreement(member, key, first));
            }
        }
    }
    let mut all: BTreeMap<String, String> =
        carried.into_iter().map(|(key, (_, value))| (key, value)).collect();
    if let Some((name, email)) = people.first().filter(|first| people.iter().all(|other| other == *first)) {
        all.extend([("user.name".to_owned(), name.clone()), ("user.email".to_owned(), email.clone())]);
    }
    Ok(all)
}

fn disagreement(member: &Member, key: &str, other: &str) -> OpenError {
    let problem = format!(
        "its git setting {key} is not that of {other}: set it alike in both (`git config --local {key} …`), or leave one out"
    );
    OpenError::Member { name: member.name.clone(), problem }
}

/// The file of rules that a member's own settings name.
fn named_file(member: &Member, key: &str) -> Result<Option<PathBuf>, GitError> {
    let call = member.repository.call("config").args(["--local", "--type=path", "--get", key]);
    let mut path = call.accept(&[0, 1]).run()?.stdout;
    path.truncate(path.iter().rposition(|byte| *byte != b'\n').map_or(0, |last| last + 1));
    let path = PathBuf::from(std::ffi::OsString::from_vec(path));
    Ok((path != Path::new("")).then(|| member.repository.root().join(path)))
}

fn lines_of(file: &Path) -> Vec<Vec<u8>> {
    lines_in(&std::fs::read(file).unwrap_or_default())
}

fn lines_in(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| [line.strip_suffix(b"\r").unwrap_or(line), b"\n"].concat()).collect()
}

/// Takes note of a macro, which holds in all of the store: members must not mean different things by one name.
fn note_macro(
    member: &Member,
    line: &[u8],
    known: &mut BTreeMap<String, (String, Vec<u8>)>,
) -> Result<(), OpenError> {
    if !line.starts_with(MACRO) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(line).into_owned();
    let name = text.split_whitespace().next().unwrap_or_default().to_owned();
    let (first, meant) = known.entry(name.clone()).or_insert_with(|| (member.name.clone(), line.to_owned()));
    // Within one member the last word counts, as it does for git.
    if *first == member.name {
        *meant = line.to_owned();
    } else if meant != line {
        let problem =
            format!("its attribute macro {name} is not that of {first}: call one of them otherwise");
        return Err(OpenError::Member { name: member.name.clone(), problem });
    }
    Ok(())
}

/// A line of a member's `info/exclude` (gitignore(5)) as it holds below its folder; none of one that says nothing.
fn ignored_below(name: &str, line: &[u8]) -> Option<Vec<u8>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if line.trim_ascii().is_empty() || line.starts_with(b"#") {
        return None;
    }
    let (sign, pattern): (&[u8], &[u8]) = match line.strip_prefix(b"!") {
        Some(pattern) => (b"!", pattern),
        None => (b"", line),
    };
    Some([sign, &pattern_below(name, pattern, pattern), b"\n"].concat())
}

/// A line of a member's `info/attributes` (gitattributes(5)) as it holds below its folder; none of one that says nothing, and
/// of a macro, which is no pattern.
fn attributes_below(name: &str, line: &[u8]) -> Option<Vec<u8>> {
    let line = line.strip_suffix(b"\n").unwrap_or(line).trim_ascii_start();
    if line.is_empty() || line.starts_with(b"#") || line.starts_with(MACRO) {
        return None;
    }
    if let Some(quoted) = line.strip_prefix(b"\"") {
        let end =
            quoted.windows(2).position(|pair| pair[1] == b'"' && pair[0] != b'\\').map_or(0, |end| end + 1);
        return Some([b"\"", &pattern_below(name, quoted, quoted.get(..end)?)[..], b"\n"].concat());
    }
    let pattern = line.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    Some([&pattern_below(name, line, pattern)[..], b"\n"].concat())
}

/// A line whose pattern holds below a folder: at its top if there is a slash before the pattern's end, else anywhere in it.
fn pattern_below(name: &str, line: &[u8], pattern: &[u8]) -> Vec<u8> {
    let inner = pattern.trim_ascii_end();
    let is_anchored = inner.strip_suffix(b"/").unwrap_or(inner).contains(&b'/');
    let between = if is_anchored { "" } else { "**/" };
    [format!("/{name}/{between}").as_bytes(), line.strip_prefix(b"/").unwrap_or(line)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: Option<Vec<u8>>) -> Option<String> {
        line.map(|line| String::from_utf8(line).unwrap())
    }

    #[test]
    fn rules_of_a_member_hold_below_its_folder_and_nowhere_else() {
        for (line, wanted) in [
            (".env", "/api/**/.env\n"),
            ("/target", "/api/target\n"),
            ("build/", "/api/**/build/\n"),
            ("a/b", "/api/a/b\n"),
            ("my dir/out", "/api/my dir/out\n"),
            ("two words", "/api/**/two words\n"),
            ("!keep.me", "!/api/**/keep.me\n"),
            ("**/x/", "/api/**/x/\n"),
            ("\\#odd", "/api/**/\\#odd\n"),
            ("\"quoted", "/api/**/\"quoted\n"),
        ] {
            assert_eq!(text(ignored_below("api", line.as_bytes())).as_deref(), Some(wanted), "{line}");
        }
        for (line, wanted) in [
            ("*.bin filter=lfs -text", "/api/**/*.bin filter=lfs -text\n"),
            ("doc/*.md text eol=a/b", "/api/doc/*.md text eol=a/b\n"),
            ("\"a b.txt\" text", "\"/api/**/a b.txt\" text\n"),
            ("\"a/b c\" text", "\"/api/a/b c\" text\n"),
        ] {
            assert_eq!(text(attributes_below("api", line.as_bytes())).as_deref(), Some(wanted), "{line}");
        }
        assert_eq!((ignored_below("api", b"# a remark\n"), ignored_below("api", b" \n")), (None, None));
        assert_eq!(attributes_below("api", b"[attr]big -diff\n"), None);
    }
}
