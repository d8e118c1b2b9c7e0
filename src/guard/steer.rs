//! Files that decide how checks run: new ones count too.

use crate::model::Guard;
use crate::model::check::GateCommandLine;

/// Names of files that test runners, builders and linters read by themselves.
const STEERS: [&str; 30] = [
    "conftest.py",
    "pytest.ini",
    "tox.ini",
    "noxfile.py",
    "setup.cfg",
    "sitecustomize.py",
    "usercustomize.py",
    ".coveragerc",
    ".nycrc",
    ".npmrc",
    ".mocharc",
    ".babelrc",
    ".eslintrc",
    ".rspec",
    ".golangci",
    ".pylintrc",
    ".flake8",
    "ruff.toml",
    ".ruff.toml",
    "clippy.toml",
    ".clippy.toml",
    "rustfmt.toml",
    ".rustfmt.toml",
    "nextest.toml",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "Taskfile.yml",
    "Jenkinsfile",
];
/// What the names of other such files begin with.
const CONFIGS: [&str; 9] = [
    "jest.config.",
    "vitest.config.",
    "playwright.config.",
    "cypress.config.",
    "karma.conf.",
    "eslint.config.",
    ".eslintrc.",
    ".mocharc.",
    ".golangci.",
];
/// Folders and files of CI.
const CI: [&str; 7] = [
    ".github/workflows/",
    ".github/actions/",
    ".gitlab-ci.yml",
    ".circleci/",
    ".buildkite/",
    ".travis.yml",
    "azure-pipelines.yml",
];

/// Whether a new file decides how checks run.
pub(super) fn steers(guard: &Guard, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    STEERS.contains(&name)
        || CONFIGS.iter().any(|start| name.starts_with(start))
        || CI.iter().any(|place| path.starts_with(place))
        || path.ends_with(".cargo/config.toml")
        || is_named(guard, path)
        || shadows(guard, path)
}

/// Whether a gate's command runs the file: as its program, or as the script of an interpreter.
pub(super) fn is_named(guard: &Guard, path: &str) -> bool {
    guard.commands.iter().any(|command| {
        let run = programs(&command.argv);
        inside(command, path).is_some_and(|inside| run.iter().any(|program| program.path == inside))
    })
}

/// Whether a gate could run the file instead of the program or module that its command names: it has that name, and
/// lies where the gate is run.
fn shadows(guard: &Guard, path: &str) -> bool {
    guard.commands.iter().any(|command| {
        let Some(inside) = inside(command, path) else { return false };
        let top = inside.split('/').next().unwrap_or_default();
        let stem = top.strip_suffix(".py").unwrap_or(top);
        programs(&command.argv).iter().any(|program| {
            !program.path.contains('/')
                && (program.path == top || (program.is_module && program.path == stem))
        })
    })
}

/// The path seen from where the gate is run; none if it lies elsewhere.
fn inside<'p>(command: &GateCommandLine, path: &'p str) -> Option<&'p str> {
    match command.cwd.trim_start_matches("./").trim_matches('/') {
        "" | "." => Some(path),
        folder => path.strip_prefix(folder)?.strip_prefix('/'),
    }
}

/// What a command runs.
struct Program {
    path: String,
    is_module: bool,
}

/// What programs take a script as their first argument.
const INTERPRETERS: [&str; 16] = [
    "sh", "bash", "dash", "zsh", "ksh", "fish", "python", "python3", "node", "deno", "bun", "ruby", "perl",
    "php", "lua", "source",
];
/// What stands before a program and runs it.
const WRAPPERS: [&str; 9] =
    ["env", "time", "exec", "nice", "nohup", "command", "timeout", "xvfb-run", "sudo"];

/// The programs, scripts and modules of a command, those of its shell line too.
fn programs(argv: &[String]) -> Vec<Program> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match &words[..] {
        [shell, flag, line, ..] if is_interpreter(shell) && flag.starts_with('-') && flag.ends_with('c') => {
            let ends = |c: char| ";&|()\n`".contains(c);
            let parts =
                line.split(ends).map(|part| part.split_whitespace().map(unquoted).collect::<Vec<_>>());
            parts.flat_map(|words| of_words(&words)).collect()
        }
        words => of_words(words),
    }
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['\'', '"'])
}

fn is_interpreter(word: &str) -> bool {
    INTERPRETERS.contains(&word.rsplit('/').next().unwrap_or(word))
}

/// The program that the words run, and its script or module.
fn of_words(words: &[&str]) -> Vec<Program> {
    let is_before = |word: &&&str| {
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        WRAPPERS.contains(word) || word.contains('=') || is_number || ["!", "if", "then", "{"].contains(*word)
    };
    let mut rest = words.iter().skip_while(is_before);
    let Some(program) = rest.next() else { return Vec::new() };
    let found = |path: &str, is_module| Program { path: path.trim_start_matches("./").to_owned(), is_module };
    let mut all = vec![found(program, false)];
    if is_interpreter(program) {
        match rest.next() {
            Some(&"-m") => all.extend(rest.next().map(|module| found(module, true))),
            Some(flag) if flag.starts_with('-') => {
                all.extend(rest.find(|word| !word.starts_with('-')).map(|script| found(script, false)));
            }
            Some(script) => all.push(found(script, false)),
            None => {}
        }
    }
    all
}
